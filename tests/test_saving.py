"""Files of `save` come back to the bit, or not at all."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from scipy.stats import loguniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import BaggingRegressor, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.stress import files
from sklearn_snn import (
    SNNClassifier,
    SNNGridSearchCV,
    SNNHalvingRandomSearchCV,
    SNNRandomizedSearchCV,
    SNNRegressor,
    TabularPreprocessor,
    _saving,
    load,
    masked_scorer,
    save,
)

TINY = dict(depth=1, width=8, n_estimators=2, max_iter=3, random_state=0)
N = 240


def table():
    """Columns of all kinds; with 90 levels one has target means, by member."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"number": rng.normal(size=N)})
    X.loc[::5, "number"] = np.nan
    X["colour"] = rng.choice(["red", "green", None], N)
    X["city"] = [f"city {i}" for i in rng.integers(0, 90, N)]
    X["day"] = pd.date_range("2020-01-01", periods=N)
    X["grade"] = pd.Categorical(rng.integers(0, 4, N))
    X["flag"] = rng.random(N) > 0.5
    return X


X = table()
Z = np.random.default_rng(1).normal(size=(N, 3))
NUMBERS = np.random.default_rng(2).gamma(2.0, size=N)
CLASSES = np.where(NUMBERS > 2, "large", "small")
LABELS = np.where(Z > 1.5, np.nan, Z > 0)


def classifier(**params):
    return SNNClassifier(**TINY | params)


def regressor(**params):
    return SNNRegressor(**TINY | params)


def columns_apart():
    return make_column_transformer(
        (OneHotEncoder(), make_column_selector(dtype_include="object")),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["number"]),
    )


def search(kind, *args, **params):
    return kind(classifier(), *args, cv=2, **params)


DEPTHS = {"depth": [1, 2]}
FITS = {
    "classifier": (classifier(), X, CLASSES),
    "regressor": (regressor(), X, NUMBERS),
    "float64": (regressor(dtype="float64"), X, NUMBERS),
    "out-of-fold": (classifier(oof_score=True), X, CLASSES),
    "refit": (regressor(refit=True), X, NUMBERS),
    "one member": (classifier(n_estimators=1), X, CLASSES),
    "multilabel": (classifier(scoring=masked_scorer("roc_auc")), Z, LABELS),
    "many outputs": (regressor(loss="huber"), Z, Z**2),
    "poisson": (regressor(loss="poisson"), Z, NUMBERS),
    "sparse": (classifier(), csr_array(Z * (Z > 0)), CLASSES),
    "matrix": (classifier(preprocessor=None), Z, CLASSES),
    "foreign preprocessor": (regressor(preprocessor=StandardScaler()), Z, NUMBERS),
    "class weights": (classifier(class_weight={"large": 2.0, "small": 1}), X, CLASSES),
    "pipeline": (
        make_pipeline(columns_apart(), classifier(preprocessor=None)),
        X[["number", "colour"]].astype({"colour": object}),
        CLASSES,
    ),
    "preprocessor alone": (make_pipeline(TabularPreprocessor(), regressor()), X, Z),
    "calibrated": (CalibratedClassifierCV(classifier(), cv=2), X, CLASSES),
    "stacking": (StackingClassifier([("snn", classifier())], cv=2), Z, CLASSES),
    "bagging": (BaggingRegressor(regressor(), 2, random_state=0), Z, NUMBERS),
    "logarithm": (
        TransformedTargetRegressor(regressor(), func=np.log1p, inverse_func=np.expm1),
        Z,
        NUMBERS,
    ),
    "grid": (search(SNNGridSearchCV, DEPTHS, scoring="neg_log_loss"), X, CLASSES),
    "randomized": (search(SNNRandomizedSearchCV, DEPTHS, n_iter=2), X, CLASSES),
    "halving": (search(SNNHalvingRandomSearchCV, DEPTHS, n_candidates=2), X, CLASSES),
    "scikit-learn's grid": (
        GridSearchCV(classifier(), DEPTHS, cv=StratifiedKFold(2)),
        Z,
        CLASSES,
    ),
    "repeated folds": (
        SNNGridSearchCV(
            classifier(), DEPTHS, cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=1)
        ),
        Z,
        CLASSES,
    ),
}
if hasattr(sklearn.calibration, "_TemperatureScaling"):  # from 1.8 on
    FITS["calibrated by temperature"] = (
        CalibratedClassifierCV(classifier(), method="temperature", cv=2),
        Z,
        CLASSES,
    )


