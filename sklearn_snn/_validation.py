"""Reading of tables, with errors that name the column."""

import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data

from sklearn_snn._columns import column_name, examples, is_frame
from sklearn_snn._compat import _get_feature_names

_NUMBERS = {"accept_sparse": "csr", "dtype": (np.float64, np.float32)}

#: What arrays of a kind become that has nothing for missing values.
_TYPES_WITH_GAPS = dict.fromkeys("biu", np.float64) | dict.fromkeys("SU", object)

#: What is too large becomes infinite, and is refused in words of ours.
_quietly = partial(np.errstate, over="ignore", invalid="ignore")

#: Root mean square of an input beyond which steps are likely to be too long.
_LARGEST_INPUT = 1000.0


@_quietly()
def numeric_table(estimator, X, *, reset):
    """A table as float64 or float32, with features checked against the estimator's.

    Parameters
    ----------
    estimator : estimator instance
        Gets ``n_features_in_`` and ``feature_names_in_``, or is asked for them.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The table; integers, booleans and objects that are numbers become float64.
    reset : bool
        Whether the estimator is being fitted.

    Returns
    -------
    X : ndarray or CSR matrix of shape (n_samples, n_features)

    Raises
    ------
    ValueError, TypeError
        scikit-learn's own, with the columns at fault and some of their values.
    """
    if not reset and _is_ready(estimator, X):
        return X
    X = _unmasked(X)
    try:
        return validate_data(estimator, X, reset=reset, **_NUMBERS)
    except (ValueError, TypeError, OverflowError) as error:
        raise _with_columns(error, X, advice=_ADVICE) from error


def _is_ready(estimator, X):
    """Whether `validate_data`, which takes longer than a row, would return `X`."""
    return (
        _is_checked(X, _NUMBERS["dtype"])
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
    )


def _is_checked(X, dtypes):
    """Whether `check_array` would return `X`: an array of finite numbers."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in dtypes
        and X.size > 0
        and bool(np.isfinite(X.sum()))
    )


_ADVICE = (
    "Use TabularPreprocessor, or another transformer that makes numbers of it such as "
    "OneHotEncoder or SimpleImputer, in a Pipeline or as `preprocessor`."
)


@_quietly()
def any_table(estimator, X, *, reset):
    """A table with columns of any kind, whose features are the estimator's.

    Parameters
    ----------
    estimator : estimator instance
        Gets ``n_features_in_`` and ``feature_names_in_``, or is asked for them.
    X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
        The table.
    reset : bool
        Whether the estimator is being fitted.

    Returns
    -------
    X : DataFrame, ndarray or CSR matrix of shape (n_samples, n_features)
        A DataFrame is the one that was given. An array is of floats, perhaps NaN but
        not infinite; or of objects, strings or dates.
    """
    if issparse(X):
        return numeric_table(estimator, X, reset=reset)
    if hasattr(type(X), "collect"):  # of polars, which has no rows yet
        raise TypeError(
            f"X must be a table in memory, got a {type(X).__name__}; pass X.collect()"
        )
    if not reset and _is_ready(estimator, X):
        return X
    if is_frame(X):
        if 0 in X.shape:  # an error in scikit-learn's own words
            check_array(np.empty(X.shape))
        return validate_data(estimator, X, reset=reset, skip_check_array=True)
    X = _with_types(_unmasked(X))
    if getattr(X.dtype, "kind", "f") in "OUSTMm":
        return validate_data(
            estimator, X, reset=reset, dtype=None, ensure_all_finite=False
        )
    try:
        return validate_data(
            estimator, X, reset=reset, ensure_all_finite="allow-nan", **_NUMBERS
        )
    except (ValueError, OverflowError) as error:
        raise _with_columns(
            error, X, "Replace it, for example by NaN, or drop the rows.", np.isinf
        ) from error


def _unmasked(X):
    """An array without a mask: what was masked is missing, as it is in a frame."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    X = X.astype(_TYPES_WITH_GAPS.get(X.dtype.kind, X.dtype))
    return X.filled(np.array(None, dtype=X.dtype))


def _with_types(X):
    """A list as an array; of objects, where numpy would make strings of numbers."""
    if hasattr(X, "dtype"):
        return X
    array = np.asarray(X)
    return np.array(X, dtype=object) if array.dtype.kind in "US" else array


