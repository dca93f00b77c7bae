"""Every method that is compared: from a split of a set to test probabilities.

A method is called with a split and a seed, and returns an `Outcome`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from sklearn.model_selection import StratifiedKFold

from benchmarks.metrics import SMALLEST
from benchmarks.paper import classical, members, selection
from benchmarks.paper.architectures import KINDS
from benchmarks.tuning import tune


def log_loss(y, classes, proba):
    """Mean log-loss, where classes that the model has not seen have no probability."""
    columns = np.searchsorted(classes, y).clip(max=len(classes) - 1)
    of_class = proba[np.arange(len(y)), columns] * (classes[columns] == y)
    return float(-np.mean(np.log(np.clip(of_class, SMALLEST, 1))))


@dataclass
class Outcome:
    """What a fitted method says about test rows, and what was chosen on the way.

    `proba` has a column for each of `classes`, or is None where there are only
    `predictions`.
    """

    classes: np.ndarray
    proba: np.ndarray | None
    chosen: dict = field(default_factory=dict)
    predictions: np.ndarray | None = None

    def __post_init__(self):
        if self.predictions is None:
            self.predictions = self.classes[self.proba.argmax(axis=1)]


# Networks chosen from a grid, as in the paper -----------------------------------------


def paper_network(kind, split, seed, grid="reduced"):
    """One network, gradient descent, chosen on a validation part."""
    chosen, classes = selection.select(kind, grid, split, seed)
    network = chosen.network
    names = ["depth", "width", "shape", "dropout", "learning_rate"]
    return Outcome(
        classes,
        chosen.proba,
        {name: getattr(network, name) for name in names}
        | {
            "validation_accuracy": chosen.validation_accuracy,
            "n_candidates": chosen.n_candidates,
            "n_diverged": chosen.n_diverged,
        },
    )


# The library --------------------------------------------------------------------------


def snn(split, seed, **parameters):
    """`SNNClassifier`, with its defaults but for some parameters."""
    from sklearn_snn import SNNClassifier

    model = SNNClassifier(random_state=seed, **parameters).fit(split.X, split.y)
    return Outcome(
        model.classes_,
        model.predict_proba(split.X_test),
        {"depth": model.depth, "width": model.width, "n_iter": model.n_iter_},
    )


def snn_tuned(split, seed):
    """Members, with parameters from the library's own search by halving."""
    from sklearn_snn import SNNClassifier

    part = split.part(seed)
    n_folds = min(5, np.unique(part.y, return_counts=True)[1].max())
    best, _ = tune(
        SNNClassifier(random_state=seed),
        part.X,
        part.y,
        cv=StratifiedKFold(n_folds, shuffle=True, random_state=seed),
        scoring=log_likelihood,
        random_state=seed,
        n_candidates=members.N_CANDIDATES,
    )
    outcome = snn(split, seed, **best)
    return Outcome(outcome.classes, outcome.proba, outcome.chosen | best)


def log_likelihood(model, X, y):
    """Mean log-probability; other than scikit-learn's, for folds that lack a class."""
    return -log_loss(y, model.classes_, model.predict_proba(X))


# Members of any kind ------------------------------------------------------------------


def default_members(kind, split, seed):
    """Networks of a kind in place of the default classifier's."""
    model, proba = members.fit_default(kind, split, seed)
    return Outcome(model.classes_, proba, {"depth": model.depth, "width": model.width})


def tuned_members(kind, split, seed):
    """The best of as many random candidates as `snn_tuned` has."""
    model, proba, chosen = members.fit_tuned(kind, split, seed)
    return Outcome(model.classes_, proba, chosen)


# scikit-learn -------------------------------------------------------------------------


def svm(split, seed):
    model, chosen = classical.fit_svm(split, seed)
    return Outcome(model.classes_, None, chosen, model.predict(split.X_test))


def random_forest(split, seed):
    return _with_proba(*classical.fit_forest(split, seed), split)


def hist_gradient_boosting(split, seed):
    return _with_proba(*classical.fit_boosting(split, seed), split)


def _with_proba(model, chosen, split):
    return Outcome(model.classes_, model.predict_proba(split.X_test), chosen)


@dataclass
class Method:
    """How to fit a method, what it is in a report, and with whom it is run."""

    fit: Callable
    title: str
    group: str


TITLES = {
    "snn": "SNN",
    "relu": "ReLU",
    "batch_norm": "BatchNorm",
    "layer_norm": "LayerNorm",
    "weight_norm": "WeightNorm",
    "highway": "Highway",
    "residual": "ResNet",
}
OTHERS = [kind for kind in KINDS if kind != "snn"]


def _of_kinds(kinds, name, fit, title):
    """A method for each kind of network."""
    return {
        f"{kind}_{name}": Method(partial(fit, kind), f"{TITLES[kind]}, {title}", name)
        for kind in kinds
    }


#: By name. A group is run on all sets before the next one begins.
METHODS = {
    "snn_one": Method(
        partial(snn, n_estimators=1), "SNN, one network, our recipe", "library"
    ),
    "snn_members": Method(snn, "SNN, default members", "library"),
    **_of_kinds(KINDS, "paper", paper_network, "one network, paper's grid"),
    "svm": Method(svm, "RBF SVM, tuned", "classical"),
    "random_forest": Method(random_forest, "random forest, tuned", "classical"),
    "hist_gradient_boosting": Method(
        hist_gradient_boosting, "HistGradientBoosting, tuned", "classical"
    ),
    **_of_kinds(OTHERS, "members", default_members, "members, our recipe"),
    "snn_tuned": Method(snn_tuned, "SNN, members tuned by our search", "tuned"),
    "snn_random": Method(
        partial(tuned_members, "snn"), "SNN, members tuned as other kinds", "tuned"
    ),
    **_of_kinds(OTHERS, "tuned", tuned_members, "tuned members"),
}
GROUPS = list(dict.fromkeys(method.group for method in METHODS.values()))
