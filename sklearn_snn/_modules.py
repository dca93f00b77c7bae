"""The network: one for people to read and use, and a stack of many to train."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_snn._dropout import StackedAlphaDropout
from sklearn_snn._input_scales import InputScales, multiplied, without_scales
from sklearn_snn._layers import LayerForm, layer_sizes, sizes_of
from sklearn_snn._pieces import PiecewiseLinear
from sklearn_snn._propagation import (
    Layers,
    Passed,
    Propagation,
    backward_pass,
    forward_pass,
)


class SNN(nn.Sequential):
    """Self-normalizing network: a stack of linear maps, SELU and alpha dropout.

    A plain torch module for use in a training loop of your own, in skorch or anywhere
    else; the estimators of this package train the same network.

    Parameters
    ----------
    n_features : int
        Number of inputs, at least 1. Standardise them: the theory wants mean 0 and
        variance 1.
    n_outputs : int
        Number of outputs of the last, linear layer, at least 1.
    depth : int, default=3
        Number of hidden layers, at least 1.
    width : int, default=64
        Units of the first hidden layer, at least 1.
    layer_form : {"rectangular", "conic"}, default="rectangular"
        Hidden layers of equal size, or sizes that go geometrically from `width` to
        `n_outputs`.
    dropout : float, default=0.0
        Rate of alpha dropout after each hidden layer, in [0, 1).

    Raises
    ------
    ValueError
        If a parameter is outside of its range.

    Notes
    -----
    It maps tensors of shape (..., n_features) to tensors of shape (..., n_outputs).

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_snn import SNN
    >>> network = SNN(n_features=8, n_outputs=3, depth=2, width=16, dropout=0.05)
    >>> network(torch.zeros(5, 8)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        depth: int = 3,
        width: int = 64,
        layer_form: LayerForm = "rectangular",
        dropout: float = 0.0,
    ) -> None:
        counts = dict(
            n_features=n_features, n_outputs=n_outputs, depth=depth, width=width
        )
        for name, number in counts.items():
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        if layer_form not in get_args(LayerForm):
            forms = " or ".join(map(repr, get_args(LayerForm)))
            raise ValueError(f"layer_form must be {forms}, got {layer_form!r}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {dropout}")
        sizes = layer_sizes(n_features, n_outputs, depth, width, layer_form)
        super().__init__(*_sequence(sizes, dropout))
        self.reset_parameters()

    def __getitem__(self, index: Any) -> Any:
        """A layer, or with a slice a plain ``nn.Sequential`` of layers."""
        if isinstance(index, slice):  # torch would call our constructor with layers
            return nn.Sequential(OrderedDict(list(self._modules.items())[index]))
        return super().__getitem__(index)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew from N(0, 1 / fan_in) and set the biases to 0.

        Parameters
        ----------
        generator : torch.Generator or None, default=None
            Source of the numbers; None is torch's global one.
        """
        for layer in self:
            if isinstance(layer, nn.Linear):
                deviation = 1 / math.sqrt(layer.in_features)
                nn.init.normal_(layer.weight, 0.0, deviation, generator=generator)
                nn.init.zeros_(layer.bias)


class PiecewiseLinearEncoding(nn.Module):
    """Adds pieces of its columns to a table; nothing in it is trained.

    Parameters
    ----------
    pieces : PiecewiseLinear
        Which pieces.

    Shape
    -----
    x : (..., n_features)
    returns : (..., n_features + n_pieces)
    """

    column: Tensor
    slope: Tensor
    shift: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, pieces: PiecewiseLinear) -> None:
        super().__init__()
        for name, values in pieces._asdict().items():
            # Unlike torch.tensor, on the CPU whatever the default device is.
            self.register_buffer(name, torch.from_numpy(values.copy()))

    def forward(self, x: Tensor) -> Tensor:
        # In place: fresh memory costs as much as the work that is done in it.
        ramps = x.index_select(-1, self.column).mul_(self.slope).add_(self.shift)
        return torch.cat([x, ramps.clamp_(self.low, self.high)], dim=-1)


def _sequence(
    sizes: Sequence[int],
    dropout: float,
    linear: Callable[[int, int], nn.Module] = nn.Linear,
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes[:-1]):
        layers += [linear(fan_in, fan_out), nn.SELU()]
        if dropout > 0:
            layers.append(nn.AlphaDropout(dropout))
    return [*layers, linear(sizes[-2], sizes[-1])]


def sequential_from_weights(
    weights: Sequence[NDArray], dropout: float, pieces: PiecewiseLinear | None = None
) -> nn.Sequential:
    """A plain, trained ``nn.Sequential`` in evaluation mode.

    Parameters
    ----------
    weights : list of ndarray
        ``[weight, bias, ...]`` with weights of shape (in, out).
    dropout : float
        Rate of the alpha dropout layers, which act in training mode only.
    pieces : PiecewiseLinear or None, default=None
        What is added to a table before the first layer.
    """
    sizes = sizes_of(weights)
    # Weights that are drawn first would be taken from torch's global generator.
    undrawn = partial(nn.utils.skip_init, nn.Linear)
    network = nn.Sequential(*_sequence(sizes, dropout, undrawn))
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    for layer, weight, bias in zip(layers, weights[::2], weights[1::2], strict=True):
        layer.weight = nn.Parameter(torch.from_numpy(weight.T.copy()))
        layer.bias = nn.Parameter(torch.from_numpy(bias.copy()))
    if pieces is not None:
        network.insert(0, PiecewiseLinearEncoding(pieces).to(layers[0].weight.dtype))
    return network.eval()


def parameter_shapes(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Shapes of weight, bias, weight, bias, ... of one network."""
    return [
        shape for fan_in, out in pairwise(sizes) for shape in ((fan_in, out), (out,))
    ]


