"""What the estimators take, what they refuse, and how they say so."""

import copy
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import (
    coo_array,
    csc_array,
    csc_matrix,
    csr_array,
    csr_matrix,
    issparse,
)
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import get_tags

from sklearn_snn import (
    SNNClassifier,
    SNNGridSearchCV,
    SNNRegressor,
    TabularPreprocessor,
)

TINY = dict(
    depth=2,
    width=16,
    max_iter=5,
    learning_rate_init=0.01,
    random_state=0,
    n_estimators=1,
    n_bins=1,
)
BOTH = pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(120, 4))


@pytest.fixture
def y(X):
    """Two classes, or numbers of which half are 0 and half are 1."""
    return (X[:, 0] + X[:, 1] > 0).astype(int)


@pytest.fixture
def labels(X):
    """Three labels, a third of which is missing."""
    labels = (X[:, :3] > 0).astype(float)
    labels[np.random.default_rng(0).random(labels.shape) < 1 / 3] = np.nan
    return labels


def outputs(model, X):
    """Probabilities or predictions."""
    return getattr(model, "predict_proba", model.predict)(X)


def assert_same(make, one, other, *, atol=0.0, **parameters):
    """Two ways of saying the same data give the same model."""
    models = [make(**TINY | parameters).fit(*data) for data in (one, other)]
    expected, ours = (
        outputs(model, data[0])
        for model, data in zip(models, (one, other), strict=True)
    )
    assert_allclose(ours, expected, rtol=0, atol=atol)
    return models[1]


# Tables -------------------------------------------------------------------------


def pandas_frame(X):
    return pd.DataFrame(X, columns=["a", "b", "c", "d"])


def shuffled_pandas_frame(X):
    frame = pandas_frame(X)
    return frame.set_index(np.random.default_rng(0).permutation(len(X)))


def nullable_pandas_frame(X):
    return pandas_frame(X).astype("Float64")


def polars_frame(X):
    return pl.DataFrame(X, schema=["a", "b", "c", "d"])


def arrow_table(X):
    return pa.table(
        {name: column.tolist() for name, column in zip("abcd", X.T, strict=True)}
    )


def tensor(X):
    return torch.from_numpy(X.copy())


TABLES = [
    pandas_frame,
    shuffled_pandas_frame,
    nullable_pandas_frame,
    polars_frame,
    arrow_table,
    tensor,
    np.asfortranarray,
    np.ndarray.tolist,
]


@BOTH
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_every_kind_of_table_gives_the_same_model(make, X, y, table, early_stopping):
    parameters = dict(early_stopping=early_stopping)
    model = assert_same(make, (X, y), (table(X), y), **parameters)
    if hasattr(table(X), "columns"):
        assert_array_equal(model.feature_names_in_, ["a", "b", "c", "d"])
    else:
        assert not hasattr(model, "feature_names_in_")


@BOTH
def test_a_reversed_view_is_a_table(make, X, y):
    view = X[::-1, ::-1]
    for preprocessor in ("auto", None):
        assert_same(
            make,
            (view.copy(), y),
            (view, y),
            preprocessor=preprocessor,
            dtype="float64",
        )


@BOTH
@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", ">f8", "g", "i1", "u2", "i8", "?", "O"]
)
@pytest.mark.parametrize("preprocessor", ["auto", None])
def test_every_type_of_number_gives_the_same_model(make, X, y, dtype, preprocessor):
    if dtype in "i1 u2 i8":
        X = np.abs(10 * X)
    typed = X.astype(dtype)
    numbers = typed.astype("f8")
    parameters = dict(preprocessor=preprocessor, max_iter=2)
    # A float32 table is standardised in float64, whatever it came as.
    assert_same(make, (numbers, y), (typed, y), atol=1e-6, **parameters)


@pytest.mark.parametrize("dtype", ["Int64", "float32", "object", "int8"])
def test_columns_of_a_frame_may_be_of_any_numeric_type(X, y, dtype):
    frame = pandas_frame((X > 0).astype(int)).astype({"b": dtype, "d": dtype})
    assert_same(SNNClassifier, ((X > 0).astype(float), y), (frame, y))


SPARSE = [csr_array, csc_array, csr_matrix, csc_matrix, coo_array]


@BOTH
@pytest.mark.parametrize("sparse", SPARSE, ids=lambda sparse: sparse.__name__)
@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-4), ("float64", 1e-9)])
def test_sparse_and_dense_tables_give_the_same_model(make, X, y, sparse, dtype, atol):
    X = np.where(np.abs(X) > 0.5, X, 0.0) + [0, 0, 0, 3]
    parameters = dict(dtype=dtype, early_stopping=True)
    # By default sparse columns are scaled by their deviations, dense ones robustly.
    scaler = StandardScaler().fit(X)
    for dense, preprocessor in ((X, None), (scaler.transform(X), "auto")):
        model = make(preprocessor=None, **TINY | parameters).fit(dense, y)
        other = make(preprocessor=preprocessor, **TINY | parameters).fit(sparse(X), y)
        expected = outputs(model, dense)
        for kind in (np.asarray, sparse):
            assert_allclose(outputs(other, kind(X)), expected, rtol=0, atol=atol)
    assert_allclose(other.loss_curve_, model.loss_curve_, rtol=1e-3)
    by_default = make(**TINY | parameters).fit(X, y)
    assert_array_equal(outputs(by_default, sparse(X)), outputs(by_default, X))


@BOTH
def test_a_frozen_preprocessor_of_sparse_tables_is_centred_as_another(make, X, y):
    """Whoever froze it, the network sees numbers around 0."""
    table = csr_matrix(X + 20.0)
    ours = TabularPreprocessor()
    frozen = FrozenEstimator(clone(ours).fit(table))
    models = [make(preprocessor=one, **TINY).fit(table, y) for one in (ours, frozen)]
    expected, made = (outputs(model, table) for model in models)
    # Only ours gets pieces of dense columns; of a sparse table there are none.
    assert_allclose(made, expected, rtol=0, atol=1e-6)


