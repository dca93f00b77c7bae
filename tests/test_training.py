"""What must hold of training and prediction whatever the estimator does with them."""

import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from watching import clock_of_readings, flat

from sklearn_snn import _prediction
from sklearn_snn._devices import resolve_device
from sklearn_snn._losses import BinaryCrossEntropy, SquaredError
from sklearn_snn._optimizers import WARM_UP, schedule_factor
from sklearn_snn._prediction import predict_networks
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingSet
from sklearn_snn._stack import Stack
from sklearn_snn._threads import limit_threads
from sklearn_snn._training import fit_networks

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 5)).astype(np.float32)
Y = (X[:, :1] > 0).astype(float)
DATA = TrainingSet(X, Y)


def spec(**parameters):
    defaults = dict(
        layer_sizes=(5, 16, 16, 1),
        batch_size=32,
        seed=0,
        max_epochs=5,
        learning_rate=1e-2,
    )
    return NetworkSpec(**defaults | parameters)


def fit(*specs, data=DATA, loss=None, on_epoch=None, **options):
    return fit_networks(
        specs,
        [data],
        loss=loss or BinaryCrossEntropy(),
        options=TrainingOptions(**options),
        on_epoch=on_epoch,
    )


# Stopping


def test_a_network_stops_on_its_own_and_keeps_its_best_weights():
    held_out, rows = np.arange(30), np.arange(30, 120)
    specs = [
        spec(
            seed=i,
            rows=rows,
            validation_rows=held_out,
            max_epochs=40,
            learning_rate=rate,
        )
        for i, rate in enumerate((1e-2, 3e-2, 1e-3))
    ]
    networks = fit(
        *specs, n_iter_no_change=3, learning_rate="constant", dtype="float64"
    )
    for one, network in zip(specs, networks, strict=True):
        best = (
            int(
                np.flatnonzero(
                    np.array(network.validation_scores)
                    == max(network.validation_scores)
                )[-1]
            )
            + 1
        )
        n_more = 3 if network.stopped_by == "early_stopping" else 40 - best
        assert network.n_iter == best + n_more
        # Fewer epochs at a constant step size are the beginning of more.
        shorter = spec(
            seed=one.seed, rows=rows, max_epochs=best, learning_rate=one.learning_rate
        )
        (again,) = fit(shorter, learning_rate="constant", dtype="float64")
        assert_allclose(flat(network), flat(again), rtol=1e-9)
        assert network.best_score == max(network.validation_scores)
    assert {network.stopped_by for network in networks} >= {"early_stopping"}


def test_the_validation_loss_is_a_weighted_mean_over_all_rows():
    validation = TrainingSet(X[:50], Y[:50], weight=RNG.random(50))
    data = TrainingSet(X, Y, validation=validation)
    (network,) = fit(spec(max_epochs=3), data=data, dtype="float64")
    raw = predict_networks(
        [network], X[:50], offset=None, options=TrainingOptions(dtype="float64")
    )[0]
    proba = BinaryCrossEntropy().predict_proba(raw)
    losses = -np.log(proba[np.arange(50), Y[:50, 0].astype(int)])
    expected = -np.average(losses, weights=validation.weight)
    assert_allclose(network.best_score, expected, rtol=1e-9)


def test_a_score_of_the_users_gets_the_outputs_on_the_validation_rows():
    shapes = []

    def counting(i):
        def score(raw):
            shapes.append((i, raw.shape))
            return float(len(shapes))

        return score

    specs = [
        spec(
            seed=i,
            rows=np.arange(40, 120),
            validation_rows=np.arange(n),
            score=counting(i),
        )
        for i, n in enumerate((40, 25))
    ]
    networks = fit(*specs)
    assert shapes[:2] == [(0, (40, 1)), (1, (25, 1))]
    assert networks[1].validation_scores == [2.0, 4.0, 6.0, 8.0, 10.0]


