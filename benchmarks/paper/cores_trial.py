"""Cores compared on the UCI sets and on tables of realistic size, equally tuned."""

import numpy as np
from sklearn.model_selection import ParameterGrid

from benchmarks.data import suite
from benchmarks.defaults.rows import split_rows
from benchmarks.metrics import predict, score
from benchmarks.paper import uci
from benchmarks.paper.cores import CORES, swapped
from benchmarks.paper.methods import log_loss
from sklearn_snn import SNNClassifier, SNNRegressor

#: Training rows of the tables at most.
MAX_TRAIN = 4_000


def all_jobs():
    """All cores on a table before the next table: small UCI sets first."""
    sizes = uci.sizes()
    sound = sizes[[not name.endswith(uci.TRUE) for name in sizes.index]]
    tables = suite()
    tables = tables.assign(cells=tables["n_rows"] * tables["n_features"])
    names = {
        "uci": list(sound.index[sound < uci.SMALL]),
        "tabular": list(tables.sort_values("cells")["name"]),
    }
    return [
        {"method": core, "suite": of, "table": name}
        for of in names
        for name in names[of]
        for core in CORES
    ]


def candidates(core):
    """Parameters of the networks that a core is the best of."""
    grid = {"depth": [2, 4], "learning_rate_init": [1.5e-3, 6e-3]}
    if core.rates:
        grid["dropout"] = list(core.rates)
    else:
        grid["weight_decay"] = [0.01, 0.3]
    return list(ParameterGrid(grid))


def fit(core, estimator, X, y, seed):
    """The best candidate by the loss of its members on rows that they left out."""
    models = [
        estimator(random_state=seed, **parameters).fit(X, y)
        for parameters in candidates(core)
    ]
    return max(models, key=lambda model: model.best_validation_score_)


def measure(job):
    """Scores on test rows, and what was chosen."""
    core = CORES[job["method"]]
    with swapped(core):
        measured = {"uci": on_uci, "tabular": on_table}[job["suite"]]
        model, scores = measured(core, job["table"])
    names = ["depth", "learning_rate_init", "dropout", "weight_decay"]
    chosen = {name: getattr(model, name) for name in names}
    return {"seed": 0, "scores": scores, "chosen": chosen}


def on_uci(core, name):
    """The single split of a set."""
    split = uci.read_split(name)
    model = fit(core, SNNClassifier, split.X, split.y, seed=0)
    proba = model.predict_proba(split.X_test)
    right = model.classes_[proba.argmax(axis=1)] == split.y_test
    loss = log_loss(split.y_test, model.classes_, proba)
    return model, {"error_rate": float(1 - np.mean(right)), "log_loss": loss}


def on_table(core, name):
    """The first split of a table."""
    described = next(one for one in suite().itertuples() if one.name == name)
    rows = split_rows(described, 0, max_train=MAX_TRAIN)
    is_regression = described.task == "regression"
    estimator = SNNRegressor if is_regression else SNNClassifier
    model = fit(core, estimator, rows.X, rows.y, seed=0)
    return model, score(rows.y_test, predict(model, rows.X_test))
