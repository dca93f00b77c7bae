"""Our own search, careful with few rows: what is tuned has to be better for sure."""

import numpy as np
from sklearn.base import clone

from benchmarks.timing import timed
from sklearn_snn import SNNGridSearchCV, SNNHalvingRandomSearchCV, search_space


def tune(model, X, y, *, cv, scoring, random_state, n_candidates=None, seconds=None):
    """Parameters for `model` from successive halving, and how many were tried.

    Candidates are pairs of networks from the space that comes with the package; if
    there are `seconds` but no number, as many as the default says there is time for.
    The parameters are none where the best of so many is not better than the default
    by a standard error of their difference in the folds: with few rows it is luck.
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
    ).fit(X, y)
    gain = split_scores(search) - split_scores(default)
    if gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
        return {}, n_candidates
    best = search.best_params_
    return {name: best[name] for name in best if name != "max_iter"}, n_candidates


def split_scores(search):
    """Scores of the best candidate in each fold."""
    results, best = search.cv_results_, search.best_index_
    names = [f"split{i}_test_score" for i in range(search.n_splits_)]
    return np.array([results[name][best] for name in names])
