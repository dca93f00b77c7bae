"""Ctrl-C, and fits that were killed and go on."""

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sklearn_snn import (
    SNNClassifier,
    SNNGridSearchCV,
    SNNRegressor,
    _checkpoints,
    _progress,
)

SMALL = dict(depth=1, width=8, max_iter=12, batch_size=64, random_state=0)
X, Y = load_breast_cancer(return_X_y=True)


class OwnColumns(TransformerMixin, BaseEstimator):
    """Keeps a number of columns that depends on the rows: folds have stacks apart."""

    def fit(self, X, y=None):
        self.n_columns_ = 20 + int(X.sum()) % 4
        self.location_, self.scale_ = X.mean(axis=0), X.std(axis=0)
        return self

    def transform(self, X):
        return ((X - self.location_) / self.scale_)[:, : self.n_columns_]


@pytest.fixture(autouse=True)
def handler_of_a_terminal():
    """Handle Ctrl-C as Python does where a shell has not put us in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


interrupted = pytest.warns(ConvergenceWarning, match="interrupted by the user")


@pytest.fixture
def at_epoch(monkeypatch):
    """Has a function called at the end of one of the epochs to come."""
    original = _progress.Progress.__call__

    def install(number, act):
        seen = []

        def call(self, networks):
            seen.append(networks()[0].n_iter)
            if len(seen) == number:
                act()
            return original(self, networks)

        monkeypatch.setattr(_progress.Progress, "__call__", call)
        return seen

    return install


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


# Ctrl-C ---------------------------------------------------------------------------


@pytest.mark.parametrize("n_estimators", [1, 3])
@pytest.mark.parametrize("early_stopping", [True, False, "joint"])
def test_ctrl_c_keeps_the_best_weights_so_far(at_epoch, n_estimators, early_stopping):
    model = SNNClassifier(
        **SMALL, n_estimators=n_estimators, early_stopping=early_stopping
    )
    seen = at_epoch(4, ctrl_c)
    with interrupted:
        model.fit(X, Y)
    assert 4 <= model.n_iter_ <= 5
    assert len(seen) == model.n_iter_
    assert len(model.networks_) == n_estimators
    for network in model.networks_:
        assert network.stopped_by == "interrupt"
        if early_stopping:
            best = network.best_epoch - 1
            assert network.best_score == network.validation_scores[best]
    assert model.score(X, Y) > 0.85
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_from_outside_in_the_middle_of_a_long_fit(at_epoch):
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    at_epoch(10, timer.start)
    model = SNNClassifier(**SMALL | {"max_iter": 10**6}, early_stopping=False)
    with interrupted:
        model.fit(X, Y)
    timer.join()
    assert 10 <= model.n_iter_ < 10**6
    assert model.score(X, Y) > 0.85


def test_ctrl_c_in_the_first_epoch_of_the_first_of_several_stacks(at_epoch):
    # Each fold has columns of its own, and so a stack of its own.
    model = SNNClassifier(
        **SMALL,
        n_estimators=4,
        early_stopping=True,
        oof_score=True,
        preprocessor=OwnColumns(),
        learning_rate_init=0.03,
    )
    whole = clone(model).fit(X, Y)
    sizes = {len(network.weights[0]) for network in whole.networks_}
    assert len(sizes) > 1
    at_epoch(2, ctrl_c)
    with interrupted:
        model.fit(X, Y)
    assert 0 < len(model.networks_) < 4
    assert len(model.networks_) == len(model.member_preprocessors_)
    assert min(network.n_iter for network in model.networks_) >= 2
    assert model.score(X, Y) > 0.7
    known = ~np.isnan(model.oof_decision_function_[:, 0])
    assert 0 < known.mean() < 1


def test_ctrl_c_before_training_leaves_the_estimator_as_it_was():
    class Interrupting(PCA):
        def fit_transform(self, X, y=None):
            ctrl_c()
            return super().fit_transform(X, y)

    model = SNNClassifier(**SMALL).fit(X, Y)
    before = dict(vars(model))
    model.preprocessor = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    del before["preprocessor"], model.preprocessor
    assert vars(model) == before


@pytest.mark.parametrize("number", [4, 15])
def test_ctrl_c_in_either_round_of_refit_keeps_the_validated_networks(at_epoch, number):
    alone = SNNClassifier(**SMALL, n_estimators=2, early_stopping="joint").fit(X, Y)
    assert alone.n_iter_ == 12
    model = SNNClassifier(**SMALL, n_estimators=2, refit=True)
    at_epoch(number, ctrl_c)
    with interrupted:
        model.fit(X, Y)
    if number > 12:  # in the second round
        assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    else:
        assert 4 <= model.n_iter_ <= 5
    assert len(model.validation_scores_) == model.n_iter_


def test_ctrl_c_at_the_very_end_of_a_fit_is_not_lost(at_epoch):
    whole = SNNClassifier(**SMALL, n_estimators=2, early_stopping=False).fit(X, Y)
    model = SNNClassifier(**SMALL, n_estimators=2, early_stopping=False)
    at_epoch(12, ctrl_c)
    with interrupted:
        model.fit(X, Y)
    assert_array_equal(model.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize("epoch", [1, 5])
def test_a_second_ctrl_c_ends_what_does_not_end_by_itself(epoch):
    n_scores = 0

    def scorer(estimator, X, y):
        nonlocal n_scores
        n_scores += 1
        if n_scores < epoch * 8:  # one a network in each epoch
            return 0.5
        ctrl_c()
        ctrl_c()
        raise AssertionError("unreachable")

    model = SNNClassifier(**SMALL, early_stopping=True, scoring=scorer)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert not hasattr(model, "networks_")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_partial_fit_and_leaves_the_estimator_as_it_was(at_epoch):
    model = SNNClassifier(**SMALL).partial_fit(X, Y, classes=[0, 1])
    before = pickle.dumps(model)
    at_epoch(1, ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, Y)
    assert pickle.dumps(model) == before


def test_ctrl_c_ends_a_search(monkeypatch):
    from sklearn_snn import _stack

    n_epochs, original = [], _stack.Stack.close_epoch

    def close_epoch(self, losses):
        n_epochs.append(1)
        if len(n_epochs) == 3:
            ctrl_c()
        original(self, losses)

    monkeypatch.setattr(_stack.Stack, "close_epoch", close_epoch)
    search = SNNGridSearchCV(SNNClassifier(**SMALL), {"width": [8, 16, 24]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    assert not hasattr(search, "cv_results_")
    assert len(n_epochs) <= 4


def test_ctrl_c_is_told_from_a_skorch_callback_that_ends_training():
    class Stop(Callback):
        def __init__(self, act):
            self.act = act

        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                self.act()

    def stop():
        raise KeyboardInterrupt

    settings = dict(SMALL, n_estimators=2, early_stopping=False)
    stopped = SNNClassifier(**settings, callbacks=[Stop(stop)]).fit(X, Y)
    assert [one.stopped_by for one in stopped.networks_] == ["callback"] * 2
    assert [one.n_iter for one in stopped.networks_] == [2, 2]
    with interrupted:
        model = SNNClassifier(**settings, callbacks=[Stop(ctrl_c)]).fit(X, Y)
    assert [one.stopped_by for one in model.networks_] == ["interrupt"]


def test_who_handles_signals_himself_keeps_on_doing_so(at_epoch):
    got = []
    before = signal.signal(signal.SIGINT, lambda *args: got.append(args[0]))
    try:
        at_epoch(2, ctrl_c)
        model = SNNClassifier(**SMALL, early_stopping=False).fit(X, Y)
    finally:
        signal.signal(signal.SIGINT, before)
    assert got == [signal.SIGINT]
    assert model.n_iter_ == 12


# Checkpoints ----------------------------------------------------------------------


class Kill(Exception):
    """Stands for a kill: nothing after it is run."""


def kill():
    raise Kill


def assert_equal_fits(one, other):
    assert_array_equal(
        one._outputs(X[:, : one.n_features_in_]),
        other._outputs(X[:, : other.n_features_in_]),
    )
    assert len(one.networks_) == len(other.networks_)
    for mine, theirs in zip(one.networks_, other.networks_, strict=True):
        for a, b in zip(mine.weights, theirs.weights, strict=True):
            assert_array_equal(a, b)
        for name in (
            "n_iter",
            "loss_curve",
            "validation_scores",
            "best_epoch",
            "best_score",
            "stopped_by",
            "seed",
        ):
            assert getattr(mine, name) == getattr(theirs, name), name
        assert (mine.state is None) == (theirs.state is None)


KINDS = {
    "alone": dict(n_estimators=1, early_stopping=False),
    "validated": dict(n_estimators=1, early_stopping=True, n_iter_no_change=3),
    "each on its own": dict(
        n_estimators=4, early_stopping=True, n_iter_no_change=2, dropout=0.05
    ),
    "together": dict(n_estimators=3, early_stopping="joint", scoring="roc_auc"),
    "again on all rows": dict(n_estimators=2, refit=True, oof_score=True),
    "sgd": dict(n_estimators=2, solver="sgd", early_stopping=False),
    "going on": dict(n_estimators=2, warm_start=True, early_stopping=False),
    "stacks": dict(n_estimators=3, oof_score=True, early_stopping=True,
                   preprocessor=OwnColumns()),
    "restarted": dict(n_estimators=2, solver="sgd", early_stopping=False,
                      learning_rate_init=5.0, weight_decay=0.0),
}  # fmt: skip


@pytest.mark.parametrize("share", [0.01, 0.2, 0.45, 0.9, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path, at_epoch, kind, share):
    parameters = SMALL | {"learning_rate_init": 0.03} | KINDS[kind]
    seen = at_epoch(None, kill)
    whole = SNNClassifier(**parameters).fit(X, Y)
    n_epochs = len(seen)
    model = SNNClassifier(**parameters, checkpoint=tmp_path, checkpoint_interval=0)
    seen = at_epoch(math.ceil(share * n_epochs), kill)
    with pytest.raises(Kill):
        model.fit(X, Y)
    assert len(list(tmp_path.iterdir())) == 1
    model = clone(model).fit(X, Y)
    if kind != "restarted":  # then all networks may start again
        assert len(seen) == n_epochs
    assert_equal_fits(model, whole)
    assert not list(tmp_path.iterdir())


def test_a_fit_that_is_killed_again_and_again_arrives(tmp_path, monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    parameters = SMALL | dict(n_estimators=3, refit=True)
    whole = SNNRegressor(**parameters).fit(X, y)
    n_epochs = 0

    def call(self, networks):
        nonlocal n_epochs
        n_epochs += 1
        if n_epochs % 3 == 0:
            raise Kill

    monkeypatch.setattr(_progress.Progress, "__call__", call)
    model = SNNRegressor(**parameters, checkpoint=tmp_path, checkpoint_interval=0)
    n_kills = 0
    while not hasattr(model, "networks_"):
        try:
            model.fit(X, y)
        except Kill:
            n_kills += 1
    assert n_kills >= 5
    assert n_epochs == len(whole.validation_scores_) + whole.n_iter_
    assert_array_equal(model.predict(X), whole.predict(X))
    assert not list(tmp_path.iterdir())


SCRIPT = """
import sys
from sklearn.datasets import load_diabetes
from sklearn_snn import SNNRegressor
X, y = load_diabetes(return_X_y=True)
SNNRegressor(depth=1, width=8, n_estimators=2, early_stopping=False, max_iter=10**6,
             learning_rate="constant", random_state=0, verbose=True,
             checkpoint=sys.argv[1], checkpoint_interval=0).fit(X, y)
