"""Files that this and earlier versions wrote load, and say what they said."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from write_fixtures import FIXTURES, fitted, predictions, table

from sklearn_snn import SNNClassifier, __version__, load

FOLDERS = sorted(path for path in FIXTURES.iterdir() if path.is_dir())
FILES = sorted(
    path
    for folder in FOLDERS
    for path in folder.iterdir()
    if path.suffix in (".pickle", ".skops")
)


def read(path):
    """An estimator, rows and what was predicted of them."""
    if path.suffix == ".pickle":
        model = pickle.loads(path.read_bytes())
    else:
        pytest.importorskip("skops", reason="it is optional, and not in the oldest")
        model = load(path)
    rows = json.loads((path.parent / "rows.json").read_text())
    X = pd.DataFrame(rows["X"])
    X["day"] = pd.to_datetime(X["day"], utc=True).dt.tz_localize(None)
    return model, X, np.array(rows["expected"][path.stem])


def test_there_are_files_of_this_version():
    assert __version__ in [folder.name for folder in FOLDERS]
    names = {path.name for path in FILES if path.parent.name == __version__}
    assert names == {
        f"{name}.{kind}" for name in fitted() for kind in ("pickle", "skops")
    }


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_file_of_an_earlier_version_predicts_as_it_did(path):
    model, X, expected = read(path)
    assert_allclose(predictions(model, X), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_file_of_an_earlier_version_can_be_trained_on(path):
    """It has all parameters, those that are new included, and all of its state."""
    model, _, expected = read(path)
    X = table()[list(model.feature_names_in_)]
    y = predictions(model, X)
    if path.stem == "classifier":
        y = model.classes_[y.argmax(axis=1)]
    elif path.stem == "multilabel":
        y = (y > 0.5).astype(float)
    assert type(model).__name__ in repr(model)
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    fresh.fit(X, y)
    before = [network.n_iter for network in model.networks_]
    model.partial_fit(X, y)
    assert [network.n_iter for network in model.networks_] == [n + 1 for n in before]
    assert predictions(model, X)[: len(expected)].shape == expected.shape


def test_parameters_that_came_later_have_their_defaults_in_old_pickles():
    model = SNNClassifier(width=7)
    state = dict(model.__getstate__())
    del state["checkpoint_interval"]
    old = SNNClassifier.__new__(SNNClassifier)
    old.__setstate__(state)
    assert old.get_params() == model.get_params()
