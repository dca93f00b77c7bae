"""What is told of a fit while it goes on: scikit-learn's callbacks, a bar, lines."""

import os
import sys
import time
import warnings
from contextlib import contextmanager

import numpy as np

#: Lines that are written where a bar cannot be live, if none takes too long.
_N_LINES = 10
#: Seconds after which there is a line at the latest.
_PATIENCE = 30.0


class Progress:
    """Reports the end of epochs.

    Parameters
    ----------
    estimator : estimator instance
        What is being fitted.
    context : CallbackContext
        The estimator's root context.
    data : dict
        ``X``, ``y`` and ``metadata`` of the fit, for callbacks.
    attributes : callable
        Makes fitted attributes of networks, some perhaps None, for callbacks that want
        an estimator.
    bar : LiveBar, Lines or None
        Shown where the user asked for it.
    n_epochs : int
        Epochs at most that callbacks were told to expect.
    """

    def __init__(self, estimator, context, data, attributes, bar, n_epochs):
        self._estimator, self._context, self._data = estimator, context, data
        self._attributes, self._bar, self._n_left = attributes, bar, n_epochs

    def __call__(self, networks):
        """Report the end of an epoch.

        Parameters
        ----------
        networks : callable
            Returns the networks as they are, None for those that have not begun.

        Returns
        -------
        stop : bool
            Whether a callback wants training to stop.
        """
        if self._bar is not None:
            self._show(networks())
        self._n_left -= 1
        if self._n_left < 0:  # networks that started again: nobody expects these
            return False
        epoch = self._context.subcontext(task_name="epoch")
        epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        return epoch.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=lambda: self._attributes(networks()),
            **self._data,
        )

    def expect(self, n_epochs):
        """Have the bar wait for so many epochs more, at most; callbacks cannot."""
        if self._bar is not None:
            self._bar.expect(n_epochs)

    def _show(self, networks):
        # One that starts again after it diverged has no losses yet.
        networks = [one for one in networks if one is not None and one.loss_curve]
        shown = {}
        if networks:
            shown["loss"] = _mean_of_last(one.loss_curve for one in networks)
        if networks and all(one.validation_scores for one in networks):
            scores = (one.validation_scores for one in networks)
            shown["validation score"] = _mean_of_last(scores)
        self._bar.advance(1, shown)


def _mean_of_last(curves):
    """As in the fitted attributes, one that has stopped counts with its last."""
    return f"{np.mean([curve[-1] for curve in curves]):.4f}"


@contextmanager
def report_progress(estimator, n_epochs, attributes, **data):
    """Tell callbacks of a fit's begin and end, and show a bar if it is verbose.

    Parameters
    ----------
    estimator : estimator instance
        What is being fitted.
    n_epochs : int
        Epochs at most.
    attributes : callable
        Makes fitted attributes of a list of networks.
    **data
        ``X``, ``y`` and ``metadata`` for callbacks.

    Yields
    ------
    progress : Progress
        To be called after each epoch.
    """
    context = estimator._init_callback_context(max_subtasks=n_epochs)
    context.call_on_fit_task_begin(estimator=estimator, **data)
    bar = None
    if estimator.verbose:
        name, limit = type(estimator).__name__, estimator.time_limit
        bar = open_bar(n_epochs, name, "epoch", limit)
    try:
        yield Progress(estimator, context, data, attributes, bar, n_epochs)
        if bar is not None:
            bar.finish()
    finally:
        if bar is not None:
            bar.close()
    context.call_on_fit_task_end(estimator=estimator, **data)


@contextmanager
def networks_bar(n_networks, name):
    """A bar over networks.

    Parameters
    ----------
    n_networks : int
        All of them.
    name : str
        What trains them.

    Yields
    ------
    advance : callable
        To be called with the number, or fraction, of networks that are done.
    """
    bar = open_bar(n_networks, name, "network")
    try:
        yield bar.advance
    finally:
        bar.close()


