"""What the units of a network do on some rows: moments, sums of weights, gradients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_snn._flat_parameters import split_parameters
from sklearn_snn._layers import sizes_of
from sklearn_snn._modules import sequential_from_weights
from sklearn_snn._pieces import PiecewiseLinear
from sklearn_snn._records import Record
from sklearn_snn._rows import Rows
from sklearn_snn._specs import FittedNetwork, NetworkSpec

#: Numbers that the rows or activations of one block hold at most.
_BLOCK_NUMBERS = 2**22


class Units(NamedTuple):
    """The units of one layer of a network, or its inputs.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_units,)
        Of each unit's activation, over the rows.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


class Activations(NamedTuple):
    """One network on some rows.

    Parameters
    ----------
    inputs : Units
        What its first layer sees.
    layers : list of Units
        Its hidden layers.
    weight_sums : list of tuple of ndarray of shape (n_units,)
        Sum of the weights of each unit, and of their squares.
    gradient_norms : ndarray of shape (n_layers,)
        Root mean square, over rows and directions, of a gradient in each hidden layer
        that has norm 1 in the last one.
    """

    inputs: Units
    layers: list[Units]
    weight_sums: list[tuple[NDArray[np.float64], NDArray[np.float64]]]
    gradient_norms: NDArray[np.float64]


class _RunningMoments:
    """Mean and variance of the columns of a table that comes in blocks."""

    def __init__(self, n_columns: int) -> None:
        self._n = 0
        self._mean, self._squares = np.zeros((2, n_columns))

    def add(self, x: Tensor) -> None:
        block = x.detach().double().numpy()
        mean, total = block.mean(axis=0), self._n + len(block)
        shift = mean - self._mean
        self._squares += ((block - mean) ** 2).sum(axis=0)
        self._squares += shift**2 * self._n * len(block) / total
        self._mean += shift * len(block) / total
        self._n = total

    def units(self) -> Units:
        return Units(self._mean, self._squares / self._n)


def initial_module(
    network: FittedNetwork, pieces: PiecewiseLinear | None
) -> nn.Sequential:
    """A network as it was before training, but for the bias of its outputs."""
    weights = network.weights
    sizes = sizes_of(weights)
    spec = NetworkSpec(
        sizes,
        1,
        network.seed,
        max_epochs=1,
        learning_rate=1.0,
        n_seen=network.n_seen,
    )
    drawn = Record.begin(spec).drawn_parameters(np.zeros(sizes[-1]))
    drawn = drawn.astype(weights[0].dtype)
    return sequential_from_weights(split_parameters(drawn, sizes), 0.0, pieces)


def observe(module: nn.Sequential, rows: Rows) -> Activations:
    """Let a network see rows, without dropout.

    Parameters
    ----------
    module : Sequential
        Linear maps and SELUs, perhaps with pieces of the columns before them.
    rows : Rows
        The rows, before the pieces.
    """
    linear = [layer for layer in module if isinstance(layer, nn.Linear)][:-1]
    encode = nn.Identity() if module[0] is linear[0] else module[0]
    sizes = [linear[0].in_features, *(layer.out_features for layer in linear)]
    moments = [_RunningMoments(size) for size in sizes]
    squares, generator = np.zeros(len(linear)), np.random.default_rng(0)
    for indices in torch.arange(len(rows)).split(max(_BLOCK_NUMBERS // max(sizes), 1)):
        x = encode(rows.take(indices))
        activations = list(accumulate(linear, _selu, initial=x))
        # The mean over random signs is the mean over directions.
        signs = generator.choice([-1.0, 1.0], size=activations[-1].shape)
        directions = torch.from_numpy(signs).to(x.dtype)
        gradients = torch.autograd.grad(activations[-1], activations[1:], directions)
        squares += [gradient.double().square().sum().item() for gradient in gradients]
        for running, block in zip(moments, activations, strict=True):
            running.add(block)
    inputs, *layers = [running.units() for running in moments]
    norms = np.sqrt(squares / (len(rows) * sizes[-1]))
    return Activations(inputs, layers, _weight_sums(linear), norms)


def _selu(x: Tensor, layer: nn.Linear) -> Tensor:
    return torch.selu(layer(x))


def _weight_sums(
    linear: Sequence[nn.Linear],
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    weights = [layer.weight.detach().double().numpy() for layer in linear]
    return [(weight.sum(axis=1), (weight**2).sum(axis=1)) for weight in weights]