@pytest.mark.parametrize(
    ("team", "best", "patience"),
    [
        (None, 1, 9),
        (None, 5, 13),
        (None, 12, 20),
        (None, 30, 20),
        (0, 1, 5),
        (0, 6, 10),
        (0, 30, 10),
    ],
)
def test_automatic_patience_grows_with_the_best_epoch(team, best, patience):
    # Training does change the outputs, but the score only counts how often it is asked.
    epochs = iter(range(1, 100))
    one = spec(
        rows=np.arange(30, 120),
        validation_rows=np.arange(30),
        max_epochs=90,
        score=lambda outputs: -abs(next(epochs) - best),
        team=team,
    )
    (network,) = fit(one, n_iter_no_change="auto")
    assert network.best_epoch == best
    assert network.n_iter == best + patience
    assert network.stopped_by == "early_stopping"


def test_a_score_that_is_only_reached_again_is_no_gain():
    one = spec(
        rows=np.arange(30, 120),
        validation_rows=np.arange(30),
        max_epochs=90,
        score=lambda outputs: 1.0,  # as an accuracy of easy rows
    )
    (network,) = fit(one, n_iter_no_change=4)
    assert network.n_iter == 5
    assert network.best_epoch == 5  # of equal epochs the last


def test_whoever_watches_can_stop_training():
    seen = []

    def watch(networks):
        seen.append([one.n_iter for one in networks()])
        return len(seen) == 3

    (network,) = fit(spec(max_epochs=50), on_epoch=watch)
    assert seen == [[1], [2], [3]]
    assert (network.n_iter, network.stopped_by) == (3, "callback")


def test_ctrl_c_keeps_what_there_is():
    def interrupt(networks):
        if networks()[0].n_iter == 2:
            raise KeyboardInterrupt

    (network,) = fit(spec(max_epochs=50), on_epoch=interrupt)
    assert (network.n_iter, network.stopped_by) == (2, "interrupt")
    assert np.isfinite(flat(network)).all()


@pytest.fixture
def clock(monkeypatch):
    clock = clock_of_readings(1e-3)
    monkeypatch.setattr("sklearn_snn._clock.time", clock)
    return clock


def test_a_time_limit_is_kept_and_the_schedule_ends_within_it(clock):
    slow_end = spec(max_epochs=10**6, batch_size=120, learning_rate=3e-3)
    (network,) = fit(slow_end, time_limit=0.5)
    assert 0.4 < clock.monotonic() < 0.6
    assert network.stopped_by == "time_limit"
    last = network.loss_curve[-3:]
    assert_allclose(last, last[0], rtol=1e-3)  # hardly any step size is left


def test_a_time_limit_is_kept_within_an_epoch(clock, monkeypatch):
    steps, step = [], Stack.step
    monkeypatch.setattr(Stack, "step", lambda *args: steps.append(0) or step(*args))
    (network,) = fit(spec(batch_size=1), time_limit=0.1)
    assert len(steps) < len(X)
    assert (network.n_iter, network.stopped_by) == (1, "time_limit")


def test_the_schedule_rises_and_falls_to_zero():
    progress = np.linspace(0, 1, 1001)
    factor = schedule_factor("cosine", progress)
    assert 0 < factor[0] < 0.2
    assert factor.argmax() / 1000 == pytest.approx(WARM_UP)
    assert factor.max() == 1
    assert factor[-1] == pytest.approx(0)
    assert (schedule_factor("constant", progress) == 1).all()


# Divergence


def test_a_network_that_diverges_starts_again_with_a_tenth_of_the_step_size():
    target = TrainingSet(X, X[:, :1] * 1.0)
    kw = dict(solver="sgd", learning_rate="constant", dtype="float64")
    rates = dict(max_epochs=4)
    diverging, steady = fit(
        spec(learning_rate=3.0, **rates),
        spec(seed=1, learning_rate=0.01, **rates),
        data=target,
        loss=SquaredError(),
        **kw,
    )
    (alone,) = fit(
        spec(learning_rate=0.3, **rates), data=target, loss=SquaredError(), **kw
    )
    (undisturbed,) = fit(
        spec(seed=1, learning_rate=0.01, **rates),
        data=target,
        loss=SquaredError(),
        **kw,
    )
    assert diverging.stopped_by == "max_iter"
    assert_allclose(flat(diverging), flat(alone), rtol=1e-8)
    assert_allclose(flat(steady), flat(undisturbed), rtol=1e-8)


