"""Networks that are all trained without pieces where these do harm."""

import signal
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from sklearn_snn import (
    SNNClassifier,
    SNNGridSearchCV,
    SNNHalvingRandomSearchCV,
    SNNRegressor,
    _base,
    _planning,
    _progress,
)
from sklearn_snn._losses import SquaredError
from sklearn_snn._smoothness import smoother, without_pieces
from sklearn_snn._specs import (
    FittedNetwork,
    NetworkSpec,
    TrainingOptions,
    TrainingRequest,
    TrainingSet,
)

N_INPUTS = 12
FAST = dict(max_iter=20, random_state=0)
SOME_WITHOUT = [None, None, None, N_INPUTS] * 2


def waves(n_samples, seed=0):
    """A target without noise, as of a simulation."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, N_INPUTS))
    directions = np.random.default_rng(101).standard_normal((N_INPUTS, 6))
    return X, np.sin(X @ directions / np.sqrt(N_INPUTS)).sum(1)


X, Y = waves(600)


def seen(model):
    return [network.n_seen for network in model.networks_]


@pytest.fixture
def piecewise(monkeypatch):
    """Have no networks trained again."""
    monkeypatch.setattr(_base, "without_pieces", lambda *_: None)


@pytest.fixture(scope="module")
def smooth_model():
    return SNNRegressor(**FAST).fit(X, Y)


# From the user's side ---------------------------------------------------------------


def test_a_smooth_target_is_learned_without_pieces(smooth_model):
    assert seen(smooth_model) == [N_INPUTS] * 8
    for network in smooth_model.networks_:
        assert not network.weights[0][N_INPUTS:].any()


def test_that_makes_the_error_lower(smooth_model, piecewise):
    X_test, y_test = waves(1000, seed=1)
    model = SNNRegressor(**FAST).fit(X, Y)
    assert seen(model) == SOME_WITHOUT
    with_pieces = np.mean((model.predict(X_test) - y_test) ** 2)
    without = np.mean((smooth_model.predict(X_test) - y_test) ** 2)
    assert without < 0.9 * with_pieces


def test_all_of_them_are_those_that_see_none_from_the_start(smooth_model, monkeypatch):
    monkeypatch.setattr(_planning, "_n_seen", lambda data, i: data.X.shape[1])
    assert_array_equal(
        SNNRegressor(**FAST).fit(X, Y).predict(X), smooth_model.predict(X)
    )


def test_a_bar_waits_for_the_second_training(capsys):
    model = SNNRegressor(**FAST, verbose=1).fit(X, Y)
    *_, last = capsys.readouterr().err.splitlines()
    assert model.n_iter_ == FAST["max_iter"]
    assert "epoch 40 of 40" in last


@pytest.mark.parametrize(
    "target",
    [np.sign(X[:, 0]) + np.sign(X[:, 1]), np.random.default_rng(0).random(len(X))],
    ids=["steps", "noise"],
)
def test_other_targets_keep_their_pieces(target):
    assert seen(SNNRegressor(**FAST).fit(X, target)) == SOME_WITHOUT


def test_classes_with_a_smooth_border_are_learned_without_pieces():
    rows, target = waves(1500)
    model = SNNClassifier(**FAST | dict(random_state=2)).fit(rows, target > 0)
    assert seen(model) == [N_INPUTS] * 8


@pytest.mark.parametrize(
    "settings",
    [dict(scoring="r2"), dict(n_estimators=4), dict(early_stopping=False)],
    ids=lambda settings: next(iter(settings)),
)
def test_without_two_positive_losses_to_compare_nothing_is_changed(settings):
    model = SNNRegressor(**FAST | settings).fit(X, Y)
    assert seen(model) == SOME_WITHOUT[: len(model.networks_)]


def test_networks_with_callbacks_are_trained_once():
    model = SNNRegressor(
        **FAST | dict(max_iter=2), early_stopping=True, callbacks=[Callback()]
    )
    assert seen(model.fit(X, Y)) == SOME_WITHOUT


def test_networks_refitted_on_all_rows_see_no_pieces_either():
    assert seen(SNNRegressor(**FAST, refit=True).fit(X, Y)) == [N_INPUTS] * 8


def test_predictions_out_of_fold_are_of_the_networks_that_are_kept():
    model = SNNRegressor(**FAST, oof_score=True).fit(X, Y)
    assert seen(model) == [N_INPUTS] * 8
    error = np.mean((model.oof_prediction_ - Y) ** 2) / Y.var()
    own = [-network.best_score for network in model.networks_]
    # The loss is half the square, of the standardised target; folds are of equal size.
    assert error == pytest.approx(2 * np.mean(own), rel=0.02)


def test_warm_starts_go_on_without_pieces():
    model = SNNRegressor(**FAST, warm_start=True).fit(X, Y)
    assert seen(model) == [N_INPUTS] * 8
    before = model.n_iter_
    model.set_params(max_iter=before + 2).fit(X, Y)
    assert seen(model) == [N_INPUTS] * 8
    assert model.n_iter_ > before


def test_searches_find_what_fits_find(smooth_model):
    search = SNNGridSearchCV(
        SNNRegressor(**FAST), {"weight_decay": [0.01]}, cv=2, refit=False
    ).fit(X, Y)
    rows = np.arange(300)
    by_hand = [
        SNNRegressor(**FAST).fit(X[train], Y[train]).score(X[test], Y[test])
        for train, test in ((rows + 300, rows), (rows, rows + 300))
    ]
    found = [search.cv_results_[f"split{i}_test_score"][0] for i in range(2)]
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)


def test_candidates_of_a_search_by_halving_are_trained_again(monkeypatch):
    kept = []

    def recorded(networks, others):
        kept.append(smoother(networks, others) is others)
        return others if kept[-1] else networks

    monkeypatch.setattr(_base, "smoother", recorded)
    search = SNNHalvingRandomSearchCV(
        SNNRegressor(**FAST | dict(max_iter=36)),
        {"weight_decay": [0.01, 0.1, 0.3]},
        cv=2,
        n_candidates=3,
        min_resources="exhaust",
        refit=False,
        random_state=0,
    ).fit(X, Y)
    assert any(kept)
    assert search.n_resources_ == [12, 36]
    scores = search.cv_results_["mean_test_score"]
    assert scores[search.cv_results_["iter"] == 1].max() > 0.9


# Ctrl-C, and fits that go on --------------------------------------------------------


@pytest.fixture
def ctrl_c_while_trained_again(monkeypatch):
    """Press it after the third epoch of networks that see no pieces."""
    original = _progress.Progress.__call__

    def call(self, networks):
        stop, first = original(self, networks), networks()[0]
        if first.n_seen is not None and first.n_iter == 3:
            signal.raise_signal(signal.SIGINT)
        return stop

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr(_progress.Progress, "__call__", call)
        yield patch.undo
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_keeps_the_networks_with_pieces(ctrl_c_while_trained_again, tmp_path):
    model = SNNRegressor(**FAST, checkpoint=tmp_path, checkpoint_interval=0)
    with pytest.warns(ConvergenceWarning, match="interrupted by the user"):
        model.fit(X, Y)
    assert seen(model) == SOME_WITHOUT
    assert {network.n_iter for network in model.networks_} == {model.n_iter_}
    assert model.n_iter_ > 3
    ctrl_c_while_trained_again()  # it is not pressed any more
    model.fit(X, Y)
    whole = clone(model).set_params(checkpoint=None).fit(X, Y)
    assert seen(model) == [N_INPUTS] * 8
    assert_array_equal(model.predict(X), whole.predict(X))
    assert not list(tmp_path.iterdir())


# The rule ---------------------------------------------------------------------------


def request_of(sees_none, **options):
    data = TrainingSet(X=np.zeros((6, N_INPUTS)), target=np.zeros((6, 1)))
    specs = [
        NetworkSpec((20, 8, 1), 2, seed=i, max_epochs=3, learning_rate=0.1)
        for i in range(len(sees_none))
    ]
    specs = [
        replace(spec, n_seen=N_INPUTS) if is_without else spec
        for spec, is_without in zip(specs, sees_none, strict=True)
    ]
    return TrainingRequest(specs, [data], SquaredError(), TrainingOptions(**options))


def networks_of(request, losses, reason="early_stopping"):
    return [
        FittedNetwork([], 3, [], [], 2, -loss, reason, spec.seed, n_seen=spec.n_seen)
        for spec, loss in zip(request.specs, losses, strict=True)
    ]


SOME = request_of([False, True, False, True])
GOOD = [4.0, 1.0, 5.0, 2.0]


def test_networks_without_pieces_must_be_much_better_on_average():
    again = without_pieces(SOME, networks_of(SOME, GOOD), seconds=1.0)
    assert [spec.n_seen for spec in again.specs] == [N_INPUTS] * 4
    assert [spec.seed for spec in again.specs] == [0, 1, 2, 3]
    assert again.options == SOME.options
    assert without_pieces(SOME, networks_of(SOME, [4, 3, 5, 5]), 1.0) is None


@pytest.mark.parametrize("reason", ["time_limit", "interrupt", "callback", "diverged"])
def test_networks_that_did_not_end_by_themselves_tell_nothing(reason):
    assert without_pieces(SOME, networks_of(SOME, GOOD, reason), 1.0) is None


@pytest.mark.parametrize("sees_none", [[True] * 4, [False, True, False, False]])
def test_two_networks_of_each_kind_are_needed(sees_none):
    request = request_of(sees_none)
    assert without_pieces(request, networks_of(request, GOOD), 1.0) is None


def test_losses_below_0_have_no_shares():
    lower = [loss - 3 for loss in GOOD]
    assert without_pieces(SOME, networks_of(SOME, lower), 1.0) is None


def test_what_is_left_of_a_time_limit_is_for_the_second_training():
    request = request_of([False, True, False, True], time_limit=10.0)
    again = without_pieces(request, networks_of(request, GOOD), 4.0)
    assert again.options.time_limit == 6.0
    again = without_pieces(request, networks_of(request, GOOD), 11.0)
    assert 0 < again.options.time_limit < 1e-6


@pytest.mark.parametrize(("share", "is_kept"), [(0.8, True), (0.9, False)])
def test_networks_without_pieces_are_kept_where_they_are_much_better(share, is_kept):
    networks = networks_of(SOME, GOOD)
    # Those that had seen none before do not count.
    others = networks_of(SOME, [4 * share, 0.1, 5 * share, 9.0])
    assert (smoother(networks, others) is others) == is_kept


@pytest.mark.parametrize("reason", ["diverged", "time_limit"])
def test_networks_without_pieces_that_broke_off_are_not_kept(reason):
    networks = networks_of(SOME, GOOD)
    assert smoother(networks, networks_of(SOME, [0.1] * 4, reason)) is networks
