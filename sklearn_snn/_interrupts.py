"""Ctrl-C as a wish to stop, which training fulfils where nothing is half done."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Notes Ctrl-C inside a ``with`` block instead of raising wherever it comes.

    Outside the main thread, which alone gets signals, and where somebody else handles
    them, all stays as it is.

    Attributes
    ----------
    number : int
        How often it came; the second one is raised at once.
    """

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> Interrupts:
        self._listens = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._listens:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._listens:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number += 1
        if self.number > 1:
            raise KeyboardInterrupt