def lecun_normal(
    sizes: Sequence[int], generator: np.random.Generator, n_seen: int | None = None
) -> NDArray:
    """Initial parameters of one network: N(0, 1 / fan_in) weights and zero biases.

    The last layer starts at 0: it has no activations to keep, and a network that first
    predicts the same for all rows, in every draw alike, ends better (regression by 4 %
    of its error). Drawn in float64, so that a network starts alike in every precision.

    Parameters
    ----------
    sizes : sequence of int
        Layer sizes of the network.
    generator : Generator
        Source of the numbers.
    n_seen : int or None, default=None
        Inputs that the network sees: weights of those after them are 0.

    Returns
    -------
    parameters : ndarray of shape (n_parameters,)
    """
    parts = [np.zeros(shape) for shape in parameter_shapes(sizes)]
    parts[0] = parts[0][:n_seen]
    for weight in parts[:-2:2]:
        generator.standard_normal(out=weight)
        weight /= math.sqrt(len(weight))
    unseen = np.zeros((sizes[0] - len(parts[0]), sizes[1]))
    return np.concatenate([part.ravel() for part in [parts[0], unseen, *parts[1:]]])


def split_parameters(flat: NDArray, sizes: Sequence[int]) -> list[NDArray]:
    """Copies of weight, bias, weight, bias, ... of one network.

    Parameters
    ----------
    flat : ndarray of shape (n_parameters,)
        Scales of its inputs are in front, or there are none.
    sizes : sequence of int
        Layer sizes of the network.
    """
    shapes = parameter_shapes(sizes)
    if has_scales(flat, sizes):
        flat = without_scales(flat, *sizes[:2])
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(flat, ends[:-1])
    return [
        part.reshape(shape).copy() for part, shape in zip(parts, shapes, strict=True)
    ]


def has_scales(flat: NDArray, sizes: Sequence[int]) -> bool:
    """Whether parameters of one network begin with the scales of its inputs."""
    return len(flat) > sum(map(math.prod, parameter_shapes(sizes)))


def join_parameters(weights: Sequence[NDArray]) -> NDArray:
    """What `split_parameters` split, as one array of shape (n_parameters,)."""
    return np.concatenate([part.ravel() for part in weights])