def predictions(model, X):
    return getattr(model, "predict_proba", model.predict)(X)


def without_addresses(text):
    return re.sub("0x[0-9a-f]+", "", text)


@pytest.fixture(scope="module")
def model():
    return classifier().fit(X, CLASSES)


@pytest.fixture
def path(model, tmp_path):
    """A file of the model."""
    save(model, tmp_path / "model.skops")
    return tmp_path / "model.skops"


@pytest.mark.parametrize(("model", "X", "y"), FITS.values(), ids=FITS)
def test_what_is_loaded_predicts_the_same_to_the_bit(model, X, y, tmp_path):
    model.fit(X, y)
    expected = predictions(model, X)
    save(model, tmp_path / "model.skops")
    again = load(str(tmp_path / "model.skops"))
    assert type(again) is type(model)
    assert without_addresses(repr(again)) == without_addresses(repr(model))
    assert_array_equal(predictions(again, X), expected)
    assert predictions(again, X).dtype == expected.dtype
    assert set(vars(again)) == set(vars(model))


def test_what_is_loaded_trains_on_as_if_it_had_never_been_saved(tmp_path):
    model = regressor().partial_fit(Z, NUMBERS)
    save(model, tmp_path / "model.skops")
    again = load(tmp_path / "model.skops")
    both = (one.partial_fit(Z, NUMBERS).predict(Z) for one in (again, model))
    assert_array_equal(*both)


def test_an_estimator_that_is_not_fitted_is_saved_as_well(tmp_path):
    model = classifier(class_weight={0: 1.0, 1: 2.5}, callbacks=[])
    save(model, tmp_path / "model.skops")
    assert load(tmp_path / "model.skops").get_params() == model.get_params()


@pytest.mark.parametrize("weights", [{False: 1.0, True: 2.0}, {1: 1.0, "1": 2.0}])
def test_keys_that_a_file_does_not_keep_apart_are_refused(weights, tmp_path):
    with pytest.raises(ValueError, match=r"class_weight=\{.* cannot be saved"):
        save(classifier(class_weight=weights), tmp_path / "model.skops")
    assert not list(tmp_path.iterdir())


def test_keys_in_the_grid_of_a_search_are_refused_as_well(tmp_path):
    grid = {"class_weight": [None, {False: 1, True: 50}]}
    grid_search = search(SNNGridSearchCV, grid).fit(X, NUMBERS > 2)
    with pytest.raises(ValueError, match=r"param_grid=\{.* cannot be saved"):
        save(grid_search, tmp_path / "model.skops")


