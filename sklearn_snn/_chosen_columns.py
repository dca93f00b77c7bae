"""Which columns `categorical_features` says are categories."""

from collections.abc import Collection
from numbers import Integral

import numpy as np

from sklearn_snn._columns import is_frame

#: What entries of `categorical_features` may be; a boolean is an integer, too.
_CHOICES = ("mask", (bool, np.bool_)), ("index", Integral), ("name", str)


def category_mask(categorical_features, names):
    """Which columns are said to be categories.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like of str, int or bool
        Those of such a type, none, or names, indices or a mask.
    names : list
        Names of the columns, or their numbers; only strings can be chosen by name.

    Returns
    -------
    mask : ndarray of bool of shape (n_features,) or None
        None where types say which.

    Raises
    ------
    ValueError
        If the columns that are named are not there, or are named in several ways.
    """
    if isinstance(categorical_features, str):
        return None
    n_features = len(names)
    mask = np.zeros(n_features, dtype=bool)
    if categorical_features is None:
        return mask
    chosen, choices = _chosen(categorical_features)
    if choices == {"mask"}:
        if len(chosen) != n_features:
            raise ValueError(
                "categorical_features must have one entry for each of the "
                f"{n_features} columns where it is a mask, got {len(chosen)}"
            )
        return np.array(chosen, dtype=bool)
    if choices == {"name"}:
        if unknown := [str(name) for name in chosen if name not in names]:
            raise ValueError(
                f"categorical_features names columns that X lacks: {unknown}"
            )
        chosen = [names.index(name) for name in chosen]
    if not all(-n_features <= j < n_features for j in chosen):
        raise ValueError(
            f"categorical_features must be indices of the {n_features} columns, which "
            "count from 0 even where columns are called by numbers, got "
            f"{list(map(int, chosen))}"
        )
    mask[chosen] = True
    return mask


def _chosen(categorical_features):
    """Entries of `categorical_features`, and the set with what all of them are."""
    given = categorical_features
    if hasattr(given, "tolist"):  # arrays of any library
        given = given.tolist()
    if is_frame(given) or not isinstance(given, Collection):
        given = [None]  # which is nothing that may be chosen
    chosen = list(given)
    choices = set(map(_choice, chosen))
    if len(choices) > 1 or None in choices:
        raise ValueError(
            "categorical_features must be a list of names only, or of indices only, or "
            f"a mask of booleans, got {categorical_features!r}"
        )
    return chosen, choices


def _choice(one):
    """What an entry of `categorical_features` is; None if it is nothing that may be."""
    return next((name for name, types in _CHOICES if isinstance(one, types)), None)