class StackedSNN(nn.Module):
    """Networks of equal layer sizes, applied side by side.

    A lone network is a stack of one. All parameters are one tensor, so that an
    optimizer makes one update for all networks and layers.

    Parameters
    ----------
    sizes : sequence of int
        Layer sizes of every network.
    parameters : Tensor of shape (n_networks, n_parameters)
        Their parameters, a row a network; with `n_scales` those of scales first.
    n_scales : int, default=0
        Number of inputs that have a scale: all, or none.
    mixed_precision : bool, default=False
        Whether the products of hidden layers are computed in bfloat16.

    Shape
    -----
    x : (n_networks, n_samples, n_features)
    returns : (n_networks, n_samples, n_outputs)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        parameters: Tensor,
        n_scales: int = 0,
        mixed_precision: bool = False,
    ) -> None:
        super().__init__()
        self.sizes, self._n_scales = tuple(sizes), n_scales
        self._is_mixed = mixed_precision
        self.flat = nn.Parameter(parameters)
        self._make_views()

    def _make_views(self) -> None:
        """Views of parameters and gradient, which take time to make."""
        flat = self.flat.detach()
        self._layers = self.by_layer(flat)
        gradient = torch.empty_like(self.flat, requires_grad=False)
        self._gradient = gradient, self.by_layer(gradient)
        if self._is_mixed:
            self._rounded = torch.empty_like(gradient, dtype=torch.bfloat16)
            rounded = self.by_layer(self._rounded)
            for i, (_, bias) in enumerate(self._layers[:-1]):  # outputs stay exact
                self._layers[i] = rounded[i][0], bias
        self._scales = None
        if self._n_scales:
            weight, bias = self._layers[0]
            self._scales = InputScales(
                self._own(flat), self.by_layer(flat)[0][0], weight.dtype
            )
            self._layers[0] = self._scales.products, bias

    def _own(self, flat: Tensor) -> Tensor:
        """Parameters of the scales as a view of all parameters."""
        return flat[:, : self._n_scales]

    def _current_layers(self) -> Layers:
        if self._is_mixed:
            self._rounded.copy_(self.flat.detach())
        if self._scales is not None:
            self._scales.multiply()
        return self._layers

    def layers_of(self, flat: Tensor) -> Layers:
        """What to predict with, of parameters (n_networks, n_parameters)."""
        layers = self.by_layer(flat)
        if self._n_scales:
            weight, bias = layers[0]
            layers[0] = multiplied(self._own(flat), weight), bias
        return layers

    def by_layer(self, flat: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Weights and biases as views of parameters (n_networks, n_parameters)."""
        shapes = parameter_shapes(self.sizes)
        lengths = [math.prod(shape) for shape in shapes]
        parts = flat[:, self._n_scales :].split(lengths, dim=1)
        weights = [
            part.view(len(flat), *shape)
            for part, shape in zip(parts[::2], shapes[::2], strict=True)
        ]
        biases = [bias.unsqueeze(1) for bias in parts[1::2]]
        return list(zip(weights, biases, strict=True))

    def keep(self, networks: list[int]) -> None:
        """Forget all networks but those at these indices."""
        self.flat.grad = None
        self.flat.data = self.flat.data[networks]
        self._make_views()

    def forward(
        self,
        x: Tensor,
        dropout: StackedAlphaDropout | None = None,
        masks: Sequence[Tensor] = (),
    ) -> Tensor:
        """Outputs of the last, linear layer.

        Parameters
        ----------
        x : Tensor of shape (n_networks, n_samples, n_features)
        dropout : StackedAlphaDropout or None, default=None
            Applied after each hidden layer in training.
        masks : sequence of Tensor of shape (n_networks, n_samples, width)
            Its factors in each of them.
        """
        return Propagation.apply(self.flat, self, x, dropout, masks)

    def outputs(self, x: Tensor, *dropout: Any) -> tuple[Tensor, Passed]:
        """What `forward` returns, and what `backward` needs; not for autograd."""
        return forward_pass(self._current_layers(), x, *dropout)

    def gradient(self, passed: Passed, grad: Tensor) -> Tensor:
        """Gradient of the parameters, given that of the outputs."""
        gradient, views = self._gradient
        backward_pass(self._layers, passed, grad, views)
        if self._scales is not None:
            self._scales.backward(self._own(gradient), views[0][0])
        return gradient

    def backward(self, passed: Passed, grad: Tensor) -> None:
        """Set the gradient of the parameters, given that of the outputs."""
        self.flat.grad = self.gradient(passed, grad)
