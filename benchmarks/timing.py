"""Pairs of things to measure against each other, and their timing."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal


def nothing(*args):
    """What pairs do where they have nothing of their own to do."""
    return {}


def timed(run):
    """Seconds that a function takes, and what it returns."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def reported(run):
    """What a function that has measured its own cost returns."""
    return run(), None


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
    target; one "of time" is how many times as long ours takes, and at most the target,
    as is one "of memory". `cost` gives what a run takes and what it returns. `prepare`
    is called before every run, untimed; `compare` is given what the last run of each
    side returned, and says what is worth noting about it beside the costs. Its entry
    "checks" holds what has to be true.
    """

    what: str
    setting: dict
    ours: Side
    reference: Side
    ratio_of: Literal["speed", "time", "memory"]
    target: float
    n_repeats: int
    n_threads: int | None = None
    cost: Callable[[Callable], tuple[float, Any]] = timed
    prepare: Callable[[], Any] = nothing
    compare: Callable[[Any, Any], dict] = field(default=nothing)


def measure(pair):
    """Time a pair by turns; returns a description that JSON can hold."""
    # Not before: a process that is forked after this import has one thread.
    import torch

    from sklearn_snn._threads import limit_threads

    sides = {"ours": pair.ours, "reference": pair.reference}
    costs, last = {name: [] for name in sides}, {}
    # Infinitely much work leaves torch's threads alone unless a number is given.
    with limit_threads(pair.n_threads, float("inf")):
        n_threads = torch.get_num_threads()
        for _ in range(pair.n_repeats):
            for name, side in sides.items():
                pair.prepare()
                cost, last[name] = pair.cost(side.run)
                costs[name].append(cost)
    return {
        "what": pair.what,
        "setting": pair.setting,
        "n_repeats": pair.n_repeats,
        **{name: _description(pair, side, costs[name]) for name, side in sides.items()},
        "ratio_of": pair.ratio_of,
        "ratio": round(_ratio(pair, costs), 4),
        "target": pair.target,
        "results": pair.compare(last["ours"], last["reference"]),
        "threads": n_threads,
    }


def _description(pair, side, costs):
    unit = "megabytes" if pair.ratio_of == "memory" else "seconds"
    return {
        "name": side.name,
        "work": side.work,
        unit: [round(one, 4) for one in costs],
        "median": round(statistics.median(costs), 4),
    }


def _ratio(pair, costs):
    """Median of the ratios of runs that followed each other."""
    ratios = [
        (ours / pair.ours.work) / (reference / pair.reference.work)
        for ours, reference in zip(costs["ours"], costs["reference"], strict=True)
    ]
    if pair.ratio_of == "speed":
        return statistics.median(1 / ratio for ratio in ratios)
    return statistics.median(ratios)
