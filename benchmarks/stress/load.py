"""Ask one estimator from 16 threads 10,000 times, while 4 others fit theirs.

All answers must be those of one thread alone, to the bit, and neither memory nor
threads may grow. Run it with ``python -m benchmarks.stress.load``; some minutes. It
adds a line to ``benchmarks/results/load.jsonl``.
"""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from benchmarks.stress.resources import held
from sklearn_snn import SNNClassifier

RESULTS = Path(__file__).parents[1] / "results" / "load.jsonl"
N_PREDICTS, N_ASKING, N_FITTING = 10_000, 16, 4
#: Rows of a question, which may be any number up to this.
MOST_ROWS = 200
#: Megabytes that caches of threads may take after a tenth of the questions.
MOST_MEGABYTES = 20


def main():
    """Ask and fit, and write one line of JSON."""
    options = command_line(__doc__, RESULTS).parse_args()
    start = time.perf_counter()
    X, y = load_breast_cancer(return_X_y=True)
    models = [model(seed) for seed in range(N_FITTING)]
    alone = [clone(one).fit(X, y).predict_proba(X) for one in models]
    asked, expected = clone(models[0]).fit(X, y), alone[0]
    before, is_over, n_fits = held(), threading.Event(), [0] * N_FITTING

    def ask(number):
        rng = np.random.default_rng(number)
        rows = rng.integers(len(X), size=rng.integers(1, MOST_ROWS + 1))
        return np.array_equal(asked.predict_proba(X[rows]), expected[rows])

    def fit_again(i):
        equal = True
        while not is_over.is_set():
            equal &= np.array_equal(models[i].fit(X, y).predict_proba(X), alone[i])
            n_fits[i] += 1
        return equal

    with ThreadPoolExecutor(N_FITTING) as fits, ThreadPoolExecutor(N_ASKING) as asks:
        fitting = [fits.submit(fit_again, i) for i in range(N_FITTING)]
        right, early = [], None
        for one in asks.map(ask, range(N_PREDICTS)):
            right.append(one)
            if len(right) == N_PREDICTS // 10:
                early = held()
        late = held()
        is_over.set()
        fits_right = [one.result() for one in fitting]
    report = {
        "predicts": len(right),
        "predicts_equal": sum(right),
        "fits": n_fits,
        "fits_equal": all(fits_right),
        "before": before,
        "after_a_tenth": early,
        "at_the_end": late,
        "afterwards": held(),
        "seconds_in_all": round(time.perf_counter() - start, 1),
    }
    append(report | environment(), options.out)
    print(json.dumps(report, indent=1))
    if not (is_right(report) and is_flat(report)):
        raise SystemExit("answers differ, or something grows")


def model(seed):
    """Members of a size that takes milliseconds to ask."""
    return SNNClassifier(
        depth=2, width=32, n_estimators=4, max_iter=5, n_threads=1, random_state=seed
    )


def is_right(report):
    """Whether all answers were those of one thread alone."""
    return report["predicts_equal"] == report["predicts"] and report["fits_equal"]


def is_flat(report):
    """Whether nothing grew after a tenth of the time, and threads are gone."""
    early, late = report["after_a_tenth"], report["at_the_end"]
    return (
        late["megabytes"] < early["megabytes"] + MOST_MEGABYTES
        and late["threads"] == early["threads"]
        and report["afterwards"]["threads"] == report["before"]["threads"]
        and report["afterwards"]["files"] == report["before"]["files"]
    )


if __name__ == "__main__":
    main()
