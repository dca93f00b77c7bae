"""A scale for each input of a network, trained with it, fading where it is of no use.

The first layer of a stack is ``x @ (scale * weight)``. A scale has the gradient of all
weights of its input, and loses a share of itself in each step: those of inputs that
lower the loss grow, others go to 0, so that of many columns few are seen. What training
returns are the products; networks that are trained have no scales.

RealMLP's first layer has scales that learn faster than weights [1]_; those here also
fade, which is what chooses among inputs.

References
----------
.. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart. Better by default: strong pre-tuned
   MLPs and boosted trees on tabular data. NeurIPS 2024.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: A scale changes so many times faster than a weight: it is that many times its
#: parameter, since the optimizer's steps are of equal size for all parameters.
RATE = 15.0

#: Share of a scale that is lost per unit of step size, beside the decay of weights.
DECAY = 3.0


class InputScales:
    """Scales of the inputs of a stack.

    Parameters
    ----------
    own : Tensor of shape (n_networks, n_inputs)
        Their parameters, a view of the stack's.
    weight : Tensor of shape (n_networks, n_inputs, n_units)
        Weights of the first layer, likewise.
    dtype : torch.dtype
        Precision of the products.

    Attributes
    ----------
    products : Tensor of shape (n_networks, n_inputs, n_units)
        Scales times weights, as of the last `multiply`.
    """

    def __init__(self, own: Tensor, weight: Tensor, dtype: torch.dtype) -> None:
        self._own, self._weight = own, weight
        self._scales = torch.empty_like(own).unsqueeze(-1)
        self.products = torch.empty_like(weight, dtype=dtype)

    def multiply(self) -> None:
        """Make the products anew."""
        torch.mul(self._own.unsqueeze(-1), RATE, out=self._scales)
        torch.mul(self._weight, self._scales, out=self.products)

    def backward(self, of_own: Tensor, of_weight: Tensor) -> None:
        """Write the gradients of scales and weights, given that of the products.

        Parameters
        ----------
        of_own : Tensor of shape (n_networks, n_inputs)
            Where that of the scales' parameters goes.
        of_weight : Tensor of shape (n_networks, n_inputs, n_units)
            Holds that of the products, and then that of the weights.
        """
        of_own.copy_(torch.linalg.vecdot(of_weight, self._weight)).mul_(RATE)
        of_weight.mul_(self._scales)


def multiplied(own: Tensor, weight: Tensor) -> Tensor:
    """Scales, of which these are the parameters, times weights."""
    return weight * own.unsqueeze(-1).mul(RATE)


def with_scales(parameters: NDArray, n_inputs: int) -> NDArray:
    """Parameters of one network, with those of scales of 1 before them."""
    return np.concatenate([np.full(n_inputs, 1 / RATE), parameters])


def without_scales(parameters: NDArray, n_inputs: int, n_units: int) -> NDArray:
    """Parameters of one network whose first layer is what it was with scales."""
    scales, weights = RATE * parameters[:n_inputs], parameters[n_inputs:].copy()
    weights[: n_inputs * n_units] *= np.repeat(scales, n_units)
    return weights
