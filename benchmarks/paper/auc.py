"""Areas under ROC curves, and how sure their differences are.

All of it looks at the order of predictions only, so that results need to keep no more
than ranks.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata, t


@dataclass(frozen=True)
class AUC:
    """An area, and by how much each row moves it.

    The sum of squares of `influence` is DeLong's variance of the area, and the sum of
    products with another classifier's, of the same rows, is DeLong's covariance.
    """

    area: float
    influence: np.ndarray


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


def label_string(y):
    """Labels of rows, a character each: 0, 1, or - for one that was not measured."""
    return "".join("-" if np.isnan(label) else str(int(label)) for label in y)


def labels_of(string):
    """What `label_string` wrote."""
    return np.array([np.nan if label == "-" else float(label) for label in string])


def auc(y, scores):
    """The AUC of scores.

    By ranks as in Sun and Xu, "Fast Implementation of DeLong's Algorithm", IEEE Signal
    Processing Letters 2014.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        0, 1, or NaN where it was not measured.
    scores : array-like of shape (n_samples,)
        Greater where 1 is more probable.

    Returns
    -------
    auc : AUC
        All of it NaN without a row of each class.
    """
    y, scores = np.asarray(y, float), np.asarray(scores, float)
    positive, negative = y == 1, y == 0
    n_positive, n_negative = positive.sum(), negative.sum()
    if min(n_positive, n_negative) == 0:
        return AUC(np.nan, np.full(len(y), np.nan))
    measured = rankdata(scores[positive | negative])
    overall = np.zeros(len(y))
    overall[positive | negative] = measured
    # For each positive row the share of negative ones below it, and the reverse.
    below = (overall[positive] - rankdata(scores[positive])) / n_negative
    above = 1 - (overall[negative] - rankdata(scores[negative])) / n_positive
    influence = np.zeros(len(y))
    influence[positive] = _centred(below)
    influence[negative] = _centred(above)
    return AUC(float(below.mean()), influence)


def _centred(shares):
    """Deviations whose sum of squares is the variance of the mean."""
    n = len(shares)
    return (shares - shares.mean()) / np.sqrt(n * max(n - 1, 1))


def mean_of_same_rows(areas):
    """Mean over labels, or over fits, of the same rows; labels without AUC left out."""
    areas = [one for one in areas if not np.isnan(one.area)]
    influence = np.mean([one.influence for one in areas], axis=0)
    return AUC(float(np.mean([one.area for one in areas])), influence)


def mean_of_other_rows(areas):
    """Mean over folds, none of whose rows is in another."""
    influence = np.concatenate([one.influence for one in areas]) / len(areas)
    return AUC(float(np.mean([one.area for one in areas])), influence)


def delong(ours, theirs):
    """Difference of two AUCs of the same rows: of these models, on new rows.

    DeLong, DeLong and Clarke-Pearson, Biometrics 1988.
    """
    error = np.sqrt(np.sum((ours.influence - theirs.influence) ** 2))
    return _difference(ours.area - theirs.area, error, norm)


def corrected_resampled(differences, test_over_train):
    """Mean difference over splits whose training rows overlap, of new models too.

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
    if error == 0:
        return Difference(float(mean), float(mean), float(mean), float(mean == 0))
    half = distribution.ppf(0.975) * error
    p = 2 * distribution.sf(abs(mean) / error)
    return Difference(float(mean), float(mean - half), float(mean + half), float(p))
