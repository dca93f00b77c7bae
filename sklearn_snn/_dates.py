"""Parts of dates: year, month, day, weekday, hour and a count of days."""

import numpy as np

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
