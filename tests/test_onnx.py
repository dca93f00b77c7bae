"""A graph in onnxruntime says what the estimator says."""

import sys
from datetime import date

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.graphs import inputs_of
from sklearn_snn import SNNClassifier, SNNRegressor, TabularPreprocessor, to_onnx

TINY = dict(depth=2, width=8, n_estimators=2, max_iter=3, random_state=0)
N = 240


def classifier(**params):
    return SNNClassifier(**TINY | params)


def regressor(**params):
    return SNNRegressor(**TINY | params)


def table():
    """Columns of all kinds; with 90 levels one has target means, by member."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"number": rng.normal(size=N)})
    X.loc[::5, "number"] = np.nan
    X["integer"] = rng.integers(-5, 5, N)
    X["colour"] = rng.choice(["red", "grün", None], N)
    X["city"] = [f"city {i}" for i in rng.integers(0, 90, N)]
    X["day"] = pd.date_range("2020-01-01", periods=N, freq="9h")
    X.loc[::7, "day"] = pd.NaT
    X["grade"] = pd.Categorical(rng.choice([1, 2, 3, np.nan], N))
    X["flag"] = rng.random(N) > 0.5
    X["answer"] = rng.choice(np.array([True, False, None], object), N)
    X["length"] = pd.to_timedelta(rng.integers(0, 10**6, N), unit="s")
    X["same"] = "same"
    return X


X = table()
Z = np.random.default_rng(1).normal(size=(N, 3))
NUMBERS = np.random.default_rng(2).gamma(2.0, size=N)
CLASSES = np.where(NUMBERS > 2, "large", "small")
LABELS = np.where(Z > 1.5, np.nan, Z > 0)


def session_of(model, folder):
    to_onnx(model, folder / "model.onnx")
    onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
    return onnxruntime.InferenceSession(folder / "model.onnx")


def assert_agrees(session, model, X):
    """The graph's outputs are the estimator's, in value, shape and kind."""
    outputs = session.run(None, inputs_of(session, X))
    expected = model.predict(X)
    if isinstance(model, SNNClassifier):
        label, proba = outputs
        assert_array_equal(label, expected)
        assert_allclose(proba, model.predict_proba(X), rtol=0, atol=1e-5)
        assert proba.dtype == np.float64
    else:
        (prediction,) = outputs
        assert prediction.shape == expected.shape
        assert_allclose(prediction, expected, rtol=1e-5, atol=1e-5)


FITS = {
    "binary": (classifier(), X, CLASSES),
    "three classes": (classifier(), X, np.digitize(NUMBERS, [1, 2])),
    "classes that are floats": (classifier(), Z, np.round(NUMBERS.clip(max=2))),
    "classes that are bools": (classifier(), Z, NUMBERS > 2),
    "classes that are objects": (classifier(), Z, CLASSES.astype(object)),
    "one class": (classifier(), Z, np.full(N, "only")),
    "multilabel": (classifier(), X, LABELS),
    "regressor": (regressor(), X, NUMBERS),
    "float64": (regressor(dtype="float64"), X, NUMBERS),
    "many outputs": (regressor(loss="huber"), Z, Z**2),
    "poisson": (regressor(loss="poisson"), X, NUMBERS),
    "one network": (regressor(n_estimators=1), X, NUMBERS),
    "members with preprocessors of their own": (
        classifier(oof_score=True, n_estimators=3),
        X,
        CLASSES,
    ),
    "no pieces": (regressor(n_bins=1), X, NUMBERS),
    "matrix": (regressor(), Z, NUMBERS),
    "matrix with gaps": (regressor(), np.where(Z > 1, np.nan, Z), NUMBERS),
    "no preprocessor": (regressor(preprocessor=None), Z, NUMBERS),
    "no preprocessor, float64": (
        classifier(preprocessor=None, dtype="float64"),
        Z,
        CLASSES,
    ),
    "preprocessor of another precision": (
        regressor(preprocessor=TabularPreprocessor(dtype="float64")),
        X,
        NUMBERS,
    ),
    "conic, dropout": (classifier(layer_form="conic", dropout=0.1), Z, CLASSES),
}


@pytest.mark.parametrize(("model", "X", "y"), FITS.values(), ids=FITS)
def test_a_graph_says_what_the_estimator_says(model, X, y, tmp_path):
    model.fit(X, y)
    session = session_of(model, tmp_path)
    for rows in (slice(None), slice(3, 4), slice(0, 7)):
        assert_agrees(session, model, X[rows])


@pytest.mark.parametrize(
    ("make", "data"), [(SNNClassifier, load_iris), (SNNRegressor, load_diabetes)]
)
def test_default_networks_on_data_of_scikit_learn(make, data, tmp_path):
    X, y = data(return_X_y=True, as_frame=True)
    model = make(max_iter=10, random_state=0).fit(X[::2], y[::2])
    session = session_of(model, tmp_path)
    assert [one.name for one in session.get_inputs()] == list(X)
    assert_agrees(session, model, X[1::2])


def test_a_sparse_table_is_one_matrix(tmp_path):
    sparse = csr_array(Z * (Z > 0))
    model = classifier().fit(sparse, CLASSES)
    assert_agrees(session_of(model, tmp_path), model, sparse.toarray())


def test_columns_learned_from_chunks(tmp_path):
    model = regressor().partial_fit(X[:40], NUMBERS[:40])
    assert_agrees(session_of(model, tmp_path), model, X)


# Inputs -----------------------------------------------------------------------------


def test_each_column_that_matters_is_an_input_of_its_type(tmp_path):
    session = session_of(classifier().fit(X, CLASSES), tmp_path)
    types = {one.name: one.type for one in session.get_inputs()}
    assert types == {
        "number": "tensor(double)",
        "integer": "tensor(double)",
        "colour": "tensor(string)",
        "city": "tensor(string)",
        "day": "tensor(int64)",
        "grade": "tensor(double)",
        "flag": "tensor(double)",
        "answer": "tensor(double)",
        "length": "tensor(double)",
    }
    assert all(one.shape == ["n_samples", 1] for one in session.get_inputs())
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert "microseconds" in {one.name: one for one in graph.input}["day"].doc_string


#: Column, and values that it did not have in training.
STRANGE = {
    "unseen string": ("colour", "blue"),
    "missing string": ("colour", None),
    "missing where none was": ("city", None),
    "unseen in a large category": ("city", "city 91"),
    "unseen number of a category": ("grade", 4.0),
    "missing number of a category": ("grade", np.nan),
    "missing flag": ("flag", None),
    "missing answer": ("answer", None),
    "missing number": ("number", np.nan),
    "missing where no number was": ("integer", np.nan),
    "huge": ("number", 1e300),
    "minus huge": ("number", -1e300),
    "tiny": ("number", 1e-300),
    "long ago": ("day", pd.Timestamp("1700-02-28")),
    "missing date": ("day", pd.NaT),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model, and its graph."""
    model = regressor(dtype="float64").fit(X, NUMBERS)
    return model, session_of(model, tmp_path_factory.mktemp("graph"))


