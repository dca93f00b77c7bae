"""Lines of JSON, one a measurement, with what it depends on beside the code."""

import gzip
import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from joblib import cpu_count

from sklearn_snn import __version__


def environment(*others):
    """What results depend on beside the code, seconds above all."""
    packages = ["numpy", "torch", "scikit-learn", "skorch", *others]
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
            "sklearn_snn": __version__,
        },
        "cpu": cpu_model(),
        "cores": cpu_count(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def cpu_model():
    """Name of the processor, as Linux has it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor()


def append(line, path):
    """Write a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a") as file:
        file.write("\n" * is_torn + json.dumps(line) + "\n")


def read_lines(path):
    """Lines written before, if there are any, but for those that a kill cut short.

    A file whose name ends in .gz is compressed.
    """
    if not path.exists():
        return []
    data = path.read_bytes()
    texts = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    texts = texts.splitlines()
    return [json.loads(text) for text in texts if text.endswith("}")]


def read_with_compressed(path):
    """Lines of a file, after those of earlier runs that have been compressed."""
    return [*read_lines(path.with_name(f"{path.name}.gz")), *read_lines(path)]
