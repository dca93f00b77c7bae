"""Tables as bad as they come obey the contract, or give errors with a cause.

`benchmarks.stress.hostile` draws them; what it found once is below, by name.
"""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler

from benchmarks.stress import hostile
from sklearn_snn import SNNClassifier, SNNRegressor, TabularPreprocessor
from sklearn_snn._ensemble import EnsembleEstimator

TINY = dict(
    depth=1, width=4, max_iter=2, n_estimators=1, n_threads=1, random_state=0, n_bins=1
)
BOTH = pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])

#: The same cases each time; `benchmarks.stress.fuzz` tries others.
FEW = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
METHODS = st.sampled_from(["fit", "partial_fit"])


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(40, 3))


@pytest.mark.parametrize(
    ("models", "targets"),
    [
        (hostile.CLASSIFIERS, hostile.LABELS),
        (hostile.REGRESSORS, hostile.QUANTITIES),
        (hostile.PREPROCESSORS, hostile.QUANTITIES),
    ],
    ids=["classifier", "regressor", "preprocessor"],
)
def test_whoever_gets_it_obeys_the_contract_or_names_the_cause(models, targets):
    outcomes = []

    @FEW
    @given(models, hostile.cases(targets), METHODS)
    def try_out(model, case, method):
        outcomes.append(hostile.outcome(model, case, method))

    try_out()
    assert outcomes.count("predicted") > len(outcomes) / 20


@pytest.mark.parametrize(
    ("result", "promise"),
    [
        (np.full((40, 2), 0.4), "sum to 1"),
        (np.full((40, 2), np.nan), "finite"),
        (np.tile([1.5, -0.5], (40, 1)), "beyond 0 and 1"),
        (np.full((40, 3), 1 / 3), "shape"),
        (np.full((40, 2), 0.5, dtype=np.float32), "dtype"),
    ],
)
def test_the_contract_is_checked(X, result, promise):
    model = SNNClassifier(**TINY).fit(X, X[:, 0] > 0)
    with pytest.raises(hostile.BrokenPromise, match=promise):
        hostile.check(model, X, result)


def test_an_error_without_a_cause_and_a_changed_input_are_found(X):
    class Model(SNNRegressor):
        def predict(self, X):
            if X.flags.writeable:
                X[0] = 7
                return super().predict(X)
            raise ValueError("something went wrong")

    def case(table):
        return table, X[:, 0], None, X[:3].copy()

    with pytest.raises(hostile.BrokenPromise, match="changed"):
        hostile.outcome(Model(**TINY), case(X.copy()))
    with pytest.raises(hostile.BrokenPromise, match="no cause"):
        hostile.outcome(Model(**TINY), case(hostile.read_only(X)))


# Larger than what is drawn ------------------------------------------------------


def test_a_thousand_classes(X):
    X = np.random.default_rng(0).normal(size=(2000, 2))
    y = np.arange(2000) % 1000
    proba = SNNClassifier(**TINY).fit(X, y).predict_proba(X)
    assert proba.shape == (2000, 1000)
    assert_allclose(proba.sum(axis=1), 1)


@BOTH
def test_ten_thousand_levels_some_of_them_new(make):
    names = np.array([f"level {i}" for i in range(10_500)], dtype=object)
    frame = pd.DataFrame({"name": names[:10_000].repeat(2)})
    y = np.arange(20_000) % 2
    model = make(batch_size=256, **TINY).fit(frame, y)
    assert np.isfinite(model.predict(pd.DataFrame({"name": names}))).all()


@BOTH
def test_a_stream_that_is_sorted_by_its_target(make):
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.sort(np.arange(300) % 3)
    model = make(**TINY)
    known = dict(classes=[0, 1, 2]) if make is SNNClassifier else {}
    for start in range(0, 300, 50):
        rows = slice(start, start + 50)
        model.partial_fit(X[rows], y[rows], **known)
    assert np.isfinite(hostile.used(model, X)).all()


# What was found -----------------------------------------------------------------


