"""What becomes of tables of all kinds, compared with whoever does the same."""

import datetime as dt
import os
import pickle
import re
import tracemalloc
from copy import deepcopy
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csr_array
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import (
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from sklearn_snn import TabularPreprocessor
from sklearn_snn._categories import learn_category
from sklearn_snn._scaling import settle

RNG = np.random.default_rng(0)
# 4 k + 1 rows: quartiles are values of rows, by whichever definition.
X = RNG.standard_normal((61, 4)) * [1, 100, 1e-8, 3] + [0, 1e5, 0, -2]
WEIGHT = RNG.integers(0, 3, size=61)

SHARED = Path(__file__).parents[2] / "shared" / "data"


def exact(**parameters):
    return TabularPreprocessor(dtype="float64", **parameters)


def smoothly_clipped(X):
    z = RobustScaler().fit_transform(X)
    return z / np.sqrt(1 + (z / 3) ** 2)


def mixed(n=60):
    """A pandas frame with columns of all kinds."""
    rng = np.random.default_rng(1)
    colour = rng.choice(["red", "green", "blue"], n)
    return pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "count": rng.integers(9, size=n),
            "colour": colour,
            "grade": pd.Categorical(rng.choice(["a", "b"], n), ["c", "b", "a"]),
            "is_new": rng.random(n) < 0.5,
            "day": pd.Timestamp("2020-01-30") + pd.to_timedelta(np.arange(n), "D"),
            "span": pd.to_timedelta(rng.integers(1, 9, n), "h"),
        }
    )


def days(start, n):
    return [dt.date.fromisoformat(start) + dt.timedelta(i) for i in range(n)]


# Numbers ------------------------------------------------------------------------


def test_numbers_get_a_robust_scale_a_smooth_clip_and_unit_variance():
    heavy = np.random.default_rng(0).standard_cauchy((401, 3))
    heavy[0, 0] = 1e12
    expected = StandardScaler().fit_transform(smoothly_clipped(heavy))
    assert_allclose(exact().fit_transform(heavy), expected, atol=1e-9)
    assert np.abs(expected).max() < 4


def test_the_smooth_clip_is_that_of_skrub():
    skrub = pytest.importorskip("skrub", reason="only the test extra brings skrub")
    theirs = skrub.SquashingScaler().fit_transform(X)
    assert_allclose(
        exact().fit_transform(X), StandardScaler().fit_transform(theirs), atol=1e-6
    )


def test_a_column_that_is_mostly_one_value_is_scaled_by_how_far_others_are():
    column = np.zeros((100, 1))
    column[:10, 0] = np.arange(1, 11)
    z = column / np.median(np.arange(1, 11))
    expected = StandardScaler().fit_transform(z / np.sqrt(1 + (z / 3) ** 2))
    assert_allclose(exact().fit_transform(column), expected)
    weight = np.repeat([2.0, 1.0], 50)
    repeated = np.concatenate([column, column[:50]])
    weighted = exact().fit(column, sample_weight=weight)
    assert_allclose(weighted.transform(column), exact().fit(repeated).transform(column))


@pytest.mark.parametrize("outlier", [1e6, 1e30])
def test_an_outlier_does_not_hide_a_column_that_is_mostly_0(outlier):
    rng = np.random.default_rng(0)
    column = np.where(rng.random((1000, 1)) < 0.8, 0, rng.uniform(1, 100, (1000, 1)))
    plain = exact().fit_transform(column[1:])
    column[0] = outlier
    assert_allclose(exact().fit_transform(column)[1:], plain, atol=0.1)


@pytest.mark.parametrize("dtype", [int, bool])
def test_rare_ones_are_not_extreme_whatever_their_type(dtype):
    flags = np.zeros((3000, 2), dtype=dtype)
    flags[:1, 0] = flags[:3, 1] = 1
    flags = pd.DataFrame(flags, columns=["one", "three"]).assign(number=np.arange(3000))
    assert 9 < np.abs(TabularPreprocessor().fit_transform(flags)).max() <= 10.001


def test_a_column_of_tiny_and_usual_numbers_is_kept():
    column = np.r_[np.full(80, 1e-315), np.linspace(1, 100, 20)]
    frame = pd.DataFrame({"p": column, "z": np.arange(100.0)})
    assert list(exact().fit(frame).get_feature_names_out()) == ["p", "z"]


@pytest.mark.parametrize("missing", [False, True])
def test_whole_weights_are_repetitions_and_others_have_no_unit(missing):
    frame = mixed(61).assign(name=RNG.choice(list("abcdefghi"), 61))
    if missing:
        frame.loc[[3, 5, 8], ["size", "colour", "day"]] = None
    repeated = frame.loc[np.repeat(frame.index, WEIGHT)]
    weighted = exact().fit(frame, sample_weight=WEIGHT).transform(frame)
    assert_allclose(exact().fit(repeated).transform(frame), weighted, atol=1e-9)
    part = WEIGHT / 7
    other = exact().fit(frame, sample_weight=part).transform(frame)
    tripled = exact().fit(frame, sample_weight=3.7 * part).transform(frame)
    assert_allclose(other, tripled, atol=1e-9)
    assert_allclose(other, weighted, atol=1e-9)


