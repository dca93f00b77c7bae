"""Files that are there whole, or as they were before."""

import os
import shutil
from pathlib import Path
from uuid import uuid4


def write_atomically(data: bytes, path: str | os.PathLike[str]) -> None:
    """Write a file so that nobody ever finds a part of it.

    Where the disk is full or the process is killed, what was there before stays. A kill
    leaves a hidden file that ends in ``.part`` beside it, which nobody else can remove
    without the risk that it is still being written.

    Parameters
    ----------
    data : bytes
        All of the file.
    path : str or path-like
        Where it goes. A link stays a link: what it points to is replaced.
    """
    path = Path(path).resolve()
    # In the same folder, since files cannot be renamed from one disk to another.
    beside = path.with_name(f".{uuid4().hex}.part")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():  # who could not read it shall not from now on
            shutil.copymode(path, beside)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