def test_a_network_that_diverges_twice_says_so():
    (network,) = fit(
        spec(learning_rate=1e12),
        loss=SquaredError(),
        solver="sgd",
        learning_rate="constant",
    )
    assert network.stopped_by == "diverged"


def test_a_last_step_that_goes_too_far_is_found_out():
    (network,) = fit(
        spec(learning_rate=1e30, max_epochs=1, batch_size=60), learning_rate="constant"
    )
    assert network.stopped_by == "diverged"


# Going on


def test_epochs_one_by_one_are_epochs_in_a_row():
    kw = dict(learning_rate="constant", keep_state=True, dtype="float64")
    (whole,) = fit(spec(max_epochs=4, dropout=0.1, weight_decay=0.1), **kw)
    part = None
    for epoch in range(1, 5):
        one = spec(max_epochs=epoch, dropout=0.1, weight_decay=0.1, resume=part)
        (part,) = fit(one, **kw)
    assert_array_equal(flat(whole), flat(part))
    assert whole.loss_curve == part.loss_curve


def test_nothing_is_left_to_do_at_the_last_epoch():
    (network,) = fit(spec(), keep_state=True)
    (same,) = fit(spec(resume=network), keep_state=True)
    assert_array_equal(flat(same), flat(network))
    assert same.n_iter == 5


# Prediction


@pytest.mark.parametrize("n_features", [1, 5, 17, 100])
@pytest.mark.parametrize("width", [1, 7, 64, 130])
@pytest.mark.parametrize("n_networks", [1, 3])
def test_a_row_is_predicted_alike_in_any_company(n_features, width, n_networks):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((150, n_features)).astype(np.float32)
    data = TrainingSet(rows, rng.integers(3, size=150).astype(float)[:, None])
    specs = [
        spec(seed=i, layer_sizes=(n_features, width, width, 1), max_epochs=1)
        for i in range(n_networks)
    ]
    networks = fit(*specs, data=data)

    def predict(rows):
        return predict_networks(networks, rows, offset=None, options=TrainingOptions())

    whole = predict(rows)
    assert_array_equal(predict(rows[3:4]), whole[:, 3:4])
    assert_array_equal(predict(rows[10:143]), whole[:, 10:143])
    order = rng.permutation(150)
    assert_array_equal(predict(rows[order]), whole[:, order])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [5, 64, 100])
def test_many_blocks_of_a_call_are_predicted_as_if_each_were_alone(dtype, width):
    rng = np.random.default_rng(width)
    rows = rng.standard_normal((3000, 20)).astype(dtype)
    network = fit(
        spec(layer_sizes=(20, width, width, 1), max_epochs=1),
        data=(TrainingSet(rows[:50], rng.standard_normal((50, 1)))),
    )

    def predict(rows):
        return predict_networks(network, rows, options=TrainingOptions(dtype=dtype))

    whole = predict(rows)
    for i in (0, 15, 16, 1023, 1024, 2999):
        assert_array_equal(predict(rows[i : i + 1]), whole[:, i : i + 1])
    assert_array_equal(predict(rows[::-1]), whole[:, ::-1])


def test_weights_that_were_replaced_are_those_that_predict():
    (network,) = fit(spec(max_epochs=1))
    rows = X[:3]
    before = predict_networks([network], rows, options=TrainingOptions())
    network.weights[-1] += 1  # in place
    after = predict_networks([network], rows, options=TrainingOptions())
    assert_allclose(after, before + 1, rtol=1e-5)
    other = replace(network, weights=[np.zeros_like(one) for one in network.weights])
    assert not predict_networks([other], rows, options=TrainingOptions()).any()