@pytest.mark.parametrize("weight", [0.37, 2.0, 1000.0, 3e12])
def test_weights_that_are_all_alike_are_none(weight):
    """Also where sums of them are rounded, and however many levels are rare."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"level": rng.integers(0, 150, 300).astype(str)})
    y = rng.normal(size=300)
    plain = exact().fit(frame, y)
    weighted = exact().fit(frame, y, sample_weight=np.full(300, weight))
    assert_allclose(weighted.transform(frame), plain.transform(frame), atol=1e-9)


def test_weighted_columns_have_mean_0_and_variance_1():
    weight = RNG.random(61)
    out = exact().fit_transform(X, sample_weight=weight)
    assert_allclose(np.average(out, axis=0, weights=weight), 0, atol=1e-12)
    assert_allclose(np.average(out**2, axis=0, weights=weight), 1)


def test_missing_numbers_are_at_the_centre_and_a_column_says_so():
    table = X.copy()
    table[:20, 1] = np.nan
    ours = exact().fit(table)
    assert list(ours.get_feature_names_out()) == ["x0", "x1", "x1_missing", "x2", "x3"]
    out = ours.transform(table)
    assert_array_equal(out[:20, 1], 0)
    known = StandardScaler().fit_transform(smoothly_clipped(table[20:, [1]]))
    low, high = np.quantile(table[20:, 1], [0.25, 0.75])
    assert high > low
    assert_allclose(np.corrcoef(out[20:, 1], known[:, 0])[0, 1], 1, atol=1e-3)
    assert_allclose([out[20:, 1].mean(), out[20:, 1].std()], [0, 1], atol=1e-9)
    indicator = np.isnan(table[:, [1]]).astype(float)
    assert_allclose(out[:, [2]], StandardScaler().fit_transform(indicator))


def test_numbers_that_are_missing_for_the_first_time_are_no_error():
    ours = exact().fit(X)
    out = ours.transform([[np.nan, 1e5, 0, -2]])
    assert out[0, 0] == 0
    assert np.isfinite(out).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("table", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_infinity_is_scikit_learns_error_with_the_column(value, table):
    frame = table(np.where(X == X[5, 2], value, X))
    name = {pd.DataFrame: "2", pl.DataFrame: "'column_2'"}.get(table, "2")
    with pytest.raises(
        ValueError, match=rf"Input X contains infinity(.|\n)*Column {name} holds -?inf"
    ):
        TabularPreprocessor().fit(frame)
    with pytest.raises(ValueError, match="infinity"):
        TabularPreprocessor().fit(table(X)).transform(frame)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "uint64", "Int64"])
def test_numbers_of_a_frame_are_those_of_its_array(dtype):
    numbers = np.abs(X * 10).astype(dtype.lower())
    frame = pd.DataFrame(numbers, columns=list("abcd")).astype(dtype)
    frame.insert(2, "level", np.where(X[:, 0] > 0, "high", "low"))
    ours = TabularPreprocessor().fit(frame)
    of_array = TabularPreprocessor().fit_transform(numbers.astype(float))
    n_numbers = of_array.shape[1]
    assert_array_equal(ours.transform(frame)[:, :n_numbers], of_array)
    one_row = ours.transform(frame.iloc[[7]])[:, :n_numbers]
    assert_array_equal(one_row, of_array[[7]])


def test_indicators_of_rare_things_are_not_extreme():
    n = 10_000
    frame = pd.DataFrame({"level": ["a", "b"] * (n // 2), "number": np.arange(n) * 1.0})
    frame.loc[:5, "level"] = "rare"
    frame.loc[:5, "number"] = None
    out = TabularPreprocessor().fit_transform(frame)
    assert 9 < np.abs(out).max() <= 10.001
    assert_allclose(out.mean(axis=0), 0, atol=1e-5)


def test_the_work_is_done_in_blocks_and_in_float64(monkeypatch):
    from sklearn_snn import _columns

    far = (X + 1e6).astype(np.float32)
    whole, frame = (TabularPreprocessor().fit_transform(one) for one in (far, mixed()))
    monkeypatch.setattr(_columns, "_BLOCK", 7)
    assert_array_equal(TabularPreprocessor().fit_transform(far), whole)
    assert_array_equal(TabularPreprocessor().fit_transform(mixed()), frame)
    assert whole.dtype == np.float32
    exactly = StandardScaler().fit_transform(smoothly_clipped(far.astype(np.float64)))
    assert_allclose(whole[:, 1], exactly[:, 1], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_memory_is_at_most_twice_that_of_the_result(dtype):
    table = np.random.default_rng(0).standard_normal((200_000, 20)).astype(dtype)
    preprocessor = TabularPreprocessor()
    tracemalloc.start()
    result = preprocessor.fit_transform(table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * result.nbytes


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_the_largest_and_smallest_numbers_are_scaled(size):
    for make in (np.asarray, csr_array):
        huge, plain = make(X * [size, 1, 1, 1]), make(X)
        one, other = (TabularPreprocessor().fit_transform(t) for t in (huge, plain))
        if make is csr_array:
            one, other = one.toarray(), other.toarray()
        assert_allclose(one[:, 0], other[:, 0], rtol=1e-5)


# Constant columns ---------------------------------------------------------------


def test_constant_and_empty_columns_are_dropped():
    frame = mixed().assign(
        same=7.3, empty=None, nan=np.nan, word="a", day=pd.Timestamp("2020-01-01")
    )
    ours = TabularPreprocessor().fit(frame)
    kept = TabularPreprocessor().fit(mixed().drop(columns="day"))
    assert_array_equal(ours.get_feature_names_out(), kept.get_feature_names_out())
    frame[["same", "word", "empty"]] = 8, "b", "c"
    out = ours.transform(frame)
    assert_array_equal(out, kept.transform(mixed().drop(columns="day")))


def test_a_number_that_is_constant_but_for_gaps_is_its_indicator():
    out = TabularPreprocessor().fit_transform([[5.0], [np.nan], [5.0], [np.nan]])
    assert_array_equal(out, [[-1], [1], [-1], [1]])


@pytest.mark.parametrize(
    "table",
    [
        np.full((5, 2), 3.0),
        np.full((5, 2), np.nan),
        np.ones((1, 2)),
        pd.DataFrame({"a": ["x"] * 5, "b": [1] * 5}),
    ],
)
def test_a_table_without_any_varying_column_becomes_zeros(table):
    ours = TabularPreprocessor().fit(table)
    assert_array_equal(ours.transform(table), np.zeros((len(table), 2)))
    assert len(ours.get_feature_names_out()) == 2


def test_partial_fit_learns_only_what_it_did_not_know():
    ours = exact().partial_fit([[1.0, 5.0, np.nan], [3.0, 5.0, np.nan]])
    first = exact().fit([[1.0], [3.0]])
    assert_array_equal(ours.transform([[1.5, 8, 4]])[0, 1:], 0)
    later = np.array([[100.0, 6.0, 1.0], [300.0, 10.0, 2.0], [100.0, 8.0, 9.0]])
    ours.partial_fit(later)
    alone = exact().fit_transform(later)
    assert_allclose(ours.transform(later)[:, 1:], alone[:, 1:])
    assert_array_equal(ours.transform(later)[:, 0], first.transform(later[:, :1])[:, 0])


def test_two_constants_that_differ_are_a_scale():
    location, scale = settle(
        (np.array([1.0, 5.0]), np.zeros(2)), (np.array([3.0, 5.0]), np.zeros(2))
    )
    assert_array_equal(location, [2, 5])
    assert_array_equal(scale, [1, 0])
    ours = exact().partial_fit([[1.0, 5.0]]).partial_fit([[3.0, 5.0]])
    assert_array_equal(ours.transform([[1.0, 5.0], [3.0, 6.0]]), [[-1, 0], [1, 0]])


def test_a_constant_is_remembered_while_its_column_is_empty():
    ours = exact()
    for value in (1.0, np.nan, 3.0):
        ours.partial_fit([[value, 0.0]])
    assert_array_equal(ours.transform([[1.0, 0.0], [3.0, 0.0]]), [[-1, 0], [1, 0]])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT])
@pytest.mark.parametrize("words", [["u", "v"], days("2020-01-01", 2)])
def test_what_is_no_number_is_missing_while_its_column_is_empty(missing, words):
    def frame(values):
        return pd.DataFrame({"q": values, "x": [1.0, 2.0]})

    empty, words = frame([missing, missing]), frame(words)
    if missing is pd.NaT:  # a column of dates
        words = frame([3, 4])
    ours = exact().partial_fit(empty).partial_fit(words)
    assert_array_equal(ours.transform(words), ours.transform(empty))
    assert_array_equal(exact().fit(empty).transform(words), [[-1], [1]])
    if missing is not pd.NaT:
        out = ours.partial_fit(frame([5.0, 7.0])).transform(frame([5.0, 7.0]))
        assert_array_equal(out, [[-1, -1], [1, 1]])
        with pytest.raises(ValueError, match="'q' held numbers in fit, but now"):
            ours.transform(words)


def test_constants_that_are_too_near_or_far_to_divide_by_give_finite_numbers():
    for first, second in ((0.0, 5e-324), (-1.7e308, 1.7e308)):
        ours = exact().partial_fit([[first]]).partial_fit([[second]])
        assert_allclose(np.abs(ours.transform([[first], [second]])), abs(second) > 1)


# Sparse tables ------------------------------------------------------------------


@pytest.mark.parametrize("make", [csr_array, csc_array])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_a_sparse_table_is_standardised_but_for_its_offset(make, weight):
    dense = np.where(RNG.random(X.shape) < 0.3, X, 0.0)
    ours = exact().fit(make(dense), sample_weight=weight)
    scaled = ours.transform(make(dense))
    assert scaled.nnz == np.count_nonzero(dense)
    theirs = StandardScaler().fit(dense, sample_weight=weight).transform(dense)
    assert_allclose(scaled.toarray() - ours.sparse_offset, theirs, atol=1e-9)
    assert_allclose(ours.transform(dense), theirs, atol=1e-9)


def test_rows_may_be_dense_or_sparse_whatever_was_fitted():
    ours = exact().fit(X)
    assert_array_equal(ours.transform(csr_array(X)), ours.transform(X))
    ours = exact().partial_fit(X[:30]).partial_fit(csr_array(X))
    assert ours.transform(X).shape == X.shape
    ours = exact().partial_fit(csr_array(X)).partial_fit(X)
    assert ours.transform(X).shape == X.shape


def test_what_is_done_to_a_sparse_result_does_not_reach_the_table():
    table = csr_array([[0.0, 3.0, 5.0], [2.0, 0.0, 5.0], [1.0, 4.0, 5.0]])
    before = table.toarray()
    made = TabularPreprocessor().fit_transform(table)
    made.eliminate_zeros()
    made.sum_duplicates()
    assert_array_equal(table.toarray(), before)


def test_a_sparse_column_far_from_0_is_refused():
    table = csr_array(np.c_[X[:, :2], 1.7e9 + X[:, 0]])
    with pytest.raises(
        ValueError, match=r"column 2 of a sparse.*deviations away from 0"
    ):
        TabularPreprocessor().fit(table)
    assert np.isfinite(TabularPreprocessor().fit_transform(table.toarray())).all()


def test_a_sparse_column_that_gets_far_from_0_is_refused_later():
    chunk = np.zeros((50, 2))
    chunk[:, 1] = np.arange(50)
    ours = TabularPreprocessor().partial_fit(csr_array(chunk))
    before = ours.scaling_
    chunk[:, 0] = 1e8 + np.arange(50)
    with pytest.raises(ValueError, match="column 0 of a sparse table is"):
        ours.partial_fit(csr_array(chunk))
    assert ours.scaling_ is before


@pytest.mark.parametrize(
    "values",
    [
        pd.to_timedelta([1, 2, 3] * 20, "D").as_unit("ns"),
        pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"] * 20).as_unit("ns"),
    ],
    ids=["durations", "dates"],
)
def test_levels_are_the_same_as_categories_and_as_what_they_are_of(values):
    frame = pd.DataFrame({"a": values})
    ours = exact(categorical_features=["a"]).fit(frame)
    expected = ours.transform(frame)
    assert len(np.unique(expected, axis=0)) == 3
    assert_array_equal(ours.transform(frame.astype("category")), expected)


def test_scalars_of_numpy_that_are_dates_are_levels_by_their_names():
    days = np.array(["2020-01-01", "2020-01-02"] * 30, dtype="M8[ns]")
    objects = np.array(list(days), dtype=object)[:, np.newaxis]
    (name,) = exact(categorical_features=[0]).fit(objects).get_feature_names_out()
    assert name.startswith("x0_2020-01-0")


def test_a_sparse_table_has_no_categories_wherever_they_are_named():
    for chosen in ([0], {0}, [True, False]):
        with pytest.raises(ValueError, match="needs a dense table"):
            exact(categorical_features=chosen).fit(csr_array(np.eye(2)))


@pytest.mark.parametrize("collection", [pa.array, np.array, pd.Series, tuple, set])
def test_categorical_features_come_in_any_collection(collection):
    frame = pd.DataFrame({"a": [1, 2] * 10, "b": [3.0, 4.0] * 10})
    ours = exact(categorical_features=collection(["a"])).fit(frame)
    assert ours.kinds_ == ["category", "number"]


@pytest.mark.parametrize("chosen", [pd.DataFrame({"a": [1]}), np.array(1)], ids=type)
def test_categorical_features_are_no_table_and_no_scalar(chosen):
    with pytest.raises(ValueError, match="must be a list of names only"):
        exact(categorical_features=chosen).fit(pd.DataFrame({"a": [1, 2]}))


def test_booleans_of_numpy_are_levels_like_pythons():
    flags = [True, False, False] * 20
    own = np.array([np.bool_(flag) for flag in flags], dtype=object)[:, np.newaxis]
    ours = exact(categorical_features=[0]).fit(own)
    plain = np.array(flags, dtype=object)[:, np.newaxis]
    assert_array_equal(ours.transform(plain), ours.transform(own))
    assert len(np.unique(ours.transform(plain))) == 2


def test_numbers_of_a_sparse_table_that_come_in_parts_are_their_sums():
    whole = csr_array(np.array([[3.0], [0.0], [1.0]]))
    parts = csr_array(([1.0, 2.0, 1.0], [0, 0, 0], [0, 2, 2, 3]), shape=(3, 1))
    expected = exact().fit_transform(whole).toarray()
    assert_allclose(exact().fit_transform(parts).toarray(), expected)
    assert parts.nnz == 3


def test_values_of_sparse_tables_are_cut_off_at_a_million_deviations():
    ours = TabularPreprocessor().fit(csr_array(X))
    assert ours.transform(csr_array([[-1e308, 0, 0, 0]])).toarray()[0, 0] == -1e6


# Categories ---------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_few_levels_become_standardised_indicators(weight):
    code = np.arange(61) % 4
    table = np.column_stack([X[:, 0], code, X[:, 1]])
    ours = exact(categorical_features=[1]).fit(table, sample_weight=weight)
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(code[:, np.newaxis])
    theirs = StandardScaler().fit(one_hot, sample_weight=weight).transform(one_hot)
    assert_allclose(ours.transform(table)[:, 2:], theirs)
    assert list(ours.get_feature_names_out(["a", "b", "c"])) == [
        *("a", "c"),
        *("b_0", "b_1", "b_2", "b_3"),
    ]
    with pytest.raises(ValueError, match="needs a dense table"):
        TabularPreprocessor(categorical_features=[1]).fit(csr_array(table))


@pytest.mark.parametrize(("n_levels", "deviation"), [(64, 1.0), (65, 0.3)])
def test_indicators_of_many_levels_are_smaller(n_levels, deviation):
    level = np.char.add("l", np.tile(np.arange(n_levels), 20).astype(str))
    made = exact().fit_transform(pd.DataFrame({"level": level}))
    assert_allclose(made.std(axis=0), deviation)


def test_two_levels_become_one_column():
    words = pd.DataFrame({"word": ["no", "yes", "no", "no"]})
    ours = exact().fit(words)
    assert list(ours.get_feature_names_out()) == ["word_yes"]
    signs = np.array([[-1], [1], [-1], [-1]])
    assert_allclose(ours.transform(words), StandardScaler().fit_transform(signs))
    unseen = ours.transform(pd.DataFrame({"word": ["perhaps"]}))[0, 0]
    low, high = np.unique(ours.transform(words))
    assert low < unseen < high


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_a_missing_category_is_a_level(missing):
    words = np.array(["a", "b", missing, "a", missing, "c"], dtype=object)[:, None]
    ours = exact().fit(words)
    assert list(ours.get_feature_names_out()) == ["x0_a", "x0_b", "x0_c", "x0_missing"]
    out = ours.transform(words)
    for other in (None, np.nan, pd.NA):
        again = ours.transform(np.array([[other]], dtype=object))
        assert_array_equal(again[0], out[2])


def test_rare_levels_are_pooled_and_unseen_ones_are_like_them():
    words = ["a"] * 500 + ["b"] * 480 + [f"rare {i}" for i in range(20)]
    frame = pd.DataFrame({"word": words})
    ours = exact().fit(frame)
    names = ["word_a", "word_b", "word_infrequent"]
    assert list(ours.get_feature_names_out()) == names
    out = ours.transform(frame)
    theirs = OneHotEncoder(min_frequency=5, sparse_output=False).fit_transform(frame)
    assert_allclose(out, StandardScaler().fit_transform(theirs))
    unseen = pd.DataFrame({"word": ["new", None]})
    assert_array_equal(ours.transform(unseen), out[[-1, -1]])


def test_unseen_levels_are_none_of_those_that_are_known():
    frame = mixed()[["colour"]]
    ours = exact().fit(frame)
    unseen = ours.transform(pd.DataFrame({"colour": ["violet"]}))[0]
    share = np.array([(frame.colour == c).mean() for c in ["blue", "green", "red"]])
    assert_allclose(unseen, -share / np.sqrt(share * (1 - share)))


def crossed(n=3000, n_levels=300, noise=1.0, seed=0):
    """Many levels with effects on a number, and that number."""
    rng = np.random.default_rng(seed)
    level = rng.permutation(np.arange(n) % n_levels)
    frame = pd.DataFrame({"level": np.char.add("l", level.astype(str))})
    return frame, rng.normal(size=n_levels)[level] + noise * rng.normal(size=n)


def test_many_levels_without_a_target_become_a_bounded_number_of_columns():
    frame, _ = crossed(80_000, 10_000)
    frame.loc[:199, "level"] = [f"rare {i // 4}" for i in range(200)]
    ours = TabularPreprocessor().fit(frame)
    out = ours.transform(frame)
    names = list(ours.get_feature_names_out())
    assert out.shape == (80_000, 33)
    assert names[-2:] == ["level_infrequent", "level_count"]
    assert not len(ours.target_columns)
    count = frame.level.map(frame.level.value_counts())
    often = (count >= 5).to_numpy()
    assert np.corrcoef(out[often, -1], np.log(count[often]))[0, 1] > 0.9999
    assert np.abs(out).max() <= 10.001


def test_many_levels_that_are_all_rare_are_not_pooled():
    frame, y = crossed(1200, 400, noise=0.1)
    assert (frame.level.value_counts() == 3).all()
    out = exact().fit_transform(frame, y)
    assert out.shape == (1200, 1)
    assert np.corrcoef(out[:, 0], y)[0, 1] > 0.9
    assert exact().fit_transform(frame).shape == (1200, 33)


def test_levels_of_one_row_have_means_of_their_own_where_there_are_many():
    rng = np.random.default_rng(0)
    number = np.append(np.repeat(np.arange(100), 2), np.arange(100, 400))
    is_single = number >= 100
    frame = pd.DataFrame({"level": np.char.add("l", number.astype(str))})
    y = rng.normal(size=400)[number] + 2.0 * is_single + 0.1 * rng.normal(size=500)
    ours = exact().fit(frame, y)
    column = ours.target_columns[0]
    means = ours.transform(frame)[:, column]
    assert np.corrcoef(means[is_single], y[is_single])[0, 1] > 0.95
    # Levels to come are like them.
    (unseen,) = ours.transform(pd.DataFrame({"level": ["new"]}))[:, column]
    slope, start = np.polyfit(means, y, 1)
    assert slope * unseen + start == pytest.approx(y[is_single].mean(), abs=0.2)
    # In training nothing is known of them but that.
    seen = exact().fit_transform(frame, y)[:, column]
    assert np.ptp(seen[is_single]) < 0.2 * np.ptp(means[is_single])


@pytest.mark.parametrize("weight", [[1, 2, 3], [0.4, 1.1, 2.5]])
def test_weights_do_not_make_levels_of_what_each_row_has_to_itself(weight):
    frame = pd.DataFrame({"name": [f"n{i}" for i in range(300)], "x": np.arange(300)})
    ours = TabularPreprocessor().fit(frame, np.arange(300) % 2, np.tile(weight, 100))
    assert len(ours.target_columns) == 0


def test_levels_that_are_unknown_are_not_extreme():
    words = [f"l{i}" for i in range(100) for _ in range(1000 + i)]
    ours = exact().fit(pd.DataFrame({"word": words}))
    out = ours.transform(pd.DataFrame({"word": ["new"]}))
    assert np.abs(out).max() <= 10.001


def test_identifiers_are_dropped():
    frame = mixed().assign(id=[f"id {i}" for i in range(60)])
    frame = pd.concat([frame] * 10, ignore_index=True)
    frame["id"] = [f"id {i}" for i in range(600)]
    ours = exact().fit(frame, frame["size"])
    assert not any(name.startswith("id") for name in ours.get_feature_names_out())
    assert np.isfinite(ours.transform(frame)).all()


def target_means(X, y, **parameters):
    ours = exact(**parameters).fit(X, y)
    names = ours.get_feature_names_out()
    is_mean = np.array([name.startswith("level_target") for name in names])
    return ours, is_mean


@pytest.mark.parametrize("weight", [None, "whole"])
def test_many_levels_get_means_of_the_target_as_of_scikit_learn(weight):
    frame, y = crossed()
    if weight is not None:
        weight = np.random.default_rng(0).integers(1, 4, len(y))
    ours = exact().fit(frame, y, sample_weight=weight)
    n = np.ones(len(y)) if weight is None else weight
    codes, _ = pd.factorize(frame.level)
    size = np.bincount(codes, n)
    mean = np.bincount(codes, n * y) / size
    within = (n @ (y - mean[codes]) ** 2) / (n.sum() - len(size))
    overall = np.average(y, weights=n)
    between = size @ (mean - overall) ** 2 - (len(size) - 1) * within
    between /= n.sum() - size @ size / n.sum()
    repeated = np.repeat(np.arange(len(y)), n.astype(int))
    theirs = TargetEncoder(smooth=within / between, target_type="continuous")
    theirs.fit(frame.iloc[repeated], y[repeated])
    expected = theirs.transform(frame)[:, 0]
    expected = (expected - np.average(expected, weights=n)) / np.sqrt(
        np.cov(expected, aweights=n, ddof=0)
    )
    assert_allclose(ours.transform(frame)[:, -1], expected, atol=1e-9)
    automatic = TargetEncoder(smooth="auto", target_type="continuous").fit(frame, y)
    assert np.corrcoef(automatic.transform(frame)[:, 0], expected)[0, 1] > 0.98


def test_rows_of_the_training_table_do_not_see_their_own_target():
    frame, _ = crossed()
    noise = np.random.default_rng(5).normal(size=len(frame))
    ours = exact()
    fitted = ours.fit_transform(frame, noise)[:, -1]
    assert abs(np.mean(fitted * noise)) < 0.1
    frame, y = crossed()
    one = exact().fit_transform(frame, y)
    y[17] += 100.0
    other = exact().fit_transform(frame, y)
    assert_array_equal(one[:, :-1], other[:, :-1])
    assert_array_equal(exact().fit_transform(frame, y), other)  # always the same folds


@pytest.mark.parametrize(
    ("target", "n_columns"),
    [
        (lambda y: y, 1),
        (lambda y: y > 0, 1),
        (lambda y: np.where(y > 0, "yes", "no"), 1),
        (lambda y: np.digitize(y, [-1, 1]), 3),
        (lambda y: pd.Series(np.digitize(y, [-1, 1]).astype(str)), 3),
        (lambda y: np.arange(len(y)), 1),
        (lambda y: np.column_stack([y, y > 0]), 2),
        (lambda y: np.column_stack([y, np.where(y > 0, np.nan, 1)]), 2),
        (lambda y: csr_array(np.column_stack([y > 0, y > 1])), 2),
        (lambda y: pd.DataFrame([y, np.where(y > 0, None, y)], dtype="Float64").T, 2),
        (lambda y: np.char.mod("class %d", np.arange(len(y)) % 30), 30),
        (lambda y: np.arange(len(y)) % 30, 1),
        (lambda y: np.tile(y[:, None], 11), 11),
        (lambda y: np.tile(y[:, None], 101), 0),
        (lambda y: None, 0),
    ],
)
def test_each_column_of_the_target_gives_one_of_means(target, n_columns):
    frame, y = crossed()
    ours, is_mean = target_means(frame, target(y))
    assert is_mean.sum() == n_columns
    assert len(ours.target_columns) == n_columns
    out = ours.transform(frame)
    assert np.isfinite(out).all()
    if n_columns == 1 and len(np.unique(target(y))) < 5:
        assert np.corrcoef(out[:, -1], y)[0, 1] > 0.4


@pytest.mark.parametrize("dtype", [int, str])
def test_labels_in_one_column_are_labels(dtype):
    frame, y = crossed()
    kinds = np.digitize(y, [-1, 1]).astype(dtype)
    with pytest.warns(DataConversionWarning, match="1d array"):
        column = exact().fit_transform(frame, kinds[:, np.newaxis])
    assert_array_equal(column, exact().fit_transform(frame, kinds))


@pytest.mark.parametrize("unit", [2.0**-600, 2.0**500])
def test_means_are_the_same_in_any_unit_of_the_target(unit):
    frame, y = crossed()
    expected = exact().fit_transform(frame, y)
    assert_array_equal(exact().fit_transform(frame, y * unit), expected)


def test_a_target_without_differences_between_levels_gives_zeros():
    frame, y = crossed()
    assert_array_equal(exact().fit_transform(frame, np.ones(len(y)))[:, -1], 0)


def test_means_can_be_learned_anew_in_the_same_columns():
    frame, y = crossed()
    ours = exact().fit(frame, y)
    before = ours.transform(frame)
    made = ours._refit_transform(frame[:1000], y[:1000])
    after = ours.transform(frame)
    assert made.shape == (1000, before.shape[1])
    assert_array_equal(after[:, :-1], before[:, :-1])
    assert not np.array_equal(after[:, -1], before[:, -1])


# Kinds of columns and tables ----------------------------------------------------


def test_kinds_by_type():
    ours = TabularPreprocessor().fit(mixed())
    assert ours.kinds_ == [
        *("number", "number", "category", "category", "category"),
        *("date", "duration"),
    ]


def test_kinds_are_those_of_skrub():
    skrub = pytest.importorskip("skrub", reason="only the test extra brings skrub")
    frame = mixed()
    theirs = skrub.TableVectorizer(cardinality_threshold=40).fit(frame)
    ours = TabularPreprocessor().fit(frame)
    names = {"numeric": "number", "datetime": "date", "low_cardinality": "category"}
    kinds = {
        column: kind
        for their_name, kind in names.items()
        for column in theirs.kind_to_columns_[their_name]
    }
    # A boolean is a number to them, and a duration.
    kinds |= {"is_new": "category", "span": "duration"}
    assert dict(zip(frame.columns, ours.kinds_, strict=True)) == kinds


def test_adult_is_what_skrub_makes_of_it():
    skrub = pytest.importorskip("skrub", reason="only the test extra brings skrub")
    folder = os.environ.get("SKLEARN_SNN_DATA", SHARED)
    path = Path(folder, "tabular", "adult.parquet")
    if not path.exists():
        pytest.skip(f"there is no {path}: SKLEARN_SNN_DATA names its folder of folders")
    frame = pd.read_parquet(path).drop(columns=["income", "split"])
    ours = exact().fit(frame)
    vectorizer = skrub.TableVectorizer(numeric=skrub.SquashingScaler())
    theirs = vectorizer.set_params(cardinality_threshold=64).fit(frame)

    kinds = theirs.kind_to_columns_
    assert sorted(ours.categories_) == sorted(
        map(frame.columns.get_loc, kinds["low_cardinality"])
    )
    ours = pd.DataFrame(ours.transform(frame), columns=ours.get_feature_names_out())
    theirs = theirs.transform(frame).rename(
        columns=lambda name: re.sub("_nan$", "_missing", name)
    )
    # A level of one row is pooled here.
    assert set(theirs) ^ set(ours) == {
        "native_country_Holand-Netherlands",
        "native_country_infrequent",
    }
    # Where most values are equal theirs takes the range, which an outlier can stretch.
    for name in theirs.columns.intersection(ours.columns).drop(
        ["capital_gain", "capital_loss"]
    ):
        correlation = np.corrcoef(theirs[name].astype(float), ours[name])[0, 1]
        assert correlation == pytest.approx(1, abs=1e-6), name


@pytest.mark.parametrize(
    "chosen", [["count", "colour", "grade"], [1, 2, -4], [0, 1, 1, 1, 0, 0, 0]]
)
def test_kinds_by_names_numbers_or_a_mask(chosen):
    if len(chosen) == 7:
        chosen = np.array(chosen, dtype=bool)
    ours = TabularPreprocessor(categorical_features=chosen).fit(mixed())
    assert [j for j, kind in enumerate(ours.kinds_) if kind == "category"] == [1, 2, 3]


@pytest.mark.parametrize(
    "chosen",
    [
        {"count", "colour", "grade", "is_new"},
        dict.fromkeys(["count", "colour", "grade", "is_new"]).keys(),
        pd.Index(["count", "colour", "grade", "is_new"]),
        np.array([False, True, True, True, True, False, False], dtype=object),
        pd.Series([0, 1, 1, 1, 1, 0, 0]).astype("boolean"),
        np.array([1, 2, 3, -3], dtype=object),
        (np.uint8(1), 2, 3, 4),
    ],
    ids=lambda chosen: type(chosen).__name__,
)
def test_categories_may_be_chosen_by_any_collection(chosen):
    ours = TabularPreprocessor(categorical_features=chosen).fit(mixed())
    kinds = ours.kinds_
    assert [j for j, kind in enumerate(kinds) if kind == "category"] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "chosen", [["colour", 2], [True, 2], ["colour", None], [[1], [2]], [1.0]]
)
def test_names_indices_and_a_mask_cannot_be_mixed(chosen):
    message = "must be a list of names only, or of indices only, or a mask of booleans"
    with pytest.raises(ValueError, match=message) as caught:
        TabularPreprocessor(categorical_features=chosen).fit(mixed())
    assert str(caught.value).endswith(f"got {chosen!r}")


@pytest.mark.parametrize("chosen", [None, [], ["grade"]])
def test_strings_that_are_said_to_be_no_categories_are_refused(chosen):
    with pytest.raises(ValueError, match="'colour' is not among categorical_features"):
        TabularPreprocessor(categorical_features=chosen).fit(mixed())


def test_names_of_categories_may_be_an_array_of_any_strings():
    for dtype in (str, object, np.dtypes.StringDType()):
        chosen = np.array(["count", "colour", "grade", "is_new"], dtype=dtype)
        ours = TabularPreprocessor(categorical_features=chosen).fit(mixed())
        assert ours.kinds_[1] == "category"
        wrong = TabularPreprocessor(categorical_features=np.array(["hue"], dtype))
        with pytest.raises(ValueError, match=r"that X lacks: \['hue'\]$"):
            wrong.fit(mixed())


@pytest.mark.parametrize("chosen", [["hue"], [7], [True, False]])
def test_columns_that_are_not_there_cannot_be_categories(chosen):
    with pytest.raises(ValueError, match="categorical_features"):
        TabularPreprocessor(categorical_features=chosen).fit(mixed())


@pytest.mark.parametrize("method", ["fit", "fit_transform", "partial_fit"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"categorical_features": "colour"},
        {"categorical_features": {"colour", 2}},
        {"categorical_features": [0.0]},
        {"categorical_features": [["colour"]]},
        {"dtype": "int32"},
    ],
)
def test_parameters_out_of_range_are_refused(parameters, method):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'?{name}'?.* must be"):
        getattr(TabularPreprocessor(**parameters), method)(mixed())


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(209), "inconsistent numbers of samples"),
        (np.r_[np.nan, np.arange(209)], "y contains NaN"),
        (np.array([1.0, "a", None] * 70, dtype=object), "^y must hold labels"),
    ],
)
def test_a_target_that_is_none_is_named(y, message):
    frame = pd.DataFrame({"city": [f"city {i % 70}" for i in range(210)]})
    with pytest.raises((ValueError, TypeError), match=message):
        TabularPreprocessor().fit(frame, y)


def as_polars(frame):
    frame = pl.from_pandas(frame)
    return frame.with_columns(pl.col("colour").cast(pl.Categorical))


def as_enum(frame):
    frame = pl.from_pandas(frame)
    return frame.with_columns(
        pl.col("colour").cast(pl.Enum(["red", "green", "blue"])),
        pl.col("size").cast(pl.Float64),
    )


def as_nullable(frame):
    return frame.convert_dtypes()


def as_nullable_of_arrow(frame):
    return frame.convert_dtypes(dtype_backend="pyarrow")


def as_objects(frame):
    return frame.astype(object)


def as_object_array(frame):
    return frame.to_numpy(dtype=object)


def as_list(frame):
    return frame.to_numpy(dtype=object).tolist()


def as_arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


def with_zone(frame):
    return frame.assign(day=frame.day.dt.tz_localize("UTC"))


def with_seconds(frame):
    return frame.assign(day=frame.day.astype("datetime64[s]"))


def with_old_strings(frame):
    return frame.assign(colour=frame.colour.astype(object))


TABLES = [
    *(as_polars, as_enum, as_nullable, as_nullable_of_arrow, as_objects),
    *(as_object_array, as_list, as_arrow, with_zone, with_seconds, with_old_strings),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
@pytest.mark.parametrize("missing", [False, True])
def test_every_kind_of_table_becomes_the_same(table, missing):
    frame = mixed().drop(columns="is_new")
    if missing:
        for j, name in enumerate(["size", "colour", "grade", "day", "span"]):
            frame.loc[[3 + j, 20 + j], name] = None
    expected = exact().fit(frame)
    ours = exact().fit(table(frame))
    assert ours.kinds_ == expected.kinds_
    result = expected.transform(frame)
    assert_allclose(ours.transform(table(frame)), result, atol=1e-9)
    if hasattr(table(frame), "columns"):
        names = expected.get_feature_names_out()
        assert_array_equal(ours.get_feature_names_out(), names)
        assert_allclose(ours.transform(frame), result, atol=1e-9)
        assert_allclose(expected.transform(table(frame)), result, atol=1e-9)


@pytest.mark.parametrize("dtype", ["Int64", "category"])
def test_large_integers_beside_missing_ones_keep_their_levels(dtype):
    """Which floats would not: 2**53 + 1 is none."""
    levels = [2**53 + 1, 2**53 + 2, 2**60 + 1, None]
    column = pd.Series(pd.array(levels * 20, dtype="Int64")).astype(dtype)
    ours = exact(categorical_features=["code"]).fit(pd.DataFrame({"code": column}))
    names = [f"code_{level}" for level in levels[:-1]]
    assert_array_equal(ours.get_feature_names_out(), [*names, "code_missing"])


@pytest.mark.parametrize("make", [as_polars, pa.Table.from_pandas])
def test_columns_are_read_by_the_librarys_own_way(make, monkeypatch):
    """Of pyarrow's tables the general one takes time that grows with the square."""

    def general(*args, **options):
        raise AssertionError("the general way was taken")

    frame = mixed()
    expected = exact().fit_transform(frame)
    monkeypatch.setattr("sklearn_snn._columns._safe_indexing", general)
    assert_allclose(exact().fit_transform(make(frame)), expected)


