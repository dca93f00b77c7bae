import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.metrics import (
    d2_pinball_score,
    log_loss,
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
)
from torch.nn.functional import cross_entropy, huber_loss

from sklearn_snn._losses import (
    REGRESSION_LOSSES,
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Poisson,
    Quantile,
    SquaredError,
)

RNG = np.random.default_rng(0)
RAW = RNG.normal(size=(1, 50, 3))


def evaluate(loss, raw, target, smoothing=None):
    rows = loss(torch.tensor(raw), torch.tensor(target), smoothing)
    assert rows.shape == raw.shape[:2]
    return rows.mean().item()


def test_cross_entropy_is_scikit_learns_log_loss():
    target = RNG.integers(3, size=(1, 50))
    loss = CrossEntropy()
    proba = loss.predict_proba(RAW[0])
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-15)
    assert_allclose(evaluate(loss, RAW, target), log_loss(target[0], proba))


def test_label_smoothing_is_torchs_and_each_networks_own():
    target = RNG.integers(3, size=50)
    raw = np.repeat(RAW, 2, axis=0)
    smoothing = torch.tensor([0.0, 0.2], dtype=torch.float64).view(2, 1, 1)
    both = CrossEntropy()(
        torch.tensor(raw), torch.tensor(target).expand(2, -1), smoothing
    )
    for rows, value in zip(both, (0.0, 0.2), strict=True):
        expected = cross_entropy(
            torch.tensor(RAW[0]), torch.tensor(target), label_smoothing=value
        )
        assert_allclose(rows.mean(), expected)


def test_binary_cross_entropy_is_scikit_learns_log_loss_of_each_label():
    target = RNG.integers(2, size=(1, 50, 3)).astype(float)
    loss = BinaryCrossEntropy()
    proba = loss.predict_proba(RAW[0])
    expected = np.mean([log_loss(target[0, :, j], proba[:, j]) for j in range(3)])
    assert_allclose(evaluate(loss, RAW, target), expected)


def test_binary_label_smoothing_moves_the_target_towards_a_half():
    smoothing = torch.full((1, 1, 1), 0.2, dtype=torch.float64)
    loss = BinaryCrossEntropy()
    smoothed = evaluate(loss, RAW, np.ones((1, 50, 3)), smoothing)
    mixed = 0.9 * evaluate(loss, RAW, np.ones((1, 50, 3)))
    mixed += 0.1 * evaluate(loss, RAW, np.zeros((1, 50, 3)))
    assert_allclose(smoothed, mixed)


def test_a_missing_label_has_no_loss_and_no_gradient():
    target = np.array([[[1.0, np.nan, 0.0]]])
    raw = torch.tensor(RAW[:, :1], requires_grad=True)
    loss = BinaryCrossEntropy(np.ones((3, 2)))(raw, torch.tensor(target)).sum()
    loss.backward()
    assert raw.grad[0, 0, 1] == 0
    assert (raw.grad[0, 0, [0, 2]] != 0).all()
    known = np.array([[[1.0, 0.0]]])
    expected = evaluate(BinaryCrossEntropy(), RAW[:, :1, [0, 2]], known) * 2 / 3
    assert_allclose(loss.item(), expected)


def test_label_weights_count_each_label_by_its_value():
    weight = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    target = np.array([[[0.0, 1.0, 1.0]]])
    rows = [
        evaluate(BinaryCrossEntropy(), RAW[:, :1, [j]], target[..., [j]])
        for j in range(3)
    ]
    weighed = evaluate(BinaryCrossEntropy(weight), RAW[:, :1], target)
    assert_allclose(weighed, np.dot(rows, [1, 4, 6]) / 3)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (SquaredError(), lambda y, raw: ((y - raw) ** 2).mean() / 2),
        (AbsoluteError(), mean_absolute_error),
        (Quantile(0.3), lambda y, raw: mean_pinball_loss(y, raw, alpha=0.3)),
        (
            Huber(),
            lambda y, raw: huber_loss(torch.tensor(raw), torch.tensor(y)).item(),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_regression_losses_are_their_definitions(loss, expected):
    y = RNG.normal(size=(50, 3))
    assert_allclose(evaluate(loss, RAW, y[np.newaxis]), expected(y, RAW[0]))


def test_poisson_loss_is_half_the_deviance_up_to_a_constant():
    y = RNG.poisson(3, size=50).astype(float)
    loss = Poisson()

    def difference(raw):
        deviance = mean_poisson_deviance(y, loss.predict(raw[0, :, 0]))
        return evaluate(loss, raw, y[np.newaxis, :, np.newaxis]) - deviance / 2

    assert_allclose(difference(RAW[..., :1]), difference(RAW[..., 1:2]))


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_the_best_constant_is_reached_at_output_0_for_symmetric_targets(name):
    """The scale of the target is such that training starts near its end."""
    loss = Quantile(0.5) if name == "quantile" else REGRESSION_LOSSES[name]()
    y = RNG.permutation(np.linspace(1, 9, 51))[:, np.newaxis]
    location, scale = loss.location_and_scale(y, None)
    assert_allclose(loss.predict(location), 5, rtol=1e-12)
    encoded = loss.encode(y, location, scale)
    assert evaluate(loss, np.zeros((1, 51, 1)), encoded[np.newaxis]) <= min(
        evaluate(loss, np.full((1, 51, 1), shift), encoded[np.newaxis])
        for shift in (-0.1, 0.1)
    )


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "poisson"])
def test_weights_count_as_repetitions_in_the_targets_scale(name):
    loss = REGRESSION_LOSSES[name]()
    y, weight = RNG.random((40, 2)), RNG.integers(1, 4, size=40)
    weighed = loss.location_and_scale(y, weight)
    repeated = loss.location_and_scale(np.repeat(y, weight, axis=0), None)
    assert_allclose(weighed, repeated, rtol=1e-12)