@pytest.mark.parametrize("wrap", [lambda model: model, make_pipeline])
def test_metadata_requests_are_kept(wrap, tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        inner = classifier().set_fit_request(sample_weight=True)
        model = wrap(inner).fit(X, CLASSES, sample_weight=np.ones(N))
        save(model, tmp_path / "model.skops")
        again = load(tmp_path / "model.skops")
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        asked = again.get_metadata_routing()
        assert str(asked) == str(model.get_metadata_routing())
        again.fit(X, CLASSES, sample_weight=np.ones(N))


def test_booleans_have_weights_by_0_and_1(tmp_path):
    model = classifier(class_weight={0: 1.0, 1: 30.0}).fit(X, NUMBERS > 2)
    alike = classifier(class_weight={False: 1.0, True: 30.0}).fit(X, NUMBERS > 2)
    save(model, tmp_path / "model.skops")
    again = load(tmp_path / "model.skops").fit(X, NUMBERS > 2)
    assert_array_equal(again.predict_proba(X), alike.predict_proba(X))


def test_many_levels_take_little_room(tmp_path):
    cities = pd.DataFrame({"city": [f"city {i % 3000}" for i in range(9000)]})
    model = regressor(max_iter=1).fit(cities, np.arange(9000.0))
    save(model, tmp_path / "model.skops")
    n_levels = sum(
        len(one.categories_[0].levels) for one in model.member_preprocessors_
    )
    assert n_levels == 6000
    assert (tmp_path / "model.skops").stat().st_size < 60 * n_levels


def test_levels_come_back_as_they_are(tmp_path):
    """Also those that JSON has no word for."""
    levels = ["", "ä\0\ud800", None]
    numbers = [True, 2, 2.5, 10**30, -np.inf, None]
    strange = [np.int64(2**60 + 1), np.int64(2), None]
    for values in (levels, numbers, strange):
        column = np.array(values * 50, dtype=object)[:, np.newaxis]
        model = TabularPreprocessor(categorical_features=[0]).fit(column)
        save(model, tmp_path / "model.skops")
        copies = load(tmp_path / "model.skops"), pickle.loads(pickle.dumps(model))
        for copy in copies:
            assert copy.categories_[0].levels == model.categories_[0].levels
            assert_array_equal(copy.transform(column), model.transform(column))


# Types ------------------------------------------------------------------------------


class Foreign(StandardScaler):
    """A transformer that nobody told us of."""


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (regressor(preprocessor=Foreign()), "test_saving.Foreign"),
        (regressor(scoring=lambda model, X, y: 0.0), "<lambda>"),
        (
            SNNRandomizedSearchCV(regressor(), {"dropout": loguniform(1e-3, 1e-1)}),
            # Its state is code that runs when it is set.
            "scipy.stats._distn_infrastructure.rv_continuous_frozen",
        ),
    ],
    ids=["class", "function", "distribution"],
)
def test_types_that_are_not_trusted_are_neither_saved_nor_loaded(model, name, tmp_path):
    path = tmp_path / "model.skops"
    with pytest.raises(TypeError, match="cannot be saved") as raised:
        save(model, path)
    assert name in str(raised.value)
    assert not list(tmp_path.iterdir())
    path.write_bytes(_saving._sealed(skops.io.dumps(model)))
    with pytest.raises(TypeError, match="is not loaded: Untrusted types") as raised:
        load(path)
    assert name in str(raised.value)


def test_a_parameter_that_cannot_be_written_is_named(tmp_path):
    model = regressor(categorical_features=pd.Index(["a", "b"]))
    with pytest.raises(TypeError, match=r"its parameters \['categorical_features'\]"):
        save(model, tmp_path / "model.skops")
    assert not list(tmp_path.iterdir())


class Keeps(Foreign):
    def fit(self, X, y=None):
        self.columns_ = pd.Index(["a"])
        return super().fit(X)


def test_no_parameter_is_blamed_for_what_was_learned(tmp_path):
    model = regressor(preprocessor=Keeps()).fit(Z, NUMBERS)
    with pytest.raises(TypeError, match="no default __reduce__"):
        save(model, tmp_path / "model.skops")


def test_no_code_of_a_file_is_run(tmp_path):
    """A forged file that names a function, for what would call it."""
    call = {
        "__class__": "system",
        "__module__": "os",
        "__loader__": "ConstructorFromReduceNode",
        "content": {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [
                {
                    "__class__": "str",
                    "__module__": "builtins",
                    "__loader__": "JsonNode",
                    "content": json.dumps(f"touch {tmp_path / 'was_here'}"),
                    "is_json": True,
                }
            ],
        },
    }
    path = tmp_path / "model.skops"
    path.write_bytes(files.forged(call, {}))
    with pytest.raises(TypeError, match=r"os\.system"):
        load(path)
    assert not (tmp_path / "was_here").exists()


