"""The networks that are compared, as stacks of equal shape."""

from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import nn

from benchmarks.paper.dropout import StackedDropout
from benchmarks.paper.layers import (
    Highway,
    Residual,
    StackedBatchNorm,
    StackedLayerNorm,
    StackedLinear,
    StackedWeightNorm,
)
from sklearn_snn._dropout import StackedAlphaDropout
from sklearn_snn._input_scales import RATE
from sklearn_snn._layers import layer_sizes

# Hidden layers ------------------------------------------------------------------------
# Each function returns hidden blocks, given generators and sizes from input to output.


def self_normalizing(generators, sizes, shape):
    return [
        nn.Sequential(StackedLinear(generators, *pair), nn.SELU())
        for pair in pairwise(sizes[:-1])
    ]


def rectified(generators, sizes, shape):
    return [
        nn.Sequential(StackedLinear(generators, *pair, gain=2.0), nn.ReLU())
        for pair in pairwise(sizes[:-1])
    ]


def batch_normalized(generators, sizes, shape):
    return _normalized(generators, sizes, StackedBatchNorm)


def layer_normalized(generators, sizes, shape):
    return _normalized(generators, sizes, StackedLayerNorm)


def _normalized(generators, sizes, norm):
    return [
        nn.Sequential(
            StackedLinear(generators, *pair, gain=2.0),
            norm(len(generators), pair[1]),
            nn.ReLU(),
        )
        for pair in pairwise(sizes[:-1])
    ]


def weight_normalized(generators, sizes, shape):
    return [
        nn.Sequential(StackedWeightNorm(generators, *pair, gain=2.0), nn.ReLU())
        for pair in pairwise(sizes[:-1])
    ]


def highway(generators, sizes, shape):
    """The first layer brings rows to the width of the others."""
    width = sizes[1]
    first = nn.Sequential(
        StackedLinear(generators, sizes[0], width, gain=2.0), nn.ReLU()
    )
    return [first, *[Highway(generators, width) for _ in sizes[2:-1]]]