def test_booleans_are_categories_with_missing_ones():
    frame = pd.DataFrame({"flag": pd.array([True, False, None, True], "boolean")})
    names = ["flag_False", "flag_True", "flag_missing"]
    expected = exact().fit(frame)
    assert list(expected.get_feature_names_out()) == names
    polars = pl.DataFrame({"flag": [True, False, None, True]})
    assert_array_equal(exact().fit_transform(polars), expected.transform(frame))


def test_objects_that_are_all_numbers_are_numbers():
    objects = pd.DataFrame(X, columns=list("abcd")).astype(object)
    objects.loc[3, "b"] = None
    objects.loc[4, "b"] = pd.NA
    floats = objects.astype({"b": "Float64"}).astype(float)
    assert_array_equal(exact().fit_transform(objects), exact().fit_transform(floats))


@pytest.mark.parametrize("known", [[Decimal(1), 2, Decimal(4)], ["a", "b", "c"]])
def test_a_signalling_nan_is_missing_as_others_are(known):
    tables = [
        pd.DataFrame({"price": known * 20 + [missing] * 5}, dtype=object)
        for missing in (None, Decimal("NaN"), Decimal("sNaN"))
    ]
    expected, *others = (exact().fit_transform(table) for table in tables)
    for other in others:
        assert_array_equal(other, expected)


