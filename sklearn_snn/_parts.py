"""Parts of columns of numbers and dates: the value itself, its absence, its year."""

from itertools import groupby
from operator import itemgetter

import numpy as np

from sklearn_snn._scaling import Scaling, learn_indicator, learn_scaling

MICROSECONDS_OF_A_DAY = 24 * 60 * 60 * 10**6

#: What becomes of a date; each NaN where it is missing.
DATE_PARTS = {
    "year": lambda days: days.astype("M8[Y]").astype(np.float64),
    "month": lambda days: _since(days, "M8[M]", "M8[Y]"),
    "day": lambda days: _since(days, "M8[D]", "M8[M]"),
    # The first day of 1970 was a Thursday.
    "weekday": lambda days: (days.astype("M8[D]").astype(np.float64) + 3) % 7,
    "hour": lambda days: (days - days.astype("M8[D]")) / np.timedelta64(1, "h"),
    "days": lambda days: days.astype("M8[us]").astype(float) / MICROSECONDS_OF_A_DAY,
}

#: What becomes of a column, by its kind: None is the number itself.
PARTS = {
    "number": [None, "missing"],
    "duration": [None, "missing"],
    "date": [*DATE_PARTS, "missing"],
    "category": [],
}


def learn_parts(parts, read, weight):
    """How parts are scaled.

    Parameters
    ----------
    parts : list of tuple of int and str or None
        Numbers of columns, and what is made of them; those of a column are neighbours.
    read : callable
        Values of a column by its number.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    scaling : Scaling
    """
    learned = []
    for (_, part), values in zip(parts, _values(parts, read), strict=True):
        learn = learn_indicator if part == "missing" else learn_scaling
        learned.append(learn(values, weight))
    return Scaling.stack(learned)


def part_values(parts, read, n_samples):
    """Parts side by side, of shape (n_samples, n_parts); see `learn_parts`."""
    result = np.empty((n_samples, len(parts)))
    for k, values in enumerate(_values(parts, read)):
        result[:, k] = values
    return result


def number_parts(parts, values):
    """The same of numbers alone, whose columns are already side by side."""
    missing = [k for k, (_, part) in enumerate(parts) if part]
    values[:, missing] = np.isnan(values[:, missing])
    return values


def _values(parts, read):
    """Yield the values of each part; a column is read once for all of its own."""
    for j, of_column in groupby(parts, key=itemgetter(0)):
        values = read(j)
        for _, part in of_column:
            yield _part(values, part)


def _part(values, part):
    """A part of a column of numbers or dates."""
    if part is None:
        return values
    if part == "missing":
        return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
    return date_part(values, part)


def date_part(values, part):
    """Year, month, day, weekday (0 is Monday), hour or count of days of dates.

    Parameters
    ----------
    values : ndarray of datetime64 of shape (n_samples,)
        Dates.
    part : str
        A key of `DATE_PARTS`.

    Returns
    -------
    numbers : ndarray of float of shape (n_samples,)
        NaN where the date is missing.
    """
    return np.where(np.isnat(values), np.nan, DATE_PARTS[part](values))


def _since(values, unit, start):
    return (values.astype(unit) - values.astype(start).astype(unit)).astype(float) + 1