@_quietly()
def transformed_table(X, dtype):
    """What a preprocessor returned, as an array or CSR matrix."""
    if _is_checked(X, (dtype,)):
        return X
    try:
        return check_array(X, accept_sparse="csr", dtype=dtype)
    except (ValueError, TypeError) as error:
        raise _with_columns(
            error, X, advice="The network sees what `preprocessor` returns."
        ) from error


@_quietly()
def numeric_target(y, **checks):
    """A target as float64; `checks` are those of scikit-learn's `check_array`."""
    try:
        return check_array(y, dtype=np.float64, input_name="y", **checks)
    except (ValueError, TypeError, OverflowError) as error:
        if str(error).startswith("Input y"):
            raise
        if str(error).startswith("Found array"):
            raise ValueError(f"y has a shape that no target has: {error}") from error
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"y must hold numbers: {error}") from error


@contextmanager
def of_one_type(what, kind=TypeError):
    """Say what must be of one type where values of several cannot be sorted.

    Parameters
    ----------
    what : str
        What must be so, for example "y must hold labels".
    kind : type, default=TypeError
        Type of the error.
    """
    try:
        yield
    except TypeError as error:  # strings are not less than numbers
        message = f"{what} of one type: {error}"
        raise kind(message) from error


def _with_columns(error, X, advice, is_at_fault=lambda column: ~np.isfinite(column)):
    """The same error, with the columns that have values of the wrong kind."""
    lines = [
        f"Column {name!r} holds {examples(values)}."
        for name, values in _columns_at_fault(X, is_at_fault)
    ]
    if not lines or str(error).startswith("The feature names"):
        return error
    if len(lines) > 3:
        lines[3:] = [f"So do {len(lines) - 3} more columns."]
    # scikit-learn goes on to recommend other estimators.
    message = str(error).splitlines()[0]
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind("\n".join([message, *lines, advice]))


def _columns_at_fault(X, is_at_fault):
    """Names and values of columns that are not finite numbers."""
    if issparse(X) or np.ndim(X) != 2:
        return
    names = _get_feature_names(X)
    table = np.asarray(X)
    is_numeric = table.dtype.kind in "fiub"
    for j, column in enumerate(table.T):
        if is_numeric:
            column = column[is_at_fault(column.astype(np.float64, copy=False))]
        faulty = [value for value in column if not _is_finite_number(value)]
        if faulty:
            yield (column_name(X, j) if names is None else names[j]), faulty


def _is_finite_number(value):
    if np.iscomplexobj(value):  # numpy would only warn
        return False
    try:
        return bool(np.isfinite(float(value)))
    except (TypeError, ValueError, OverflowError):
        return False


@_quietly()
def warn_of_scale(X, names):
    """Warn if columns that a network sees are far from mean 0 and variance 1.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        What the network sees.
    names : ndarray of str of shape (n_features,) or None
        Names of the columns, if they have any.
    """
    sizes = _root_mean_squares(X)
    largest = sizes.argmax()
    if sizes[largest] <= _LARGEST_INPUT:
        return
    column = int(largest) if names is None else names[largest]
    warnings.warn(
        f"column {column!r} of what the network sees has a root mean square of "
        f"{sizes[largest]:.2g}, where 1 is wanted: training may fail; scale X "
        "(preprocessor='auto' does)",
        UserWarning,
        stacklevel=2,
    )


def _root_mean_squares(X):
    """Of each column, of shape (n_features,)."""
    if issparse(X):
        total = np.bincount(X.indices, np.square(X.data, dtype=float), X.shape[1])
    else:
        total = np.einsum("ij,ij->j", X, X, dtype=np.float64)
    return np.sqrt(total / X.shape[0])


def check_columns(y, n_columns):
    """Check that a target has the columns of the one that was trained on.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The target.
    n_columns : int or None
        Their number; None for a target of one dimension.

    Raises
    ------
    ValueError
        If the shape is another.
    """
    if y.shape[1:] != (() if n_columns is None else (n_columns,)):
        wanted = "(n,)" if n_columns is None else f"(n, {n_columns})"
        raise ValueError(f"y must have shape {wanted} as before, got {y.shape}")