@pytest.mark.parametrize(("column", "value"), STRANGE.values(), ids=STRANGE)
def test_values_that_training_did_not_have(column, value, exported):
    model, session = exported
    changed = X[:5].copy()
    is_object = column in ("colour", "city", "grade", "flag", "answer")
    changed[column] = pd.Series([value] * 5, dtype=object if is_object else None)
    assert_agrees(session, model, changed)


def test_infinity_is_a_very_large_number(exported):
    model, session = exported
    many, infinite = (X[:5].assign(number=value) for value in (1e300, np.inf))
    (got,) = session.run(None, inputs_of(session, infinite))
    assert_allclose(got, model.predict(many), rtol=1e-9)


def test_parts_of_dates_of_all_centuries(tmp_path):
    """Parts are of different size, so that a wrong one shows."""
    days = np.arange("1592-01-01", "2412-01-01", dtype="M8[D]")
    X = pd.DataFrame({"day": days.astype("M8[us]") + np.arange(len(days))})
    model = regressor(dtype="float64", max_iter=1, n_estimators=1)
    y = np.random.default_rng(0).normal(size=500)
    model.fit(X.sample(500, random_state=0), y)
    session = session_of(model, tmp_path)
    (got,) = session.run(None, inputs_of(session, X))
    assert_allclose(got, model.predict(X), rtol=0, atol=1e-12)
    assert len(np.unique(got.round(9))) > 0.99 * len(days)


