"""The UCI classification sets of the paper, and their splits.

Fernández-Delgado et al., "Do we Need Hundreds of Classifiers to Solve Real World
Classification Problems?", JMLR 2014; prepared as SOURCES.md beside them says.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from benchmarks.data import FOLDER, folder

N_FOLDS = 4
#: Rows below which the paper calls a set small.
SMALL = 1_000
#: Rows that parameters are chosen on, of every method; the best are trained on all.
N_TUNING = 2_000
#: Sets whose published test rows are training rows, or whose label is a feature; with
#: this suffix they are what UCI has.
TRUE = ":true"
TRUE_SETS = ["conn-bench-vowel-deterding", "spect"]
#: Row of a training part that is no row of the data: all zeros.
ARTEFACT = {"soybean": 306}
#: Train and test rows were scaled apart, and one of them wrongly: what is published
#: about them may come from these files.
MISMATCHED = [
    "annealing",
    "hayes-roth",
    "hill-valley",
    "horse-colic",
    "image-segmentation",
    "monks-1",
    "monks-2",
    "monks-3",
    "soybean",
    "spect",
    "spectf",
]
UNSOUND = [*MISMATCHED, "conn-bench-vowel-deterding"]


@dataclass
class Split:
    """Rows to learn from and to test on; columns are scaled by those to learn from."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def is_large(self):
        """Whether there are more rows than parameters are chosen on."""
        return len(self.y) > N_TUNING

    def part(self, seed):
        """Training rows for the choice of parameters: `N_TUNING` of them at most."""
        if not self.is_large:
            return self
        rows = np.random.default_rng(seed).permutation(len(self.y))[:N_TUNING]
        return replace(self, X=self.X[rows], y=self.y[rows])


def sets_folder():
    return folder(
        "uci121",
        "the sets of the benchmark as NAME.npz files, with arrays X, y, is_test and "
        "kfold0_train_idx to kfold3_test_idx",
    )


def published(name):
    """A table of the paper's folder, by set."""
    path = FOLDER / ".." / "paper" / f"{name}.csv"
    if not path.exists():
        raise SystemExit(f"There is no table {path.resolve()} of published results.")
    return pd.read_csv(path, index_col="name")


@cache
def sizes():
    """Number of rows of each set, smallest first, those with true rows included."""
    rows = {}
    for path in sets_folder().glob("*.npz"):
        if not path.stem.endswith("folds_only"):
            with np.load(path) as arrays:
                rows[path.stem] = len(arrays["y"])
    rows |= {name + TRUE: rows[name] for name in TRUE_SETS if name in rows}
    return pd.Series(rows).sort_values(kind="stable")


def has_test_file(name):
    """Whether a set has test rows of its own, and one split only."""
    return bool(_arrays(name)["is_test"].any())


def read_split(name, fold=0):
    """A fold of a set; of one with a test file there is only the first."""
    arrays = _arrays(name)
    if name.endswith(TRUE):
        parts = _true_parts(arrays)
    elif arrays["is_test"].any():
        parts = _file_parts(arrays, ARTEFACT.get(name))
    else:
        X, y = arrays["X"], arrays["y"]
        train, test = (arrays[f"kfold{fold}_{part}_idx"] for part in ("train", "test"))
        parts = X[train], y[train], X[test], y[test]
    X, y, X_test, y_test = parts
    scaler = StandardScaler().fit(X)
    return Split(scaler.transform(X), y, scaler.transform(X_test), y_test)


def _arrays(name):
    path = sets_folder() / f"{name.removesuffix(TRUE)}.npz"
    with np.load(path) as arrays:
        return dict(arrays)


def _file_parts(arrays, artefact):
    """Rows of the training file and of the test file, on one scale."""
    X, y, is_test = arrays["X_raw"], arrays["y"], arrays["is_test"]
    is_train = ~is_test
    if artefact is not None:
        is_train[artefact] = False
    return X[is_train], y[is_train], X[is_test], y[is_test]


def _true_parts(arrays):
    is_train = ~arrays["is_test"]
    X = arrays.get("X_true_train", arrays["X_raw"][is_train])
    y = arrays.get("y_true_train", arrays["y"][is_train])
    return X, y, arrays["X_true_test"], arrays["y_true_test"]