def test_sparse_tables_may_be_int_and_unsorted_with_duplicates(X, y):
    X = np.round(3 * np.abs(X)).astype(int)
    untidy = csr_matrix(X)
    for start, stop in zip(untidy.indptr[:-1], untidy.indptr[1:], strict=True):
        untidy.indices[start:stop] = untidy.indices[start:stop][::-1].copy()
        untidy.data[start:stop] = untidy.data[start:stop][::-1].copy()
    untidy.has_sorted_indices = False
    rows, columns = np.divmod(np.tile(np.arange(X.size), 2), X.shape[1])
    twice = coo_array((np.tile(X.ravel(), 2), (rows, columns)), shape=X.shape)
    assert_same(SNNClassifier, (csr_array(X), y), (untidy, y), atol=1e-4)
    assert_same(SNNClassifier, (csr_array(2 * X), y), (twice, y), atol=1e-4)


def test_validation_rows_may_come_in_another_kind_of_table(X, y):
    scores = [
        SNNClassifier(**TINY).fit(X, y, X_val=kind(X[:30]), y_val=y[:30])
        for kind in (np.asarray, csr_array, tensor)
    ]
    for model in scores[1:]:
        assert_allclose(
            model.validation_scores_, scores[0].validation_scores_, rtol=1e-4
        )


@BOTH
@pytest.mark.parametrize("n_bins", [1, 4])
def test_rows_are_predicted_alike_in_any_company(make, X, y, n_bins):
    model = make(**TINY | dict(n_estimators=8, n_bins=n_bins)).fit(X, y)
    together = outputs(model, X)
    assert_array_equal(outputs(model, X[::-1])[::-1], together)
    alone = np.concatenate([outputs(model, X[i : i + 1]) for i in range(0, 120, 10)])
    assert_array_equal(alone, together[::10])
    sparse = csr_array(X)
    assert_array_equal(outputs(model, sparse[5:9]), outputs(model, sparse)[5:9])


@BOTH
def test_a_column_of_category_type_is_no_number(make, X):
    codes = np.random.default_rng(0).integers(10, size=len(X))
    # Even codes and odd ones: no smooth function tells them apart.
    y = codes % 2
    frame = pandas_frame(X).assign(a=codes)
    parameters = TINY | dict(max_iter=20)
    as_number = make(**parameters).fit(frame, y)
    frame = frame.astype({"a": "category"})
    as_category = make(**parameters).fit(frame, y)
    assert as_category.score(frame, y) > as_number.score(frame, y) + 0.1


# Raw tables ---------------------------------------------------------------------


@pytest.fixture
def raw():
    """A table with columns of all kinds, and classes that depend on all of them."""
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], 240)
    frame = pd.DataFrame(
        {
            "size": rng.standard_cauchy(240),
            "colour": colour,
            "is_new": rng.random(240) < 0.5,
            "grade": pd.Categorical(rng.choice(list("ab"), 240)),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(240), "D"),
        }
    )
    value = np.tanh(frame["size"]) + (colour == "red") + frame["is_new"]
    frame.loc[::7, "size"] = np.nan
    frame.loc[::11, "colour"] = None
    return frame, (value > value.median()).to_numpy().astype(int)


def polars_of(frame):
    return pl.from_pandas(frame)


