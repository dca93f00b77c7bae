"""Torch modules that apply layers of several networks side by side.

The model axis is first: ``x`` is of shape (n_networks, n_samples, n_units), parameters
begin with n_networks. Each module draws the weights of each network from a generator of
its own, so that a network starts alike in any stack.
"""

import math

import torch
from torch import nn


def draw_normal(generators, shape, variance):
    """Numbers of mean 0 for each network, of shape (n_networks, *shape)."""
    drawn = [
        torch.from_numpy(generator.standard_normal(shape)) for generator in generators
    ]
    return (torch.stack(drawn) * math.sqrt(variance)).to(torch.get_default_dtype())


class StackedLinear(nn.Module):
    """Affine maps whose weights start with a variance of `gain` over the inputs.

    A gain of 1 is LeCun's initialization, 2 is He's, for ReLU.
    """

    def __init__(self, generators, n_inputs, n_outputs, gain=1.0):
        super().__init__()
        weight = draw_normal(generators, (n_inputs, n_outputs), gain / n_inputs)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(len(generators), 1, n_outputs))

    def forward(self, x):
        return torch.baddbmm(self.bias, x, self.weight)


class StackedWeightNorm(StackedLinear):
    """Affine maps that learn the length of each unit's weights and their direction.

    Salimans and Kingma, "Weight Normalization", NIPS 2016, equation 2.
    """

    def __init__(self, generators, n_inputs, n_outputs, gain=1.0):
        super().__init__(generators, n_inputs, n_outputs, gain)
        self.length = nn.Parameter(self._square().detach().sqrt())

    def _square(self):
        return self.weight.square().sum(dim=1, keepdim=True)

    def forward(self, x):
        weight = self.weight * (self.length * torch.rsqrt(self._square()))
        return torch.baddbmm(self.bias, x, weight)


class StackedLayerNorm(nn.Module):
    """Mean 0 and variance 1 over the units of a row, then a scale and a shift.

    Ba, Kiros and Hinton, "Layer Normalization", 2016.
    """

    eps = 1e-5

    def __init__(self, n_networks, n_units):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(n_networks, 1, n_units))
        self.shift = nn.Parameter(torch.zeros(n_networks, 1, n_units))

    def forward(self, x):
        normal = nn.functional.layer_norm(x, x.shape[-1:], eps=self.eps)
        return torch.addcmul(self.shift, normal, self.scale)


class StackedBatchNorm(nn.Module):
    """Mean 0 and variance 1 over the rows of a batch, then a scale and a shift.

    Running averages stand in for those of the batch once training is over. Ioffe and
    Szegedy, "Batch Normalization", ICML 2015.
    """

    eps, momentum = 1e-5, 0.1

    def __init__(self, n_networks, n_units):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(n_networks, 1, n_units))
        self.shift = nn.Parameter(torch.zeros(n_networks, 1, n_units))
        self.register_buffer("mean", torch.zeros(n_networks, 1, n_units))
        self.register_buffer("variance", torch.ones(n_networks, 1, n_units))

    def forward(self, x):
        n_networks, n_rows, n_units = x.shape
        side_by_side = x.transpose(0, 1).reshape(n_rows, -1)
        normal = nn.functional.batch_norm(
            side_by_side,
            self.mean.view(-1),
            self.variance.view(-1),
            self.scale.reshape(-1),
            self.shift.reshape(-1),
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )
        return normal.view(n_rows, n_networks, n_units).transpose(0, 1)


class Highway(nn.Module):
    """A gate chooses, unit by unit, between a layer of ReLU and its input.

    Srivastava, Greff and Schmidhuber, "Training Very Deep Networks", NIPS 2015; the
    gate starts near the input, as they advise.
    """

    gate_bias = -2.0

    def __init__(self, generators, n_units):
        super().__init__()
        self.transform = StackedLinear(generators, n_units, n_units, gain=2.0)
        self.gate = StackedLinear(generators, n_units, n_units)
        nn.init.constant_(self.gate.bias, self.gate_bias)

    def forward(self, x):
        gate = torch.sigmoid(self.gate(x))
        return torch.lerp(x, torch.relu(self.transform(x)), gate)


class Residual(nn.Module):
    """Two layers whose outputs are added to their input.

    Normalised and rectified before each layer: He et al., "Identity Mappings in Deep
    Residual Networks", ECCV 2016.
    """

    def __init__(self, generators, n_units, n_inner):
        super().__init__()
        n_networks = len(generators)
        self.branch = nn.Sequential(
            StackedBatchNorm(n_networks, n_units),
            nn.ReLU(),
            StackedLinear(generators, n_units, n_inner, gain=2.0),
            StackedBatchNorm(n_networks, n_inner),
            nn.ReLU(),
            StackedLinear(generators, n_inner, n_units, gain=2.0),
        )

    def forward(self, x):
        return x + self.branch(x)