@pytest.mark.parametrize("is_sparse", [False, True])
def test_threads_share_the_rows_of_a_large_table(is_sparse, monkeypatch):
    (network,) = fit(spec(max_epochs=1))
    rows = np.tile(X, (100, 1))[:-5]  # the last block is a short one
    table = sparse.csr_array(rows) if is_sparse else rows
    offset = np.ones(X.shape[1], np.float32) if is_sparse else None

    def predict(rows, n_threads):
        options = TrainingOptions(n_threads=n_threads)
        return predict_networks([network], rows, offset=offset, options=options)

    used = []
    original = _prediction.ThreadPoolExecutor
    monkeypatch.setattr(
        _prediction,
        "ThreadPoolExecutor",
        lambda n_threads: used.append(n_threads) or original(n_threads),
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        alone, shared = predict(table, 1), predict(table, None)
        few = predict(table[-70:], None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert used == [2]
    assert_array_equal(shared, alone)
    assert_array_equal(shared[:, -70:], few)


# Threads and global state


def test_the_number_of_threads_changes_no_bit():
    code = """
import hashlib, numpy as np, torch
from sklearn_snn import SNNClassifier, SNNRegressor
torch.set_num_threads({n_threads})
rng = np.random.default_rng(0)
for shape, width, batch in (
    ((2000, 30), 256, 512), ((1500, 8), 512, 1500), ((1500, 8), 301, 1500),
    ((700, 3), 64, 32),
):
    X = rng.standard_normal(shape); y = X[:, 0] * X[:, 1] + rng.standard_normal(len(X))
    for model in (
        SNNRegressor(width=width, batch_size=batch, max_iter=3, random_state=0,
                     n_estimators=1),
        SNNClassifier(width=width, batch_size=batch, max_iter=3, random_state=0,
                      n_estimators=2, n_threads=2),
    ):
        model.fit(X, y > 0 if "Classifier" in type(model).__name__ else y)
        print(hashlib.md5(np.ascontiguousarray(model._outputs(X))).hexdigest())
"""
    digests = [
        subprocess.run(
            [sys.executable, "-c", code.format(n_threads=n_threads)],
            capture_output=True,
            text=True,
            check=True,
            env={"OMP_NUM_THREADS": "2", "PATH": ""},
        ).stdout
        for n_threads in (1, 2)
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("fails", [False, True])
def test_threads_are_restored(fails):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with limit_threads(None, 1e3):
            assert torch.get_num_threads() == 1
        with limit_threads(None, 1e12):
            assert torch.get_num_threads() == 2
        with limit_threads(64, 1e12):
            assert torch.get_num_threads() == 2  # never raised
        if fails:
            with pytest.raises(RuntimeError, match="stop"), limit_threads(1, 1e12):
                raise RuntimeError("stop")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_global_state_is_untouched():
    np.random.seed(0)
    torch.manual_seed(0)
    state = np.random.get_state(), torch.get_rng_state()
    filters, grad = list(warnings.filters), torch.is_grad_enabled()
    (network,) = fit(spec(dropout=0.1), spec(dropout=0.1))[:1]
    predict_networks([network], X, offset=None, options=TrainingOptions())
    assert_array_equal(np.random.get_state()[1], state[0][1])
    assert torch.equal(torch.get_rng_state(), state[1])
    assert warnings.filters == filters
    assert torch.is_grad_enabled() == grad


@pytest.mark.parametrize(
    "mode",
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast("cpu"),
        lambda: torch.device("meta"),
    ],
    ids=["no_grad", "inference_mode", "autocast", "default device"],
)
@pytest.mark.parametrize("callbacks", [None, [[]]])
def test_torchs_modes_change_neither_training_nor_prediction(mode, callbacks):
    def trained():
        (network,) = fit_networks(
            [spec()],
            [DATA],
            loss=BinaryCrossEntropy(),
            options=TrainingOptions(),
            callbacks=callbacks,
        )
        return flat(network), predict_networks([network], X, options=TrainingOptions())

    with mode():
        inside = trained()
        assert torch.is_inference_mode_enabled() == (mode is torch.inference_mode)
    for ours, expected in zip(inside, trained(), strict=True):
        assert_array_equal(ours, expected)


def test_devices():
    assert resolve_device("cpu", must_exist=True) == "cpu"
    assert resolve_device("auto", must_exist=True) in ("cpu", "cuda")
    with pytest.raises(ValueError, match="not one that torch knows"):
        resolve_device("toaster", must_exist=True)
    with pytest.raises(ValueError, match="sees no such device"):
        resolve_device("cuda:99", must_exist=True)
    assert resolve_device("cuda:99", must_exist=False) == "cpu"
