"""Which rows each member of an ensemble is trained on, and which it is validated on."""

import warnings
from itertools import cycle, islice
from numbers import Integral

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

from sklearn_snn._validation import of_one_type


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
        Groups of rows that stay together, unless `cv` is a splitter that ignores them.
    cv : int, cross-validation generator, iterable or None
        Splits, a number of folds, or None for the default ones.
    validation_fraction : float
        Share of the rows that the default ones hold out.
    random_state : RandomState instance
        Shuffles the default ones.

    Returns
    -------
    splits : list of tuple of two ndarrays
        Rows to train on and rows to validate on.

    Raises
    ------
    ValueError
        If `groups` cannot be told apart or are one, if `validation_fraction` leaves no
        rows to train on, or if `cv` gives nothing, or other things than pairs of rows.
    """
    is_ours = cv is None or isinstance(cv, Integral)
    if is_ours and groups is not None:
        groups = _group_numbers(groups)
    if cv is None:
        if labels is not None:
            labels = _strata(labels, n_members, groups, validation_fraction)
        cv = _default_splitter(
            n_members, n_samples, labels, groups, validation_fraction, random_state
        )
    elif is_ours and groups is not None:
        cv = _group_splitter(labels)(cv)
    found = cv
    if is_ours or hasattr(cv, "split"):
        splitter = check_cv(cv, labels, classifier=labels is not None)
        y = np.zeros(n_samples) if labels is None else labels
        found = splitter.split(np.zeros((n_samples, 1)), y, groups)
    splits = [_rows_of(split, n_samples) for split in islice(found, n_members)]
    if not splits:
        raise ValueError("cv has no splits (left), but one is needed at least")
    return list(islice(cycle(splits), n_members))


def _group_numbers(groups):
    """Groups as numbers; of one group nothing can be held out."""
    with of_one_type("groups must hold names", ValueError):
        names, numbers = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"groups must be two at least, one of which is held out, got {names} only"
        )
    return numbers


def _rows_of(split, n_samples):
    """Rows to train on and to hold out, of masks, lists and indices from the end."""
    every = np.arange(n_samples)
    try:
        train, held_out = (every[_as_index(part)] for part in split)
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(
            "cv must give pairs of training and test rows, each as indices or a mask "
            f"of {n_samples} rows: {error}"
        ) from error
    return train, held_out


def _as_index(part):
    """Rows that a split names as an index; of an empty list, one of integers."""
    part = np.asarray(part)
    return part if part.size else part.astype(int)


def _default_splitter(n_members, n_samples, labels, groups, fraction, random_state):
    if n_members == 1 and groups is None:
        # Every class needs a row on both sides.
        n_classes = 1 if labels is None else len(np.unique(labels))
        size = max(round(fraction * n_samples), n_classes)
        if n_samples - size < n_classes:
            raise ValueError(
                f"validation_fraction={fraction} holds out {size} of n_samples="
                f"{n_samples}, but {n_classes} or more must be left to train on"
            )
        splitter = ShuffleSplit if labels is None else StratifiedShuffleSplit
        return splitter(1, test_size=size, random_state=random_state)
    n_folds = _n_folds(n_samples, groups, fraction)
    if groups is not None:
        splitter = _group_splitter(labels)
    else:
        splitter = KFold if labels is None else StratifiedKFold
    return splitter(n_folds, shuffle=True, random_state=random_state)


def _group_splitter(labels):
    return GroupKFold if labels is None else StratifiedGroupKFold


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