def test_dates_that_are_objects(tmp_path):
    days = [date(2020, 1 + i % 12, 1 + i % 28) for i in range(N)]
    X = pd.DataFrame({"day": np.array(days, object)})
    model = regressor().fit(X, NUMBERS)
    assert_agrees(session_of(model, tmp_path), model, X.astype("M8[us]"))


def test_numbers_that_are_said_to_be_categories(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"code": rng.integers(0, 4, N), "size": rng.normal(size=N)})
    model = regressor(categorical_features=["code"]).fit(X, NUMBERS)
    session = session_of(model, tmp_path)
    assert_agrees(session, model, X)
    assert_agrees(session, model, X[:3].assign(code=[7, 1, 2]))


def test_columns_without_names_that_are_not_all_numbers(tmp_path):
    X = np.column_stack([Z[:, 0].astype(object), CLASSES.astype(object)])
    model = regressor().fit(X, NUMBERS)
    session = session_of(model, tmp_path)
    assert [one.name for one in session.get_inputs()] == ["x0", "x1"]
    assert_agrees(session, model, pd.DataFrame(X, columns=["x0", "x1"]).to_numpy())


def test_columns_may_have_the_names_of_operators_and_outputs(tmp_path):
    names = ["label", "probabilities", "Gather"]
    X = pd.DataFrame(Z, columns=names)
    model = classifier().fit(X, CLASSES)
    session = session_of(model, tmp_path)
    assert [one.name for one in session.get_inputs()] == names
    assert_agrees(session, model, X)


# Errors -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (regressor(preprocessor=StandardScaler()), r"preprocessor=StandardScaler\(\)"),
        (make_pipeline(StandardScaler(), regressor()), r"got Pipeline\("),
        (GridSearchCV(regressor(), {"depth": [1]}, cv=2), "its best_estimator_"),
    ],
    ids=["preprocessor", "pipeline", "search"],
)
def test_what_no_graph_can_be_made_of_is_named(model, match, tmp_path):
    model.fit(Z, NUMBERS)
    with pytest.raises(TypeError, match=match):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_an_estimator_must_be_fitted(tmp_path):
    with pytest.raises(NotFittedError):
        to_onnx(regressor(), tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (["", "a", None], "column 'c' has the empty string as a category and missing"),
        ([1, "a", "b"], "column 'c' must be all strings, or all numbers .* got 'a'"),
        ([2**60 + 1, 2**60, 3], f"column 'c' must be .* got {2**60 + 1}"),
    ],
    ids=["empty string", "mixed", "too many digits"],
)
def test_categories_that_onnx_has_no_type_for(values, match, tmp_path):
    X = pd.DataFrame({"c": pd.Categorical(np.resize(np.array(values, object), N))})
    model = regressor().fit(X, NUMBERS)
    with pytest.raises(ValueError, match=match):
        to_onnx(model, tmp_path / "model.onnx")


def test_a_column_without_a_name_among_named_ones(tmp_path):
    model = regressor().fit(pd.DataFrame(Z, columns=["a", "", "b"]), NUMBERS)
    with pytest.raises(ValueError, match="names, none of them empty, got ''"):
        to_onnx(model, tmp_path / "model.onnx")


def test_classes_that_onnx_has_no_type_for(tmp_path):
    model = classifier().fit(Z, (NUMBERS > 2).astype("M8[D]"))
    with pytest.raises(ValueError, match="classes must be strings, integers"):
        to_onnx(model, tmp_path / "model.onnx")


def test_the_extra_is_named_where_onnx_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-snn\[onnx\]'"):
        to_onnx(regressor(), tmp_path / "model.onnx")
