"""The network in training: many of equal layer sizes as one module."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_snn._dropout import StackedAlphaDropout
from sklearn_snn._flat_parameters import parameter_shapes
from sklearn_snn._input_scales import InputScales, multiplied
from sklearn_snn._propagation import (
    Layers,
    Passed,
    Propagation,
    backward_pass,
    forward_pass,
)


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