@pytest.mark.parametrize(
    ("dtype", "missing"),
    [
        *(("f4", np.nan), ("f8", np.nan), ("i8", np.nan), ("?", np.nan)),
        *(("U9", None), ("O", None), ("M8[ns]", "NaT"), ("m8[h]", "NaT")),
    ],
)
def test_what_is_masked_is_missing(dtype, missing):
    values = np.random.default_rng(0).integers(0, 4, (60, 2))
    table = np.ma.masked_array(values.astype(dtype), values == 2)
    plain = pd.DataFrame(table.data)
    plain = plain.astype({"?": float, "U9": object}.get(dtype, plain.dtypes[0]))
    ours = exact().fit(table)
    expected = exact().fit_transform(plain.mask(values == 2, missing))
    assert_array_equal(ours.transform(table), expected)
    assert_array_equal(ours.transform(table[:1]), expected[:1])


def test_objects_that_are_booleans_are_numbers():
    flags = np.array([[True], [False], [None]] * 5, object)
    assert exact().fit(flags).kinds_ == ["number"]


def test_numpy_strings_are_categories():
    words = np.array([["a", "x"], ["b", "y"], ["c", "y"]])
    ours = TabularPreprocessor().fit(words)
    names = ["x0_a", "x0_b", "x0_c", "x1_y"]
    assert list(ours.get_feature_names_out()) == names


