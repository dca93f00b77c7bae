"""Areas under ROC curves, and how sure their differences are.

All of it looks at the order of predictions only, so that results keep ranks.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata, t


@dataclass(frozen=True)
class Difference:
    """A mean difference, its interval of 95 % and its two-sided p-value."""

    mean: float
    low: float
    high: float
    p: float


def dense_ranks(scores):
    """0 for the smallest score, 1 for the next that differs, and so on."""
    return np.unique(scores, return_inverse=True)[1].tolist()


def delong(y, scores):
    """AUCs of several classifiers of the same rows, and their covariances.

    By ranks as in Sun and Xu, "Fast Implementation of DeLong's Algorithm", IEEE Signal
    Processing Letters 2014.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        0 or 1, at least two of each.
    scores : array-like of shape (n_classifiers, n_samples)
        Greater where 1 is more probable.

    Returns
    -------
    auc : ndarray of shape (n_classifiers,)
    covariance : ndarray of shape (n_classifiers, n_classifiers)
    """
    is_positive, scores = np.asarray(y) == 1, np.atleast_2d(scores)
    n_positive, n_negative = is_positive.sum(), (~is_positive).sum()
    if min(n_positive, n_negative) < 2:
        raise ValueError(
            "DeLong's variance needs at least two rows of each class, got "
            f"{n_positive} of 1 and {n_negative} of 0"
        )
    overall = rankdata(scores, axis=1)
    among_positive = rankdata(scores[:, is_positive], axis=1)
    among_negative = rankdata(scores[:, ~is_positive], axis=1)
    # For each positive row the share of negative ones below it, and the reverse.
    above = (overall[:, is_positive] - among_positive) / n_negative
    below = 1 - (overall[:, ~is_positive] - among_negative) / n_positive
    covariance = np.cov(above) / n_positive + np.cov(below) / n_negative
    return above.mean(axis=1), np.atleast_2d(covariance)


def delong_difference(folds):
    """Mean over folds of the difference of two AUCs, for these models and new rows.

    Parameters
    ----------
    folds : list of tuple of y, ours, theirs
        Labels and scores of the rows of each fold; no row is in two of them.
    """
    differences, variances = [], []
    for y, ours, theirs in folds:
        (first, second), covariance = delong(y, [ours, theirs])
        differences.append(first - second)
        variances.append(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = np.sqrt(max(np.sum(variances), 0.0)) / len(folds)
    return _difference(np.mean(differences), error, norm)


def corrected_resampled(differences, test_over_train):
    """Mean difference over splits whose training rows overlap, for new training rows.

    The corrected resampled t-test of Nadeau and Bengio, "Inference for the
    Generalization Error", Machine Learning 2003, section 4.

    Parameters
    ----------
    differences : array-like of shape (n_splits,)
        At least two.
    test_over_train : float
        Rows that are tested over rows that are trained on, of a split.
    """
    n_splits = len(differences)
    if n_splits < 2:
        raise ValueError(f"a variance needs at least two splits, got {n_splits}")
    factor = 1 / n_splits + test_over_train
    error = np.sqrt(factor * np.var(differences, ddof=1))
    return _difference(np.mean(differences), error, t(n_splits - 1))


def _difference(mean, error, distribution):
    half = distribution.ppf(0.975) * error
    if error == 0:
        return Difference(float(mean), float(mean), float(mean), float(mean == 0))
    p = 2 * distribution.sf(abs(mean) / error)
    return Difference(float(mean), float(mean - half), float(mean + half), float(p))
