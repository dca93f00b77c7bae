"""Scoring of predictions that are made already, and of labels that are missing."""

from inspect import signature

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import get_tags

from sklearn_snn._validation import numeric_target


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
        made = self._estimator._made_predictions(prediction)
        made.X = X
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


class _OneLabel(ClassifierMixin, BaseEstimator):
    """Stands for a binary classifier of one label."""

    classes_ = np.array([0, 1])


def measured(y):
    """Mask of the entries of a target that are not NaN."""
    return ~np.isnan(y) if y.dtype.kind == "f" else np.ones(y.shape, dtype=bool)


def label_matrix(y):
    """Labels of shape (n_samples, n_labels) as float64, NaN where not measured."""
    y = y.toarray() if issparse(y) else y
    return numeric_target(y, ensure_all_finite="allow-nan")


class masked_scorer:
    """A scorer of multilabel targets that leaves out labels that are NaN.

    The score is the mean over the labels, each scored on the rows where it was
    measured; labels that were measured in one class only are left out. Use it wherever
    scikit-learn takes ``scoring``, and give searches a splitter object as ``cv``,
    because scikit-learn looks for classes in ``y`` to choose one.

    Parameters
    ----------
    scoring : str or callable
        Name of one of scikit-learn's scorers of binary classifiers, or a scorer with
        the signature ``scorer(estimator, X, y)``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_snn import SNNClassifier, masked_scorer
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> y = np.hstack([X > 0, X < 0]).astype(float)
    >>> y[::3, 0] = np.nan
    >>> model = SNNClassifier(random_state=0).fit(X, y)
    >>> print(masked_scorer("roc_auc")(model, X, y))
    1.0
    """

    def __init__(self, scoring):
        self.scoring = scoring

    def __repr__(self):
        return f"masked_scorer({self.scoring!r})"

    def __call__(self, estimator, X, y, sample_weight=None):
        """Score an estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted multilabel classifier.
        X : array-like of shape (n_samples, n_features)
            Rows to predict.
        y : array-like of shape (n_samples, n_labels)
            Labels 0, 1 and NaN.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Mean over the labels; NaN if none can be scored.

        Raises
        ------
        ValueError
            If there is no scorer of that name, if `y` has less than two columns, or
            whatever the scorer raises.
        """
        if len(shape := np.shape(y)) != 2 or shape[1] < 2:
            raise ValueError(
                "masked_scorer needs a y of two or more labels, with a column each, "
                f"got shape {shape}"
            )
        y = label_matrix(y)
        predictions, proba = estimator.predict(X), estimator.predict_proba(X)
        from sklearn.metrics import get_scorer  # slow to import

        scorer = get_scorer(self.scoring)
        is_measured = measured(y)
        scores = []
        for label, rows in enumerate(is_measured.T):
            truth = y[rows, label].astype(int)
            if truth.size == 0 or truth.min() == truth.max():
                continue
            positive, stand_in = proba[rows, label], np.zeros((truth.size, 1))
            made = MadePredictions(
                _OneLabel(),
                predictions[rows, label],
                np.column_stack([1 - positive, positive]),
                stand_in,
            )
            weight = {}
            if sample_weight is not None:
                weight = {"sample_weight": np.asarray(sample_weight)[rows]}
            scores.append(scorer(made, stand_in, truth, **weight))
        return float(np.mean(scores)) if scores else np.nan