def test_levels_that_do_not_occur_get_no_column():
    names = TabularPreprocessor().fit(mixed()).get_feature_names_out()
    assert "grade_c" not in names


def test_a_category_may_come_as_another_type_later():
    frame = mixed()
    ours = exact().fit(frame)
    expected = ours.transform(frame)
    other = frame.astype({"colour": "category", "grade": object, "is_new": object})
    assert_array_equal(ours.transform(other), expected)
    coded = pd.DataFrame({"code": pd.Categorical(np.arange(60) % 5)})
    ours = exact().fit(coded)
    assert_array_equal(ours.transform(coded.astype(float)), ours.transform(coded))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            ["12", "13"],
            [12, 13],
            r"'code' held strings in fit, but now it holds 12, 13;",
        ),
        (["12", "13"], ["12", 7], "'code' held strings.* 7;"),
        ([12, 13], ["12", "13"], "'code' held numbers in fit, but .* '12', '13';"),
        ([True, False], ["True", "False"], "'code' held numbers"),
    ],
)
def test_levels_of_another_type_than_in_fit_are_refused(before, after, message):
    def frame(values):
        return pd.DataFrame({"code": pd.Series(values * 20, dtype=object)})

    ours = TabularPreprocessor(["code"]).fit(frame(before))
    with pytest.raises(ValueError, match=message):
        ours.transform(frame(after))
    assert ours.transform(frame([None, before[0]])).shape == (40, 1)
    # Who has seen both knows neither as strange.
    both = TabularPreprocessor(["code"]).fit(frame([*before, *after]))
    assert np.isfinite(both.transform(frame(after))).all()


