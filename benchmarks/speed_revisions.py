"""Section `revisions` of the speed benchmarks: default fits, before and now.

What was before is taken out of git's history.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.data import suite
from benchmarks.timing import Pair, Side, reported

#: The last revision before its training was made faster, and its day.
BEFORE, DAY = "641080e", "2026-11-23"
N_TABLES, MAX_TRAIN = 10, 2_000

PROJECT = Path(__file__).parents[1]

#: Run with one or the other revision of the package before all else on the path.
FIT = f"""
import sys, time, warnings
from benchmarks.data import suite
from benchmarks.defaults.rows import split_rows
from sklearn_snn import SNNClassifier, SNNRegressor
warnings.simplefilter("ignore")
table = next(one for one in suite().itertuples() if one.name == sys.argv[1])
rows = split_rows(table, 0, max_train={MAX_TRAIN})
make = SNNRegressor if table.task == "regression" else SNNClassifier
make(max_iter=2).fit(rows.X[:200], rows.y[:200])
start = time.perf_counter()
make(random_state=0).fit(rows.X, rows.y)
print(time.perf_counter() - start)
"""


def pairs(quick) -> Iterator[Pair]:
    """A pair for each table, small ones first."""
    tables = suite()
    sizes = (tables["n_rows"] * tables["n_features"]).to_numpy()
    names = tables["name"].to_numpy()[sizes.argsort(kind="stable")]
    with tempfile.TemporaryDirectory() as before:
        take_out(BEFORE, before)
        for name in names[: 1 if quick else N_TABLES]:
            yield Pair(
                what=f"default fit on {name}",
                setting={"before": BEFORE, "max_train": MAX_TRAIN},
                ours=Side("now", partial(seconds_of_fit, PROJECT, name)),
                reference=Side("before", partial(seconds_of_fit, before, name)),
                ratio_of="speed",
                target=2.0,
                n_repeats=1 if quick else 5,
                cost=reported,
            )


def take_out(revision, folder):
    """Put the package as it was in a folder."""
    command = ["git", "archive", revision, "sklearn_snn"]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True)
    if found.returncode != 0:
        raise SystemExit(
            f"Git does not know {revision}: {found.stderr.decode().strip()}\n"
            "Get the whole history with `git fetch --unshallow`."
        )
    subprocess.run(["tar", "-x", "-C", folder], input=found.stdout, check=True)


def seconds_of_fit(folder, name):
    """Seconds of a default fit on a table, by the package in a folder."""
    path = os.pathsep.join([str(folder), str(PROJECT)])
    result = subprocess.run(
        [sys.executable, "-P", "-c", FIT, name],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout)
