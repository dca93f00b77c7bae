"""Tables, targets and weights as bad as they come, and what must come of them.

Strategies of hypothesis draw the kinds of columns, of containers and of targets;
numbers follow from a seed, since which digits they have is not what breaks anything.
"""

import copy
import re
import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix, issparse
from sklearn.base import is_classifier
from sklearn.exceptions import DataConversionWarning, UndefinedMetricWarning

from sklearn_snn import SNNClassifier, SNNRegressor, TabularPreprocessor

# Columns ----------------------------------------------------------------------------

SCALES = [1e-310, 1e-300, 1e-40, 1e-5, 1.0, 1e5, 1e19, 1e40, 1e300]
WORDS = ["", " ", "é", "日本", "🙂", "a\0b", "nan", "None", "1.5", "<b>", "x" * 500]
ODD = [b"bytes", (1, 2), frozenset(), object, 1j, Fraction(1, 3), 10**400, range(3)]


def numbers(rng, n, scale=1.0):
    return rng.normal(size=n) * scale


def with_gaps(values, rng, gap):
    values = values.copy()
    values[rng.random(len(values)) < 0.3] = gap
    return values


def objects(values):
    """An array of objects, even of tuples."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def chosen(rng, n, values):
    return objects([values[i] for i in rng.integers(len(values), size=n)])


def extremes_of(dtype):
    info = np.iinfo(dtype)
    return lambda rng, n: rng.choice(np.array([info.min, info.max, 1], dtype), n)


COLUMNS = {
    **{f"of {scale:g}": lambda rng, n, s=scale: numbers(rng, n, s) for scale in SCALES},
    "of all scales": lambda rng, n: numbers(rng, n) * rng.choice(SCALES, n),
    "greatest": lambda rng, n: rng.choice([-1, 1], n) * np.finfo(float).max,
    "float16": lambda rng, n: numbers(rng, n, 1e4).astype(np.float16),
    "float32": lambda rng, n: numbers(rng, n, 1e38).clip(-3e38, 3e38).astype("f4"),
    "longdouble": lambda rng, n: numbers(rng, n).astype(np.longdouble),
    "longer double": lambda rng, n: (
        numbers(rng, n).astype("g") * np.longdouble("1e400")
    ),
    "big-endian": lambda rng, n: numbers(rng, n).astype(">f8"),
    "zeros with signs": lambda rng, n: rng.choice([0.0, -0.0], n),
    "constant": lambda rng, n: np.full(n, 0.1),
    "huge constant": lambda rng, n: np.full(n, 1e300),
    "nearly constant": lambda rng, n: 1e15 + rng.integers(2, size=n) * 0.125,
    "gaps": lambda rng, n: with_gaps(numbers(rng, n), rng, np.nan),
    "empty": lambda rng, n: np.full(n, np.nan),
    "one known": lambda rng, n: np.where(np.arange(n) == 0, 1.5, np.nan),
    "infinite": lambda rng, n: with_gaps(numbers(rng, n), rng, -np.inf),
    "complex": lambda rng, n: numbers(rng, n) + 1j,
    **{name: extremes_of(name) for name in ("int8", "int64", "uint64")},
    "bool": lambda rng, n: rng.random(n) < 0.5,
    "words": lambda rng, n: chosen(rng, n, WORDS),
    "words and gaps": lambda rng, n: chosen(rng, n, [*WORDS[:3], None, np.nan, pd.NA]),
    "unicode": lambda rng, n: rng.choice(["a", "ß", "c" * 40], n),
    "numpy strings": lambda rng, n: rng.choice(["a", "b"], n).astype(
        np.dtypes.StringDType()
    ),
    "byte strings": lambda rng, n: rng.choice(["a", "b"], n).astype("S"),
    "identifiers": lambda rng, n: objects([f"id {i}" for i in rng.permutation(n)]),
    "None": lambda rng, n: objects([None] * n),
    "mixed": lambda rng, n: chosen(rng, n, [1, "a", 2.5]),
    "odd": lambda rng, n: chosen(rng, n, ODD),
    "huge integers": lambda rng, n: chosen(rng, n, [10**400, -(10**400), 1]),
    "large integers": lambda rng, n: chosen(rng, n, [2**70, -(2**70), 1]),
    "decimals": lambda rng, n: chosen(rng, n, [Decimal("1.5"), Decimal("NaN"), 2]),
    "huge decimals": lambda rng, n: chosen(rng, n, [Decimal("1e999"), Decimal(1)]),
    "fractions": lambda rng, n: chosen(rng, n, [Fraction(1, 3), Fraction(5)]),
    "lists": lambda rng, n: chosen(rng, n, [[1], [2, 3]]),
    "dates": lambda rng, n: rng.integers(-(10**9), 10**10, n).astype("M8[s]"),
    "dates and gaps": lambda rng, n: chosen(rng, n, [date(1, 1, 1), None, pd.NaT]),
    "far dates": lambda rng, n: rng.integers(-(10**12), 10**12, n).astype("M8[D]"),
    "instants": lambda rng, n: chosen(
        rng, n, [datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1)]
    ),
    "spans": lambda rng, n: rng.integers(10**9, size=n).astype("m8[ns]"),
    "spans as objects": lambda rng, n: chosen(rng, n, [timedelta(1), timedelta.max]),
}

#: Columns that only frames have.
FRAME_COLUMNS = {
    "category": lambda rng, n: pd.Categorical(
        rng.choice(["a", "b"], n), categories=["b", "unused", "a"]
    ),
    "category of numbers": lambda rng, n: pd.Categorical(rng.integers(4, size=n)),
    "category of intervals": lambda rng, n: (
        pd.cut(np.arange(n), 3) if n else pd.Categorical([])
    ),
    "Int64": lambda rng, n: pd.array([1, pd.NA, 2**62][: min(n, 3)], "Int64").take(
        rng.integers(min(n, 3), size=n)
    ),
    "Float64": lambda rng, n: pd.array(numbers(rng, n), "Float64"),
    "boolean": lambda rng, n: pd.array(chosen(rng, n, [True, False, pd.NA]), "boolean"),
    "string": lambda rng, n: pd.array(chosen(rng, n, ["a", "b", None]), "string"),
    "zones": lambda rng, n: pd.to_datetime(
        rng.integers(10**9, size=n), unit="s", utc=True
    ).tz_convert("Asia/Tokyo"),
    "periods": lambda rng, n: pd.PeriodIndex.from_ordinals(
        rng.integers(99, size=n), freq="M"
    ),
    "sparse": lambda rng, n: pd.arrays.SparseArray(rng.choice([0.0, 1.0], n)),
}
NAMES = {
    "plain": lambda n: [f"c{j}" for j in range(n)],
    "duplicate": lambda n: ["same"] * n,
    "unicode": lambda n: [WORDS[j] for j in range(n)],
    "numbers": lambda n: list(range(n)),
    "mixed": lambda n: [j if j % 2 else f"c{j}" for j in range(n)],
    "tuples": lambda n: [("a", j) for j in range(n)],
    "floats": lambda n: [np.nan] * n,
}

# Tables -----------------------------------------------------------------------------


def matrix(columns, n):
    """Columns side by side, as numpy joins them."""
    if not columns:
        return np.empty((n, 0))
    parts = [
        column if isinstance(column, np.ndarray) else np.asarray(column, object)
        for column in columns
    ]
    if any(part.dtype.kind not in "fiub" for part in parts):
        parts = [part.astype(object) for part in parts]
    return np.stack(parts, axis=1)


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


ARRAYS = {
    "array": lambda X: X,
    "Fortran": np.asfortranarray,
    "read-only": read_only,
    "reversed": lambda X: X[::-1, ::-1],
    "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "list": lambda X: X.tolist(),
    "masked": np.ma.masked_array,
    "one column": lambda X: X.astype(float).ravel(),
    "cube": lambda X: X.astype(float)[:, :, np.newaxis],
    "csr": lambda X: csr_array(X.astype(float)),
    "csr matrix": lambda X: csr_matrix(X.astype(float)),
    "csc": lambda X: csc_array(X.astype(float)),
    "triples": lambda X: coo_array(X.astype(float)),
    "float32": lambda X: X.astype(np.float32),
}


def frame(columns, n, names):
    """A frame of pandas', whatever its names are."""
    X = pd.DataFrame(dict(enumerate(columns)), index=range(n))
    X.columns = pd.Index(names, tupleize_cols=False) if names else X.columns
    return X