def test_levels_of_many_types_do_not_depend_on_their_company():
    values = [1, 2, "x", (1, 2), dt.date(2020, 1, 1)]
    column = np.empty((50, 1), dtype=object)
    column[:, 0] = values * 10
    ours = exact(categorical_features=[0]).fit(column)
    alone = np.concatenate([ours.transform(column[[i]]) for i in range(5)])
    assert_array_equal(ours.transform(column[:5]), alone)


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_dates_as_levels_are_the_same_in_any_unit(unit):
    days = pd.date_range("2020-01-01", periods=4).repeat(10)
    frame = pd.DataFrame({"day": days.astype("M8[us]")})
    ours = exact(categorical_features=["day"]).fit(frame)
    other = ours.transform(frame.astype(f"M8[{unit}]"))
    assert_array_equal(other, ours.transform(frame))
    assert len(np.unique(other, axis=0)) == 4


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame,
        lambda columns: pd.DataFrame(columns, dtype="Int64"),
        lambda columns: pd.DataFrame(columns, dtype="int64[pyarrow]"),
        pl.DataFrame,
        pa.table,
    ],
)
def test_integers_beyond_those_of_floats_are_levels_of_their_own(table):
    codes = 2**60 + np.arange(4)
    ours = exact(categorical_features=["code"]).fit(
        pd.DataFrame({"code": np.tile(codes, 10)})
    )
    expected = ours.transform(pd.DataFrame({"code": codes}))
    assert len(np.unique(expected, axis=0)) == 4
    assert_array_equal(ours.transform(table({"code": codes})), expected)
    if table is not pd.DataFrame:  # whose integers have no gaps
        gaps = table({"code": [*codes.tolist(), None]})
        assert_array_equal(ours.transform(gaps)[:4], expected)