def arrow_of(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


def objects_of(frame):
    return frame.to_numpy(dtype=object)


RAW = [pd.DataFrame, polars_of, arrow_of, objects_of]


@BOTH
@pytest.mark.parametrize("kind", RAW)
def test_a_raw_table_is_fitted_as_it_is(make, raw, kind):
    frame, y = raw
    X = kind(frame)
    model = make(early_stopping=True, **TINY | dict(n_estimators=2, max_iter=30))
    weight = np.arange(len(y)) % 3
    model.fit(X, y, weight, X_val=kind(frame[:50]), y_val=y[:50])
    assert model.score(X, y) > (0.8 if make is SNNClassifier else 0.4)
    alone = outputs(model, kind(frame[:1]))
    assert_array_equal(alone, outputs(model, X)[:1])
    model.set_params(early_stopping=False).partial_fit(X, y)
    model.set_params(warm_start=True, max_iter=40).fit(X, y)
    oof = make(oof_score=True, **TINY | dict(n_estimators=3)).fit(X, y)
    assert np.isfinite(oof.oof_score_)


@BOTH
def test_a_raw_table_in_a_pipeline_and_a_search(make, raw):
    frame, y = raw
    network = make(**TINY)
    pipeline = make_pipeline(TabularPreprocessor(), network)
    pipeline.set_output(transform="pandas").fit(frame, y)
    assert len(pipeline[-1].feature_names_in_) > len(frame.columns)
    search = SNNGridSearchCV(network, {"depth": [1, 2]}, cv=2).fit(frame, y)
    assert_array_equal(search.predict(frame), search.best_estimator_.predict(frame))
    theirs = GridSearchCV(network, {"depth": [1, 2]}, cv=2).fit(frame, y)
    assert_allclose(
        search.cv_results_["mean_test_score"],
        theirs.cv_results_["mean_test_score"],
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("plain", "given"),
    [
        (lambda labels: labels % 2, csr_array),
        (lambda labels: labels % 2, lambda plain: pd.DataFrame(plain).astype("Int64")),
        (
            lambda labels: np.where(labels > 1, np.nan, labels),
            lambda plain: pd.DataFrame(plain).astype("Int64"),
        ),
        (lambda labels: labels[:, 0].astype(str), lambda plain: plain[:, np.newaxis]),
    ],
    ids=["sparse", "nullable", "missing", "column"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_a_pipeline_takes_the_targets_that_a_classifier_takes(plain, given):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": rng.integers(80, size=800).astype(str)})
    y = plain(rng.integers(3, size=(800, 3)))
    SNNClassifier(**TINY).fit(frame, given(y))
    one, other = (
        make_pipeline(TabularPreprocessor(), SNNClassifier(preprocessor=None, **TINY))
        .fit(frame, target)
        .predict_proba(frame)
        for target in (y, given(y))
    )
    assert_array_equal(one, other)


@BOTH
def test_what_is_set_for_all_transformers_does_not_reach_inside(make, raw):
    frame, y = raw
    expected = outputs(make(**TINY).fit(frame, y), frame)
    for library in ("pandas", "polars"):
        with config_context(transform_output=library):
            model = make(**TINY).fit(frame, y)
            assert_array_equal(outputs(model, frame), expected)


def test_many_levels_say_which_of_many_classes():
    rng = np.random.default_rng(0)
    level = rng.integers(0, 100, 2000)
    X = pd.DataFrame({"level": [f"level {i}" for i in level]})
    y = level % 15
    model = SNNClassifier(n_estimators=2, max_iter=30, random_state=0, width=32)
    assert model.fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.9


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_our_preprocessor_may_be_given_as_any_other(make, raw, dtype):
    frame, y = raw
    by_default = make(dtype=dtype, **TINY).fit(frame, y)
    given = make(preprocessor=TabularPreprocessor(dtype=dtype), dtype=dtype, **TINY)
    assert_array_equal(outputs(given.fit(frame, y), frame), outputs(by_default, frame))
    mixed = make(preprocessor=TabularPreprocessor(), dtype=dtype, **TINY)
    assert_allclose(
        outputs(mixed.fit(frame, y), frame), outputs(by_default, frame), atol=1e-4
    )


@BOTH
def test_partial_fit_takes_chunks_with_new_levels_and_gaps(make, raw):
    frame, y = raw
    model = make(**TINY)
    known = dict(classes=[0, 1]) if make is SNNClassifier else {}
    model.partial_fit(frame[:3], y[:3], **known)
    for start in range(0, 240, 60):
        model.partial_fit(frame[start : start + 60], y[start : start + 60])
    assert np.isfinite(outputs(model, frame)).all()


@BOTH
def test_a_column_may_be_empty_in_the_first_chunk(make, raw):
    frame, y = raw
    frame = frame.assign(later=[None] * 60 + ["u", "v"] * 90)
    known = dict(classes=[0, 1]) if make is SNNClassifier else {}
    model = make(**TINY).partial_fit(frame[:60], y[:60], **known)
    model.partial_fit(frame[60:], y[60:])
    expected = outputs(model, frame.assign(later=None))
    assert_array_equal(outputs(model, frame), expected)


def test_a_column_of_several_types_is_scikit_learns_type_error(raw):
    frame, y = raw
    frame["odd"] = [1, "a"] * 120
    message = r"^argument must be a string or a number(.|\n)*'odd' holds 1, 'a'"
    with pytest.raises(TypeError, match=message):
        SNNClassifier(**TINY).fit(frame, y)


def test_numbers_that_come_as_strings_are_refused_with_their_column(raw):
    frame, y = raw
    model = SNNClassifier(**TINY).fit(frame, y)
    with pytest.raises(ValueError, match=r"column 'size' held numbers.*'1\.5'"):
        model.predict(frame.assign(size="1.5"))


@BOTH
def test_tags_say_what_is_taken(make):
    tags = get_tags(make()).input_tags
    assert (tags.allow_nan, tags.categorical, tags.string) == (True, True, False)
    assert tags.sparse
    tags = get_tags(make(preprocessor=None)).input_tags
    assert (tags.allow_nan, tags.categorical, tags.sparse) == (False, False, True)
    tags = get_tags(make(preprocessor=SimpleImputer())).input_tags
    assert tags.allow_nan
    assert not tags.categorical


# Extreme tables -----------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("scale", "atol"),
    [(2.0**-100, 0), (2.0**100, 0), (2.0**1000, 0), (1e-15, 1e-5), (1e15, 1e-5)],
)
def test_the_unit_of_a_column_does_not_matter(make, X, y, scale, atol):
    units = np.array([scale, 1, -scale, 1])
    one, other = (make(**TINY).fit(table, y) for table in (X * np.abs(units), X))
    ours = outputs(one, X * np.abs(units))
    assert_allclose(ours, outputs(other, X), rtol=0, atol=atol)
    turned = make(**TINY).fit(X * units, y)
    assert np.isfinite(outputs(turned, X * units)).all()


@BOTH
@pytest.mark.parametrize("container", [np.asarray, csr_matrix, pandas_frame])
def test_columns_that_nobody_scales_are_named_in_a_warning(make, X, y, container):
    large = X * [1.0, 1.0, 1e4, 300.0]
    for preprocessor in (None, FunctionTransformer()):
        # What a transformer makes need not be the column in that place.
        is_named = preprocessor is None and container is pandas_frame
        name = "'c'" if is_named else "2"
        model = make(preprocessor=preprocessor, **TINY)
        with pytest.warns(UserWarning, match=rf"column {name} of .* of 1\.1e\+04"):
            model.fit(container(large), y)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            clone(model).fit(container(X), y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(**TINY).fit(container(large), y)


@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
def test_columns_whose_squares_overflow_are_named_as_well(X, y, container):
    huge = X * [1.0, 1e200, 1.0, 1.0]
    model = SNNClassifier(preprocessor=None, **TINY | dict(dtype="float64"))
    with pytest.warns(UserWarning, match="column 1 .* of inf, where 1 is wanted"):
        model.fit(container(huge), y)


@BOTH
def test_a_table_that_is_not_there_yet_is_refused(make, X, y):
    lazy = polars_frame(X).lazy()
    with pytest.raises(TypeError, match=r"got a LazyFrame; pass X.collect\(\)"):
        make(**TINY).fit(lazy, y)


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_constant_and_huge_columns_are_harmless(make, X, y, dtype, container):
    huge = np.column_stack(
        [X, np.zeros(120), np.full(120, 7.3), np.full(120, 1e30), 1e30 * X[:, :1]]
    )
    table = container(huge.astype(dtype))
    model = make(**TINY | dict(max_iter=20, dtype=dtype)).fit(table, y)
    assert np.isfinite(outputs(model, table)).all()
    assert model.score(table, y) > (0.9 if make is SNNClassifier else 0.6)


@BOTH
@pytest.mark.parametrize("value", [-1e300, -1e30, 1e30, 1e300])
def test_values_far_from_all_data_get_finite_predictions(make, X, y, value):
    model = make(**TINY).fit(X, y)
    assert np.isfinite(outputs(model, np.full((3, 4), value))).all()


@BOTH
def test_a_new_value_in_a_constant_column_is_ignored(make, X, y):
    X[:, 3] = 5.0
    model = make(**TINY).fit(X, y)
    before = outputs(model, X)
    X[:, 3] = 1e10
    assert_array_equal(outputs(model, X), before)


@BOTH
@pytest.mark.parametrize("early_stopping", ["auto", False])
def test_one_row_is_learned_by_heart(make, X, early_stopping):
    model = make(early_stopping=early_stopping, **TINY).fit(X[:1], [3])
    assert_array_equal(model.predict(X), np.full(120, 3))


@BOTH
def test_one_row_cannot_be_split(make, X):
    model = make(early_stopping=True, **TINY)
    if make is SNNRegressor:
        with pytest.raises(ValueError, match="holds out 1 of n_samples=1"):
            model.fit(X[:1], [3])
    else:
        with (
            pytest.warns(UserWarning, match="only 1 member"),
            pytest.raises(ValueError, match="holds out 1 of n_samples=1"),
        ):
            model.fit(X[:1], [3])


@BOTH
def test_several_networks_share_one_row_but_cannot_be_validated_on_it(make, X):
    parameters = TINY | dict(n_estimators=3)
    model = make(early_stopping="auto", **parameters).fit(X[:1], [3])
    assert_array_equal(model.predict(X[:1]), [3])
    assert model.validation_scores_ is None
    with pytest.raises(ValueError, match="n_samples=1"):
        make(early_stopping=True, **parameters).fit(X[:1], [3])
    groups = np.zeros(120)
    with pytest.raises(ValueError, match="groups must be two at least"):
        make(**parameters).fit(X, np.arange(120) % 2, groups=groups)


@BOTH
def test_a_split_that_leaves_no_row_that_counts_is_named(make, X, y):
    folds = list(KFold(5).split(X))
    weight = np.ones(len(y))
    weight[folds[0][1]] = 0
    parameters = TINY | dict(n_estimators=5, cv=folds)
    for more in ({}, {"oof_score": True}):
        with pytest.raises(
            ValueError, match="cv has a split with no .* to validate on"
        ):
            make(early_stopping=True, **parameters | more).fit(X, y, weight)
    # Who is not validated needs no such rows.
    assert make(early_stopping=False, **parameters).fit(X, y, weight).n_iter_ > 0
    with pytest.raises(ValueError, match="cv has a split with no .* to train on"):
        make(**TINY | dict(cv=[([], folds[0][0])])).fit(X, y)


@BOTH
@pytest.mark.parametrize("integer", [np.int64, np.uint8])
def test_parameters_may_be_numpys_integers(make, X, y, integer):
    numbers = dict(depth=2, width=200, batch_size=16, max_iter=2, n_estimators=2)
    plain = make(random_state=0, **numbers).fit(X, y)
    theirs = {name: integer(number) for name, number in numbers.items()}
    assert_array_equal(
        make(random_state=0, **theirs).fit(X, y).predict(X), plain.predict(X)
    )


@BOTH
def test_two_rows_can_be_split(make, X):
    parameters = TINY | dict(early_stopping=True)
    if make is SNNRegressor:
        model = make(**parameters).fit(X[:2], [0, 1])
    else:
        with pytest.warns(UserWarning, match="only 1 member"):
            model = make(**parameters).fit(X[:2], [0, 1])
    assert len(model.validation_scores_) == model.n_iter_


@BOTH
def test_one_feature_is_enough(make, X):
    y = (X[:, 0] > 0).astype(int)
    model = make(**TINY | dict(max_iter=20)).fit(X[:, :1], y)
    assert model.score(X[:, :1], y) > (0.95 if make is SNNClassifier else 0.6)


@pytest.mark.parametrize("only", [7, "yes", True])
def test_one_class_is_certain(X, only):
    model = SNNClassifier(**TINY).fit(X, [only] * 120)
    assert_array_equal(model.classes_, [only])
    assert_array_equal(model.predict(X), [only] * 120)
    assert_array_equal(model.predict_proba(X), np.ones((120, 1)))
    assert_array_equal(model.predict_log_proba(X), np.zeros((120, 1)))


@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", "poisson"]
)
def test_a_constant_target_is_learned(X, loss):
    y = np.full(120, 7.3)
    parameters = TINY | dict(loss=loss, max_iter=20, batch_size=8)
    assert_allclose(SNNRegressor(**parameters).fit(X, y).predict(X), y, rtol=0.15)


@BOTH
def test_a_batch_size_beyond_all_rows_warns_and_takes_all_rows(make, X, y):
    all_rows = make(batch_size=120, **TINY).fit(X, y)
    with pytest.warns(UserWarning, match="batch_size=500 is larger than the 120"):
        beyond = make(batch_size=500, **TINY).fit(X, y)
    assert_array_equal(outputs(beyond, X), outputs(all_rows, X))


@BOTH
def test_all_rows_make_one_batch_where_folds_are_not_equal(make, X, y):
    # A smaller batch would have the same row, the last one of an epoch, alone.
    cv = [(np.arange(100), np.arange(100, 120)), (np.arange(101), np.arange(101, 120))]
    parameters = TINY | dict(n_estimators=2, cv=cv, dropout=0.0, max_iter=1)
    parameters |= dict(early_stopping=False, dtype="float64", preprocessor=None)
    all_rows = make(batch_size=101, **parameters).fit(X, y)
    with pytest.warns(UserWarning, match="batch_size=500 is larger than the 101"):
        beyond = make(batch_size=500, **parameters).fit(X, y)
    assert_array_equal(outputs(beyond, X), outputs(all_rows, X))


@BOTH
@pytest.mark.parametrize("n_rows", [4, 12])
def test_few_rows_are_enough_to_validate_several_networks(make, X, n_rows):
    y = np.arange(n_rows) % 2
    model = make(early_stopping=True, **TINY | dict(n_estimators=3)).fit(X[:n_rows], y)
    assert len(model.networks_) == 3
    assert np.isfinite(model.validation_scores_).all()


@pytest.mark.parametrize("n_estimators", [1, 3])
def test_a_class_with_one_member_survives_early_stopping(X, y, n_estimators):
    y = y.astype(object)
    y[17] = "lonely"
    y = y.astype(str)
    model = SNNClassifier(early_stopping=True, **TINY | dict(n_estimators=n_estimators))
    if n_estimators == 1:
        with pytest.warns(UserWarning, match="'lonely' has only 1 member"):
            model.fit(X, y)
    else:  # some of them are trained on it
        model.fit(X, y)
    assert_array_equal(model.classes_, ["0", "1", "lonely"])
    assert model.predict_proba(X).shape == (120, 3)
    assert len(model.validation_scores_) == model.n_iter_


# Targets ------------------------------------------------------------------------


def categories(y):
    return pd.Series(
        pd.Categorical(y.astype(str), categories=["2", "1", "0", "unused"])
    )


def shuffled_series(y):
    return pd.Series(y, index=np.random.default_rng(0).permutation(len(y)))


def polars_strings(y):
    return pl.Series(y.astype(str))


LABELS = {
    "int": lambda y: y,
    "negative": lambda y: y - 5,
    "str": lambda y: np.array(["negative", "positive", "other"])[y],
    "bool": lambda y: y > 0,
    "object": lambda y: np.array(["no", "yes", "maybe"], dtype=object)[y],
    "float": lambda y: y.astype(float),
    "int8": lambda y: y.astype("i1"),
    "uint64": lambda y: y.astype("u8"),
    "big-endian": lambda y: y.astype(">i4"),
    "list": lambda y: y.tolist(),
    "categorical": categories,
    "series": shuffled_series,
    "nullable": lambda y: shuffled_series(y).astype("Int64"),
    "pandas strings": lambda y: shuffled_series(y.astype(str)).astype("string"),
    "polars": polars_strings,
    "tensor": tensor,
}


@pytest.mark.parametrize("convert", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_may_be_of_any_type(X, convert, n_classes):
    y = np.digitize(X[:, 0], [-0.5, 0.5] if n_classes == 3 else [0])
    labels = convert(y)
    parameters = dict(early_stopping=True, scoring="accuracy", max_iter=20)
    model = SNNClassifier(**TINY | parameters).fit(X, labels)
    values = np.unique(np.asarray(labels))
    assert_array_equal(model.classes_, values)
    predicted = model.predict(X)
    assert predicted.dtype == model.classes_.dtype
    assert np.mean(predicted == np.asarray(labels)) > 0.7
    assert model.score(X, labels) == np.mean(predicted == np.asarray(labels))
    codes = np.searchsorted(values, np.asarray(labels))
    plain = SNNClassifier(**TINY | parameters).fit(X, codes)
    assert_array_equal(plain.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]"])
def test_large_labels_of_nullable_types_stay_apart(X, dtype):
    labels = 2**60 + np.arange(120) % 3
    model = SNNClassifier(**TINY).fit(X, pd.Series(labels, dtype=dtype))
    assert_array_equal(model.classes_, 2**60 + np.arange(3))


def test_large_classes_of_nullable_types_stay_apart(X):
    labels = 2**60 + np.arange(120) % 3
    nullable = pd.Series(labels, dtype="Int64")
    first = SNNClassifier(**TINY)
    first.partial_fit(X, nullable, classes=pd.Series(nullable.unique()))
    assert_array_equal(first.classes_, 2**60 + np.arange(3))
    with pytest.warns(DataConversionWarning):
        model = SNNClassifier(**TINY).fit(X, nullable.to_frame())
    assert_array_equal(model.classes_, 2**60 + np.arange(3))


@pytest.mark.parametrize("dtype", ["boolean", "bool[pyarrow]"])
def test_booleans_of_nullable_types_are_predicted_as_booleans(X, y, dtype):
    model = SNNClassifier(**TINY).fit(X, pd.Series(y == 1, dtype=dtype))
    assert model.predict(X).dtype == bool


@pytest.mark.parametrize("kind", [int, bool])
def test_numbers_of_type_object_are_no_labels_to_scikit_learn_either(X, y, kind):
    labels = y.astype(kind).astype(object)
    for model in (SNNClassifier(**TINY), LogisticRegression()):
        with pytest.raises(ValueError, match="Unknown label type"):
            model.fit(X, labels)


def test_validation_labels_are_encoded_like_the_others(X, y):
    named = np.array(["no", "yes"])[y]
    model = SNNClassifier(scoring="accuracy", **TINY)
    model.fit(X, named, X_val=X[:30], y_val=named[:30])
    assert model.best_validation_score_ == model.score(X[:30], named[:30])


@BOTH
def test_a_target_of_one_column_is_warned_of_and_flattened(make, X, y):
    flat = make(**TINY).fit(X, y)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        column = make(**TINY).fit(X, y[:, np.newaxis])
    assert column.predict(X).shape == (120,)
    assert_array_equal(outputs(column, X), outputs(flat, X))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_a_target_of_several_columns_is_predicted_in_that_shape(X, loss):
    Y = np.column_stack([1e5 * X[:, 0], X[:, 1] - 50])
    model = SNNRegressor(loss=loss, **TINY | dict(max_iter=20)).fit(X, Y)
    assert model.predict(X).shape == (120, 2)
    assert model.predict(X[:1]).shape == (1, 2)
    assert model.score(X, Y) > 0.8


def reversed_view(a):
    return a[::-1].copy()[::-1]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


UNUSUAL = [reversed_view, read_only, np.asfortranarray, np.ndarray.tolist, tensor]


@pytest.mark.parametrize("unusual", UNUSUAL, ids=lambda unusual: unusual.__name__)
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson"])
@pytest.mark.parametrize("shape", [(120,), (120, 2)])
def test_numbers_to_predict_may_lie_in_any_memory(X, unusual, loss, shape):
    y = np.abs(X[:, :2].copy() if len(shape) == 2 else X[:, 0].copy())
    parameters = dict(loss=loss, dtype="float64", early_stopping=True)
    # Sums over other strides are rounded otherwise.
    assert_same(SNNRegressor, (X, y), (X, unusual(y)), atol=1e-10, **parameters)


@pytest.mark.parametrize("unusual", UNUSUAL, ids=lambda unusual: unusual.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_labels_may_lie_in_any_memory(X, labels, unusual, dtype):
    parameters = dict(dtype=dtype, early_stopping=True)
    assert_same(SNNClassifier, (X, labels), (X, unusual(labels)), **parameters)


@BOTH
def test_tables_and_weights_may_be_read_only(make, X, y):
    weight = np.random.default_rng(0).random(120)
    data = (X, y, weight)
    assert_same(make, data, tuple(map(read_only, data)), preprocessor=None)


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_labels_that_are_missing_are_learned_from_the_others(X, labels, n_estimators):
    truth = X[:, :3] > 0
    model = SNNClassifier(**TINY | dict(n_estimators=n_estimators, max_iter=20))
    model.fit(X, labels)
    assert (model.predict(X) == truth).mean(axis=0).min() > 0.9
    assert set(np.unique(model.predict(X))) == {0, 1}
    proba = model.predict_proba(X)
    assert proba.shape == (120, 3)
    assert ((proba > 0) & (proba < 1)).all()
    known = ~np.isnan(labels)
    right = ((model.predict(X) == labels) | ~known).all(axis=1)
    assert model.score(X, labels) == right[known.any(axis=1)].mean()


def test_a_label_that_nobody_measured_is_no_obstacle(X, labels):
    labels[:, 2] = np.nan
    model = SNNClassifier(**TINY | dict(max_iter=20)).fit(X, labels)
    proba = model.predict_proba(X)
    assert np.isfinite(proba).all()
    assert (model.predict(X)[:, :2] == (X[:, :2] > 0)).mean() > 0.9


def test_rows_without_any_label_are_no_obstacle(X, labels):
    labels[:60] = np.nan
    model = SNNClassifier(early_stopping=True, **TINY | dict(max_iter=20))
    model.fit(X, labels)
    assert np.isfinite(model.validation_scores_).all()
    assert (model.predict(X) == (X[:, :3] > 0)).mean() > 0.8


@pytest.mark.parametrize("kind", [pandas_frame, polars_frame, csr_array, tensor])
def test_labels_may_be_a_table_of_any_kind(X, kind):
    labels = (X > 0).astype(int)
    assert_same(SNNClassifier, (X, labels), (X, kind(labels)))


# Refusals -----------------------------------------------------------------------


REFUSED_ALWAYS = [
    (lambda X: np.where(X == X[5, 2], np.inf, X), r"Column 2 holds inf\."),
    (lambda X: np.where(X == X[5, 2], -np.inf, X), r"Column 2 holds -inf\."),
    (lambda X: pandas_frame(X).assign(c=np.inf), r"Column 'c' holds inf\."),
    (lambda X: X + 1j, r"Complex data not supported"),
    (lambda X: (X + 1j).tolist(), r"[Cc]omplex"),
    (lambda X: X[:, 0], r"Reshape your data"),
    (lambda X: X[:, :, np.newaxis], r"dim 3"),
    (lambda X: X[:0], r"0 sample"),
    (lambda X: X[:, :0], r"0 feature"),
    (lambda X: pandas_frame(X)[:0], r"0 sample"),
]
REFUSED_WHERE_THERE_ARE_ONLY_NUMBERS = [
    (lambda X: pandas_frame(X).assign(b="red"), r"Column 'b' holds 'red'\."),
    (lambda X: pandas_frame(X).assign(c=None), r"Column 'c' holds None\."),
    (lambda X: pandas_frame(X).assign(c=np.nan), r"Column 'c' holds nan\."),
    (
        lambda X: nullable_pandas_frame(X).mask(X > 2),
        r"Column '[abcd]' holds (nan|<NA>)\.",
    ),
    (lambda X: np.where(X == X[5, 2], np.nan, X), r"Column 2 holds nan\."),
    (lambda X: np.ma.masked_greater(X, X[:, 2].max() - 0.1), r"Column 2 holds nan\."),
    (lambda X: [[1.0, "two", 3, 4]] * 120, r"Column 1 holds 'two'\."),
    (
        lambda X: pandas_frame(X).assign(d=np.datetime64("2020-01-01", "s")),
        r"Column 'd' holds .*2020",
    ),
    (
        lambda X: polars_frame(X).with_columns(b=X[:, 0].astype(str) + "kg"),
        r"Column 'b' holds '.*kg', '.*kg', '.*kg'\.",
    ),
    (
        lambda X: pandas_frame(X).assign(a="red").astype({"a": "category"}),
        r"Column 'a' holds 'red'\.",
    ),
    (
        lambda X: arrow_table(X).set_column(1, "b", [["red"] * len(X)]),
        r"\nColumn 'b' holds 'red'\.",
    ),
]
REFUSED = [
    ("auto", lambda X: pandas_frame(X)[[]], r"0 feature"),
    *(("auto", *case) for case in REFUSED_ALWAYS),
    *((None, *case) for case in REFUSED_ALWAYS),
    *((None, *case) for case in REFUSED_WHERE_THERE_ARE_ONLY_NUMBERS),
]


@BOTH
@pytest.mark.parametrize(("preprocessor", "table", "message"), REFUSED)
def test_a_table_that_cannot_be_read_is_refused(
    make, X, y, preprocessor, table, message
):
    model = make(preprocessor=preprocessor, **TINY)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(table(X), y)
    assert not hasattr(model, "networks_")
    named = hasattr(table(X), "columns")
    model.fit(pandas_frame(X) if named else X, y)
    if message != r"0 feature" or not named:  # else they are called missing
        with pytest.raises((ValueError, TypeError), match=message):
            model.predict(table(X))


@BOTH
@pytest.mark.parametrize("preprocessor", ["auto", None])
def test_columns_that_are_called_by_numbers_are_named_by_these(
    make, X, y, preprocessor
):
    model = make(preprocessor=preprocessor, **TINY)
    frame = pd.DataFrame(X, columns=[9, 7, 5, 4])
    model.fit(frame, y)
    with pytest.raises(ValueError, match=r"Column 7 holds inf\."):
        model.predict(frame.mask(X == X[3, 1], np.inf))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_sparse_table_with_missing_or_infinite_values_is_refused(X, y, value):
    X[7, 1] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        SNNClassifier(**TINY).fit(csr_array(X), y)


def test_a_score_that_is_not_defined_is_not_called_divergence(X, y):
    model = SNNClassifier(scoring="roc_auc", **TINY)
    with (
        pytest.warns(UserWarning, match="Only one class"),
        pytest.raises(ValueError, match="roc_auc|scoring") as caught,
    ):
        model.fit(X, y, X_val=X[:5], y_val=[0] * 5)
    assert "learning_rate" not in str(caught.value)


def test_a_score_that_cannot_be_computed_says_which_and_of_what(X):
    rare = np.where(np.arange(120) < 3, 2, np.arange(120) % 2)
    parameters = TINY | dict(n_estimators=8, early_stopping=True)
    message = "scoring='neg_log_loss' failed on 15 validation rows; .*: y_true"
    with pytest.raises(ValueError, match=message):
        SNNClassifier(scoring="neg_log_loss", **parameters).fit(X, rare)


@BOTH
@pytest.mark.parametrize("value", [None, "good", np.nan, [0.5, 0.6]])
def test_a_scorer_whose_value_is_no_number_is_named(make, X, y, value):
    model = make(scoring=lambda *_: value, early_stopping=True, **TINY)
    with pytest.raises(ValueError, match=r"scoring=.* gave .* a finite number is"):
        model.fit(X, y)


def test_a_score_of_probabilities_is_none_of_a_regressor(X, y):
    model = SNNRegressor(scoring="neg_log_loss", early_stopping=True, **TINY)
    with pytest.raises(ValueError, match="scoring='neg_log_loss' failed"):
        model.fit(X, y)


@BOTH
@pytest.mark.parametrize("table", [np.asarray, pandas_frame, csr_array])
def test_a_scorer_gets_predictions_of_the_rows_that_it_is_given(make, X, y, table):
    def scoring(model, X, y):
        assert type(X) is type(table(np.eye(4)))
        return -np.mean((model.predict(X) - y)[:5] ** 2)

    model = make(scoring=scoring, **TINY)
    model.fit(table(X), y, X_val=table(X), y_val=y)
    expected = scoring(model, table(X), y)
    assert_allclose(model.best_validation_score_, expected, rtol=1e-5)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize("other", [lambda X: X + 100, lambda X: X[:5], np.copy])
def test_a_scorer_gets_no_predictions_of_other_rows(X, y, method, other):
    def scoring(model, X, y):
        return np.mean(getattr(model, method)(other(X)))

    model = SNNClassifier(scoring=scoring, early_stopping=True, **TINY)
    with pytest.raises(ValueError, match="scoring must ask for predictions of the X"):
        model.fit(X, y)


@BOTH
def test_a_score_of_other_rows_is_refused(make, X, y):
    def scoring(model, X, y):
        return model.score(X + 100, y)

    model = make(scoring=scoring, early_stopping=True, **TINY)
    with pytest.raises(ValueError, match="scoring must ask for predictions of the X"):
        model.fit(X, y)


@BOTH
def test_a_scorer_has_to_take_weights_where_rows_have_them(make, X, y):
    def scoring(model, X, y):
        return -np.mean((model.predict(X) - y) ** 2)

    model = make(scoring=scoring, early_stopping=True, **TINY).fit(X, y)
    with pytest.raises(TypeError, match=r"scoring must be .*sample_weight=.*scoring"):
        model.fit(X, y, sample_weight=np.ones(120))


def test_at_most_three_columns_and_values_are_shown(X, y):
    frame = pandas_frame(X).astype(str) + "kg"
    with pytest.raises(ValueError, match=r"So do 1 more columns\.") as caught:
        SNNClassifier(preprocessor=None, **TINY).fit(frame, y)
    message = str(caught.value)
    assert "Column 'c'" in message
    assert "Column 'd'" not in message
    assert message.count("kg'") <= 10
    assert "OneHotEncoder" in message


def test_a_preprocessor_that_leaves_gaps_is_named(X, y):
    frame = pandas_frame(X)
    frame.loc[3, "b"] = np.nan
    imputer = SimpleImputer()
    model = SNNClassifier(preprocessor=imputer, **TINY).fit(frame, y)
    assert np.isfinite(model.predict_proba(frame)).all()
    leaky = SNNClassifier(preprocessor=FunctionTransformer(), **TINY)
    message = r"Column 'b' holds nan\.\nThe network sees what `preprocessor` returns"
    with pytest.raises(ValueError, match=message):
        leaky.fit(frame, y)


@BOTH
def test_a_table_with_other_columns_is_refused(make, X, y):
    frame = pandas_frame(X)
    model = make(**TINY).fit(frame, y)
    with pytest.raises(ValueError, match="X has 3 features.*expecting 4"):
        make(**TINY).fit(X, y).predict(X[:, :3])
    with pytest.raises(ValueError, match="now missing:\n- d"):
        model.predict(frame[["a", "b", "c"]])
    with pytest.raises(ValueError, match="unseen at fit time:\n- z"):
        model.predict(frame.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match="same order"):
        model.predict(frame[["b", "a", "c", "d"]])
    with pytest.raises(ValueError, match="unseen at fit time"):
        model.predict(frame.assign(e=0.0))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert_array_equal(model.predict(X), model.predict(frame))
    assert_array_equal(model.predict(polars_frame(X)), model.predict(frame))


@BOTH
@pytest.mark.parametrize("preprocessor", ["auto", None, SimpleImputer()], ids=str)
def test_validation_rows_with_other_columns_are_refused(make, X, y, preprocessor):
    model = make(preprocessor=preprocessor, **TINY)
    with pytest.raises(ValueError, match="X has 3 features.*expecting 4"):
        model.fit(X, y, X_val=X[:30, :3], y_val=y[:30])
    frame = pandas_frame(X)
    renamed = frame.rename(columns={"a": "z"})
    with pytest.raises(ValueError, match="unseen at fit time:\n- z"):
        model.fit(frame, y, X_val=renamed[:30], y_val=y[:30])


METHODS = ["predict", "predict_proba", "predict_log_proba"]


@pytest.mark.parametrize("method", METHODS)
def test_an_unfitted_classifier_says_so(X, method):
    with pytest.raises(NotFittedError, match="SNNClassifier instance is not fitted"):
        getattr(SNNClassifier(), method)(X)


@BOTH
def test_an_unfitted_estimator_says_so(make, X, y):
    with pytest.raises(NotFittedError, match="is not fitted"):
        make().predict(X)
    with pytest.raises(NotFittedError, match="is not fitted"):
        make().score(X, y)


def test_a_class_that_only_validation_rows_have_is_refused(X, y):
    named = np.array(["no", "yes"])[y]
    model = SNNClassifier(**TINY)
    with pytest.raises(ValueError, match=r"y_val.*\['maybe'\].*\['no', 'yes'\]"):
        model.fit(X, named, X_val=X[:3], y_val=["no", "maybe", "yes"])


def test_a_class_that_only_training_rows_have_is_fine(X, y):
    model = SNNClassifier(**TINY).fit(X, y, X_val=X[:30], y_val=[0] * 30)
    assert np.isfinite(model.validation_scores_).all()


@BOTH
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("X_val",), "X_val is provided, but y_val was not provided"),
        (("y_val",), "y_val is provided, but X_val was not provided"),
    ],
)
def test_validation_rows_need_both_parts(make, X, y, given, message):
    parts = {"X_val": X[:30], "y_val": y[:30]}
    with pytest.raises(ValueError, match=message):
        make(**TINY).fit(X, y, **{name: parts[name] for name in given})


@BOTH
@pytest.mark.parametrize("preprocessor", ["auto", None], ids=str)
def test_errors_of_validation_rows_say_that_they_are(make, X, y, preprocessor):
    model = make(preprocessor=preprocessor, **TINY)
    infinite = np.where(X == X[3, 1], np.inf, X)
    for changed in ({"X_val": infinite}, {"y_val": y[:5]}):
        with pytest.raises(ValueError, match="^X_val, y_val or sample_weight_val: "):
            model.fit(X, y, **{"X_val": X, "y_val": y} | changed)


@BOTH
def test_validation_weights_need_validation_rows(make, X, y):
    with pytest.raises(ValueError, match="sample_weight_val"):
        make(**TINY).fit(X, y, sample_weight_val=np.ones(30))


@BOTH
def test_validation_rows_without_early_stopping_are_refused(make, X, y):
    model = make(early_stopping=False, **TINY)
    with pytest.raises(ValueError, match="early_stopping is False"):
        model.fit(X, y, X_val=X[:30], y_val=y[:30])


@BOTH
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(120), "at least one non-zero"),
        (np.linspace(-1, 1, 120), "[Nn]egative"),
        (np.full(120, np.nan), "NaN"),
        (np.full(120, np.inf), "infinity"),
        (np.ones(119), r"\(119,\).*\(120,\)"),
        (np.ones((120, 2)), "1D array"),
    ],
    ids=["zero", "negative", "nan", "inf", "short", "2d"],
)
def test_weights_that_make_no_sense_are_refused(make, X, y, weight, message):
    for where in ("sample_weight", "sample_weight_val"):
        rows = dict(X_val=X, y_val=y) if where == "sample_weight_val" else {}
        with pytest.raises(ValueError, match=message):
            make(**TINY).fit(X, y, **rows, **{where: weight})


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (lambda X: X[:, 0], "continuous"),
        (lambda X: np.where(X[:, 0] > 0, 1, np.nan), "NaN"),
        (lambda X: np.array([*["a"] * 119, None], dtype=object), "None, .* in row 119"),
        (lambda X: [0, 1] * 59, r"inconsistent.*\[120, 118\]"),
        (lambda X: (X[:, :2] > 0) + 1, r"labels 0 and 1.*got \[2"),
        (lambda X: X[:, :2], "labels 0 and 1"),
        (lambda X: np.full((120, 2), np.inf), "infinity"),
        (lambda X: np.zeros((120, 2, 2)), "dim 3"),
        (lambda X: None, "requires y"),
    ],
)
def test_a_target_that_is_not_of_classes_is_refused(X, target, message):
    with pytest.raises(ValueError, match=message):
        SNNClassifier(**TINY).fit(X, target(X))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (lambda X: ["many"] * 120, "many"),
        (lambda X: np.where(X[:, 0] > 0, 1, np.nan), "y contains NaN"),
        (lambda X: np.where(X[:, 0] > 0, 1, np.inf), "y contains infinity"),
        (lambda X: X[:, 0] + 1j, "Complex"),
        (lambda X: X[:118, 0], r"inconsistent.*\[120, 118\]"),
        (lambda X: X[:, :2, np.newaxis], "^y has a shape .*dim 3"),
        (lambda X: X[:, :0], "^y has a shape .*0 feature"),
        (lambda X: None, "requires y"),
    ],
)
def test_a_target_that_is_not_of_numbers_is_refused(X, target, message):
    with pytest.raises(ValueError, match=message):
        SNNRegressor(**TINY).fit(X, target(X))


