"""Why training has to stop between two steps: time, or the user."""

from __future__ import annotations

import time

from sklearn_snn._interrupts import Interrupts
from sklearn_snn._specs import StopReason


class Clock:
    """How much of a time limit is used up, and whether the user still wants to wait.

    Parameters
    ----------
    limit : float or None
        Seconds; None is no limit.
    interrupts : Interrupts
        Notes Ctrl-C.
    """

    def __init__(self, limit: float | None, interrupts: Interrupts) -> None:
        self._start, self._limit = time.monotonic(), limit
        self._interrupts = interrupts

    @property
    def progress(self) -> float:
        """Share of the limit that has passed; 0 without a limit."""
        if self._limit is None:
            return 0.0
        return (time.monotonic() - self._start) / self._limit

    @property
    def reason_to_stop(self) -> StopReason | None:
        """Why training has to stop after this step, if it has to."""
        if self.is_interrupted:
            return "interrupt"
        return "time_limit" if self.progress >= 1 else None

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C was noted."""
        return self._interrupts.number > 0

    @property
    def is_impatient(self) -> bool:
        """Whether Ctrl-C came again, which ends training wherever it is."""
        return self._interrupts.number > 1

    def interrupt(self) -> None:
        """Have those stop who come later, too."""
        self._interrupts.number = max(self._interrupts.number, 1)
