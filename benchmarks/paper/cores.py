"""Does SELU matter? The library's engine with nothing but its core changed.

Within ``swapped(CORES[name])`` hidden layers have another activation, initialization
and dropout; preparation, optimizer, schedule, members and stopping stay.
"""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch

from benchmarks.paper.dropout import StackedDropout
from sklearn_snn import _prediction, _propagation, _records, _stack, _stacked_module
from sklearn_snn._propagation import Passed, _product

ATEN = torch.ops.aten


@dataclass(frozen=True)
class Core:
    """What hidden layers do, and the rates of dropout that are tried with it.

    `derive` takes a gradient and the net inputs back through the activation; without
    an `activate` of its own a core is the library's. Without dropout two weight decays
    are tried in its place, so that all cores have as many candidates.
    """

    title: str
    activate: Any = None
    derive: Any = None
    rates: tuple = ()

    @property
    def gain(self):
        """He's rule: variance of the weights times inputs that keeps second moments."""
        z, weight = np.polynomial.hermite_e.hermegauss(200)
        squares = self.activate(torch.from_numpy(z)).square().numpy()
        return 1 / float(weight / weight.sum() @ squares)


CORES = {
    "selu_dropout": Core("SELU, alpha dropout", rates=(0.02, 0.08)),
    "selu": Core("SELU"),
    "relu_dropout": Core(
        "ReLU, He, dropout",
        torch.relu,
        lambda grad, z: ATEN.threshold_backward(grad, z, 0),
        rates=(0.05, 0.2),
    ),
    "silu": Core("SiLU", torch.nn.functional.silu, ATEN.silu_backward),
    "mish": Core("Mish", torch.nn.functional.mish, ATEN.mish_backward),
}


@contextmanager
def swapped(core):
    """Have the library train and predict with another core; not for threads."""
    if core.activate is None:
        yield
        return

    lecun_normal = _records.lecun_normal

    def initial(sizes, generator, n_seen=None):
        parameters = lecun_normal(sizes, generator, n_seen)
        return parameters * np.sqrt(core.gain)  # biases and the last layer are 0

    forward_pass, backward_pass = partial(forward, core), partial(backward, core)
    replaced = [
        (_propagation, "forward_pass", forward_pass),
        (_stacked_module, "forward_pass", forward_pass),
        (_stack, "forward_pass", forward_pass),
        (_propagation, "backward_pass", backward_pass),
        (_stacked_module, "backward_pass", backward_pass),
        (_prediction, "_raw", partial(predict, core)),
        (_records, "lecun_normal", initial),
        (_stack, "StackedAlphaDropout", StackedDropout),
    ]
    with ExitStack() as stack:
        for one in replaced:
            stack.enter_context(mock.patch.object(*one))
        yield


def predict(core, layers, x, n_rows):
    """Outputs of a fitted network, as the library's for blocks of rows."""
    for weight, bias in layers[:-1]:
        x = core.activate(x @ weight + bias)
    weight, bias = layers[-1]
    return (x @ weight + bias).flatten(0, 1)[:n_rows]


def forward(core, layers, x, dropout=None, masks=()):
    """As the library's, but that net inputs are kept in the place of activations."""
    passed = Passed([x], [], masks)
    for layer, (weight, bias) in enumerate(layers[:-1]):
        z = torch.baddbmm(bias, x, weight)
        passed.activations.append(z)
        x = core.activate(z)
        if dropout is not None:
            x = dropout(x, masks[layer])
        passed.inputs.append(x)
    weight, bias = layers[-1]
    return _product(x, weight) + bias, passed


def backward(core, layers, passed, grad, gradients):
    """As the library's."""
    for layer in reversed(range(len(layers))):
        of_weight, of_bias = gradients[layer]
        of_weight.copy_(_product(passed.inputs[layer].mT, grad))
        torch.sum(grad, dim=1, keepdim=True, out=of_bias)
        if layer > 0:
            grad = _product(grad, layers[layer][0].mT)
            if passed.masks:
                grad *= passed.masks[layer - 1]
            grad = core.derive(grad, passed.activations[layer - 1])