@pytest.mark.parametrize("shape", [(30,), (30, 3)])
def test_a_validation_target_of_another_shape_is_refused(X, shape):
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        SNNRegressor(**TINY).fit(X, X[:, :2], X_val=X[:30], y_val=np.zeros(shape))


@BOTH
def test_a_failed_fit_leaves_a_fitted_estimator_as_it_was(make, X, y):
    model = make(**TINY).fit(X, y)
    before = outputs(model, X)
    with pytest.raises(ValueError, match="Column 1 holds inf"):
        model.fit(np.where(X == X[5, 1], np.inf, X)[:, :3], y)
    assert model.n_features_in_ == 4
    assert_array_equal(outputs(model, X), before)


# Nothing is written to ----------------------------------------------------------


def arrays(data):
    """All memory of a table."""
    if issparse(data):
        return [data.data, data.indices, data.indptr]
    return [np.asarray(data)]


@BOTH
@pytest.mark.parametrize(
    "kind", [np.asarray, pandas_frame, csr_array, csc_array, tensor, np.float32]
)
@pytest.mark.parametrize("preprocessor", ["auto", None])
def test_no_input_is_modified(make, X, y, kind, preprocessor):
    dtype = "float32" if kind is np.float32 else "float64"
    table, weight = kind(X), np.random.default_rng(0).random(120)
    data = [table, y, weight, kind(X[:30]), y[:30].copy(), weight[:30].copy()]
    before = copy.deepcopy(data)
    model = make(preprocessor=preprocessor, dtype=dtype, **TINY | dict(n_estimators=2))
    model.fit(table, y, weight, X_val=data[3], y_val=data[4], sample_weight_val=data[5])
    outputs(model, table)
    model.partial_fit(table, y, sample_weight=weight)
    for ours, theirs in zip(data, before, strict=True):
        for one, other in zip(arrays(ours), arrays(theirs), strict=True):
            assert_array_equal(one, other)
            assert one.dtype == other.dtype


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 3.0}])
def test_missing_labels_are_not_filled_in(X, labels, class_weight):
    before = labels.copy()
    model = SNNClassifier(
        class_weight=class_weight, label_smoothing=0.1, dtype="float64", **TINY
    )
    model.fit(X, labels)
    model.score(X, labels)
    assert_array_equal(labels, before)


def test_a_column_may_have_the_name_of_a_method_of_polars():
    X = pd.DataFrame({"collect": [1.0, 2.0, 3.0], "to_series": [0.0, 0.0, 1.0]})
    assert TabularPreprocessor().fit_transform(X).shape == (3, 2)
