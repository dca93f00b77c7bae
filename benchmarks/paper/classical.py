"""The methods of scikit-learn beside which networks stand, each tuned."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.svm import SVC

SVM_GRID = {
    "C": [2.0**power for power in range(-1, 10, 2)],
    "gamma": [2.0**power for power in range(-11, 2, 2)],
}
BOOSTING_GRID = {
    "learning_rate": [0.05, 0.15],
    "max_leaf_nodes": [7, 31],
    "min_samples_leaf": [3, 20],
}


def fit_svm(split, seed):
    """A support vector machine, with cost and width of its kernel chosen in 3 folds."""
    # Without a limit, candidates of high cost would take minutes on noisy classes.
    model = SVC(cache_size=500, max_iter=100_000)
    return _search(model, SVM_GRID, split, seed, n_folds=3)


def fit_boosting(split, seed):
    """Gradient boosting, with three parameters chosen in 3 folds."""
    # With early stopping, many classes and few rows would leave nothing to validate on.
    model = HistGradientBoostingClassifier(
        early_stopping=False, max_iter=100, random_state=seed
    )
    return _search(model, BOOSTING_GRID, split, seed, n_folds=3)


def fit_forest(split, seed):
    """500 trees, with the columns that a split may look at chosen out of bag."""
    part = split.part(seed)

    def make(max_features):
        return RandomForestClassifier(
            500, max_features=max_features, oob_score=True, random_state=seed
        )

    models = {one: make(one).fit(part.X, part.y) for one in ["sqrt", 0.33, 0.67]}
    best = max(models, key=lambda one: models[one].oob_score_)
    model = make(best).fit(split.X, split.y) if split.is_large else models[best]
    return model, {"max_features": best}


def _search(model, grid, split, seed, *, n_folds):
    """The model of the best mean accuracy, fitted to all training rows; its choice."""
    part = split.part(seed)
    is_common = np.bincount(part.y).max() >= n_folds
    folds = StratifiedKFold if is_common else KFold
    search = GridSearchCV(
        model, grid, cv=folds(n_folds, shuffle=True, random_state=seed), refit=False
    )
    search.fit(part.X, part.y)
    return model.set_params(**search.best_params_).fit(split.X, split.y), (
        search.best_params_
    )
