"""HTRU2: pulsars among candidates, in nested cross-validation as in the paper.

Fold k tests; fold k - 1, the last one for the first, validates. Parameters are chosen
by the AUC on the validation fold, from fits on `N_TUNING` of the training rows.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import ParameterGrid, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from benchmarks.data import folder
from benchmarks.paper import members
from benchmarks.paper.architectures import KINDS
from benchmarks.paper.auc import dense_ranks, label_string
from benchmarks.paper.grids import candidates
from benchmarks.paper.loop import Data, Training, predict, train
from benchmarks.paper.uci import Split
from sklearn_snn import SNNClassifier, SNNHalvingRandomSearchCV, search_space
from sklearn_snn._losses import BinaryCrossEntropy

N_FOLDS = 10
N_TUNING = 2_000
CLASS = "class"
#: What a tuned network is described by.
CHOSEN = ["depth", "width", "shape", "dropout", "learning_rate"]


@dataclass
class Rows:
    """Features and classes of the eight training folds and of the other two."""

    X: np.ndarray
    y: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    def part(self, seed):
        """Some of the training rows, as many of each class as there are in all."""
        n_parts = max(len(self.y) // N_TUNING, 1)
        if n_parts == 1:
            return self
        splitter = StratifiedKFold(n_parts, shuffle=True, random_state=seed)
        _, rows = next(splitter.split(self.X, self.y))
        return replace(self, X=self.X[rows], y=self.y[rows])

    def nine_folds(self):
        """All rows but those to test on."""
        X = np.concatenate([self.X, self.X_val])
        y = np.concatenate([self.y, self.y_val])
        return Split(X, y, self.X_test, self.y_test)

    def scaled(self):
        """Columns of mean 0 and variance 1 on the training rows."""
        scaler = StandardScaler().fit(self.X)
        parts = [scaler.transform(X) for X in (self.X, self.X_val, self.X_test)]
        X, X_val, X_test = parts
        return replace(self, X=X, X_val=X_val, X_test=X_test)


def read():
    """Features and classes."""
    path = folder("htru2", "htru2.parquet, eight features and a column class")
    table = pd.read_parquet(path / "htru2.parquet")
    return table.drop(columns=CLASS).to_numpy(float), table[CLASS].to_numpy(int)


def folds_of(y):
    """Rows of each fold, stratified; the paper's own folds are not known."""
    splitter = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    return [rows for _, rows in splitter.split(y, y)]


def split_rows(X, y, fold):
    """Rows of a fold to test on, of the one before to validate on, and of the rest."""
    folds = folds_of(y)
    test, held_out = folds[fold], folds[fold - 1]
    rest = np.setdiff1d(np.arange(len(y)), [*test, *held_out])
    return Rows(*(part[rows] for rows in (rest, held_out, test) for part in (X, y)))


def all_jobs():
    """Methods, group by group, on all folds."""
    return [
        {"method": name, "fold": fold}
        for group in GROUPS
        for fold in range(N_FOLDS)
        for name in group
    ]


def measure(job):
    """AUC on a fold, and the order of its rows."""
    rows = split_rows(*read(), job["fold"])
    score, chosen = METHODS[job["method"]](rows, seed=job["fold"])
    return {
        "seed": job["fold"],
        "n_train": len(rows.y),
        "n_test": len(rows.y_test),
        "auc": float(roc_auc_score(rows.y_test, score)),
        "labels": label_string(rows.y_test),
        "ranks": dense_ranks(score),
        "chosen": chosen,
    }


# Methods: scores of the test rows, and what was chosen on the way -------------------


def paper_network(kind, rows, seed):
    """One network, gradient descent, chosen and stopped on the validation fold."""
    rows = rows.scaled()
    part = rows.part(seed)
    found = train(candidates(kind, "reduced", seed), tensors(part), PAPER)
    areas = [validation_auc(one, part) for one in found]
    best = found[int(np.argmax(areas))].network
    (trained,) = train([best], tensors(rows), PAPER)
    raw = predict([trained], as_tensor(rows.X_test), PAPER)
    chosen = {name: getattr(best, name) for name in CHOSEN}
    return raw.ravel(), chosen | {"epochs": trained.best_epoch}


#: As for the UCI sets; batches of 64 rows, stopped by the smoothed loss.
PAPER = Training(
    n_outputs=1,
    loss=BinaryCrossEntropy(),
    solver="sgd",
    schedule="constant",
    batch_size=64,
    max_iter=100,
    n_iter_no_change=10,
    smoothing=10,
    zero_output=False,
)


def tensors(rows):
    """Training and validation rows for the loop."""
    parts = rows.X, rows.y[:, None], rows.X_val, rows.y_val[:, None]
    return Data(*map(as_tensor, parts))


def as_tensor(values):
    return torch.as_tensor(values, dtype=torch.float32)


def validation_auc(trained, rows):
    """Of a network that has diverged, less than of any other."""
    raw = predict([trained], as_tensor(rows.X_val), PAPER).ravel()
    return roc_auc_score(rows.y_val, raw) if np.isfinite(raw).all() else -1.0


