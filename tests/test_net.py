"""skorch's callbacks: training one by one gives what the stack gives."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
)
from watching import weights

from sklearn_snn import SNNClassifier, SNNRegressor

SMALL = dict(
    depth=2,
    width=16,
    max_iter=5,
    random_state=0,
    dtype="float64",
    n_estimators=1,
    n_bins=1,
)


@pytest.fixture
def classes():
    X, y = load_breast_cancer(return_X_y=True)
    return X[:200], y[:200]


@pytest.fixture
def numbers():
    X, y = load_diabetes(return_X_y=True)
    return X[:200], y[:200]


class Nothing(Callback):
    """Does nothing."""


class Spy(Callback):
    """Remembers what it was shown."""

    def __init__(self):
        self.epochs, self.batches, self.shapes = 0, 0, set()

    def on_epoch_end(self, net, dataset_train, dataset_valid, **kwargs):
        self.epochs += 1
        self.last_loss = net.history[-1, "train_loss"]
        self.n_training_rows = len(dataset_train)

    def on_batch_end(self, net, batch, training, loss, **kwargs):
        X, y = batch
        self.shapes.add((training, tuple(X.shape), tuple(y.shape)))
        self.batches += training


@pytest.mark.parametrize("solver", ["adamw", "sgd"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_callback_that_does_nothing_changes_nothing(classes, solver, early_stopping):
    X, y = classes
    weight = np.random.default_rng(0).random(len(y))
    parameters = SMALL | dict(
        solver=solver,
        early_stopping=early_stopping,
        n_estimators=2,
        dropout=0.1,
        label_smoothing=0.1,
    )
    stacked = SNNClassifier(**parameters).fit(X, y, weight)
    watched = SNNClassifier(callbacks=[Nothing()], **parameters).fit(X, y, weight)
    for ours, theirs in zip(weights(stacked), weights(watched), strict=True):
        assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert_allclose(stacked.loss_curve_, watched.loss_curve_)
    if early_stopping:
        assert_allclose(stacked.validation_scores_, watched.validation_scores_)


def test_a_users_callback_sees_an_ordinary_skorch_net(numbers):
    X, y = numbers
    mine = Spy()
    model = SNNRegressor(
        callbacks=[mine], batch_size=60, **SMALL | dict(n_estimators=2)
    ).fit(X, y, X_val=X[:30], y_val=y[:30])
    assert mine.epochs == 0  # copies were trained with
    for (copy,) in model.callbacks_:
        assert copy.epochs == 5
        assert copy.batches == 5 * 4
        assert copy.n_training_rows == 200
        assert copy.shapes == {
            (True, (60, 10), (60, 1)),
            (True, (20, 10), (20, 1)),
            (False, (30, 10), (30, 1)),
        }
    losses = [copies[0].last_loss for copies in model.callbacks_]
    assert_allclose(np.mean(losses), model.loss_curve_[-1])


def test_lr_scheduler_sets_the_step_size(numbers):
    X, y = numbers
    plain = SNNRegressor(learning_rate="constant", **SMALL).fit(X, y)
    frozen = SNNRegressor(
        learning_rate="constant",
        callbacks=[LRScheduler("StepLR", step_size=2, gamma=0.0)],
        **SMALL,
    ).fit(X, y)
    assert_allclose(frozen.loss_curve_[:2], plain.loss_curve_[:2])
    assert_allclose(frozen.loss_curve_[2:], frozen.loss_curve_[2], rtol=1e-9)
    assert plain.loss_curve_[-1] < frozen.loss_curve_[-1]


def test_checkpoint_gives_back_the_best_epoch(numbers, tmp_path):
    X, y = numbers
    checkpoint = Checkpoint(monitor="train_loss_best", dirname=tmp_path, load_best=True)
    # The step size makes the loss rise again after the first epochs.
    model = SNNRegressor(
        callbacks=[checkpoint],
        solver="sgd",
        learning_rate="constant",
        learning_rate_init=0.2,
        **SMALL,
    ).fit(X, y)
    assert np.argmin(model.loss_curve_) < 4
    assert (tmp_path / "params.pt").exists()
    saved = torch.load(tmp_path / "params.pt", weights_only=True)["flat"][0]
    ours = np.concatenate([part.ravel() for part in weights(model)])
    assert_allclose(ours, saved)


@pytest.mark.parametrize(
    ("scoring", "use_caching"),
    [
        ("accuracy", True),
        ("accuracy", False),
        ("neg_log_loss", True),
        ("roc_auc", True),
    ],
)
def test_epoch_scoring_scores_the_validation_rows(classes, scoring, use_caching):
    X, y = classes
    y = np.where(y == 1, "yes", "no")
    names = dict(scoring=scoring, early_stopping=True)
    plain = SNNClassifier(**SMALL, **names).fit(X, y)

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            self.scores = net.history[:, "mine"]

    scorer = EpochScoring(
        scoring, lower_is_better=False, name="mine", use_caching=use_caching
    )
    watched = SNNClassifier(callbacks=[scorer, Keep()], **SMALL, **names).fit(X, y)
    ((_, keep),) = watched.callbacks_
    assert_allclose(keep.scores, plain.validation_scores_, rtol=1e-6)


def test_epoch_scoring_scores_a_regressor(numbers):
    X, y = numbers

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            self.scores = net.history[:, "r2"]

    model = SNNRegressor(
        callbacks=[EpochScoring("r2", lower_is_better=False), Keep()],
        early_stopping=True,
        scoring="r2",
        **SMALL,
    ).fit(X, y)
    ((_, keep),) = model.callbacks_
    assert_allclose(keep.scores, model.validation_scores_, rtol=1e-6)


def test_gradient_norm_clipping_limits_a_step(numbers):
    X, y = numbers
    parameters = SMALL | dict(
        max_iter=1,
        batch_size=200,
        solver="sgd",
        learning_rate="constant",
        learning_rate_init=1.0,
        weight_decay=0.0,
    )
    start = SNNRegressor(**parameters | dict(learning_rate_init=1e-300)).fit(X, y)
    clipped = SNNRegressor(callbacks=[GradientNormClipping(0.01)], **parameters).fit(
        X, y
    )
    step = np.concatenate(
        [(a - b).ravel() for a, b in zip(weights(clipped), weights(start), strict=True)]
    )
    assert_allclose(np.linalg.norm(step), 0.01, rtol=1e-3)


def test_skorchs_progress_bar_counts_batches(numbers, capsys):
    X, y = numbers
    SNNRegressor(
        callbacks=[ProgressBar(detect_notebook=False)], batch_size=50, **SMALL
    ).fit(X, y)
    assert "/4 [" in capsys.readouterr().err  # 200 rows in batches of 50


@pytest.mark.parametrize("kind", [EpochScoring, BatchScoring])
def test_scores_on_training_rows_are_noted(classes, kind):
    scoring = kind("accuracy", on_train=True)
    model = SNNClassifier(callbacks=[scoring], **SMALL).fit(*classes)
    noted = model.callbacks_[0][0].best_score_
    assert 0.6 < noted <= model.score(*classes)  # of networks that were younger


def test_skorchs_early_stopping_ends_training(numbers):
    X, y = numbers
    patience = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9)
    parameters = SMALL | dict(max_iter=50)
    model = SNNRegressor(callbacks=[patience], **parameters).fit(X, y)
    assert model.n_iter_ < 10
    assert model.networks_[0].stopped_by == "callback"


def test_without_callbacks_nothing_is_written_down_by_the_batch(classes, monkeypatch):
    from sklearn_snn import _net

    nets = []
    initialize = _net.SNNNet.initialize

    def remember(net):
        nets.append(net)
        return initialize(net)

    monkeypatch.setattr(_net.SNNNet, "initialize", remember)
    SNNClassifier(**SMALL).fit(*classes)
    (net,) = nets
    assert len(net.history) == 5
    assert not net.callbacks_
    assert all("batches" not in row or not row["batches"] for row in net.history)


def test_sparse_rows_reach_callbacks_as_dense_tensors(classes):
    from scipy.sparse import csr_array

    X, y = classes
    dense = SNNClassifier(callbacks=[Spy()], preprocessor=StandardScaler(), **SMALL)
    dense.fit(X, y)
    sparse = SNNClassifier(callbacks=[Spy()], **SMALL).fit(csr_array(X), y)
    assert_allclose(dense.loss_curve_, sparse.loss_curve_, rtol=1e-6)
    assert sparse.callbacks_[0][0].shapes == dense.callbacks_[0][0].shapes