# Damage -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(4 * len(files.DAMAGE)))
def test_a_damaged_file_is_a_value_error(number, path):
    rng = np.random.default_rng(number)
    good = path.read_bytes()
    kind, data = files.damaged(good, rng, number, bomb=2**29)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.skops (does|is)") as raised:
        load(path)
    says = {
        "truncated": "cut short",
        "padded": "something was added",
        "noise": "not written by it",
        "zeroed": "checksum",
        "compressed": "is compressed",
        "lying": "overlap",
        "overlapping": "overlap",
        "repeated": "bytes of arrays",
        "flipped": "checksum",
        "huge": "reading array data",
        "nested": "RecursionError",
        "headless": "There is no item named",
    }
    assert says[kind] in str(raised.value)


def test_what_a_forged_tree_says_is_a_value_error_or_a_type_error(path):
    """Strings of the tree in the place of others, with a right checksum."""
    rng = np.random.default_rng(0)
    parts = files.contents(path.read_bytes())
    words = parts["schema.json"].split(b'"')
    outcomes = set()
    for _ in range(200):
        changed = list(words)
        # Between quotation marks is every other part.
        for place, other in rng.integers(len(words) // 2, size=(2, 2)):
            changed[2 * place + 1] = words[2 * other + 1]
        tree = b'"'.join(changed)
        path.write_bytes(files.archived(parts | {"schema.json": tree}))
        try:
            load(path)
            outcomes.add("loaded")
        except (ValueError, TypeError) as error:
            outcomes.add(type(error))
    assert {ValueError, TypeError} <= outcomes


def test_another_version_is_named_when_its_file_cannot_be_read(path, monkeypatch):
    parts = files.contents(path.read_bytes())
    tree = parts["schema.json"].replace(b'"FittedNetwork"', b'"TrainedNetwork"')
    monkeypatch.setattr(_saving, "__version__", "9.1")
    monkeypatch.setattr(
        _saving, "_PARTS", [*_saving._PARTS, "sklearn_snn._specs.TrainedNetwork"]
    )
    path.write_bytes(files.archived(parts | {"schema.json": tree}))
    monkeypatch.setattr(_saving, "__version__", "0.1")
    with pytest.raises(ValueError, match=r"sklearn_snn 9\.1 wrote it; this is 0\.1\."):
        load(path)


def test_a_file_that_is_not_there_is_an_error_of_its_own(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "model.skops")


def test_the_file_is_one_of_skops(path, model):
    names = skops.io.get_untrusted_types(file=path)
    assert all(name.startswith("sklearn_snn.") for name in names)
    again = skops.io.load(path, trusted=names)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("function", [save, load])
def test_the_extra_is_named_where_skops_is_missing(function, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skops.io.exceptions", None)
    args = (path,) if function is load else (classifier(), path)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-snn\[save\]'"):
        function(*args)


# Writing ----------------------------------------------------------------------------


def test_a_file_that_is_replaced_keeps_its_name_and_its_link(path, tmp_path):
    link = tmp_path / "newest.skops"
    link.symlink_to(path)
    save(regressor().fit(Z, NUMBERS), link)
    assert link.is_symlink()
    assert isinstance(load(path), SNNRegressor)
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, link.name]


def test_a_file_that_is_replaced_keeps_its_permissions(path):
    path.chmod(0o600)
    save(regressor().fit(Z, NUMBERS), path)
    assert path.stat().st_mode & 0o777 == 0o600


FULL = "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
KILL = "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize("happens", [FULL, KILL], ids=["full disk", "kill"])
def test_the_old_file_stays_where_writing_ends_early(happens, path, model):
    script = (
        "import os, resource, signal, sys\n"
        "from sklearn_snn import SNNRegressor, save\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"{happens}\n"
        f"save(SNNRegressor(), {str(path)!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    if happens is FULL:
        assert "OSError" in done.stderr
        assert os.listdir(path.parent) == [path.name]
    else:
        assert done.returncode == -signal.SIGKILL
    assert_array_equal(load(path).predict_proba(X), model.predict_proba(X))
