"""Scales of inputs that are trained with a network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_snn import SNNClassifier, SNNRegressor
from sklearn_snn._flat_parameters import has_scales, split_parameters
from sklearn_snn._losses import REGRESSION_LOSSES
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingSet
from sklearn_snn._stacked_module import StackedSNN
from sklearn_snn._training import fit_networks

SIZES = (4, 5, 3, 2)
N_WEIGHTS = 4 * 5 + 5 + 5 * 3 + 3 + 3 * 2 + 2


def rows_with_noise(n_samples, n_noise):
    """Two classes that depend on three columns, with others that say nothing."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, 3 + n_noise))
    return X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)


def test_gradients_by_hand_are_those_of_autograd():
    rng = np.random.default_rng(0)
    flat = torch.tensor(rng.standard_normal((3, 4 + N_WEIGHTS)), requires_grad=True)
    x = torch.tensor(rng.standard_normal((3, 7, 4)))
    parts = flat.split([4, 20, 5, 15, 3, 6, 2], dim=1)
    h = x * 15 * parts[0].unsqueeze(1)
    for layer, (fan_in, out) in enumerate([(4, 5), (5, 3), (3, 2)]):
        weight, bias = parts[1 + 2 * layer : 3 + 2 * layer]
        h = torch.baddbmm(bias.unsqueeze(1), h, weight.view(3, fan_in, out))
        h = torch.selu(h) if layer < 2 else h
    h.square().sum().backward()

    module = StackedSNN(SIZES, flat.detach().clone(), n_scales=4)
    raw = module(x)
    raw.square().sum().backward()
    assert_allclose(raw.detach(), h.detach(), rtol=1e-12)
    assert_allclose(module.flat.grad, flat.grad, rtol=1e-9, atol=1e-12)


def test_a_trained_network_is_the_same_with_its_scales_in_the_first_layer():
    flat = np.random.default_rng(0).standard_normal(4 + N_WEIGHTS)
    module = StackedSNN(SIZES, torch.tensor(flat[np.newaxis]), n_scales=4)
    x = torch.tensor(np.random.default_rng(1).standard_normal((1, 7, 4)))
    plain = np.concatenate([part.ravel() for part in split_parameters(flat, SIZES)])
    assert has_scales(flat, SIZES)
    assert not has_scales(plain, SIZES)
    expected = StackedSNN(SIZES, torch.tensor(plain[np.newaxis]))(x)
    assert_allclose(module(x).detach(), expected.detach(), rtol=1e-12)


def test_columns_that_say_nothing_are_hardly_seen():
    X, y = rows_with_noise(1500, 60)
    model = SNNClassifier(random_state=0, n_bins=1).fit(X[:1200], y[:1200])
    seen = np.mean([abs(one.weights[0]).mean(axis=1) for one in model.networks_], 0)
    assert seen[:3].min() > 10 * np.median(seen[3:])
    assert model.score(X[1200:], y[1200:]) > 0.85


@pytest.mark.parametrize(
    ("estimator", "n_noise"),
    [
        (SNNRegressor(), 20),
        (SNNClassifier(), 6),
        (SNNClassifier(solver="sgd"), 20),
    ],
)
def test_regressors_few_columns_and_plain_descent_have_no_scales(estimator, n_noise):
    estimator.set_params(warm_start=True, early_stopping=False, max_iter=2, n_bins=1)
    network = estimator.fit(*rows_with_noise(300, n_noise)).networks_[0]
    sizes = (3 + n_noise, 64, 64, 64, 1)
    assert not has_scales(network.state.parameters, sizes)


@pytest.mark.parametrize(("first", "second"), [("adamw", "sgd"), ("sgd", "adamw")])
def test_another_solver_goes_on_from_the_same_predictions(first, second):
    X, y = rows_with_noise(300, 10)
    model = SNNClassifier(
        solver=first,
        warm_start=True,
        early_stopping=False,
        max_iter=20,
        width=8,
        random_state=0,
    )
    before = model.fit(X, y).predict_proba(X)
    model.set_params(solver=second, max_iter=21, learning_rate_init=1e-9)
    assert np.ptp(before) > 0.1
    assert_allclose(model.fit(X, y).predict_proba(X), before, atol=2e-3)


def test_a_state_without_scales_is_gone_on_from():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 4))
    data = TrainingSet(X, X[:, :2])
    loss = REGRESSION_LOSSES["squared_error"]()
    options = TrainingOptions(dtype="float64", keep_state=True, scales_inputs=True)
    spec = NetworkSpec(SIZES, 20, seed=0, max_epochs=2, learning_rate=1e-3)
    (network,) = fit_networks([spec], [data], loss=loss, options=options)
    state = network.state
    # As a solver without scales leaves it, after the same training.
    plain = replace(
        state,
        parameters=np.concatenate([one.ravel() for one in network.weights]),
        moments=[moment[4:] for moment in state.moments],
    )
    assert len(plain.parameters) == N_WEIGHTS == len(state.parameters) - 4
    resumed = replace(spec, max_epochs=3, resume=replace(network, state=plain))
    (after,) = fit_networks([resumed], [data], loss=loss, options=options)
    assert after.n_iter == 3
    assert after.loss_curve[2] < after.loss_curve[0]