def test_intervals_are_levels():
    frame = pd.DataFrame({"bin": pd.cut(X[:, 0], 4)})
    ours = exact().fit(frame)
    assert len(ours.get_feature_names_out()) == 4
    assert all(isinstance(level, str) for level in ours.categories_[0].levels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "1.5"}, r"column 'size' held numbers in fit, but now.*'1\.5'"),
        ({"day": "2020-01-01"}, r"column 'day' held dates.*'2020-01-01'"),
        ({"day": 3.0}, r"column 'day' held dates.*3\.0"),
        ({"count": pd.Timestamp("2020-01-01")}, r"column 'count' held numbers.*2020"),
    ],
)
def test_a_column_that_is_no_longer_of_its_kind_is_refused(change, message):
    ours = TabularPreprocessor().fit(mixed())
    with pytest.raises(ValueError, match=message):
        ours.transform(mixed().assign(**change))


@pytest.mark.parametrize(
    "values",
    [
        *([1, "a"], [1.5, "a", None], ["a", {"b": 1}], [[1], "a"], [(1, 2), 3]),
        *([dt.timedelta(1), 2], [dt.timedelta(1), 2.5, None], [dt.timedelta(1), "a"]),
        [2, np.timedelta64(1, "h")],
    ],
)
def test_a_column_of_several_types_is_a_type_error(values):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    frame = pd.DataFrame({"fine": np.arange(len(values)), "odd": column})
    with pytest.raises(
        TypeError, match=r"^argument must be a string or a number(.|\n)*'odd'"
    ) as caught:
        TabularPreprocessor().fit(frame)
    assert "astype(str)" in str(caught.value)
    assert repr(values[0]) in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ([9, 4, 2], "4"),
        (np.array([7, 8, 5], dtype=np.int64), "8"),
        (pd.RangeIndex(1, 4), "2"),
        ([0.5, 1.5, 2.5], "1.5"),
        (pd.MultiIndex.from_product([["a"], list("xyz")]), r"\('a', 'y'\)"),
    ],
)
def test_columns_without_names_are_called_by_their_labels(labels, name):
    frame = pd.DataFrame(np.tile(X[:, [0]], 3)).set_axis(labels, axis=1)
    words, odd = (frame.astype({frame.columns[1]: one}) for one in (str, object))
    infinite = frame.mask((frame > 1) & [False, True, False], np.inf)
    odd.iloc[:, 1] = ["a", 1] * 30 + ["a"]
    with pytest.raises(TypeError, match=rf"Column {name} holds.*\n.*X\[{name}\]"):
        TabularPreprocessor().fit(odd)
    with pytest.raises(ValueError, match=f"Column {name} holds inf"):
        TabularPreprocessor().fit(infinite)
    with pytest.raises(ValueError, match=f"column {name} is not among"):
        TabularPreprocessor(None).fit(words)
    with pytest.raises(ValueError, match=f"column {name} held numbers in fit"):
        TabularPreprocessor().fit(frame).transform(words)
    with pytest.raises(ValueError, match=f"column {name} held strings in fit"):
        TabularPreprocessor([1]).fit(words).transform(frame)


def test_numbers_of_categories_are_positions_whatever_columns_are_called():
    frame = pd.DataFrame({9: [1, 2] * 30, 2: [1, 2] * 30, 0: [1, 2] * 30})
    kinds = TabularPreprocessor([0]).fit(frame).kinds_
    assert kinds == ["category", "number", "number"]
    message = r"indices of the 3 columns, which count from 0 even .*, got \[9\]"
    with pytest.raises(ValueError, match=message):
        TabularPreprocessor([9]).fit(frame)


@pytest.mark.parametrize(
    "values",
    [
        pd.period_range("2020-01", periods=4, freq="M"),
        pd.interval_range(0, 4),
        [dt.time(hour) for hour in range(4)],
        [UUID(int=number) for number in range(4)],
        [b"a", b"b", None, b"c"],
        [{"a": 1}, {"a": 2}, {"a": 3}, None],
    ],
    ids=lambda values: type(values[0]).__name__,
)
def test_objects_of_a_type_that_is_not_read_may_be_levels(values):
    frame = pd.DataFrame({"odd": values, "fine": range(4)})
    message = (
        rf"^argument must be a string .*\b{type(frame['odd'][0]).__name__}\.\nColumn"
    )
    with pytest.raises(TypeError, match=message) as caught:
        TabularPreprocessor().fit(frame)
    assert "X['odd'].astype(str), or list it in categorical_features" in str(
        caught.value
    )
    expected = TabularPreprocessor().fit_transform(
        frame.assign(odd=frame["odd"].astype(str).where(frame["odd"].notna(), None))
    )
    listed = TabularPreprocessor(["odd"]).fit_transform(frame)
    assert_array_equal(listed, expected)


RECORDS = [{"a": 1}, {"a": 2}] * 5
PAIRS = pl.Series([[1, 2], [3, 4]] * 5, dtype=pl.Array(pl.Int64, 2))


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"fine": range(10), "odd": RECORDS}),
        pa.table({"fine": range(10), "odd": RECORDS}),
        pa.table({"fine": range(10), "odd": RECORDS}).to_pandas(
            types_mapper=pd.ArrowDtype
        ),
        pl.DataFrame({"fine": range(10), "odd": PAIRS}),
    ],
)
def test_a_column_of_records_or_arrays_is_a_type_error(table):
    with pytest.raises(TypeError, match=r"^argument must be(.|\n)*Column 'odd' holds"):
        TabularPreprocessor().fit(table)


def test_complex_numbers_are_refused():
    for table in (X + 1j, pd.DataFrame(X + 1j), (X + 1j).astype(object)):
        with pytest.raises(ValueError, match="Complex data not supported"):
            TabularPreprocessor().fit(table)


# Dates --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["datetime64[us]", "object", "polars", "date32"])
def test_dates_become_year_month_day_weekday_and_a_count(kind):
    dates = [*days("1969-11-20", 101), *days("2024-02-20", 100)]
    frame = pd.DataFrame({"on": dates})
    if kind == "polars":
        frame = pl.DataFrame({"on": dates})
    elif kind == "date32":
        frame["on"] = frame["on"].astype(pd.ArrowDtype(pa.date32()))
    elif kind != "object":
        frame["on"] = pd.to_datetime(frame["on"]).astype(kind)
    ours = exact().fit(frame)
    parts = ["year", "month", "day", "weekday", "days"]
    names = [f"on_{part}" for part in parts]
    assert list(ours.get_feature_names_out()) == names
    numbers = [[d.year, d.month, d.day, d.weekday(), d.toordinal()] for d in dates]
    expected = exact().fit_transform(np.array(numbers, dtype=float))
    assert_allclose(ours.transform(frame), expected, atol=1e-9)