def test_a_sparse_table_without_any_number_is_transformed():
    X = csr_array((5, 2))
    assert TabularPreprocessor().fit_transform(X).nnz == 0
    assert_array_equal(SNNClassifier(**TINY).fit(X, [1] * 5).predict(X), [1] * 5)


def test_timestamps_with_a_zone_are_read_in_utc():
    zone = timezone(timedelta(hours=9))
    days = [datetime(2020, 1, 1 + i, 3, tzinfo=zone) for i in range(9)]
    naive = [day.astimezone(UTC).replace(tzinfo=None) for day in days]
    made, expected = (
        TabularPreprocessor().fit_transform(np.array(values, object)[:, np.newaxis])
        for values in (days, naive)
    )
    assert_array_equal(made, expected)


def test_dates_that_wrap_around_are_refused():
    X = np.array([["2020-01-01"], ["2020-01-02"]], dtype="M8[D]")
    X[1] = np.datetime64(10**12, "D")
    with pytest.raises(ValueError, match="Column 0 holds .* too far from 1970"):
        TabularPreprocessor().fit(X)


@BOTH
@pytest.mark.parametrize("preprocessor", ["auto", None])
def test_integers_that_no_float_can_hold_are_refused_with_their_column(
    make, X, preprocessor
):
    X = X.astype(object)
    X[3, 1] = 10**400
    with pytest.raises(ValueError, match=r"too large.*\n?.*Column 1 holds"):
        make(preprocessor=preprocessor, **TINY).fit(X, np.arange(40) % 2)


@BOTH
def test_long_doubles_that_no_double_can_hold_are_infinite(make, X):
    table = X.astype(np.longdouble)
    table[3, 1] = np.longdouble("1e4000")
    for kind in (np.asarray, pd.DataFrame):
        with pytest.raises(ValueError, match="Column 1 holds .*(inf|e[+]4000)"):
            make(**TINY).fit(kind(table), np.arange(40) % 2)


def test_a_column_as_wide_as_doubles_are_is_not_constant():
    greatest = np.finfo(float).max
    X = np.repeat([[-greatest], [greatest]], 10, axis=0)
    made = TabularPreprocessor().fit_transform(X)
    assert_allclose(made[::10], [[-1], [1]])


@BOTH
@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e300])
def test_the_unit_of_weights_does_not_matter(make, X, scale):
    y, weight = X[:, 0] > 0, np.arange(40) % 4
    one, other = (make(**TINY).fit(X, y, w) for w in (weight / 4, scale * weight))
    assert_allclose(hostile.used(other, X), hostile.used(one, X), rtol=1e-4)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("exponent", [-1000, -600, 450])
def test_the_unit_of_the_target_does_not_matter(X, loss, exponent):
    model, parameters = SNNRegressor, dict(loss=loss, **TINY)
    expected = model(**parameters).fit(X, X[:, 0]).predict(X)
    unit = 2.0**exponent
    made = model(**parameters).fit(X, unit * X[:, 0]).predict(X)
    assert_array_equal(made / unit, expected)


def test_tiny_rates_are_learned_by_poisson(X):
    y = np.where(X[:, 0] > 0, 3e-310, 1e-310)
    model = SNNRegressor(loss="poisson", **TINY).fit(X, y)
    assert 0 < model.predict(X).mean() < 1e-309


def test_a_target_whose_squares_are_infinite_is_refused(X):
    with pytest.raises(ValueError, match=r"y must be at most 1e\+150 .* larger unit"):
        SNNRegressor(**TINY).fit(X, 1e200 * X[:, 0])


def test_out_of_fold_predictions_may_be_beyond_float32(X):
    parameters = TINY | dict(n_estimators=2, oof_score=True)
    small, large = (
        SNNRegressor(**parameters).fit(X, 2.0**exponent * X[:, 0]).oof_prediction_
        for exponent in (0, 300)
    )
    assert_array_equal(large / 2.0**300, small)


@BOTH
@pytest.mark.parametrize("value", [1e39, -1e300])
def test_a_row_whose_prediction_is_not_finite_is_an_error_with_its_number(
    make, X, value
):
    model = make(preprocessor=None, **TINY).fit(X, X[:, 0] > 0)
    X[7] = [value, -value, value]
    with pytest.raises(ValueError, match="row 7 of X is not finite.*scale X"):
        model.predict(X)