def residual(generators, sizes, shape):
    """Depth is the number of blocks, of two layers each.

    Blocks of shape "diavolo" have half the width in their middle.
    """
    width = sizes[1]
    inner = width if shape == "rectangular" else max(width // 2, 1)
    blocks = [Residual(generators, width, inner) for _ in sizes[1:-1]]
    blocks[0] = nn.Sequential(StackedLinear(generators, sizes[0], width), blocks[0])
    normalized = StackedBatchNorm(len(generators), width)
    blocks[-1] = nn.Sequential(blocks[-1], normalized, nn.ReLU())
    return blocks


#: Hidden layers by kind of network.
KINDS = {
    "snn": self_normalizing,
    "relu": rectified,
    "batch_norm": batch_normalized,
    "layer_norm": layer_normalized,
    "weight_norm": weight_normalized,
    "highway": highway,
    "residual": residual,
}
#: Shapes beside the rectangular one. Layers of a highway network have equal widths.
OTHER_SHAPE = dict.fromkeys(KINDS, "conic") | {"highway": None, "residual": "diavolo"}


def check_kind(kind, shape):
    """Raise a ValueError for networks that there are not."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    shapes = ["rectangular", OTHER_SHAPE[kind]]
    if shape is None or shape not in shapes:
        raise ValueError(f"shape must be one of {shapes} for {kind}, got {shape!r}")


class StackedNetwork(nn.Module):
    """Networks of one kind and shape, applied side by side.

    All parameters are views of one tensor `flat` of shape (n_networks, n_parameters),
    so that an optimizer makes one update for all.

    Parameters
    ----------
    kind, depth, width, shape
        Of all networks.
    n_features, n_outputs : int
        Sizes of input and output.
    generators : sequence of Generator
        One a network, for its initial weights.
    scales_inputs : bool
        Whether inputs have scales, as those of the library's classifiers; they are the
        first parameters.

    Shape
    -----
    x : (n_networks, n_samples, n_features)
    returns : (n_networks, n_samples, n_outputs)
    """

    def __init__(
        self,
        kind,
        depth,
        width,
        shape,
        *,
        n_features,
        n_outputs,
        generators,
        scales_inputs=False,
    ):
        super().__init__()
        check_kind(kind, shape)
        form = "conic" if shape == "conic" else "rectangular"
        sizes = layer_sizes(n_features, n_outputs, depth, width, form)
        self.kind, self.widths = kind, sizes[1:-1]
        self.scales = None
        if scales_inputs:
            ones = torch.ones(len(generators), 1, n_features)
            self.scales = nn.Parameter(ones / RATE)
        self.hidden = nn.ModuleList(KINDS[kind](generators, sizes, shape))
        self.output = StackedLinear(generators, sizes[-2], n_outputs)
        self._flatten(len(generators))

    # Parameters as one tensor ---------------------------------------------------------

    def _flatten(self, n_networks):
        parts = [one.detach().reshape(n_networks, -1) for one in self.parameters()]
        self._set_flat(torch.cat(parts, dim=1))

    def _set_flat(self, flat):
        self.flat, start = flat, 0
        for parameter in self.parameters():
            shape = parameter.shape[1:]
            end = start + shape.numel()
            parameter.data = flat[:, start:end].view(-1, *shape)
            start = end

    def gradient(self, loss):
        """Gradient of a loss, of the shape of `flat`."""
        parts = torch.autograd.grad(loss, list(self.parameters()))
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    def keep(self, networks):
        """Forget all networks but those at these indices."""
        self._set_flat(self.flat[networks])
        for buffer in self.buffers():
            buffer.data = buffer.data[networks]

    def state(self, i):
        """Parameters and running averages of one network, as arrays."""
        averages = [buffer[i].numpy().copy() for buffer in self.buffers()]
        return [self.flat[i].numpy().copy(), *averages]

    def load(self, states):
        """Take the states of as many networks."""
        flat, *buffers = [
            torch.from_numpy(np.stack(part)) for part in zip(*states, strict=True)
        ]
        self.flat.copy_(flat)
        for buffer, values in zip(self.buffers(), buffers, strict=True):
            buffer.copy_(values)

    def confine(self, i, n_seen):
        """Let the first layer of one network have weights for its first inputs alone.

        The variance of what they add up to stays; with inputs of 0, so do the zeros.
        """
        first = next(one for one in self.modules() if isinstance(one, StackedLinear))
        weight = first.weight.data[i]
        weight[:n_seen] *= (len(weight) / n_seen) ** 0.5
        weight[n_seen:] = 0.0
        if isinstance(first, StackedWeightNorm):
            first.length.data[i] = weight.norm(dim=0, keepdim=True)

    def learn_statistics(self, x):
        """Have running averages of batches be those of these rows."""
        norms = [one for one in self.modules() if isinstance(one, StackedBatchNorm)]
        for norm in norms:
            norm.momentum = 1.0
        self.train()
        with torch.no_grad():
            self(x)
        for norm in norms:
            norm.momentum = StackedBatchNorm.momentum

    # Outputs --------------------------------------------------------------------------

    def dropout(self, rates):
        """Dropout of the kind that goes with these networks, a rate a network."""
        cls = StackedAlphaDropout if self.kind == "snn" else StackedDropout
        return cls(rates, self.flat.dtype, self.flat.device)

    def forward(self, x, dropout=None, masks=()):
        """Outputs; `masks` are those that `dropout` has drawn, one a hidden layer."""
        x = self._scaled(x)
        for i, block in enumerate(self.hidden):
            x = block(x)
            if dropout is not None:
                x = dropout(x, masks[i])
        return self.output(x)

    def activations(self, x):
        """Activations of each hidden layer or block, without dropout."""
        first = self._scaled(x)
        layers = accumulate(self.hidden, lambda x, block: block(x), initial=first)
        return list(layers)[1:]

    def _scaled(self, x):
        return x if self.scales is None else x * (RATE * self.scales)
