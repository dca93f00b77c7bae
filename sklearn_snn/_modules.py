"""The network as plain modules of torch, for people to read and use."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_snn._layers import LayerForm, layer_sizes, sizes_of
from sklearn_snn._pieces import PiecewiseLinear


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
