"""Our own search, careful with few rows: the best of many is partly the luckiest."""

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.ensemble import VotingClassifier, VotingRegressor

from benchmarks.timing import timed
from sklearn_snn import SNNGridSearchCV, SNNHalvingRandomSearchCV, search_space


def tune(model, X, y, **options):
    """Parameters for `model` from successive halving, and how many were tried.

    The parameters are none where the best of so many is not better than the default
    by a standard error of their difference in the folds: with few rows it is luck.
    """
    default, search = searched(model, X, y, **options)
    gain = split_scores(search) - split_scores(default)
    n_candidates = search.n_candidates_[0]
    if gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
        return {}, n_candidates
    return parameters_of_candidate(search, search.best_index_), n_candidates


def tune_together(model, X, y, **options):
    """`model` and the best four candidates as one, unfitted; how many were tried.

    It predicts their mean. Where what is best is luck, networks whose parameters
    differ are still better together than alone (benchmarks/results/defaults.md).
    """
    _, search = searched(model, X, y, **options)
    results = search.cv_results_
    last = np.flatnonzero(results["iter"] == results["iter"].max())
    best = last[np.argsort(results["rank_test_score"][last], kind="stable")][:4]
    models = [("default", clone(model))]
    for i in best:
        candidate = clone(model).set_params(**parameters_of_candidate(search, i))
        models.append((f"candidate {i}", candidate))
    if is_classifier(model):
        return VotingClassifier(models, voting="soft"), search.n_candidates_[0]
    return VotingRegressor(models), search.n_candidates_[0]


def searched(
    model, X, y, *, cv, scoring, random_state, n_candidates=None, seconds=None
):
    """Searches of `model` alone and of candidates by halving, both fitted.

    Candidates are pairs of networks from the space that comes with the package; if
    there are `seconds` but no number, as many as the default says there is time for.
    """
    pair = clone(model).set_params(n_estimators=2, early_stopping=True)
    same = {"cv": cv, "scoring": scoring, "refit": False}
    default = SNNGridSearchCV(pair, {"depth": [model.depth]}, **same)
    spent, _ = timed(lambda: default.fit(X, y))
    if n_candidates is None:
        # Halving trains each candidate for a third of its epochs on average.
        n_candidates = int(np.clip(2 * seconds / spent, 9, 243))
    search = SNNHalvingRandomSearchCV(
        pair,
        search_space("tabular", n_samples=len(X)),
        n_candidates=n_candidates,
        random_state=random_state,
        return_train_score=False,
        time_limit=None if seconds is None else max(seconds - spent, 1),
        **same,
    )
    return default, search.fit(X, y)


def parameters_of_candidate(search, index):
    """Parameters of a candidate, without the epochs that it was given."""
    found = search.cv_results_["params"][index]
    return {name: value for name, value in found.items() if name != "max_iter"}


def split_scores(search):
    """Scores of the best candidate in each fold."""
    results, best = search.cv_results_, search.best_index_
    names = [f"split{i}_test_score" for i in range(search.n_splits_)]
    return np.array([results[name][best] for name in names])
