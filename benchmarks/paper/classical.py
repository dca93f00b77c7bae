"""The methods of scikit-learn beside which networks stand, each tuned."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV, KFold, ParameterGrid, StratifiedKFold
from sklearn.svm import SVC

#: Rows that parameters are chosen on; the chosen ones are fitted to all.
MOST_ROWS = 2_000

SVM_GRID = {
    "C": [2.0**power for power in range(-3, 14, 2)],
    "gamma": [2.0**power for power in range(-13, 4, 2)],
}
BOOSTING_GRID = {
    "learning_rate": [0.05, 0.15],
    "max_leaf_nodes": [7, 31],
    "min_samples_leaf": [3, 20],
}


def fit_svm(split, seed):
    """A support vector machine, with cost and width of its kernel chosen in 5 folds."""
    return _search(SVC(cache_size=500), SVM_GRID, split, seed, n_folds=5)


def fit_boosting(split, seed):
    """Gradient boosting, with three parameters chosen in 3 folds."""
    # With early stopping, many classes and few rows would leave nothing to validate on.
    model = HistGradientBoostingClassifier(
        early_stopping=False, max_iter=100, random_state=seed
    )
    return _search(model, BOOSTING_GRID, split, seed, n_folds=3)


def fit_forest(split, seed):
    """500 trees, with the columns that a split may look at chosen out of bag."""
    best = None
    grid = {"max_features": ["sqrt", 0.33, 0.67], "min_samples_leaf": [1, 3]}
    for chosen in ParameterGrid(grid):
        model = RandomForestClassifier(500, oob_score=True, random_state=seed, **chosen)
        model.fit(split.X, split.y)
        if best is None or model.oob_score_ > best[0].oob_score_:
            best = model, chosen
    return best


def _search(model, grid, split, seed, *, n_folds):
    """The model of the best mean accuracy, fitted to all training rows; its choice."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(split.y))[:MOST_ROWS]
    X, y = split.X[rows], split.y[rows]
    is_common = np.bincount(y).max() >= n_folds
    folds = StratifiedKFold if is_common else KFold
    search = GridSearchCV(
        model, grid, cv=folds(n_folds, shuffle=True, random_state=seed), refit=False
    )
    search.fit(X, y)
    return model.set_params(**search.best_params_).fit(split.X, split.y), (
        search.best_params_
    )
