"""Scoring of predictions that are made already."""

from inspect import signature

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags


class MadePredictions(BaseEstimator):
    """What a scorer needs of an estimator whose predictions are made already.

    Parameters
    ----------
    estimator : estimator instance
        Says whether this is a classifier or a regressor, and how it scores by default.
    predictions : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        What `predict` returns.
    probabilities : ndarray of shape (n_samples, n_classes) or None, default=None
        What `predict_proba` returns.
    X : table of shape (n_samples, n_features) or None, default=None
        The rows that they are of; whoever asks for those of another table is refused.
    """

    def __init__(self, estimator, predictions, probabilities=None, X=None):
        self.estimator = estimator
        self.predictions = predictions
        self.probabilities = probabilities
        self.X = X

    @property
    def classes_(self):
        """Classes of the estimator."""
        return self.estimator.classes_

    def predict(self, X):
        """The predictions."""
        self._check_rows(X)
        return self.predictions

    def predict_proba(self, X):
        """The probabilities."""
        self._check_rows(X)
        return self.probabilities

    def score(self, X, y, sample_weight=None):
        """The estimator's own score of the predictions."""
        self._check_rows(X)
        return self.estimator._score_predictions(y, self.predictions, sample_weight)

    def _check_rows(self, X):
        if X is not self.X:
            raise ValueError(
                "scoring must ask for predictions of the X that it is given, as it is: "
                "there are none of other rows, nor of a part or a copy of these"
            )

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        return get_tags(self.estimator)


class ValidationScore:
    """The score by which a network is judged while it trains.

    Parameters
    ----------
    estimator : estimator instance
        Makes predictions of outputs.
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)``.
    table : tuple of X, y and weight
        The rows that the outputs belong to.
    shift : tuple of two ndarray or None, default=None
        Factor and summand that take the outputs to the estimator's scale.

    Raises
    ------
    TypeError
        If rows have weights, and the scorer takes none.
    """

    def __init__(self, estimator, scorer, table, shift=None):
        _, _, sample_weight, *_ = table
        if sample_weight is not None:
            _check_takes_weights(scorer)
        self._estimator, self._scorer = estimator, scorer
        self._table, self._shift = table, shift

    def __call__(self, raw):
        """Score of outputs of shape (n_samples, n_outputs); NaN if they are not finite.

        Raises
        ------
        ValueError
            If the scorer has no number for predictions that are.
        """
        if not np.isfinite(raw).all():
            return np.nan
        if self._shift is not None:
            factor, summand = self._shift
            raw = raw * factor + summand
        X, y, sample_weight, *_ = self._table
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        (prediction,) = self._estimator._member_predictions(raw[np.newaxis])
        made = self._estimator._made_predictions(prediction, X)
        try:
            value = self._scorer(made, X, y, **weight)
        except (ValueError, AttributeError) as error:  # of a class without rows, mostly
            raise ValueError(
                f"scoring={self._estimator.scoring!r} failed on {len(y)} validation "
                f"rows; choose another, such as 'loss', or other rows: {error}"
            ) from error
        try:
            number = float(value)
        except (TypeError, ValueError):  # as of None
            number = np.nan
        if not np.isfinite(number):
            raise ValueError(
                f"scoring={self._estimator.scoring!r} gave {value!r} on {len(y)} "
                "validation rows, but a finite number is needed; choose another, or "
                "other rows"
            )
        return number


def _check_takes_weights(scorer):
    try:
        signature(scorer).bind("estimator", "X", "y", sample_weight="weight")
    except TypeError as error:
        raise TypeError(
            "scoring must be callable as scorer(estimator, X, y, sample_weight=...) "
            f"where rows have weights, got {scorer!r}"
        ) from error