def test_times_with_a_zone_may_lie_at_the_edges_of_the_calendar():
    zones = [dt.timezone(dt.timedelta(hours=hours)) for hours in (5, -5)]
    edges = [
        dt.datetime(1, 1, 1, tzinfo=zones[0]),
        dt.datetime(9999, 12, 31, 23, tzinfo=zones[1]),
        dt.datetime(2020, 2, 29, 12, tzinfo=zones[0]),
    ]
    in_utc = np.array(["0000-12-31T19", "10000-01-01T04", "2020-02-29T07"], "M8[us]")
    assert_array_equal(
        exact().fit_transform(pd.DataFrame({"at": edges * 9}, dtype=object)),
        exact().fit_transform(np.tile(in_utc, 9)[:, np.newaxis]),
    )


def test_parts_of_microseconds_are_cut_off():
    at = pd.DataFrame({"at": pd.date_range("2020-01-01", periods=50, freq="7h")})
    finer = at.astype("M8[ns]") + np.timedelta64(123, "ns")
    expected = exact().fit_transform(at)
    assert_array_equal(exact().fit_transform(finer), expected)
    ours = exact().fit(at.to_numpy())
    assert_array_equal(ours.transform(finer.to_numpy()), expected)


def test_numbers_are_no_dates():
    frame = pd.DataFrame({"on": pd.date_range("2020-01-01", periods=90)})
    ours = TabularPreprocessor().fit(frame.to_numpy())
    with pytest.raises(ValueError, match=r"column 0 held dates in fit, but now.*1\.0"):
        ours.transform(np.ones((3, 1)))


@pytest.mark.parametrize("missing", [np.nan, None, pd.NaT])
def test_a_row_whose_values_are_all_missing_is_of_no_kind(missing):
    frame = mixed()[["size", "day", "span"]]
    ours = exact().fit(pd.concat([frame, frame[:1].assign(**dict.fromkeys(frame))]))
    rows = pd.concat([frame[:1].assign(size=np.nan, day=pd.NaT, span=pd.NaT), frame])
    alone = pd.DataFrame({name: [missing] for name in frame})
    assert_array_equal(ours.transform(alone), ours.transform(rows)[:1])


def test_durations_of_any_unit_are_numbers_of_days():
    days = np.array([1.0, 2.5, 400.0, 1e6])
    for unit, a_day in {"h": 24, "s": 86400, "ms": 86400e3, "us": 86400e6}.items():
        table = (days * a_day).astype(f"m8[{unit}]").reshape(-1, 1)
        assert_allclose(
            exact().fit_transform(table), exact().fit_transform(days.reshape(-1, 1))
        )
    short = pd.DataFrame({"span": pd.to_timedelta(np.arange(50), "ns"), "x": X[:50, 0]})
    assert list(exact().fit(short).get_feature_names_out()) == ["span", "x"]
    arrow = short.astype({"span": "duration[ns][pyarrow]"})
    assert_array_equal(exact().fit_transform(arrow), exact().fit_transform(short))


@pytest.mark.parametrize(
    "spans",
    [
        lambda hours: pd.DataFrame({"span": pd.to_timedelta(hours, "h")}),
        lambda hours: pd.DataFrame({"span": pd.to_timedelta(hours, "h")}, dtype=object),
        lambda hours: pl.DataFrame({"span": [dt.timedelta(hours=h) for h in hours]}),
        lambda hours: np.array([hours], dtype="m8[h]").T,
    ],
)
def test_numbers_are_no_durations_nor_durations_numbers(spans):
    spans, plain = spans([24, 48, 96]), np.array([[86400.0], [86400.0], [1.0]])
    if hasattr(spans, "columns"):
        plain = pd.DataFrame(plain, columns=["span"])
    with pytest.raises(ValueError, match=r"durations in fit, but now it holds 86400"):
        exact().fit(spans).transform(plain)
    with pytest.raises(ValueError, match=r"held numbers in fit, but now it holds .*"):
        exact().fit(plain).transform(spans)
    missing = plain * np.nan
    assert_array_equal(exact().fit(spans).transform(missing), np.zeros((3, 1)))


def test_durations_that_are_objects_are_those_of_an_array():
    spans = [dt.timedelta(2), np.timedelta64(5, "D"), np.timedelta64(72, "h"), None]
    days = [2, 5, 3, np.nan]
    assert_allclose(
        exact().fit_transform(pd.DataFrame({"span": spans * 9}, dtype=object)),
        exact().fit_transform(pd.DataFrame({"span": days * 9})),
    )


@pytest.mark.parametrize("start", ["2020-01-01", "1960-02-29"])
def test_times_have_an_hour_and_count_in_the_number_of_days(start):
    frame = pd.DataFrame({"at": pd.date_range(start, periods=47, freq="30min")})
    frame.loc[3, "at"] = None
    ours = exact().fit(frame)
    names = ["at_hour", "at_days", "at_missing"]
    assert list(ours.get_feature_names_out()) == names
    hours = np.where(np.arange(47) == 3, np.nan, np.arange(47) / 2)
    expected = exact().fit_transform(hours[:, None])
    assert_allclose(ours.transform(frame), expected[:, [0, 0, 1]])


# Output -------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_output_as_a_data_frame(library):
    frame = pd.DataFrame(X, columns=list("abcd"))
    ours = TabularPreprocessor().set_output(transform=library)
    out = ours.fit_transform(frame)
    assert type(out).__module__.startswith(library)
    assert list(out.columns) == list("abcd")
    assert list(ours.fit(mixed()).transform(mixed()).columns) == list(
        ours.get_feature_names_out()
    )


def test_names_of_the_output_are_all_different():
    frame = pd.DataFrame({"age": [1.0, 2.0, None, 4.0] * 20})
    frame["age_missing"] = frame["age"].isna().astype(int)
    frame["code"] = [1234567.0, 1234568.0, None, 1234569.5] * 20
    ours = TabularPreprocessor(["code"]).set_output(transform="polars")
    assert ours.fit_transform(frame).columns == [
        "age",
        "age_missing",
        "age_missing_1",
        "code_1234567",
        "code_1234568",
        "code_1234569.5",
        "code_missing",
    ]


def test_a_copy_looks_levels_up_without_a_dict_in_its_file():
    category = learn_category(np.array(["a", "b", None, 3.0] * 9, dtype=object))
    assert set(category.__getstate__()) == {one.name for one in fields(category)}
    rows = np.array([3.0, "a", "b", None, "c"], dtype=object)
    for one in (category, pickle.loads(pickle.dumps(category)), deepcopy(category)):
        assert_array_equal(one.codes(rows), [0, 1, 2, 3, 4])


def test_what_is_learned_are_arrays_lists_and_numbers():
    frame, y = crossed()
    ours = TabularPreprocessor().fit(pd.concat([frame, mixed(len(frame))], axis=1), y)

    def check(value):
        if isinstance(value, (tuple, list)):
            list(map(check, value))
        elif isinstance(value, dict):
            list(map(check, value.values()))
        elif is_dataclass(value):
            list(map(check, (getattr(value, one.name) for one in fields(value))))
        else:
            assert value is None or isinstance(value, (np.ndarray, str, float, bool))
            int_or_float = getattr(value, "dtype", np.dtype(float)).kind
            assert int_or_float in ("f", "O")

    for name, value in vars(ours).items():
        if name.endswith("_") and name not in ("n_features_in_", "parts_"):
            check(value)
