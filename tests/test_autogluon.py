"""The adapter for AutoGluon, on a stand-in, and on AutoGluon where it is installed.

It wants older versions of pandas and pyarrow than constraints.txt has, so that CI runs
the stand-in only: the parts of the base class that its tutorial on custom models
documents.
"""

import importlib
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_snn import SNNClassifier, SNNRegressor

SMALL = dict(depth=1, width=16, n_estimators=2, max_iter=20, random_state=3)


class AbstractModel:
    """What AutoGluon's base class does around `_fit`."""

    def __init__(self, problem_type, hyperparameters):
        self.problem_type, self._hyperparameters = problem_type, hyperparameters

    def _get_model_params(self):
        return dict(self._hyperparameters)

    def _get_default_auxiliary_params(self):
        return {"valid_raw_types": None, "max_memory_usage_ratio": 1.0}

    def preprocess(self, X, is_train=False):
        if is_train:
            self.features = [name for name in X if X[name].nunique() > 1]
        return X[self.features]

    def fit(self, **given):
        self._fit(verbosity=2, feature_metadata=None, **given)
        return self

    def predict_proba(self, X):
        if self.problem_type == "regression":
            return self.model.predict(self.preprocess(X))
        return self.model.predict_proba(self.preprocess(X))


@pytest.fixture
def adapter(monkeypatch):
    """The class, made on the stand-in."""
    names = ["autogluon", "autogluon.core", "autogluon.core.models"]
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules[names[-1]].AbstractModel = AbstractModel
    monkeypatch.delitem(sys.modules, "benchmarks.autogluon_model", raising=False)
    yield importlib.import_module("benchmarks.autogluon_model").SNNModel
    sys.modules.pop("benchmarks.autogluon_model")


def table(is_number):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": rng.normal(size=400), "constant": 1.0})
    X["colour"] = pd.Categorical(rng.choice(["red", "green"], 400))
    X.loc[::7, "size"] = np.nan
    y = X["size"].fillna(0) + (X["colour"] == "red")
    return X, y if is_number else (y > 0.5).astype(int)


@pytest.mark.parametrize("validates", [False, True])
@pytest.mark.parametrize("problem_type", ["binary", "regression"])
def test_the_adapter_fits_what_the_estimator_does(adapter, problem_type, validates):
    is_number = problem_type == "regression"
    X, y = table(is_number)
    rows, held = slice(300), slice(300, None)
    weight = pd.Series(np.random.default_rng(1).random(300))
    validation = dict(X_val=X[held], y_val=y[held]) if validates else {}
    model = adapter(problem_type, SMALL).fit(
        X=X[rows],
        y=y[rows],
        num_cpus=1,
        num_gpus=0,
        sample_weight=weight,
        **validation,
    )
    assert model.features == ["size", "colour"]
    alone = (SNNRegressor if is_number else SNNClassifier)(device="cpu", **SMALL)
    seen = X[["size", "colour"]]
    if validates:
        validation["X_val"] = seen[held]
    alone.fit(seen[rows], y[rows], weight, **validation)
    assert alone.score(seen[held], y[held]) > 0.9
    predicted = alone.predict if is_number else alone.predict_proba
    assert_array_equal(model.predict_proba(X[held]), predicted(seen[held]))
    assert "object" not in model._get_default_auxiliary_params()["valid_raw_types"]


def test_the_adapter_keeps_to_time_and_cores_unless_it_is_told_otherwise(adapter):
    X, y = table(is_number=True)
    given = dict(X=X, y=y, time_limit=100, num_cpus=1)
    model = adapter("regression", SMALL).fit(**given).model
    assert (model.time_limit, model.n_threads, model.device) == (100, 1, "cpu")
    model = adapter("regression", SMALL | {"time_limit": 50}).fit(**given).model
    assert model.time_limit == 50


@pytest.mark.filterwarnings("default")
def test_autogluon_trains_it_refits_it_and_loads_it(tmp_path):
    tabular = pytest.importorskip(
        "autogluon.tabular", reason="it wants older pandas than constraints.txt has"
    )
    from benchmarks.autogluon_model import SNNModel

    X, y = table(is_number=True)
    data = X.assign(y=y)
    predictor = tabular.TabularPredictor("y", path=str(tmp_path), verbosity=0).fit(
        data[:300], hyperparameters={SNNModel: SMALL}, num_cpus=1
    )
    predictor.refit_full()
    again = tabular.TabularPredictor.load(str(tmp_path))
    for name in ("SNN", "SNN_FULL"):
        assert predictor.evaluate(data[300:], model=name)["r2"] > 0.9
        assert_array_equal(
            again.predict(data[300:], model=name),
            predictor.predict(data[300:], model=name),
        )
