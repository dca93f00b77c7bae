"""Training against something independent: a plain torch loop, and training alone."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.profiler import ProfilerActivity, profile

from sklearn_snn._losses import (
    REGRESSION_LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    Quantile,
)
from sklearn_snn._modules import sequential_from_weights
from sklearn_snn._records import Record
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingSet
from sklearn_snn._training import fit_networks

N_SAMPLES, N_FEATURES, BATCH_SIZE = 150, 6, 32


def make_data(loss_name):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((N_SAMPLES, N_FEATURES))
    signal = X[:, 0] + X[:, 1] * X[:, 2]
    targets = {
        "cross_entropy": np.digitize(signal, [-0.5, 0.5]),
        "binary": (signal > 0).astype(float)[:, np.newaxis],
        "multilabel": np.where(rng.random((N_SAMPLES, 3)) < 0.2, np.nan, X[:, :3] > 0),
        "poisson": rng.poisson(np.exp(signal / 2)).astype(float)[:, np.newaxis],
    }
    target = targets.get(loss_name, signal[:, np.newaxis])
    return TrainingSet(X, target, weight=rng.random(N_SAMPLES) + 0.5)


def make_loss(loss_name):
    if loss_name == "cross_entropy":
        return CrossEntropy()
    if loss_name in ("binary", "multilabel"):
        return BinaryCrossEntropy()
    if loss_name == "quantile":
        return Quantile(0.7)
    return REGRESSION_LOSSES[loss_name]()


def make_spec(data, loss_name, **parameters):
    n_outputs = 3 if loss_name in ("cross_entropy", "multilabel") else 1
    defaults = dict(
        layer_sizes=(N_FEATURES, 16, 16, n_outputs),
        batch_size=BATCH_SIZE,
        seed=0,
        max_epochs=20,
        learning_rate=3e-3,
        weight_decay=0.01,
    )
    return NetworkSpec(**defaults | parameters)


def different_specs(data, loss_name, **parameters):
    """Networks that differ in all that may differ inside a stack."""
    rows = np.arange(N_SAMPLES)
    different = [
        dict(seed=1),
        dict(seed=2, dropout=0.1, rows=rows[:100]),
        dict(seed=3, dropout=0.05, learning_rate=1e-2, weight_decay=0.0),
        dict(seed=4, label_smoothing=0.1, rows=rows[::2]),
        dict(seed=5, rows=rows[:33], learning_rate=1e-4),
        dict(seed=6, n_seen=4),
    ]
    return [make_spec(data, loss_name, **one | parameters) for one in different]


def largest_difference(network, other):
    return max(
        np.abs(a - b).max() for a, b in zip(network.weights, other.weights, strict=True)
    )


LOSSES = ["cross_entropy", "binary", "multilabel", *REGRESSION_LOSSES]


def initial_network(record, outputs):
    """The network of a record as a plain torch module."""
    flat, weights, start = record.drawn_parameters(outputs), [], 0
    for shape in [(6, 16), (16,), (16, 16), (16,), (16, 1), (1,)]:
        weights.append(flat[start : start + np.prod(shape)].reshape(shape))
        start += np.prod(shape)
    return sequential_from_weights(weights, dropout=0.0)


def plain_optimizer(solver, parameters):
    if solver == "sgd":
        return torch.optim.SGD(parameters, 3e-3, weight_decay=0.01)
    moments = dict(betas=(0.9, 0.95), eps=1e-6)
    return torch.optim.AdamW(parameters, 3e-3, weight_decay=0.01, **moments)


def weights_of_a_plain_loop(record, data, solver, n_epochs):
    """What torch, autograd and some lines make of a binary target."""
    weight = data.weight / data.weight.mean()
    share = weight @ (data.target.ravel() == 1) / weight.sum()
    network = initial_network(record, np.log([share / (1 - share)]))
    x, y = torch.tensor(data.X), torch.tensor(data.target)
    weight = torch.tensor(weight)[:, None]
    # Scales of inputs: 15 times a parameter that loses 3 times the step size.
    own = torch.full((N_FEATURES,), 1 / 15, dtype=torch.float64)
    own.requires_grad_(solver == "adamw")
    parameters = [*network.parameters(), own]
    optimizer = plain_optimizer(solver, parameters)
    averages = [one.detach().clone() for one in parameters]
    n_steps = 0
    for epoch in range(1, n_epochs + 1):
        order = record.generator(epoch).permutation(N_SAMPLES)
        batches = np.split(order, range(BATCH_SIZE, N_SAMPLES, BATCH_SIZE))
        for rows in batches:
            loss = binary_cross_entropy_with_logits(
                network(x[rows] * 15 * own), y[rows], weight=weight[rows]
            )
            optimizer.zero_grad()
            loss.backward()
            if own.requires_grad:
                own.data *= 1 - 3e-3 * 3
            optimizer.step()
            n_steps += 1
            horizon = min(n_steps, len(batches)) if solver == "adamw" else 1
            for average, latest in zip(averages, parameters, strict=True):
                average += (latest.detach() - average) / horizon
    first, *others, own = averages
    return [first * 15 * own, *others]


@pytest.mark.parametrize("solver", ["adamw", "sgd"])
def test_a_plain_torch_loop_reaches_the_same_weights(solver):
    data = make_data("binary")
    spec = make_spec(data, "binary", max_epochs=5)
    options = TrainingOptions(
        solver,
        learning_rate="constant",
        dtype="float64",
        scales_inputs=solver == "adamw",
    )
    (fitted,) = fit_networks([spec], [data], loss=BinaryCrossEntropy(), options=options)
    expected = weights_of_a_plain_loop(Record.begin(spec), data, solver, n_epochs=5)
    for ours, theirs in zip(fitted.weights, expected, strict=True):
        assert_allclose(ours, theirs.numpy().T, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("loss_name", LOSSES)
def test_a_network_learns_in_a_stack_what_it_learns_alone(loss_name):
    data, loss = make_data(loss_name), make_loss(loss_name)
    specs = different_specs(data, loss_name)
    options = TrainingOptions(dtype="float64", scales_inputs=True)
    together = fit_networks(specs, [data], loss=loss, options=options)
    for spec, stacked in zip(specs, together, strict=True):
        (alone,) = fit_networks([spec], [data], loss=loss, options=options)
        assert largest_difference(stacked, alone) < 1e-10
        assert_allclose(stacked.loss_curve, alone.loss_curve, rtol=1e-9)


@pytest.mark.parametrize("loss_name", LOSSES)
def test_in_float32_they_part_no_faster_than_rounding_grows(loss_name):
    data, loss = make_data(loss_name), make_loss(loss_name)
    drift = {}
    for n_epochs in (1, 20):
        # A constant step size, so that fewer epochs are the beginning of more.
        options = TrainingOptions(learning_rate="constant", dtype="float32")
        specs = different_specs(data, loss_name, max_epochs=n_epochs)
        together = fit_networks(specs, [data], loss=loss, options=options)
        alone = [
            fit_networks([spec], [data], loss=loss, options=options)[0]
            for spec in specs
        ]
        drift[n_epochs] = max(map(largest_difference, together, alone))
    assert drift[1] < 1e-5, drift
    assert drift[20] < 1e-2, drift


def test_networks_of_different_training_sets_share_a_stack():
    sets = [make_data("binary"), make_data("binary")]
    sets[1].X = sets[1].X[:90] * 2
    sets[1].target, sets[1].weight = sets[1].target[:90], None
    specs = [
        make_spec(sets[i], "binary", seed=7, training_set=i, max_epochs=5)
        for i in (0, 1)
    ]
    options, loss = TrainingOptions(dtype="float64"), BinaryCrossEntropy()
    together = fit_networks(specs, sets, loss=loss, options=options)
    for i, stacked in enumerate(together):
        spec = make_spec(sets[i], "binary", seed=7, max_epochs=5)
        (alone,) = fit_networks([spec], [sets[i]], loss=loss, options=options)
        assert largest_difference(stacked, alone) < 1e-10


def test_a_stack_of_eight_calls_as_many_matrix_products_as_a_stack_of_one():
    data = make_data("cross_entropy")

    def n_products(n_networks, n_epochs):
        specs = [
            make_spec(
                data, "cross_entropy", seed=seed, max_epochs=n_epochs, dropout=0.1
            )
            for seed in range(n_networks)
        ]
        with profile(activities=[ProfilerActivity.CPU], acc_events=True) as record:
            fit_networks(
                specs,
                [data],
                loss=CrossEntropy(),
                options=TrainingOptions(dtype="float64"),
            )
        products = {"aten::bmm", "aten::baddbmm", "aten::mm", "aten::addmm"}
        return sum(one.count for one in record.key_averages() if one.key in products)

    n_steps, n_layers = -(-N_SAMPLES // BATCH_SIZE), 3
    # Forward, and backward to the weights and the input, which the first layer lacks.
    in_an_epoch = n_steps * (3 * n_layers - 1)
    assert n_products(1, n_epochs=3) - n_products(1, n_epochs=2) == in_an_epoch
    assert n_products(8, n_epochs=3) - n_products(8, n_epochs=2) == in_an_epoch
