"""Memory that runs out: one kind of error for all who want it, and what takes less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

#: What torch says of memory on any device, and Python of the stack of a thread.
_WORDS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "can't start new thread",
)


@contextmanager
def advise_on_memory(task: str, advice: str) -> Iterator[None]:
    """Have a lack of memory raise a `MemoryError` that says what takes less.

    Also a decorator.

    Parameters
    ----------
    task : str
        What the memory is for.
    advice : str
        What takes less of it.

    Raises
    ------
    MemoryError
        Instead of numpy's, which does not know what its array is for, and torch's,
        which are RuntimeErrors.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        is_lack = isinstance(error, MemoryError)
        if not (is_lack or any(words in str(error) for words in _WORDS)):
            raise
        raise MemoryError(f"not enough memory to {task}; {advice} ({error})") from error
