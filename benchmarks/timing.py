"""Pairs of things to time against each other, and their timing."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from sklearn_snn._threads import limit_threads


def nothing(*args):
    """What pairs do where they have nothing of their own to do."""
    return {}


@dataclass
class Side:
    """One of the two things that are compared.

    `work` is what the seconds are divided by before they are compared, where the two
    sides do not do equally much; network-steps, for instance.
    """

    name: str
    run: Callable[[], Any]
    work: int = 1


@dataclass
class Pair:
    """Two sides, and how much better ours has to be.

    A ratio "of speed" is how many times as fast ours is, and has to be at least the
    target; one "of time" is how many times as long ours takes, and at most the target.
    `prepare` is called before every run, untimed; `compare` is given what the last run
    of each side returned, and says what is worth noting about it beside the seconds.
    Its entry "checks" holds what has to be true.
    """

    what: str
    setting: dict
    ours: Side
    reference: Side
    ratio_of: Literal["speed", "time"]
    target: float
    n_repeats: int
    n_threads: int | None = None
    prepare: Callable[[], Any] = nothing
    compare: Callable[[Any, Any], dict] = field(default=nothing)


def measure(pair):
    """Time a pair by turns; returns a description that JSON can hold."""
    sides = {"ours": pair.ours, "reference": pair.reference}
    seconds, last = {name: [] for name in sides}, {}
    # Infinitely much work leaves torch's threads alone unless a number is given.
    with limit_threads(pair.n_threads, float("inf")):
        n_threads = torch.get_num_threads()
        for _ in range(pair.n_repeats):
            for name, side in sides.items():
                pair.prepare()
                elapsed, last[name] = timed(side.run)
                seconds[name].append(elapsed)
    return {
        "what": pair.what,
        "setting": pair.setting,
        "n_repeats": pair.n_repeats,
        **{name: _description(side, seconds[name]) for name, side in sides.items()},
        "ratio_of": pair.ratio_of,
        "ratio": round(_ratio(pair, seconds), 4),
        "target": pair.target,
        "results": pair.compare(last["ours"], last["reference"]),
        "threads": n_threads,
    }


def timed(run):
    """Seconds that a function takes, and what it returns."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def _description(side, seconds):
    return {
        "name": side.name,
        "work": side.work,
        "seconds": [round(one, 4) for one in seconds],
        "median": round(statistics.median(seconds), 4),
    }


def _ratio(pair, seconds):
    """Median of the ratios of runs that followed each other."""
    times = [
        (ours / pair.ours.work) / (reference / pair.reference.work)
        for ours, reference in zip(seconds["ours"], seconds["reference"], strict=True)
    ]
    if pair.ratio_of == "speed":
        return statistics.median(1 / time for time in times)
    return statistics.median(times)