def test_outliers_do_not_move_the_scale_of_robust_losses():
    y = np.append(RNG.normal(size=999), 1e9)[:, np.newaxis]
    location, scale = AbsoluteError().location_and_scale(y, None)
    assert_allclose((location, scale), ([0], [1]), atol=0.2)


def test_a_constant_target_has_scale_0():
    _, scale = SquaredError().location_and_scale(np.full((7, 1), 0.1), None)
    assert scale == 0


def test_poisson_wants_counts():
    for y in ([[-1.0], [2.0]], [[0.0], [0.0]]):
        with pytest.raises(ValueError, match="non-negative y"):
            Poisson().location_and_scale(np.array(y), None)


def test_a_quantile_is_what_its_loss_finds():
    y = RNG.normal(size=1000)
    constants = np.linspace(-2, 2, 401)
    losses = [
        evaluate(Quantile(0.9), np.full((1, 1000, 1), c), y.reshape(1, -1, 1))
        for c in constants
    ]
    best = constants[np.argmin(losses)]
    assert_allclose(best, np.quantile(y, 0.9), atol=0.02)
    assert d2_pinball_score(y, np.full(1000, best), alpha=0.9) > -1e-3


@pytest.mark.parametrize("smoothing", [None, 0.2])
@pytest.mark.parametrize(
    "loss",
    [
        CrossEntropy(),
        BinaryCrossEntropy(),
        BinaryCrossEntropy(np.array([[1.0, 2.0], [0.5, 3.0], [1.0, 1.0]])),
        *[
            REGRESSION_LOSSES[name]()
            for name in REGRESSION_LOSSES
            if name != "quantile"
        ],
        Quantile(0.8),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_gradients_by_hand_are_autograds(loss, smoothing):
    raw = torch.tensor(RAW).repeat(2, 1, 1).requires_grad_()
    if isinstance(loss, CrossEntropy):
        target = torch.tensor(RNG.integers(3, size=(2, 50)))
    elif isinstance(loss, BinaryCrossEntropy):
        target = torch.tensor(RNG.integers(2, size=(2, 50, 3)).astype(float))
        target[:, ::7, 1] = torch.nan
    else:
        target = torch.tensor(RNG.poisson(2.0, size=(2, 50, 3)).astype(float))
        target[0, :5] = raw.detach()[0, :5]  # where the absolute error has a corner
    each = None
    if smoothing is not None:
        each = torch.tensor([smoothing, 0.0], dtype=torch.float64).view(2, 1, 1)
    (expected,) = torch.autograd.grad(loss(raw, target, each).sum(), [raw])
    assert_allclose(loss.gradient(raw.detach(), target, each), expected, atol=1e-15)


@pytest.mark.parametrize("kind", ["classes", "labels", "weighted labels"])
def test_no_constant_is_better_than_what_a_classifier_starts_with(kind):
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.1, 3, size=90)
    if kind == "classes":
        loss, target = CrossEntropy(), rng.choice(3, size=90, p=[0.7, 0.2, 0.1])
    else:
        target = rng.choice([0.0, 1.0, np.nan], size=(90, 3), p=[0.6, 0.2, 0.2])
        of_label = rng.uniform(0.5, 2, size=(3, 2)) if kind != "labels" else None
        loss = BinaryCrossEntropy(of_label)
    outputs = loss.first_outputs(target, weight, 3)
    raw = torch.tensor(outputs).expand(1, 90, 3)
    gradient = loss.gradient(raw, torch.tensor(target)[None])[0].numpy()
    assert_allclose(weight @ gradient, 0, atol=1e-9)


def test_a_class_that_is_almost_absent_starts_at_a_thousandth():
    outputs = CrossEntropy().first_outputs(np.array([0, 0, 1]), np.array([1, 1, 0]), 2)
    assert_allclose(np.exp(outputs[1] - outputs[0]), 1e-3)
    label = np.array([[1.0], [1.0]])
    outputs = BinaryCrossEntropy().first_outputs(label, np.ones(2), 1)
    assert_allclose(np.exp(outputs), 1e3)
    nothing = np.full((2, 1), np.nan)
    assert_allclose(BinaryCrossEntropy().first_outputs(nothing, np.ones(2), 1), 0)
