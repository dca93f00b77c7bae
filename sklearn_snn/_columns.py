"""Columns of tables of any library: what they are, and their values as arrays."""

import sys
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import repeat
from numbers import Real

import numpy as np
from sklearn.utils import gen_batches

from sklearn_snn._compat import _safe_indexing

#: Rows of a table that are transformed at a time; and of a matrix, numbers, so that
#: they stay in the cache.
_BLOCK, _MATRIX_BLOCK = 2**14, 2**18

#: Kinds of columns by the type of an array.
_KINDS = dict.fromkeys("iuf", "number") | dict.fromkeys("bUST", "category")
_KINDS |= {"M": "date", "m": "duration"}

#: Durations as objects.
_DURATIONS = timedelta, np.timedelta64

#: Types of Python objects that go together in a column, and the kind of the column.
#: Durations become numbers, but not beside others, which have no unit.
_OBJECT_KINDS = {
    _DURATIONS: "duration",
    (Real, Decimal, np.bool_): "number",
    (str,): "category",
    (date, np.datetime64): "date",
}

#: What a level may be; anything else becomes a string.
_LEVEL_TYPES = str, Real, type(None)

#: How the names of types begin that are of categories, in any library.
_CATEGORIES = ("bool", "categor", "dictionary", "enum", "str")


def is_frame(X):
    """Whether a table has columns of types of their own."""
    return hasattr(X, "columns")


def column_name(X, j):
    """What column j is called: by its label in a frame of pandas, or by its number."""
    return _plain(X.columns[j]) if hasattr(X, "iloc") else j