@pytest.fixture
def in_parts(monkeypatch):
    """Has five rows predicted at once, and counts the parts."""
    parts, predictions = [], EnsembleEstimator._predictions

    def counted(self, X, *args):
        parts.append(X)
        return predictions(self, X, *args)

    monkeypatch.setattr("sklearn_snn._ensemble._PREDICTED_SIZE", 0)
    monkeypatch.setattr("sklearn_snn._ensemble._FEWEST_ROWS", 5)
    monkeypatch.setattr(EnsembleEstimator, "_predictions", counted)
    return parts


def with_levels(n=200):
    """A frame with numbers, and a category whose levels have means of the target."""
    rng = np.random.default_rng(0)
    level = rng.permutation(np.arange(n) % 70)
    return pd.DataFrame({"x": rng.normal(size=n), "level": level.astype(float)})


@BOTH
@pytest.mark.parametrize(
    "kind",
    [pd.DataFrame, pl.from_pandas, np.asarray, csr_array],
    ids=["pandas", "polars", "array", "csr"],
)
def test_rows_that_are_predicted_in_parts_are_the_same(make, kind, in_parts):
    frame = with_levels()
    numbers = frame.to_numpy()
    X = kind(frame if kind in (pd.DataFrame, pl.from_pandas) else numbers)
    parameters = TINY | dict(n_estimators=2, categorical_features=[1])
    model = make(early_stopping=True, **parameters)
    model.fit(numbers if kind is csr_array else X, numbers[:, 0] > 0)
    assert len(model.preprocessor_.target_columns) == 1
    members = model.predict_members(X)
    predict = getattr(model, "predict_proba", model.predict)
    in_parts.clear()
    assert_array_equal(predict(X), sum(members) / 2)
    assert len(in_parts) == 40
    if kind is csr_array:
        assert_array_equal(predict(X), predict(numbers))


def test_the_number_of_a_row_counts_from_the_first_part(X, in_parts):
    model = SNNRegressor(preprocessor=None, **TINY).fit(X, X[:, 0] > 0)
    X[17] = [1e39, -1e39, 1e39]
    with pytest.raises(ValueError, match="row 17 of X is not finite"):
        model.predict(X)


def test_preprocessors_of_others_see_all_rows_at_once(X, in_parts):
    model = SNNRegressor(preprocessor=StandardScaler(), **TINY).fit(X, X[:, 0])
    model.predict(X)
    assert len(in_parts) == 1


@pytest.mark.parametrize("make", [SNNRegressor, SNNClassifier])
@pytest.mark.parametrize("value", ["a", 10**400])
def test_a_target_that_is_no_number_is_called_y(make, X, value):
    y = np.full((40, 2), value, dtype=object)
    with pytest.raises(ValueError, match="y must hold numbers"):
        make(**TINY).fit(X, y)


def test_labels_of_several_types_are_called_y(X):
    y = np.array(["a", 1] * 20, dtype=object)
    with pytest.raises(TypeError, match="y must hold labels of one type"):
        SNNClassifier(**TINY).fit(X, y)


def test_labels_none_of_which_was_measured_cannot_be_scored(X):
    y = np.full((40, 2), np.nan)
    with pytest.raises(ValueError, match="y has no label to score"):
        SNNClassifier(oof_score=True, **TINY | dict(n_estimators=2)).fit(X, y)


def test_validation_rows_of_a_class_without_weight_are_no_divergence(X):
    y = (np.arange(40) < 2).astype(int)
    cv = [(np.arange(2, 40), np.arange(2))]
    model = SNNClassifier(
        class_weight="balanced", cv=cv, early_stopping=True, oof_score=True, **TINY
    ).fit(X, y)
    assert model.n_iter_ == 2


def test_complex_numbers_are_shown_with_their_column(X):
    for table in (X + 1j, (X + 1j).astype(object)):
        with pytest.raises((ValueError, TypeError), match="Column 0 holds"):
            SNNClassifier(preprocessor=None, **TINY).fit(table, X[:, 0] > 0)
