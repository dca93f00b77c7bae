"""Members of any kind of network, prepared and trained as the library's default is."""

import numpy as np
from sklearn.model_selection import ParameterSampler

from benchmarks.paper.networks import NetworkClassifier
from benchmarks.paper.prepare import DefaultPreparation
from sklearn_snn import SNNClassifier, search_space
from sklearn_snn._planning import _MANY_COLUMNS

#: Candidates of every tuned method, and the rates of dropout that they are drawn from:
#: about as harmful with alpha dropout as three times the rate with plain dropout.
N_CANDIDATES = 16
DROPOUT = {"snn": [0.0, 0.02, 0.05]}
PLAIN_DROPOUT = [0.0, 0.06, 0.15]
#: Our names of parameters that `SNNClassifier` calls otherwise.
NAMES = {"learning_rate_init": "learning_rate"}


def fit_default(kind, split, seed):
    """Networks of a kind in the place of those of the default `SNNClassifier`."""
    return fit_candidate(kind, defaults(), split, seed)


def defaults():
    """The parameters of `SNNClassifier` that networks of all kinds have."""
    known = NetworkClassifier().get_params()
    theirs = SNNClassifier().get_params() | {"dropout": 0.0}
    named = {NAMES.get(name, name): value for name, value in theirs.items()}
    left_out = {"random_state", "early_stopping"}
    same = {
        name: named[name]
        for name in known
        if name in named and name not in left_out and name not in NAMES.values()
    }
    same["learning_rate"] = theirs["learning_rate_init"]
    return same | {"n_bins": theirs["n_bins"]}


def fit_candidate(kind, parameters, split, seed):
    """A fitted classifier, and test probabilities."""
    parameters = dict(parameters)
    preparation = DefaultPreparation(parameters.pop("n_bins"))
    X = preparation.fit_transform(split.X)
    n_plain = preparation.n_plain_ if preparation.pieces_ is not None else None
    model = NetworkClassifier(
        kind,
        **parameters,
        scales_inputs=split.X.shape[1] >= _MANY_COLUMNS,
        n_plain=n_plain,
        random_state=seed,
    )
    model.fit(X, split.y)
    return model, model.predict_proba(preparation.transform(split.X_test))


def fit_tuned(kind, split, seed):
    """The best of candidates of the library's search space, by out-of-fold loss.

    Each candidate has all its members; those of the best one are the model, unless
    they have not seen all rows.
    """
    best, part = None, split.part(seed)
    for drawn in draw_candidates(kind, len(split.y), seed):
        model, proba = fit_candidate(kind, defaults() | drawn, part, seed)
        score = np.mean([one.best_score for one in model.networks_])
        if best is None or score > best[0]:
            best = score, model, proba, drawn
    _, model, proba, drawn = best
    if split.is_large:
        model, proba = fit_candidate(kind, defaults() | drawn, split, seed)
    return model, proba, drawn


def draw_candidates(kind, n_rows, seed):
    """The same parameters for every kind, but for rates of dropout."""
    space = search_space("tabular", n_samples=n_rows)
    rates = DROPOUT.get(kind, PLAIN_DROPOUT)
    space["dropout"] = range(len(rates))
    drawn = ParameterSampler(space, N_CANDIDATES, random_state=seed)
    return [
        {NAMES.get(name, name): value for name, value in one.items()}
        | {"dropout": rates[one["dropout"]]}
        for one in drawn
    ]
