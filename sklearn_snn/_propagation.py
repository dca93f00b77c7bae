"""Forward and backward pass of a stack, by hand.

A layer is a matrix product, SELU in place, and two passes over memory for its dropout;
backward it is two products and two passes. Autograd would make more of them, and take
its time to remember them. `tests/test_modules.py` compares with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sklearn_snn._dropout import StackedAlphaDropout
from sklearn_snn._selu import ALPHA, SCALE

#: Weight (n_networks, in, out) and bias (n_networks, 1, out) of each layer. Products
#: are computed in the precision of the weights, all else in that of the biases.
Layers: TypeAlias = Sequence[tuple[Tensor, Tensor]]


#: Multiplications of a product that several threads may share.
_SHARED_OUT = 2**22


def _affine(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Net inputs in the precision of `bias`, of products in that of the others."""
    if weight.dtype == bias.dtype:
        return torch.baddbmm(bias, x, weight)
    return torch.bmm(x, weight).to(bias.dtype).add_(bias)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix products of a batch; those that are none are cheaper by elements."""
    if a.shape[-1] == 1:
        return a * b
    if b.shape[-1] == 1:
        return (a * b.mT).sum(-1, keepdim=True)
    return torch.bmm(a, b)


def _weight_gradient(x: Tensor, grad: Tensor) -> Tensor:
    """Gradient of weights, of shape (n_networks, in, out).

    Intel's library shares the rows of one product out among threads, whose number then
    decides how their sum is rounded. Of two products each thread gets one, so that a
    large one of a lone network is made two of half the columns.
    """
    n_networks, n_rows, width = grad.shape
    if n_networks > 1 or width == 1 or n_rows * width * x.shape[2] < _SHARED_OUT:
        return _product(x.mT, grad)
    if width % 2:
        grad = torch.nn.functional.pad(grad, (0, 1))
    halves = grad.view(n_rows, 2, -1).transpose(0, 1)
    made = torch.bmm(x.mT.expand(2, -1, -1), halves)
    return made.transpose(0, 1).flatten(1)[:, :width].unsqueeze(0)


class Passed(NamedTuple):
    """What the backward pass needs of the forward pass, layer by layer.

    Shape
    -----
    inputs, activations, masks : (n_networks, n_samples, width)
    """

    inputs: list[Tensor]
    activations: list[Tensor]
    masks: Sequence[Tensor]


def forward_pass(
    layers: Layers,
    x: Tensor,
    dropout: StackedAlphaDropout | None = None,
    masks: Sequence[Tensor] = (),
) -> tuple[Tensor, Passed]:
    """Outputs of the last, linear layer.

    Parameters
    ----------
    layers : list of tuple of two Tensor
        Weights and biases.
    x : Tensor of shape (n_networks, n_samples, n_features)
        Rows.
    dropout : StackedAlphaDropout or None, default=None
        Applied after each hidden layer.
    masks : sequence of Tensor of shape (n_networks, n_samples, width)
        Its factors in each of them.

    Returns
    -------
    raw : Tensor of shape (n_networks, n_samples, n_outputs)
        Outputs.
    passed : Passed
        For `backward_pass`.
    """
    passed = Passed([], [], masks)
    for layer, (weight, bias) in enumerate(layers[:-1]):
        passed.inputs.append(x.to(weight.dtype))
        x = torch.selu_(_affine(bias, passed.inputs[-1], weight))
        passed.activations.append(x)
        if dropout is not None:
            x = dropout(x, masks[layer])
    passed.inputs.append(x)
    weight, bias = layers[-1]
    return _product(x, weight) + bias, passed


def backward_pass(
    layers: Layers, passed: Passed, grad: Tensor, gradients: Layers
) -> None:
    """Write the gradient of all weights and biases.

    Parameters
    ----------
    layers : list of tuple of two Tensor
        Weights and biases.
    passed : Passed
        From `forward_pass`.
    grad : Tensor of shape (n_networks, n_samples, n_outputs)
        Gradient of the outputs.
    gradients : list of tuple of two Tensor
        Where that of `layers` goes.
    """
    for layer in reversed(range(len(layers))):
        of_weight, of_bias = gradients[layer]
        torch.sum(grad, dim=1, keepdim=True, out=of_bias)
        weight, _ = layers[layer]
        grad = grad.to(weight.dtype)
        # A product that writes into a view takes longer than a copy.
        of_weight.copy_(_weight_gradient(passed.inputs[layer], grad))
        if layer > 0:
            grad = _product(grad, weight.mT).to(of_weight.dtype)
            if passed.masks:
                grad *= passed.masks[layer - 1]
            # From SELU's result, which needs no second exponential.
            grad = torch.ops.aten.elu_backward(
                grad, ALPHA, SCALE, 1.0, True, passed.activations[layer - 1]
            )


class Propagation(torch.autograd.Function):
    """Both passes as one function for autograd, which skorch's callbacks expect."""

    @staticmethod
    def forward(
        ctx: Any, flat: Tensor, network: Any, x: Tensor, *dropout: Any
    ) -> Tensor:
        """Outputs of a stack whose parameters are `flat`."""
        raw, ctx.passed = network.outputs(x, *dropout)
        ctx.network = network
        return raw

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of `flat`, given that of the outputs."""
        gradient = ctx.network.gradient(ctx.passed, grad)
        return (gradient, *[None] * (len(ctx.needs_input_grad) - 1))
