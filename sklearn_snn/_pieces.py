"""Numbers beside themselves: a piecewise linear encoding, with kinks where data are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Pieces of all columns at most: where there are many columns, they have fewer each.
_MOST_PIECES = 1024

#: Rows for each piece of a column at least: small tables are over-fitted with more.
_LEAST_ROWS = 50

#: Pieces of a column beyond which each needs many more rows to be worth its time.
_FEW_PIECES, _MANY_ROWS = 16, 600

#: Deviation of a ramp from 0 to 1 below which it is left out, since hardly any row is
#: on one side of it.
_LEAST_DEVIATION = 1e-2


class PiecewiseLinear(NamedTuple):
    """Columns that are added to a table: ramps between quantiles of its numbers.

    Piece i of a row x is ``clip(slope[i] * x[column[i]] + shift[i], low[i], high[i])``:
    constant below its bin and above it, with mean 0 and variance 1 over the rows that
    it was learned from, as the network wants its inputs. With them the first layer can
    make any piecewise linear function of each number [1]_.

    Parameters
    ----------
    column : ndarray of int of shape (n_pieces,)
        Column of the table that a piece is of.
    slope, shift, low, high : ndarray of shape (n_pieces,)
        As above.

    References
    ----------
    .. [1] Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in
       Tabular Deep Learning", NeurIPS 2022, section 3.2.
    """

    column: NDArray[np.int64]
    slope: NDArray[np.floating]
    shift: NDArray[np.floating]
    low: NDArray[np.floating]
    high: NDArray[np.floating]


def learn_pieces(
    X: NDArray[np.floating],
    columns: NDArray[np.int64],
    n_bins: int,
    counts: NDArray[np.floating],
) -> PiecewiseLinear | None:
    """Pieces of some columns of a table.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The table as the network sees it.
    columns : ndarray of int
        Those to encode; one of two values gets no pieces, since it is a ramp already.
    n_bins : int
        Pieces of a column at most; fewer where there are many columns or few rows.
    counts : ndarray of shape (n_samples,)
        How many rows each row stands for.

    Returns
    -------
    pieces : PiecewiseLinear or None
        None if there are none.
    """
    n_rows = int(counts.sum())
    of_columns = _MOST_PIECES // max(len(columns), 1)
    of_rows = min(n_rows // _LEAST_ROWS, max(_FEW_PIECES, n_rows // _MANY_ROWS))
    n_bins = min(n_bins, of_columns, of_rows)
    if n_bins < 2:
        return None
    learned = [
        (column, *piece)
        for column in columns
        for piece in _pieces_of(X[:, column].astype(np.float64), n_bins, counts)
    ]
    if not learned:
        return None
    column, *fields = zip(*learned, strict=True)
    return PiecewiseLinear(
        np.array(column), *(np.array(field, dtype=X.dtype) for field in fields)
    )


def _pieces_of(
    x: NDArray[np.float64], n_bins: int, counts: NDArray[np.floating]
) -> list[tuple[float, float, float, float]]:
    """Slope, shift, low and high of each piece of a column."""
    values, index = np.unique(x, return_inverse=True)
    share = np.bincount(index, counts)
    values, share = values[share > 0], share[share > 0] / share.sum()
    edges = _edges(values, share, n_bins)
    if len(edges) < 3:
        return []
    pieces = []
    for start, width in zip(edges[:-1], np.diff(edges), strict=True):
        ramp = np.clip((values - start) / width, 0.0, 1.0)
        mean = share @ ramp
        deviation = np.sqrt(share @ (ramp - mean) ** 2)
        if deviation > _LEAST_DEVIATION:
            slope, low, high = np.array([1 / width, -mean, 1 - mean]) / deviation
            pieces.append((slope, low - start * slope, low, high))
    return pieces


def _edges(
    values: NDArray[np.float64], share: NDArray[np.float64], n_bins: int
) -> NDArray[np.float64]:
    """Ends of the bins of ordered values."""
    # Under the square root a value that most rows have, as 0 often is, is one edge and
    # not most of them; values that are all different are not affected.
    total = np.cumsum(np.sqrt(share))
    inner = np.arange(1, n_bins) / n_bins * total[-1]
    places = np.searchsorted(total, inner * (1 - 1e-12))
    return np.unique(values[[0, *places, -1]])
