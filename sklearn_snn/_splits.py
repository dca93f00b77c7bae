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
        cv = _default_splitter(
            n_members, n_samples, labels, groups, validation_fraction, random_state
        )
    splitter = check_cv(cv, labels, classifier=labels is not None)
    stand_in = np.zeros((n_samples, 1))
    y = np.zeros(n_samples) if labels is None else labels
    splits = list(splitter.split(stand_in, y, groups))
    return list(islice(cycle(splits), n_members))


def _default_splitter(n_members, n_samples, labels, groups, fraction, random_state):
    stratified = labels is not None and _can_stratify(labels)
    if n_members == 1 and groups is None:
        splitter = StratifiedShuffleSplit if stratified else ShuffleSplit
        # Every class needs a row on both sides.
        least = len(np.unique(labels)) if stratified else 1
        size = max(round(fraction * n_samples), least)
        return splitter(n_splits=1, test_size=size, random_state=random_state)
    n_folds = min(max(round(1 / fraction), 2), n_samples)
    if groups is not None:
        n_folds = min(n_folds, len(np.unique(groups)))
        splitter = StratifiedGroupKFold if stratified else GroupKFold
        return splitter(n_folds, shuffle=True, random_state=random_state)
    splitter = StratifiedKFold if stratified else KFold
    return splitter(n_folds, shuffle=True, random_state=random_state)


def _can_stratify(labels):
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() > 1 and 2 * len(classes) <= len(labels):
        return True
    rarest = classes[counts.argmin()]
    warnings.warn(
        f"The validation rows are not stratified, because class {rarest!r} has only "
        f"{counts.min()} member(s).",
        UserWarning,
        stacklevel=2,
    )
    return False
