"""Weights of rows: checked, and how many rows each stands for."""

import numpy as np

from sklearn_snn._compat import _check_sample_weight
from sklearn_snn._powers_of_two import powers_of_two

#: If the largest weight is beyond these, sums and products may overflow or vanish.
_USUAL_WEIGHTS = 1e-100, 1e100

#: Whole weights beyond this are sizes, not numbers of repetitions.
_MOST_REPETITIONS = 1e9


def row_weights(sample_weight, X):
    """Weights of rows as float64, or None; a ValueError if none is positive."""
    if sample_weight is None:
        return None
    weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    smallest, largest = _USUAL_WEIGHTS
    if smallest < weight.max() < largest:
        return weight
    return weight / powers_of_two(weight)


def row_counts(weight, n_rows):
    """How many rows each row stands for.

    Whole weights are repetitions, as few as their ratios allow; others only say which
    rows count more, whatever their sum is.
    """
    if weight is None:
        return np.ones(n_rows)
    if np.array_equal(weight, np.floor(weight)) and weight.max() < _MOST_REPETITIONS:
        return weight / np.gcd.reduce(weight.astype(np.int64))
    # Weights that are all alike become exactly 1, whose sums are compared with numbers.
    return np.round(weight / weight[weight > 0].mean(), 9)