def snn_one(rows, seed):
    """One network of the library, stopped on the validation fold."""
    model = SNNClassifier(n_estimators=1, random_state=seed)
    model.fit(rows.X, rows.y, X_val=rows.X_val, y_val=rows.y_val)
    return model.predict_proba(rows.X_test)[:, 1], {"epochs": model.n_iter_}


def snn_members(rows, seed, **parameters):
    """The library's default, or with other parameters, on nine folds."""
    split = rows.nine_folds()
    model = SNNClassifier(random_state=seed, **parameters).fit(split.X, split.y)
    return model.predict_proba(rows.X_test)[:, 1], {"epochs": model.n_iter_}


def snn_tuned(rows, seed):
    """Members, with parameters from the library's own search by halving."""
    part = rows.part(seed)
    n_train, n_all = len(part.y), len(part.y) + len(part.y_val)
    tuning = part.nine_folds()
    best = (
        SNNHalvingRandomSearchCV(
            SNNClassifier(n_estimators=1, early_stopping=True, random_state=seed),
            search_space("tabular", n_samples=n_train),
            n_candidates=members.N_CANDIDATES,
            scoring="roc_auc",
            cv=[(np.arange(n_train), np.arange(n_train, n_all))],
            random_state=seed,
            refit=False,
        )
        .fit(tuning.X, tuning.y)
        .best_params_
    )
    best = {name: value for name, value in best.items() if name != "max_iter"}
    score, chosen = snn_members(rows, seed, **best)
    return score, plain(best) | chosen


def other_members(kind, rows, seed):
    """Networks of another kind in place of the default classifier's."""
    model, proba = members.fit_default(kind, rows.nine_folds(), seed)
    return proba[:, 1], {"depth": model.depth, "width": model.width}


def other_tuned(kind, rows, seed):
    """Members, with the best of as many candidates as `snn_tuned` has."""
    part = rows.part(seed)
    tuning = Split(part.X, part.y, part.X_val, part.y_val)
    best, area = None, -1.0
    for drawn in members.draw_candidates(kind, len(part.y), seed):
        parameters = members.defaults() | drawn
        lone = parameters | {"n_estimators": 1}
        proba = members.fit_candidate(kind, lone, tuning, seed)[1][:, 1]
        if roc_auc_score(part.y_val, proba) > area:
            best, area = drawn, roc_auc_score(part.y_val, proba)
    split = rows.nine_folds()
    proba = members.fit_candidate(kind, members.defaults() | best, split, seed)[1]
    return proba[:, 1], plain(best)


def classical(make, grid, rows, seed):
    """A model of scikit-learn, its parameters chosen like those of networks."""
    rows = rows.scaled()
    part = rows.part(seed)

    def area(parameters):
        model = make(seed, **parameters).fit(part.X, part.y)
        return roc_auc_score(part.y_val, scores(model, part.X_val))

    best = max(ParameterGrid(grid), key=area)
    split = rows.nine_folds()
    return scores(make(seed, **best).fit(split.X, split.y), rows.X_test), best


def scores(model, X):
    """Greater where the second class is more probable."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)[:, 1]
    return model.decision_function(X)


def plain(parameters):
    """Numbers of numpy's as ones that JSON can hold."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in parameters.items()
    }


#: Models of scikit-learn, each with what it is tuned over.
CLASSICAL = {
    "logistic_regression": (
        lambda seed, **p: LogisticRegression(max_iter=1000, **p),
        {"C": [0.01, 1.0, 100.0]},
    ),
    "naive_bayes": (lambda seed: GaussianNB(), {}),
    "decision_tree": (
        lambda seed, **p: DecisionTreeClassifier(random_state=seed, **p),
        {"min_samples_leaf": [1, 3, 10, 30]},
    ),
    "hist_gradient_boosting": (
        lambda seed, **p: HistGradientBoostingClassifier(
            early_stopping=False, random_state=seed, **p
        ),
        {"learning_rate": [0.02, 0.05, 0.15], "max_leaf_nodes": [4, 7, 31]},
    ),
    "random_forest": (
        lambda seed, **p: RandomForestClassifier(500, random_state=seed, **p),
        {"max_features": ["sqrt", 0.67], "min_samples_leaf": [1, 3, 10, 30]},
    ),
    "svm": (
        lambda seed, **p: SVC(cache_size=500, **p),
        {"C": [0.1, 1.0, 10.0, 100.0], "gamma": [0.003, 0.01, 0.03, 0.1, 0.3]},
    ),
}
OTHERS = [kind for kind in KINDS if kind != "snn"]

#: By name; called with rows and a seed.
METHODS = (
    {"snn_one": snn_one, "snn_members": snn_members}
    | {name: partial(classical, *made) for name, made in CLASSICAL.items()}
    | {f"{kind}_paper": partial(paper_network, kind) for kind in KINDS}
    | {f"{kind}_members": partial(other_members, kind) for kind in OTHERS}
    | {"snn_tuned": snn_tuned}
    | {f"{kind}_tuned": partial(other_tuned, kind) for kind in OTHERS}
)
#: What is run on all folds before the next group begins.
GROUPS = [
    ["snn_one", "snn_members", *CLASSICAL],
    [name for name in METHODS if name.endswith("_paper")],
    [f"{kind}_members" for kind in OTHERS],
    [name for name in METHODS if name.endswith("_tuned")],
]