def polars_frame(columns, n, names):
    """A frame of polars', without integers that only polars knows."""
    names = [f"{j}{name}" for j, name in enumerate(names)]
    X = pl.DataFrame(dict(zip(names, map(list, columns), strict=True)), strict=False)
    return X.cast({pl.Int128: pl.Float64})


def mostly(kinds):
    """One of these, the first one in half of all cases."""
    first, *others = kinds
    return st.one_of(st.just(first), st.sampled_from(others))


@st.composite
def tables(draw, n_rows):
    """A table of some rows: its container, its columns, their names."""
    n_columns = draw(mostly([1, 2, 3, 0]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kinds = COLUMNS
    container = draw(st.sampled_from(["frame", "polars", *ARRAYS]))
    if container == "frame":
        kinds = COLUMNS | FRAME_COLUMNS
    picked = draw(
        st.lists(st.sampled_from(list(kinds)), min_size=n_columns, max_size=n_columns)
    )
    with warnings.catch_warnings(action="ignore"):  # of the making
        columns = [kinds[kind](rng, n_rows) for kind in picked]
        try:
            if container in ARRAYS:
                return ARRAYS[container](matrix(columns, n_rows))
            names = NAMES[draw(st.sampled_from(list(NAMES)))](n_columns)
            make = frame if container == "frame" else polars_frame
            return make(columns, n_rows, names)
        except (ValueError, TypeError, OverflowError, pl.exceptions.PolarsError):
            return numbers(rng, (n_rows, n_columns))  # what no library can hold
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # polars' own
                raise
            return numbers(rng, (n_rows, n_columns))


CHANGES = {
    "same": lambda X: X,
    "one row": lambda X: X[:1],
    "no row": lambda X: X[:0],
    "twice": lambda X: pd.concat([X, X]) if isinstance(X, pd.DataFrame) else X,
    "objects": lambda X: X.astype(object),
    "strings": lambda X: X.astype(str),
    "numbers": lambda X: X.astype(float),
    "categories": lambda X: X.astype("category"),
    "other levels": lambda X: X.astype(str) + "new",
    "missing": lambda X: X.where(X.isna()),
    "other scale": lambda X: X * 1e200,
    "reordered": lambda X: X.iloc[:, ::-1],
    "values": lambda X: X.to_numpy(),
    "fewer columns": lambda X: X[:, :-1],
    "dense": lambda X: X.toarray(),
}


def changed(X, change):
    """The table as it may come later, or as it was where that cannot be."""
    with warnings.catch_warnings(action="ignore"):
        try:
            return CHANGES[change](X)
        except Exception:
            return X


# Targets ----------------------------------------------------------------------------

LABELS = {
    "two": lambda rng, n: rng.integers(2, size=n),
    "three": lambda rng, n: rng.integers(3, size=n) - 1,
    "words": lambda rng, n: rng.choice(["", "é", "🙂"], n),
    "objects": lambda rng, n: chosen(rng, n, ["no", "yes"]),
    "bool": lambda rng, n: rng.random(n) < 0.5,
    "whole floats": lambda rng, n: rng.choice([0.0, 1e15], n),
    "rare": lambda rng, n: (np.arange(n) == 0).astype(int),
    "one": lambda rng, n: np.zeros(n, dtype="i1"),
    "all different": lambda rng, n: np.arange(n),
    "sorted": lambda rng, n: np.sort(rng.integers(3, size=n)),
    "extreme": lambda rng, n: rng.choice(np.array([0, 2**64 - 1], "u8"), n),
    "category": lambda rng, n: pd.Categorical(
        rng.choice(["a", "b"], n), ["b", "c", "a"]
    ),
    "series": lambda rng, n: pd.Series(rng.integers(2, size=n), index=range(n, 0, -1)),
    "nullable": lambda rng, n: pd.array(rng.integers(2, size=n), "Int64"),
    "with NA": lambda rng, n: pd.array(chosen(rng, n, [0, 1, pd.NA]), "Int64"),
    "dates": lambda rng, n: rng.integers(2, size=n).astype("M8[D]"),
    "several": lambda rng, n: rng.integers(2, size=(n, 3)),
    "several with gaps": lambda rng, n: rng.choice([0, 1, np.nan], (n, 2)),
    "several, none known": lambda rng, n: np.full((n, 2), np.nan),
    "column": lambda rng, n: rng.integers(2, size=(n, 1)),
    "continuous": numbers,
    "gaps": lambda rng, n: rng.choice([0, 1, np.nan], n),
    "mixed": lambda rng, n: chosen(rng, n, [1, "a"]),
    "odd": lambda rng, n: chosen(rng, n, ODD),
    "shorter": lambda rng, n: rng.integers(2, size=max(n - 1, 0)),
}
QUANTITIES = {
    **{f"of {scale:g}": COLUMNS[f"of {scale:g}"] for scale in SCALES},
    "of all scales": COLUMNS["of all scales"],
    "greatest": COLUMNS["greatest"],
    "constant": lambda rng, n: np.full(n, 0.1),
    "zeros": lambda rng, n: np.zeros(n),
    "far from zero": lambda rng, n: 1e12 + numbers(rng, n),
    "counts": lambda rng, n: rng.poisson(2, n),
    "int8": extremes_of("i1"),
    "uint64": extremes_of("u8"),
    "float16": COLUMNS["float16"],
    "float32": COLUMNS["float32"],
    "objects": lambda rng, n: numbers(rng, n).astype(object),
    "nullable": lambda rng, n: pd.array(numbers(rng, n), "Float64"),
    "with NA": lambda rng, n: pd.array(chosen(rng, n, [1.5, pd.NA]), "Float64"),
    "several": lambda rng, n: numbers(rng, (n, 2)) * [1e-300, 1e300],
    "column": lambda rng, n: numbers(rng, (n, 1)),
    "gaps": COLUMNS["gaps"],
    "infinite": COLUMNS["infinite"],
    "words": COLUMNS["words"],
    "complex": COLUMNS["complex"],
    "huge integers": COLUMNS["huge integers"],
    "shorter": lambda rng, n: numbers(rng, max(n - 1, 0)),
}
WEIGHTS = {
    "none": lambda rng, n: None,
    "some": lambda rng, n: rng.random(n),
    "ones and zeros": lambda rng, n: rng.integers(2, size=n),
    "one": lambda rng, n: (np.arange(n) == n - 1).astype(float),
    "huge": lambda rng, n: np.full(n, 1e308),
    "tiny": lambda rng, n: np.full(n, 5e-324),
    "of all scales": lambda rng, n: rng.choice(SCALES, n),
    "negative": lambda rng, n: numbers(rng, n),
    "gaps": COLUMNS["gaps"],
    "zeros": lambda rng, n: np.zeros(n),
    "shorter": lambda rng, n: np.ones(max(n - 1, 0)),
}


@st.composite
def cases(draw, kinds):
    """Rows to learn from, their target, their weights, and rows to predict."""
    n = draw(mostly([24, 60, 7, 3, 2, 1, 0]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    X = draw(tables(n))
    if draw(st.booleans()) and n > 1 and hasattr(X, "shape"):
        X = changed(X, "twice")
    n = X.shape[0] if hasattr(X, "shape") else n
    y = kinds[draw(st.sampled_from(list(kinds)))](rng, n)
    weight = WEIGHTS[draw(mostly(WEIGHTS))](rng, n)
    if draw(st.integers(0, 3)):
        later = changed(X, draw(st.sampled_from(list(CHANGES))))
    else:
        later = draw(tables(draw(st.sampled_from([5, 1, 0]))))
    return X, y, weight, later


SHARED = {
    "n_estimators": st.integers(1, 2),
    "max_iter": st.integers(1, 2),
    "depth": st.integers(1, 2),
    "width": st.sampled_from([4, 1]),
    "dropout": st.sampled_from([0.0, 0.3]),
    "n_bins": st.sampled_from([1, 8]),
    "batch_size": st.sampled_from(["auto", 1, 16]),
    "early_stopping": st.sampled_from(["auto", True, False]),
    "oof_score": st.sampled_from([False, True]),
    "dtype": st.sampled_from(["float32", "float64"]),
    "preprocessor": st.sampled_from(["auto", "auto", None]),
    "categorical_features": st.sampled_from(["from_dtype", "from_dtype", None, [0]]),
    "solver": st.sampled_from(["adamw", "sgd"]),
    "random_state": st.just(0),
    "n_threads": st.just(1),
    "device": st.just("cpu"),
}
CLASSIFIERS = st.builds(
    SNNClassifier,
    label_smoothing=st.sampled_from([0.0, 0.1]),
    class_weight=st.sampled_from([None, "balanced"]),
    **SHARED,
)
REGRESSORS = st.builds(
    SNNRegressor,
    loss=st.sampled_from(["squared_error", "absolute_error", "huber", "poisson"]),
    **SHARED,
)
PREPROCESSORS = st.builds(
    TabularPreprocessor,
    dtype=SHARED["dtype"],
    categorical_features=SHARED["categorical_features"],
)

# What must come of them -------------------------------------------------------------

#: What an error has to speak of: a part of the data, a column, or a parameter.
CAUSES = re.compile(
    r"\bcolumns?\b|\b[Xy]\b|sample|weight|[Ff]eature|\blabels?\b|class|target"
    r"|learning_rate_init|n_estimators|dtype|array|^Complex data|categorical_features"
    r"|scoring|validation_fraction",
    re.IGNORECASE,
)
OUR_WARNINGS = [
    ("batch_size=.* is larger than", UserWarning),
    ("Class .* has only 1 member", UserWarning),
    ("categorical_features=.* has no effect", UserWarning),
    ("column .* of what the network sees has a root mean square", UserWarning),
    ("A column-vector y was passed", DataConversionWarning),
    ("X (has|does not have valid) feature names", UserWarning),
    ("The number of unique classes is greater than 50%", UserWarning),
    ("R.2 score is not well-defined", UndefinedMetricWarning),
]


class BrokenPromise(AssertionError):
    """Something came that must not."""


def outcome(model, case, method="fit"):
    """A word for what became of a case; `BrokenPromise` if it must not.

    Parameters
    ----------
    model : estimator
        Classifier, regressor or preprocessor.
    case : tuple
        As `cases` draws them.
    method : {"fit", "partial_fit"}
        How it learns.

    Returns
    -------
    outcome : str
        Of errors the beginning of the message.
    """
    X, y, weight, later = case
    before = copy.deepcopy(case)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for message, category in OUR_WARNINGS:
            warnings.filterwarnings("ignore", message, category)
        try:
            learned = learn(model, X, y, weight, method)
            check(model, X, learned)
            word = "learned"
            check(model, later, used(model, later))
            word = "predicted"
        except (ValueError, TypeError) as error:
            if not CAUSES.search(str(error)):
                raise BrokenPromise(f"no cause named: {error!r}") from error
            word = f"{type(error).__name__}: {str(error)[:60]}"
    for ours, theirs in zip(case, before, strict=True):
        if not is_same(ours, theirs):
            raise BrokenPromise("an input was changed")
    return word


def learn(model, X, y, weight, method):
    """What a model says of the rows that it learned from."""
    if isinstance(model, TabularPreprocessor):
        if method == "fit":
            return model.fit_transform(X, None, weight)
        return model.partial_fit(X, sample_weight=weight).transform(X)
    known = {}
    if method == "partial_fit" and is_classifier(model):
        known = {"classes": unique(y)}
    getattr(model, method)(X, y, sample_weight=weight, **known)
    if method == "partial_fit":
        model.partial_fit(X, y, sample_weight=weight)
    return used(model, X)


def unique(y):
    """Classes of a target, where they can be sorted; else of another."""
    try:
        return np.unique(np.asarray(y))
    except TypeError:
        return [0, 1]


def used(model, X):
    """What a fitted model makes of a table."""
    if isinstance(model, TabularPreprocessor):
        return model.transform(X)
    return getattr(model, "predict_proba", model.predict)(X)


def check(model, X, made):
    """Whether a result is what the docstrings say."""
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    wanted = {"dtype": "float64"}
    if isinstance(model, TabularPreprocessor):
        names = model.get_feature_names_out()
        wanted = {"dtype": model.dtype, "shape": (n, len(names))}
    elif is_classifier(model):
        wanted["shape"] = (n, len(model.classes_))
    else:
        wanted["shape"] = (n, *made.shape[1:2])
    for name, value in wanted.items():
        if getattr(made, name) != value:
            raise BrokenPromise(f"{name} {getattr(made, name)} instead of {value}")
    if not np.isfinite(made.data if issparse(made) else made).all():
        raise BrokenPromise("results are not finite")
    if is_classifier(model):
        check_probabilities(model, X, made)


def check_probabilities(model, X, proba):
    """Whether probabilities are some, and classes are known."""
    if (proba < 0).any() or (proba > 1).any():
        raise BrokenPromise("probabilities beyond 0 and 1")
    if not model.is_multilabel_ and not np.allclose(proba.sum(axis=1), 1):
        raise BrokenPromise("probabilities do not sum to 1")
    known = [0, 1] if model.is_multilabel_ else model.classes_
    if not np.isin(model.predict(X), known).all():
        raise BrokenPromise("predictions are not among the classes")


def is_same(one, other):
    """Whether an input is what it was, its types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (pd.DataFrame, pd.Series)):
        return one.equals(other) and one.index.equals(other.index)
    if issparse(one):
        one, other = one.tocoo(), other.tocoo()
        parts = (one.data, *one.coords), (other.data, *other.coords)
        return all(map(is_same, *parts))
    return shown(one) == shown(other)


def shown(data):
    """All of the values and their type, as text, in which NaN equals NaN."""
    if isinstance(data, np.ndarray):
        return str(data.dtype), repr(data.tolist())
    return repr(data.to_dict() if isinstance(data, pl.DataFrame) else data)
