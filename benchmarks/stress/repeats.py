"""Fit a small table 1,000 times in one process, and report what it holds.

After the tenth fit memory may grow by less than 20 megabytes, and files and threads
not at all. Run it with ``python -m benchmarks.stress.repeats``; some minutes. It adds a
line to ``benchmarks/results/repeats.jsonl``.
"""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from benchmarks.stress.resources import held
from sklearn_snn import SNNClassifier, SNNRegressor

RESULTS = Path(__file__).parents[1] / "results" / "repeats.jsonl"
N_FITS = 1000
MOST_MEGABYTES = 20


def main():
    """Fit again and again and write one line of JSON."""
    options = command_line(__doc__, RESULTS).parse_args()
    start, X = time.perf_counter(), table()
    states = {}
    for number in range(1, N_FITS + 1):
        fit_once(X, number)
        if number in (10, 100, N_FITS // 2, N_FITS):
            states[number] = held()
    report = {
        "fits": N_FITS,
        "held_after": states,
        "seconds_in_all": round(time.perf_counter() - start, 1),
    }
    append(report | environment(), options.out)
    print(json.dumps(report, indent=1))
    if not is_flat(states[10], states[N_FITS]):
        raise SystemExit("something grows")


def table():
    """Numbers, gaps, and categories of few and of many levels."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd"))
    X.loc[::7, "a"] = np.nan
    X["few"] = rng.choice(["x", "y", None], 200)
    X["many"] = rng.integers(60, size=200).astype(str)
    return X


def fit_once(X, number):
    """Another network each time, of all kinds in turn."""
    shared = dict(depth=2, width=16, n_estimators=2, random_state=number)
    make = (SNNClassifier, SNNRegressor)[number % 2]
    target = X["b"] > 0 if make is SNNClassifier else X["b"]
    model = make(max_iter=4, dropout=0.1 * (number % 3 == 0), **shared)
    model.fit(X, target).predict(X)
    model = make(**shared, solver="sgd", learning_rate_init=1e-3)
    classes = {"classes": [False, True]} if make is SNNClassifier else {}
    model.partial_fit(X, target, **classes).partial_fit(X, target)


def is_flat(early, late):
    """Whether nothing grew."""
    return (
        late["megabytes"] - early["megabytes"] < MOST_MEGABYTES
        and late["files"] == early["files"]
        and late["threads"] == early["threads"]
    )


if __name__ == "__main__":
    main()
