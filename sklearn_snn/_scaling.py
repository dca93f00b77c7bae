"""Numbers on one scale, whatever their units, outliers and gaps."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

#: Robust deviations at which the smooth clip bends; no value gets beyond them.
_BEND = 3.0

#: Deviations beyond which a value is cut off: far from any data, near enough for the
#: network's sums to stay finite.
FARTHEST = 1e6

#: Share of its range below which the deviation of a column is not taken for its scale:
#: an indicator of 0.1 % of the rows would be 32 deviations away from the others, and
#: the rows that have it would rule the network's first layer. So none is beyond 10.
LEAST_SCALE = 0.1

#: Scales below this cannot be divided by.
_SMALLEST = np.finfo(np.float64).tiny

#: Numbers of a sparse table that are worked on at a time.
_BLOCK = 2**20


class Scaling(NamedTuple):
    """How columns of numbers are put on one scale: robustly, then exactly.

    Of a value it makes ``z = (x - location) * slope``, then ``z / sqrt(1 + (z /
    bend)**2)``, which is made mean 0 and variance 1 by `center` and `scale`. All fields
    are ndarrays of shape (n_columns,).
    """

    location: np.ndarray
    slope: np.ndarray  # 0 for a constant column
    bend: np.ndarray  # infinite for a straight line
    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def stack(cls, columns):
        """One for all of these columns, each a Scaling of scalars."""
        if not columns:
            return cls(*np.empty((5, 0)))
        return cls(
            *(np.array(field, dtype=float) for field in zip(*columns, strict=True))
        )

    def apply(self, X):
        """Rows of shape (n_samples, n_columns) on the scale; missing ones are 0."""
        z = _squash(X, self.location, self.slope, self.bend)
        z -= self.center
        z *= inverse(self.scale)
        np.copyto(z, 0.0, where=np.isnan(z))
        return np.clip(z, -FARTHEST, FARTHEST, out=z)

    def apply_sparse(self, X, dtype):
        """A sparse table, scaled but not centred."""
        data = np.empty(X.nnz, dtype=dtype)
        for some in gen_batches(max(X.nnz, 1), _BLOCK):
            with np.errstate(over="ignore"):
                block = X.data[some] * self.slope[X.indices[some]]
            data[some] = np.clip(block, -FARTHEST, FARTHEST)
        # Of its own: what is done to the result in place must not reach the table.
        pattern = X.indices.copy(), X.indptr.copy()
        return type(X)((data, *pattern), shape=X.shape)

    def settled(self, new):
        """The same, with columns that have been constant so far as in a new one."""
        middle, half = _step(self.location, new.location)
        step = Scaling(middle, inverse(half), np.inf, 0.0, np.sign(half))
        return Scaling(
            *(
                np.where(self.slope != 0, old, np.where(new.slope != 0, *others))
                for old, *others in zip(self, new, step, strict=True)
            )
        )


def learn_scaling(values, weight=None):
    """Robust scale with a smooth clip, for one column.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Numbers; NaN is missing.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows; whole numbers count as repetitions.

    Returns
    -------
    scaling : Scaling of scalars
    """
    if weight is None:
        ordered = np.sort(values.astype(np.float64))
    else:
        order = np.argsort(values)
        order = order[weight[order] > 0]
        ordered, weight = values[order].astype(np.float64), weight[order]
    n_known = len(ordered) - np.count_nonzero(np.isnan(ordered))
    if n_known == 0:
        return _constant(np.nan)
    ordered = ordered[:n_known]
    weight = None if weight is None else weight[:n_known]
    low, median, high = _quantiles(ordered, weight, (0.25, 0.5, 0.75))
    # Half of it, since the range may be greater than the greatest number.
    half_width = 0.5 * high - 0.5 * low
    if half_width < _SMALLEST:
        half_width = _typical_distance(ordered, median, weight)
    if half_width < _SMALLEST:
        return _constant(median)
    slope = 0.5 / half_width
    z = _squash(ordered, median, slope, _BEND)
    center = np.average(z, weights=weight)
    deviation = np.sqrt(np.average((z - center) ** 2, weights=weight))
    scale = np.maximum(deviation, LEAST_SCALE * np.ptp(z))
    return Scaling(median, slope, _BEND, center, scale)


def _typical_distance(ordered, median, weight):
    """Half the median distance of those that are not where most are; 0 if all are."""
    distance = np.abs(0.5 * ordered - 0.5 * median)
    order = np.argsort(distance, kind="stable")
    order = order[distance[order] >= _SMALLEST]
    if not len(order):
        return 0.0
    weight = None if weight is None else weight[order]
    return _quantiles(distance[order], weight, (0.5,))[0]


def learn_indicator(values, weight=None):
    """Mean and deviation of one column of 0 and 1, as a straight line.

    Parameters
    ----------
    values : ndarray of bool of shape (n_samples,)
        The column.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    scaling : Scaling of scalars
    """
    share = np.average(values, weights=weight)
    if share in (0, 1):
        return _constant(share)
    center, scale = share_moments(np.array([0.0, 1.0]), [1 - share, share])
    return Scaling(0, 1, np.inf, center, scale)


def share_moments(values, share):
    """Mean and scale of columns whose values have known shares of the rows.

    Parameters
    ----------
    values : ndarray of shape (n_values,) or (n_values, n_columns)
        Values that rows can have.
    share : array-like of shape (n_values,)
        Their shares; they sum to 1.

    Returns
    -------
    center, scale : ndarray of shape (n_columns,), or scalar
        The scale is at least a tenth of the range, and 0 for a constant column.
    """
    share = np.asarray(share)
    center = share @ values
    deviation = np.sqrt(share @ (values - center) ** 2)
    occurring = values[share > 0]
    extent = np.ptp(occurring, axis=0)
    is_rounded = extent <= 1e-12 * np.abs(occurring).max(axis=0)
    scale = np.maximum(deviation, LEAST_SCALE * extent)
    return center, np.where(is_rounded, 0.0, scale)


def standardised(values, center, scale):
    """Values less their mean, over their scale; 0 where that is 0."""
    return (values - center) * inverse(scale)


def settle(old, new):
    """Location and scale after more data: only those that were unknown change.

    Parameters
    ----------
    old, new : tuple of two ndarrays of shape (n,)
        Location, and scale, which is 0 where all values have been equal.

    Returns
    -------
    location, scale : ndarray of shape (n,)
    """
    (location, scale), (new_location, new_scale) = old, new
    step = _step(location, new_location)
    learned = np.where(new_scale == 0, step, (new_location, new_scale))
    location, scale = np.where(scale == 0, learned, (location, scale))
    return location, scale


def learn_sparse_scaling(X, weight=None):
    """Means and deviations of the columns of a CSR matrix, as straight lines.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_columns)
        Numbers.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    scaling : Scaling
    """
    if not X.has_canonical_format:  # entries of one place are a sum
        X = X.copy()
        X.sum_duplicates()
    weight = np.ones(X.shape[0]) if weight is None else weight
    if not weight.all():  # a row that does not count does not make a column vary
        X, weight = X[weight > 0], weight[weight > 0]
    least, greatest = (
        getattr(X, extreme)(axis=0).toarray().ravel().astype(np.float64)
        for extreme in ("min", "max")
    )
    # Squares of 1e200 overflow, squares of 1e-200 vanish: work with peaks of 1.
    peak = np.maximum(np.abs(least), np.abs(greatest))
    peak[peak < _SMALLEST] = 1.0
    mean, variance = _sparse_moments(X, weight / weight.sum(), peak)
    is_constant = least == greatest
    scale = np.sqrt(variance) * peak
    ones = np.ones_like(scale)
    return Scaling(
        location=np.where(is_constant, least, mean * peak),
        slope=inverse(np.where(is_constant | (scale < _SMALLEST), 0.0, scale)),
        bend=np.inf * ones,
        center=0 * ones,
        scale=ones,
    )


def _sparse_moments(X, share, peak):
    n_rows = max(_BLOCK * X.shape[0] // max(X.nnz, 1), 1)

    def weighted_sum(function):
        """Sum over the numbers that are there, by column."""
        total = np.zeros(X.shape[1])
        for rows in gen_batches(X.shape[0], n_rows):
            part = X[rows]
            values = function(part.data / peak[part.indices], part.indices)
            weight = np.repeat(share[rows], np.diff(part.indptr))
            total += np.bincount(part.indices, weight * values, minlength=len(total))
        return total

    mean = weighted_sum(lambda x, column: x)
    variance = weighted_sum(lambda x, column: (x - mean[column]) ** 2)
    present = weighted_sum(lambda x, column: np.ones_like(x))
    return mean, variance + np.maximum(1 - present, 0) * mean**2


def _quantiles(ordered, weight, shares):
    """Values below which shares of the weight are; between two of them, their mean."""
    total = np.arange(1, len(ordered) + 1) if weight is None else np.cumsum(weight)
    wanted = np.array(shares) * total[-1]
    last = len(ordered) - 1
    # Sums of fractions are not exact.
    below, above = (
        ordered[np.minimum(np.searchsorted(total, wanted * (1 + sign * 1e-12)), last)]
        for sign in (-1, 1)
    )
    return 0.5 * below + 0.5 * above


def _squash(x, location, slope, bend):
    """Robust deviations, clipped smoothly."""
    with np.errstate(over="ignore", invalid="ignore"):
        z = x - location
        z *= slope
    np.clip(z, -FARTHEST, FARTHEST, out=z)
    bent = z / bend
    bent *= bent
    bent += 1.0
    z /= np.sqrt(bent, out=bent)
    return z


def _step(one, other):
    """Location and scale that put two constants, of any columns, at -1 and 1.

    The scale is 0 where they are equal. NaN is a constant that is not known.
    """
    one, other = (
        np.where(np.isnan(mine), others, mine)
        for mine, others in ((one, other), (other, one))
    )
    half = np.abs(0.5 * one - 0.5 * other)
    return 0.5 * one + 0.5 * other, np.where(half < _SMALLEST, 0.0, half)


def _constant(value):
    return Scaling(value, 0.0, np.inf, 0.0, 0.0)


def inverse(scale):
    """1 over a scale, 0 where that is 0."""
    return np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
