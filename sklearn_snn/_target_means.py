"""Means of the target for levels of categories, which folds learn from each other."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import assert_all_finite, column_or_1d

from sklearn_snn._powers_of_two import powers_of_two
from sklearn_snn._scaling import share_moments, standardised
from sklearn_snn._validation import numeric_target, of_one_type
from sklearn_snn._weights import row_counts

#: Columns of the target beyond which its means are not used: each is a column of the
#: table, for each category of many levels.
MAX_TARGETS = 100

#: Different numbers up to which a target of whole ones is taken for classes.
_MOST_CLASSES = 10

#: Parts of the rows whose target means are learned from the other parts.
_N_FOLDS = 5


def with_target_means(categories, codes, rows, y, weight=None):
    """Categories with means of the target in some rows, and what rows see of them.

    Parameters
    ----------
    categories : dict of int to Category
        Columns of categories.
    codes : dict of int to ndarray of shape (n_samples,)
        For each column whose means are to be learned the codes of the rows.
    rows : ndarray of int of shape (n_known,)
        The rows to learn from, each of which sees means of other folds.
    y : ndarray of shape (n_known, n_targets)
        Their target.
    weight : ndarray of shape (n_known,) or None, default=None
        Their weights.

    Returns
    -------
    categories : dict of int to Category
        The same columns, those with codes with their new means.
    seen : ndarray of shape (n_samples, n_codes * n_targets)
        What the rows see of them.
    """
    folds, categories, seen = target_folds(len(rows)), dict(categories), []
    for j, of_rows in codes.items():
        n_codes = categories[j].n_codes
        means, fold_means = learn_targets(of_rows[rows], n_codes, y, weight)
        categories[j] = categories[j].with_targets(means)
        seen.append(means[of_rows])
        seen[-1][rows] = fold_means[folds, of_rows[rows]]
    return categories, np.hstack(seen)


def learn_targets(codes, n_codes, y, weight=None):
    """Means of the target for each code, and those that a row has no part in.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples,)
        Codes of the rows.
    n_codes : int
        Number of codes.
    y : ndarray of shape (n_samples, n_targets)
        The target; NaN where it was not measured.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    means : ndarray of shape (n_codes, n_targets)
        Standardised, for rows to come.
    fold_means : ndarray of shape (n_folds, n_codes, n_targets)
        For rows of each of `target_folds`, learned from the others.
    """
    counts, folds = row_counts(weight, len(codes)), target_folds(len(codes))
    y = y / powers_of_two(np.nan_to_num(y))
    means = _target_means(codes, n_codes, y, counts)
    share = np.bincount(codes, counts, n_codes) / counts.sum()
    moments = share_moments(means, share)
    others = (folds != fold for fold in range(_N_FOLDS))
    fold_means = [
        _target_means(codes[rows], n_codes, y[rows], counts[rows]) for rows in others
    ]
    return (
        standardised(means, *moments),
        np.stack([standardised(part, *moments) for part in fold_means]),
    )


def target_as_columns(y):
    """A target as numbers, a column for each class where it is of few classes.

    Parameters
    ----------
    y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_targets)
        Labels or numbers; floats in two dimensions, and numbers in several columns,
        stay as they are.

    Returns
    -------
    columns : ndarray of float of shape (n_samples, n_targets)
    """
    is_float = np.asarray(y).dtype.kind == "f"
    if np.ndim(y) == 2 and (is_float or np.shape(y)[1] > 1):
        y = y.toarray() if issparse(y) else y
        return numeric_target(y, ensure_all_finite="allow-nan")
    y = column_or_1d(y, warn=True)
    is_numeric = y.dtype.kind in "fiu"
    assert_all_finite(y, input_name="y")
    with of_one_type("y must hold labels"):
        classes = np.unique(y)
    is_many = len(classes) > _MOST_CLASSES
    if is_numeric and (is_many or type_of_target(y) == "continuous"):
        return y[:, np.newaxis].astype(np.float64)
    return class_indicators(np.searchsorted(classes, y), len(classes))


def class_indicators(index, n_classes):
    """A column of 0 and 1 for each class; of two classes, for the second."""
    first = 1 if n_classes == 2 else 0
    return (index[:, np.newaxis] == np.arange(first, n_classes)).astype(np.float64)


def target_folds(n_rows):
    """Number of the fold of each row, always the same."""
    return np.random.RandomState(0).permutation(n_rows) % _N_FOLDS


def _target_means(codes, n_codes, y, counts):
    columns = [_shrunk_means(codes, n_codes, column, counts) for column in y.T]
    return np.stack(columns, axis=1)


def _shrunk_means(codes, n_codes, y, counts):
    """Means of the codes, drawn to the mean of all as far as they are uncertain.

    Empirical Bayes with normal distributions within and between the codes, whose
    variances are those of the analysis of variance with random effects.
    """
    known = ~np.isnan(y) & (counts > 0)
    codes, y, counts = codes[known], y[known], counts[known]
    total = counts.sum()
    if total == 0:
        return np.zeros(n_codes)
    overall = counts @ y / total
    n = np.bincount(codes, counts, n_codes)
    present = np.maximum(n, np.finfo(float).tiny)
    means = np.bincount(codes, counts * (y - overall), n_codes) / present
    inner = counts @ (y - overall - means[codes]) ** 2
    n_levels = np.count_nonzero(n)
    within = inner / max(total - n_levels, 1)
    between = n @ means**2 - (n_levels - 1) * within
    between = max(between, 0) / max(total - n @ n / total, 1)
    is_once = (np.bincount(codes, minlength=n_codes) == 1)[codes]
    if is_once.any():  # levels that did not occur are most like those that did once
        is_absent, of_once = n == 0, counts[is_once]
        n[is_absent] = of_once.sum()
        means[is_absent] = of_once @ (y[is_once] - overall) / of_once.sum()
    evidence = n * between
    certain = np.divide(
        evidence,
        evidence + within,
        out=np.zeros(n_codes),
        where=evidence > 0,
    )
    return overall + certain * means