def row_blocks(X, n_rows=None):
    """Yield slices of so many rows, and those rows of the table."""
    n_samples, n_columns = X.shape
    if n_rows is None:
        is_matrix = not is_frame(X) and X.dtype.kind == "f"
        n_rows = max(_MATRIX_BLOCK // n_columns, 1) if is_matrix else _BLOCK
    for rows in gen_batches(n_samples, n_rows):
        yield rows, X if n_samples <= n_rows else _safe_indexing(X, rows)


def column_kinds(X, names, mask=None):
    """What each column of a table is.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_features)
        The table.
    names : list
        Names of the columns, or their numbers.
    mask : ndarray of bool of shape (n_features,) or None, default=None
        Which columns are categories; None is those of such a type.

    Returns
    -------
    kinds : list of {"number", "duration", "category", "date"}

    Raises
    ------
    TypeError
        If a column holds objects that are neither strings, numbers nor dates.
    ValueError
        If a column of strings is said to be none of categories.
    """
    if mask is None:
        if isinstance(X, np.ndarray) and X.dtype.kind in "fiu":
            return ["number"] * len(names)
        return [_kind(*_array(X, j), name) for j, name in enumerate(names)]
    return [
        "category" if mask[j] else _kind_of_uncategorical(_array(X, j)[0], name)
        for j, name in enumerate(names)
    ]


def number_matrix(X, columns):
    """Columns of numbers as a matrix of floats, all at once.

    None where types are not numpy's own or a number is infinite: `numbers`, which takes
    up to thirty times as long, then says of a column what is wrong with it.
    """
    if isinstance(X, np.ndarray):
        if X.dtype.kind != "f":
            return None
        # Several times as fast as an index, which copies number by number.
        return np.take(X, columns, axis=1).astype(np.float64, copy=False)
    if not hasattr(X, "iloc"):
        return None
    types = X.dtypes.to_numpy()[columns]
    if not all(isinstance(one, np.dtype) and one.kind in "iuf" for one in types):
        return None
    values = X.iloc[:, columns].to_numpy(np.float64, copy=True)
    return None if np.isinf(values).any() else values


@np.errstate(over="ignore")  # what is too large is refused as infinity
def numbers(X, j, name, kind, is_known):
    """A column of numbers or timedeltas (in days) as floats, NaN where missing.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_features)
        The table.
    j : int
        Number of the column.
    name : str or int
        Its name.
    kind : {"number", "duration"}
        What it may hold.
    is_known : bool
        Whether it has held any value so far; if not, those of another kind are missing.

    Returns
    -------
    values : ndarray of float of shape (n_samples,)

    Raises
    ------
    ValueError
        If the column holds something else, or infinity.
    """
    values = _values_of_kind(X, j, name, kind, is_known)
    if values.dtype.kind == "O":
        values = _from_objects(values, name)
    if values.dtype.kind == "m":
        if np.datetime_data(values.dtype)[0] in ("Y", "M", "generic"):
            values = values.astype("m8[us]")  # those have no length in days
        return values / np.timedelta64(1, "D")  # NaT becomes NaN
    values = values.astype(np.float64, copy=False)
    if np.isinf(values).any():
        raise ValueError(
            "Input X contains infinity or a value too large for dtype('float64').\n"
            f"Column {name!r} holds {examples(values[np.isinf(values)])}."
        )
    return values


def dates(X, j, name, kind, is_known):
    """A column of dates or timestamps (in UTC), NaT where missing; see `numbers`."""
    values = _values_of_kind(X, j, name, kind, is_known)
    if values.dtype.kind == "O":
        known = np.where(missing_values(values), None, values)
        values = np.fromiter(map(_without_zone, known), object, len(known))
        return values.astype("M8[us]")
    made = values.astype("M8[us]")
    if np.can_cast(values.dtype, made.dtype):  # finer ones are cut off
        is_far = ~np.isnat(values) & (made.astype(values.dtype) != values)
        if is_far.any():  # numpy lets them wrap around
            raise ValueError(
                f"Column {name!r} holds {examples(values[is_far])}, which is too far "
                "from 1970 to be counted in microseconds."
            )
    return made


def _without_zone(value):
    """A date or timestamp; in UTC if it has had a zone."""
    offset = value.utcoffset() if isinstance(value, datetime) else None
    if offset is None:
        return value
    # Python's own have no room at the edges of the calendar.
    return np.datetime64(value.replace(tzinfo=None)) - np.timedelta64(offset)


def levels(X, j):
    """A column of categories as Python objects, None where missing; see `numbers`."""
    values, _ = _array(X, j, is_exact=True)
    is_missing = missing_values(values)
    if values.dtype.kind in "mM":  # nanoseconds would be integers
        values = values.astype(f"{values.dtype.kind}8[us]")
    values = values.astype(object)
    values[is_missing] = None
    types = set(map(type, values))
    if np.bool_ in types:
        plain = (bool(one) if isinstance(one, np.bool_) else one for one in values)
        values = np.fromiter(plain, object, len(values))
        types = set(map(type, values))
    if not all(issubclass(one, _LEVEL_TYPES) for one in types):
        named = (one if isinstance(one, _LEVEL_TYPES) else str(one) for one in values)
        values = np.fromiter(named, object, len(values))
    return values


def check_level_types(values, is_text, name):
    """Refuse strings where levels have been numbers, and numbers where strings."""
    strange = [
        value
        for value in values
        if value is not None and isinstance(value, str) != is_text
    ]
    if strange:
        raise ValueError(
            f"column {name!r} held {'string' if is_text else 'number'}s in fit, but "
            f"now it holds {examples(strange)}; convert it to the type that it had"
        )


def level_codes(values, index, unknown):
    """Codes of levels from a dict; `unknown` for those that it lacks."""
    codes = map(index.get, values, repeat(unknown))
    return np.fromiter(codes, np.intp, len(values))


def examples(values):
    """Up to three different values, as a person would write them."""
    shown = dict.fromkeys(repr(_plain(value)) for value in values[:1000])
    return ", ".join(list(shown)[:3])


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def _array(X, j, *, is_exact=False):
    """Column j as an array, and whether its type says that it is of categories.

    Integers become floats where some are missing, unless all are to be exact.
    """
    if isinstance(X, np.ndarray):
        return X[:, j], False
    column = _column(X, j)
    dtype = getattr(column, "dtype", getattr(column, "type", None))
    type_name = str(dtype).lower()
    is_category = type_name.startswith(_CATEGORIES)
    is_category &= not type_name.startswith("struct")
    is_integer = is_exact and type_name.startswith(("int", "uint"))
    if hasattr(column, "to_pylist") and (is_category or is_integer):
        # Where a level is missing pyarrow's array has another one.
        return np.array(column.to_pylist(), dtype=object), is_category
    if is_exact and hasattr(dtype, "ordered") and dtype.categories.dtype.kind in "iu":
        codes = column.cat.codes.to_numpy()  # the array may be of floats likewise
        values, is_known = np.full(len(codes), None), codes >= 0
        values[is_known] = dtype.categories.take(codes[is_known]).to_numpy(object)
        return values, is_category
    # Types of pandas' own say what stands for missing; others are numpy's.
    if not hasattr(dtype, "na_value") or is_category:
        if is_integer and hasattr(column, "to_list"):
            return np.array(column.to_list(), dtype=object), False
        return _one_dimensional(np.asarray(column)), is_category
    if dtype.kind in "iuf" and not is_integer:
        return column.to_numpy(np.float64, na_value=np.nan), False
    if dtype.kind in "mM" and not str(dtype).startswith(("date32", "date64")):
        unit = "ns" if str(dtype).startswith("duration[ns]") else "us"
        return column.to_numpy(f"{dtype.kind}8[{unit}]"), False
    return column.to_numpy(object), False


def _one_dimensional(values):
    """A column, of which values that are arrays themselves become objects."""
    if values.ndim == 1:
        return values
    objects = np.empty(len(values), dtype=object)
    objects[:] = list(values)
    return objects


def _column(X, j):
    """Column j of a frame, by its library's own way.

    The general one takes ten times as long, and with pyarrow a time that grows with the
    number of columns.
    """
    if hasattr(X, "iloc"):
        return X.iloc[:, j]
    if hasattr(X, "to_series"):  # polars
        return X.to_series(j)
    return X.column(j) if hasattr(X, "column") else _safe_indexing(X, j, axis=1)


def _kind(values, is_category, name):
    if is_category:
        return "category"
    if values.dtype.kind == "O":
        return _kind_of_objects(values, name) or "number"
    if values.dtype.kind not in _KINDS:
        raise ValueError(f"Complex data not supported\nColumn {name!r} holds it.")
    return _KINDS[values.dtype.kind]


def _kind_of_objects(values, name):
    """The kind of a column by its objects; None if all are missing."""
    known = values[~missing_values(values)]
    types = set(map(type, known))
    groups = set(map(_types_beside, types))
    if not groups:
        return None
    if len(groups) == 1 and None not in groups:
        return _OBJECT_KINDS[groups.pop()]
    if any(issubclass(one, complex) for one in types):
        raise ValueError(f"Complex data not supported\nColumn {name!r} holds it.")
    if len(types) == 1:
        raise TypeError(
            "argument must be a string or a number: there is no reading of objects of "
            f"type {types.pop().__name__}.\nColumn {name!r} holds {examples(known)}.\n"
            f"Convert it, for example with X[{name!r}].astype(str), or list it in "
            "categorical_features."
        )
    different = [next(v for v in known if type(v) is one) for one in types]
    shown = examples(sorted(different, key=str) + list(known))
    raise TypeError(
        "argument must be a string or a number: the objects of a column must be all "
        "strings, all numbers, all durations or all dates.\n"
        f"Column {name!r} holds {shown}.\nConvert it to one type, for example with "
        f"X[{name!r}].astype(str), or leave it out."
    )


def _types_beside(one):
    """The types that may be in a column with this one; None if it is of no kind."""
    return next((group for group in _OBJECT_KINDS if issubclass(one, group)), None)


def _kind_of_uncategorical(values, name):
    kind = _kind(values, False, name)
    if values.dtype.kind == "b":
        return "number"
    if kind == "category":
        raise ValueError(
            f"could not convert string to float: column {name!r} is not among "
            f"categorical_features, but holds {examples(values)}; add it, or use "
            "categorical_features='from_dtype'"
        )
    return kind


def _values_of_kind(X, j, name, kind, is_known):
    """Column j, refused if it is of another kind."""
    values, _ = _array(X, j)
    if values.dtype.kind == "O":
        found = _kind_of_objects(values, name) or kind
    else:
        found = "number" if values.dtype.kind == "b" else _kind(values, False, name)
    if found == kind:
        return values
    # What is all missing has no kind, whatever the type says.
    if not is_known or missing_values(values).all():
        return np.full(len(values), None)
    raise ValueError(
        f"column {name!r} held {kind}s in fit, but now it holds "
        f"{examples(values)}; convert it to the type that it had"
    )


def _from_objects(values, name):
    """Objects that are numbers, or else timedeltas, as floats or timedeltas."""
    is_missing = missing_values(values)
    known = values[~is_missing]
    if any(issubclass(one, _DURATIONS) for one in set(map(type, known))):
        return np.where(is_missing, None, values).astype("m8[us]")
    result = np.full(len(values), np.nan)
    try:
        result[~is_missing] = known.astype(np.float64)
    except OverflowError as error:  # of Python's integers
        raise ValueError(f"{error}\nColumn {name!r} holds it.") from error
    return result


def missing_values(values):
    """Where values are None, NaN, NaT or pandas' NA."""
    if values.dtype.kind in "biuUST":
        return np.zeros(len(values), dtype=bool)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    # Without pandas there cannot be its NA, the only one that is neither equal to
    # itself nor different.
    pandas = sys.modules.get("pandas")
    with localcontext(traps=[]):  # a signalling NaN of Decimal is compared as another
        if pandas is not None:
            return pandas.isna(values)
        return (values == None) | (values != values)  # noqa: E711
