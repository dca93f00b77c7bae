"""Which rows each member of an ensemble is trained on, and which it is validated on."""

import warnings
from itertools import cycle, islice

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)


def member_splits(
    n_members, n_samples, *, labels, groups, cv, validation_fraction, random_state
):
    """Rows of each member, from one split after the other, and again from the first.

    Parameters
    ----------
    n_members, n_samples : int
        Numbers of networks and of rows.
    labels : ndarray of shape (n_samples,) or None
        Classes to stratify by.
    groups : array-like of shape (n_samples,) or None
        Groups of rows that stay together.
    cv : int, cross-validation generator, iterable or None
        Splits, or None for the default ones.
    validation_fraction : float
        Share of the rows that the default ones hold out.
    random_state : RandomState instance
        Shuffles the default ones.

    Returns
    -------
    splits : list of tuple of two ndarrays
        Rows to train on and rows to validate on.
    """
    if cv is None:
        if labels is not None:
            labels = _strata(labels, n_members, groups, validation_fraction)
        cv = _default_splitter(
            n_members, n_samples, labels, groups, validation_fraction, random_state
        )
    splitter = check_cv(cv, labels, classifier=labels is not None)
    stand_in = np.zeros((n_samples, 1))
    y = np.zeros(n_samples) if labels is None else labels
    # Masks, lists and indices from the end, too.
    every = np.arange(n_samples)
    splits = [
        tuple(every[_as_index(part)] for part in split)
        for split in splitter.split(stand_in, y, groups)
    ]
    if not splits:
        raise ValueError("cv has no splits (left), but one is needed at least")
    return list(islice(cycle(splits), n_members))


def _as_index(part):
    """Rows that a split names as an index; of an empty list, one of integers."""
    part = np.asarray(part)
    return part if part.size else part.astype(int)


def _default_splitter(n_members, n_samples, labels, groups, fraction, random_state):
    if n_members == 1 and groups is None:
        if labels is None:
            size = max(round(fraction * n_samples), 1)
            return ShuffleSplit(1, test_size=size, random_state=random_state)
        # Every class needs a row on both sides.
        size = max(round(fraction * n_samples), len(np.unique(labels)))
        return StratifiedShuffleSplit(1, test_size=size, random_state=random_state)
    n_folds = _n_folds(n_samples, groups, fraction)
    if groups is not None:
        splitter = GroupKFold if labels is None else StratifiedGroupKFold
    else:
        splitter = KFold if labels is None else StratifiedKFold
    return splitter(n_folds, shuffle=True, random_state=random_state)


def _n_folds(n_samples, groups, fraction):
    n_units = n_samples if groups is None else len(np.unique(groups))
    return max(min(round(1 / fraction), n_units), 2)


def _strata(labels, n_members, groups, fraction):
    """Classes to stratify by; those that are too rare for it are left to chance."""
    needed = 2
    if n_members > 1 or groups is not None:
        needed = _n_folds(len(labels), groups, fraction)
    classes, strata, counts = np.unique(labels, return_inverse=True, return_counts=True)
    # Of several networks, those that are not validated on it are trained on it.
    if counts.min() == 1 and n_members == 1:
        warnings.warn(
            f"Class {str(classes[counts.argmin()])!r} has only 1 member: it is either "
            "trained or validated on.",
            UserWarning,
            stacklevel=2,
        )
    strata[np.isin(strata, np.flatnonzero(counts < needed))] = counts.argmax()
    enough = len(np.unique(strata)) * 2 <= len(labels)
    return strata if enough and counts.max() >= needed else None
