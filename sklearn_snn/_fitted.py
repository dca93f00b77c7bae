"""The fitted network inside of what a user has: a pipeline, a search, the network."""

from sklearn.utils.validation import check_is_fitted

from sklearn_snn._base import BaseSNN
from sklearn_snn._compat import base_search_cv


def fitted_network(estimator, X=None):
    """The fitted network of an estimator, and rows as they arrive there.

    Parameters
    ----------
    estimator : SNNClassifier, SNNRegressor, or Pipeline or search of one
        Fitted; of a search it is the best estimator.
    X : {DataFrame, array-like, sparse matrix} or None, default=None
        Rows as the estimator takes them.

    Returns
    -------
    network : SNNClassifier or SNNRegressor
    X : object
        The rows, transformed by the steps of a pipeline.

    Raises
    ------
    TypeError
        If there is no network of this package in it.
    """
    from sklearn.pipeline import Pipeline  # slow to import, and needed here only

    given = estimator
    while not isinstance(estimator, BaseSNN):
        if isinstance(estimator, Pipeline):
            for _, step in estimator.steps[:-1]:
                # Those of imbalanced-learn that draw rows do so in training only.
                is_idle = step in (None, "passthrough") or hasattr(step, "fit_resample")
                if X is not None and not is_idle:
                    X = step.transform(X)
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_") or isinstance(
            estimator, base_search_cv()
        ):
            check_is_fitted(estimator, "best_estimator_")
            estimator = estimator.best_estimator_
        else:
            raise TypeError(
                "wanted a fitted SNNClassifier or SNNRegressor, or a Pipeline or a "
                f"search of one, got {given!r}"
            )
    check_is_fitted(estimator)
    return estimator, X
