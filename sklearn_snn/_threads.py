"""How many threads torch uses: few, never more than before, and one after a fork."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: Multiplications of a step below which a second thread costs more than it gains.
_SMALL_STEP = 1e8

# A forked process inherits OpenMP's belief in threads that it does not have, and waits
# for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@contextmanager
def limit_threads(n_threads: int | None, multiplications: float) -> Iterator[None]:
    """Use no more threads than asked for, or one where steps are small.

    The calling thread's number is never raised, and is restored in the end.

    Parameters
    ----------
    n_threads : int or None
        Threads at most; None chooses by the size of a step.
    multiplications : float
        Size of a step.
    """
    before = torch.get_num_threads()
    wanted = n_threads or (1 if multiplications < _SMALL_STEP else before)
    try:
        if wanted < before:
            torch.set_num_threads(wanted)
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
