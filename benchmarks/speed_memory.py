"""Section `memory` of the speed benchmarks: how much a fit needs beside its table."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks import children
from benchmarks.data import read, suite
from benchmarks.speed_fit import table
from benchmarks.timing import Pair, Side, reported
from sklearn_snn import SNNClassifier

TABLE = "pmlb_kddcup"

#: Memory does not grow after the first epoch; a whole fit would take half an hour.
SETTING = {"max_iter": 2, "random_state": 0}


def pairs(quick) -> Iterator[Pair]:
    """The only pair: a default fit, and its table as float32."""
    children.prepare(1, "benchmarks.speed_memory", "sklearn_snn._training")
    n_rows = 50_000 if quick else None
    run = partial(children.run, peak_of_fit, n_rows, time_limit=3600)
    measured = {}

    def fit():
        measured.update(run())
        return measured["fit"]

    yield Pair(
        what="default fit on kddcup, 494,020 x 41" if not quick else "fit on kddcup",
        setting={"table": TABLE, "n_rows": n_rows, **SETTING},
        ours=Side("SNNClassifier", fit),
        reference=Side("its table as float32", lambda: measured["table"]),
        ratio_of="memory",
        target=2.5,
        n_repeats=1,
        cost=reported,
    )


def peak_of_fit(n_rows):
    """Megabytes of a table, and by how much more a fit on it takes at most.

    A small fit comes before it, which loads what any fit loads.
    """
    X, y = read(next(one for one in suite().itertuples() if one.name == TABLE))
    X, y = X.to_numpy(np.float32)[:n_rows], y.to_numpy()[:n_rows]
    SNNClassifier(**SETTING).fit(*table(1_000))
    with children.PeakMemory() as peak:
        SNNClassifier(**SETTING).fit(X, y)
    return {"fit": peak.megabytes, "table": X.nbytes / 2**20}