def open_bar(total, name, unit, time_limit=None):
    """A live bar in a terminal or a notebook, lines in a file or a pipe.

    Parameters
    ----------
    total : int
        Units at most.
    name : str
        What is at work.
    unit : str
        What is counted.
    time_limit : float or None, default=None
        Seconds after which it ends, however many units are left.
    """
    # Services may have no place for errors at all.
    is_live = sys.stderr is not None and (
        _is_terminal(sys.stderr) or _is_notebook(sys.stderr)
    )
    return (LiveBar if is_live else Lines)(total, name, unit, time_limit)


def _is_terminal(stream):
    """Whether lines can be drawn anew there; some terminals have no width."""
    try:
        return stream.isatty() and os.get_terminal_size(stream.fileno()).columns > 0
    except OSError:  # a window of letters without a file
        return False


def _is_notebook(stream):
    """Whether what is written is shown in a notebook, which is no terminal."""
    return type(stream).__module__.startswith("ipykernel.")


class _Bar:
    """Counts units, and says how many there will be.

    Parameters
    ----------
    total, name, unit, time_limit
        As in `open_bar`.
    """

    def __init__(self, total, name, unit, time_limit):
        self._most, self._name, self._unit = total, name, unit
        self._limit, self._start, self._n = time_limit, time.monotonic(), 0

    def advance(self, number, shown=None):
        """Count units, or fractions of them, and show what is known of the last."""
        n, whole = self._n + number, round(self._n + number)
        # Fractions add up to whole units only nearly.
        self._n = min(whole if abs(n - whole) < 1e-6 else n, self._most)
        self._draw(shown or {})

    def expect(self, number):
        """Have so many units to come, at most."""
        self._most = int(self._n) + number

    def finish(self):
        """Say that there is no more to come, though there might have been."""

    def close(self):
        """Leave the screen to others."""

    @property
    def _seconds(self):
        return time.monotonic() - self._start

    @property
    def _total(self):
        """Units to expect: in a time limit, those that there is time for."""
        if self._limit is None or self._n == 0:
            return self._most
        in_time = round(self._n * max(self._limit / self._seconds, 1))
        return min(self._most, max(in_time, int(self._n), 1))


class LiveBar(_Bar):
    """One line that moves."""

    def __init__(self, *args):
        super().__init__(*args)
        with warnings.catch_warnings():
            # Without ipywidgets a notebook shows a bar of letters, and that will do.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm  # comes with skorch
        self._tqdm = tqdm(
            total=self._most,
            desc=self._name,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| "
            f"{self._unit} {{n:.0f}}/{{total:.0f}} "
            "[{elapsed}<{remaining}{postfix}]",
            dynamic_ncols=True,
        )

    def _draw(self, shown):
        self._tqdm.total = self._total
        if shown:
            self._tqdm.set_postfix(shown, refresh=False)
        # Only so many times a second.
        self._tqdm.update(self._n - self._tqdm.n)

    def finish(self):
        self._tqdm.total = max(self._n, 1)
        self._tqdm.refresh()

    def close(self):
        self._tqdm.close()


class Lines(_Bar):
    """A line a tenth of the work, or half a minute, for files."""

    _n_tenths, _last, _last_time = 0, None, 0.0

    def expect(self, number):
        super().expect(number)
        self._n_tenths = int(_N_LINES * self._n / self._most)

    def _draw(self, shown):
        self._last, total = shown, self._total
        tenths = int(_N_LINES * self._n / total)
        is_late = self._seconds - self._last_time > _PATIENCE
        if tenths > self._n_tenths or is_late:
            self._n_tenths, self._last_time = tenths, self._seconds
            seconds = self._seconds * (total / self._n - 1)
            self._write(f"of {total}", f"{_duration(seconds)} left", shown)

    def finish(self):
        if self._n < self._most:
            self._write(
                "at the end", f"after {_duration(self._seconds)}", self._last or {}
            )

    def _write(self, of_how_many, when, shown):
        count = f"{self._unit} {int(self._n)} {of_how_many}"
        facts = [count, *(f"{name} {value}" for name, value in shown.items()), when]
        if sys.stderr is not None:
            sys.stderr.write(f"{self._name}: {', '.join(facts)}\n")
            sys.stderr.flush()


def _duration(seconds):
    """As 01:05 or 2:00:00."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
    )
