"""Labels of which some are missing, and scores that leave these out."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin

from sklearn_snn._scoring import MadePredictions
from sklearn_snn._validation import numeric_target


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
    scikit-learn takes ``scoring``, and give its searches a splitter object as ``cv``,
    because scikit-learn looks for classes in ``y`` to choose one; ours take a number.

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


class _OneLabel(ClassifierMixin, BaseEstimator):
    """Stands for a binary classifier of one label."""

    classes_ = np.array([0, 1])
