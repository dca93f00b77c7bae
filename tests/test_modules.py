from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_snn import SNN, SNNClassifier, SNNRegressor
from sklearn_snn._dropout import StackedAlphaDropout
from sklearn_snn._flat_parameters import (
    lecun_normal,
    parameter_shapes,
    split_parameters,
)
from sklearn_snn._modules import sequential_from_weights
from sklearn_snn._selu import SATURATION
from sklearn_snn._stacked_module import StackedSNN


def stacked(sizes, seeds, dtype=torch.float64):
    rows = [lecun_normal(sizes, np.random.default_rng(seed)) for seed in seeds]
    return StackedSNN(sizes, torch.from_numpy(np.stack(rows)).to(dtype))


def test_snn_is_linear_maps_with_selu_and_alpha_dropout():
    network = SNN(5, 2, depth=2, width=8, dropout=0.1)
    kinds = [type(layer) for layer in network]
    hidden = [nn.Linear, nn.SELU, nn.AlphaDropout]
    assert kinds == [*hidden, *hidden, nn.Linear]
    assert network[2].p == 0.1


def test_a_slice_of_an_snn_is_a_plain_sequential_of_the_same_layers():
    network = SNN(5, 2, depth=2, width=8)
    below = network[:-1]
    assert type(below) is nn.Sequential
    assert list(below) == list(network)[:-1]
    x = torch.randn(4, 5)
    assert torch.equal(network[-1](below(x)), network(x))
    # As in a slice of any other nn.Sequential, names stay what they were.
    assert list(network[2:].state_dict()) == list(network.state_dict())[2:]


def test_an_snn_is_as_deep_and_wide_as_the_estimators():
    sizes = [layer.out_features for layer in SNN(5, 1) if isinstance(layer, nn.Linear)]
    for estimator in (SNNClassifier(), SNNRegressor()):
        assert sizes == [estimator.width] * estimator.depth + [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(n_features=0), "n_features must be at least 1, got 0"),
        (dict(n_outputs=0), "n_outputs must be at least 1, got 0"),
        (dict(depth=0), "depth must be at least 1, got 0"),
        (dict(width=0, layer_form="conic"), "width must be at least 1, got 0"),
        (dict(layer_form="square"), "layer_form must be 'rectangular' or 'conic'"),
        (dict(dropout=1.0), r"dropout must be in \[0, 1\), got 1.0"),
        (dict(dropout=-0.5), r"dropout must be in \[0, 1\), got -0.5"),
    ],
)
def test_an_snn_refuses_what_makes_no_network(change, message):
    with pytest.raises(ValueError, match=message):
        SNN(**dict(n_features=3, n_outputs=1) | change)


def test_weights_begin_lecun_normal_and_biases_zero():
    torch.manual_seed(0)
    network = SNN(400, 300, depth=1, width=500)
    for layer in (network[0], network[-1]):
        scaled = layer.weight.detach().numpy() * np.sqrt(layer.in_features)
        assert_allclose(scaled.mean(), 0, atol=4 / np.sqrt(scaled.size))
        assert_allclose(scaled.var(), 1, atol=4 * np.sqrt(2 / scaled.size))
        assert_allclose((scaled**4).mean(), 3, atol=0.1)  # normal, not uniform
        assert not layer.bias.any()


def test_looking_at_a_network_draws_nothing():
    X = np.arange(20.0).reshape(-1, 1)
    model = SNNRegressor(depth=1, width=4, n_estimators=1, max_iter=1).fit(X, X[:, 0])
    before = torch.get_rng_state()
    assert len(model.modules_) == 1
    assert torch.equal(torch.get_rng_state(), before)


def test_reset_parameters_takes_a_generator():
    networks = [SNN(4, 1, depth=1, width=4) for _ in range(2)]
    for network in networks:
        network.reset_parameters(torch.Generator().manual_seed(3))
    assert torch.equal(networks[0][0].weight, networks[1][0].weight)