"""


@pytest.mark.skipif(os.name != "posix", reason="no other system has SIGKILL")
def test_a_fit_goes_on_after_sigkill(tmp_path):
    """A fit of another process is killed; its file is read here."""
    command = [sys.executable, "-c", SCRIPT, tmp_path]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 100
        while not list(tmp_path.glob("*.npz")) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        process.kill()
    assert process.wait(10) == -signal.SIGKILL
    (path,) = tmp_path.glob("*.npz")
    ((first, second),) = _checkpoints._unpacked(path)
    assert first.n_iter == second.n_iter > 0

    X, y = load_diabetes(return_X_y=True)
    settings = dict(
        depth=1, width=8, n_estimators=2, early_stopping=False, random_state=0
    )
    model = SNNRegressor(
        **settings, max_iter=first.n_iter, learning_rate="constant", warm_start=True
    ).fit(X, y)
    for mine, theirs in zip(model.networks_, (first, second), strict=True):
        assert_array_equal(mine.state.parameters, theirs.state.parameters)
        assert mine.loss_curve == theirs.loss_curve


def files_after_kill(folder, at_epoch, X=X, y=Y, **changed):
    at_epoch(1, kill)
    settings = SMALL | dict(early_stopping=False, n_estimators=2) | changed
    model = SNNClassifier(**settings, checkpoint=folder, checkpoint_interval=0)
    with pytest.raises(Kill):
        model.fit(X, y)
    return model


@pytest.mark.parametrize(
    "changed",
    [
        dict(width=9),
        dict(max_iter=13),
        dict(random_state=1),
        dict(learning_rate_init=0.01),
        dict(class_weight={0: 2.0, 1: 1.0}),
        dict(dtype="float64"),
        dict(X=X[::-1]),
        dict(X=X + np.eye(*X.shape)),
        dict(y=1 - Y),
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_other_parameters_or_data_have_files_of_their_own(tmp_path, at_epoch, changed):
    files_after_kill(tmp_path, at_epoch)
    (one,) = tmp_path.iterdir()
    files_after_kill(tmp_path, at_epoch, **changed)
    assert len(list(tmp_path.iterdir())) == 2
    assert one.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:],
        lambda data: pickle.dumps("not a file of ours"),
    ],
    ids=["empty", "cut short", "flipped", "a pickle"],
)
def test_a_damaged_checkpoint_is_told_of_and_not_used(tmp_path, at_epoch, damage):
    model = files_after_kill(tmp_path, at_epoch)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(UserWarning, match="cannot be read, training starts anew"):
        model.fit(X, Y)
    whole = clone(model).set_params(checkpoint=None).fit(X, Y)
    assert_equal_fits(model, whole)
    assert not path.exists()


def test_a_checkpoint_that_cannot_be_written_does_not_end_a_fit(tmp_path, monkeypatch):
    def full(data, path):
        raise OSError("No space left on device")

    monkeypatch.setattr(_checkpoints, "write_atomically", full)
    settings = SMALL | dict(max_iter=1, checkpoint=tmp_path, checkpoint_interval=0)
    with pytest.warns(UserWarning, match="was not written.*No space left"):
        model = SNNClassifier(**settings).fit(X, Y)
    assert model.n_iter_ == 1


def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(tmp_path, at_epoch):
    settings = SMALL | dict(n_estimators=2, early_stopping=True)
    whole = SNNClassifier(**settings).fit(X, Y)
    at_epoch(5, ctrl_c)
    model = SNNClassifier(**settings, checkpoint=tmp_path, checkpoint_interval=0)
    with interrupted:
        model.fit(X, Y)
    assert len(list(tmp_path.iterdir())) == 1
    assert all(network.state is None for network in model.networks_)
    assert_equal_fits(model.fit(X, Y), whole)
    assert not list(tmp_path.iterdir())


def test_the_fits_of_a_search_have_a_file_each(tmp_path, monkeypatch):
    written = []

    def write(data, path):
        written.append(path)

    monkeypatch.setattr(_checkpoints, "write_atomically", write)
    settings = SMALL | dict(checkpoint=tmp_path / "new", checkpoint_interval=0)
    model = SNNClassifier(**settings)
    GridSearchCV(model, {"width": [4, 8]}, cv=2, refit=False).fit(X, Y)
    assert len(set(written)) == 4
    written.clear()
    SNNGridSearchCV(model, {"width": [4, 8]}, cv=2).fit(X, Y)
    assert len(set(written)) == 1  # of the best one, on all rows


def test_checkpoints_are_written_no_more_often_than_asked(tmp_path, monkeypatch):
    written, now = [], 0.0

    def clock():
        nonlocal now
        now += 1.0
        return now

    monkeypatch.setattr(
        _checkpoints, "write_atomically", lambda data, path: written.append(now)
    )
    monkeypatch.setattr(_checkpoints, "time", SimpleNamespace(monotonic=clock))
    settings = SMALL | dict(max_iter=100, early_stopping=False, n_estimators=1)
    SNNClassifier(**settings, checkpoint=tmp_path, checkpoint_interval=20).fit(X, Y)
    assert 4 <= len(written) <= 5
    assert np.diff(written).min() >= 20


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (dict(random_state=None), "checkpoint needs random_state"),
        (dict(callbacks=[]), "checkpoint and callbacks exclude each other"),
        (dict(scoring=lambda *args: 1.0), "checkpoint needs a scoring that can be pi"),
        (dict(checkpoint_interval=-1), "'checkpoint_interval' parameter"),
        (dict(checkpoint=3), "'checkpoint' parameter"),
    ],
    ids=["random_state", "callbacks", "scoring", "interval", "folder"],
)
def test_what_checkpoints_cannot_do_is_an_error(tmp_path, parameters, message):
    settings = SMALL | dict(checkpoint=tmp_path) | parameters
    with pytest.raises(ValueError, match=message):
        SNNClassifier(**settings).fit(X, Y)


def test_a_fit_that_diverges_leaves_no_checkpoint(tmp_path):
    settings = SMALL | dict(checkpoint=tmp_path, checkpoint_interval=0)
    model = SNNClassifier(learning_rate_init=1e20, **settings)
    with pytest.raises(ValueError, match="Training diverged"):
        model.fit(X, Y)
    assert not list(tmp_path.iterdir())


def test_partial_fit_writes_no_checkpoint(tmp_path):
    model = SNNClassifier(**SMALL, checkpoint=tmp_path, checkpoint_interval=0)
    model.partial_fit(X, Y, classes=[0, 1])
    assert not list(tmp_path.iterdir())