def test_snn_trains_in_a_bare_torch_loop():
    torch.manual_seed(0)
    x = torch.randn(200, 4)
    y = x[:, :1] * x[:, 1:2]
    network = SNN(4, 1, depth=2, width=32)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = (network(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_snn_trains_in_stock_skorch():
    torch.manual_seed(0)
    x = torch.randn(200, 4).numpy()
    y = (x[:, 0] > 0).astype(np.int64)
    net = NeuralNetClassifier(
        SNN,
        module__n_features=4,
        module__n_outputs=2,
        module__depth=2,
        module__width=16,
        module__dropout=0.05,
        criterion=nn.CrossEntropyLoss,
        train_split=None,
        lr=0.1,
        max_epochs=20,
        verbose=0,
    )
    assert net.fit(x, y).score(x, y) > 0.95


@pytest.mark.parametrize("dropout", [0.0, 0.05, 0.5])
def test_moments_survive_32_layers(dropout):
    """Mean 0 and variance 1, within what samples of this size allow."""
    rng = np.random.default_rng(0)
    n_samples, width, n_networks = 200, 256, 8
    sizes = (width,) * 34
    network = stacked(sizes, seeds=range(n_networks))
    x = torch.from_numpy(rng.standard_normal((n_networks, n_samples, width)))
    rates = [dropout] * n_networks
    alpha_dropout = StackedAlphaDropout(rates, x.dtype, x.device)
    generators = [np.random.Generator(np.random.SFC64(i)) for i in range(n_networks)]
    masks = alpha_dropout.draw(generators, n_samples, sizes[1:-1])
    _, passed = network.outputs(x, alpha_dropout, masks)
    x = passed.inputs[-1].numpy()
    means, variances = x.mean(axis=(1, 2)), x.var(axis=(1, 2))
    for values, expected in ((means, 0.0), (variances, 1.0)):
        error = values.std(ddof=1) / np.sqrt(n_networks)
        assert abs(values.mean() - expected) < 4 * error
        assert error < 0.1


def test_a_stack_gives_what_its_networks_give():
    sizes = (6, 10, 10, 3)
    network = stacked(sizes, seeds=range(3))
    x = torch.randn(3, 20, 6, dtype=torch.float64)
    together = network(x)
    for i, row in enumerate(network.flat.detach().numpy()):
        alone = sequential_from_weights(split_parameters(row, sizes), dropout=0.1)
        assert_allclose(alone(x[i]).detach(), together[i].detach(), rtol=1e-12)


def test_alpha_dropout_is_torchs_in_distribution():
    """Same two values for what is dropped and kept, same share of each."""
    rate, x = 0.1, torch.tensor([[[0.7]]]).expand(1, 100_000, 1)
    ours = StackedAlphaDropout([rate], torch.float32, torch.device("cpu"))
    (mask,) = ours.draw([np.random.Generator(np.random.SFC64(0))], 100_000, [1])
    dropped = ours(x, mask).flatten()
    torch.manual_seed(0)
    reference = nn.AlphaDropout(rate).train()(x).flatten()
    values, counts = torch.unique(dropped, return_counts=True)
    expected = torch.unique(reference)
    assert_allclose(values, expected, rtol=2e-4)
    assert_allclose(counts[0] / 100_000, rate, atol=4 * np.sqrt(0.09 / 100_000))


def test_dropout_of_rate_0_changes_nothing_beside_other_rates():
    x = torch.randn(2, 50, 4, dtype=torch.float64)
    dropout = StackedAlphaDropout([0.0, 0.5], x.dtype, x.device)
    generators = [np.random.Generator(np.random.SFC64(i)) for i in range(2)]
    (mask,) = dropout.draw(generators, 50, [4])
    after = dropout(x, mask)
    assert_allclose(after[0], x[0], atol=1e-15)
    assert not np.allclose(after[1], x[1])


def plain_outputs(flat, sizes, x, rates, masks):
    """What a stack gives, one network after the other and in torch's own words."""
    outputs = []
    for i, row in enumerate(flat):
        h, parts = x[i], iter(row.split(list(map(np.prod, parameter_shapes(sizes)))))
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            h = h @ next(parts).view(fan_in, fan_out) + next(parts)
            if layer < len(sizes) - 2:
                h = torch.selu(h)
                if rates:
                    q, low = 1 - rates[i], SATURATION
                    gain = (q + low**2 * q * (1 - q)) ** -0.5
                    h = torch.where(masks[layer][i] > 0, h, low)
                    h = gain * h - gain * (1 - q) * low
        outputs.append(h)
    return torch.stack(outputs)


@pytest.mark.parametrize("rates", [(), (0.0, 0.125, 0.5)])
def test_both_passes_by_hand_are_autograds(rates):
    sizes, n_samples = (6, 10, 7, 2), 20
    network = stacked(sizes, seeds=range(3))
    x = torch.randn(3, n_samples, 6, dtype=torch.float64)
    dropout, masks = None, ()
    if rates:
        dropout = StackedAlphaDropout(rates, x.dtype, x.device)
        generators = [np.random.Generator(np.random.SFC64(i)) for i in range(3)]
        masks = dropout.draw(generators, n_samples, sizes[1:-1])
    direction = torch.randn(3, n_samples, 2, dtype=torch.float64)

    flat = network.flat.detach().clone().requires_grad_()
    expected = plain_outputs(flat, sizes, x, rates, masks)
    (expected_gradient,) = torch.autograd.grad((expected * direction).sum(), [flat])
    raw, passed = network.outputs(x, dropout, masks)
    network.backward(passed, direction)
    assert_allclose(raw, expected.detach(), rtol=1e-11, atol=1e-13)
    gradient = network.flat.grad.clone()
    assert_allclose(gradient, expected_gradient, rtol=1e-10, atol=1e-12)
    # The same, as autograd and skorch's callbacks see it.
    network.flat.grad = None
    (network(x, dropout, masks) * direction).sum().backward()
    assert_allclose(network.flat.grad, gradient, rtol=1e-15)


def test_mixed_precision_rounds_products_and_nothing_else():
    sizes, n_samples = (40, 50, 30, 2), 64
    exact = stacked(sizes, seeds=range(3), dtype=torch.float32)
    last = exact.by_layer(exact.flat.data)[-1][0]
    last.normal_(0, 0.2, generator=torch.Generator().manual_seed(0))
    mixed = StackedSNN(sizes, exact.flat.data.clone(), mixed_precision=True)
    x = torch.randn(3, n_samples, 40)
    direction = torch.randn(3, n_samples, 2)
    results = []
    for network in (exact, mixed):
        raw, passed = network.outputs(x)
        network.backward(passed, direction)
        results.append((raw, network.flat.grad))
        assert {one.dtype for one in (raw, network.flat.grad)} == {torch.float32}
    # bfloat16 has 8 bits; where a net input is rounded over 0, SELU's slope jumps.
    for most, wanted, got in zip((0.01, 0.1), *results, strict=True):
        assert 1e-4 < (got - wanted).norm() / wanted.norm() < most
    # Weights stay as they are, and later products are of later weights.
    assert torch.equal(mixed.flat, exact.flat)
    with torch.no_grad():
        mixed.flat.mul_(0.5)
    assert not torch.allclose(mixed.outputs(x)[0], results[1][0], rtol=0.1)
    mixed.keep([2])
    assert_allclose(mixed.outputs(x[2:])[0], mixed(x[2:]).detach())
