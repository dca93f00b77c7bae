"""What tests see of networks: their weights, how they were trained, what torch made."""

import itertools
from types import SimpleNamespace

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sklearn_snn._training import fit_networks


def weights(estimator):
    return [part for one in estimator.networks_ for part in one.weights]


def flat(network):
    return np.concatenate([part.ravel() for part in network.weights])


class Trained(list):
    """Stands for `fit_networks`, and holds specs and networks of each call."""

    def __init__(self):
        super().__init__()
        self.options = []

    def __call__(self, specs, sets, *, options, **rest):
        networks = fit_networks(specs, sets, options=options, **rest)
        self.append((specs, networks))
        self.options.append(options)
        return networks

    @property
    def sizes(self):
        return sorted(len(specs) for specs, _ in self)

    @property
    def n_epochs(self):
        return sum(
            network.n_iter - spec.n_epochs_done
            for specs, networks in self
            for spec, network in zip(specs, networks, strict=True)
        )


class Made(TorchDispatchMode):
    """Notes the tensors that are made, but for those of the host's arrays."""

    def __init__(self):
        super().__init__()
        self.tensors = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is not torch.ops.aten.lift_fresh.default:
            leaves = tree_leaves(result)
            self.tensors += [one for one in leaves if isinstance(one, torch.Tensor)]
        return result


def clock_of_readings(seconds):
    """A `time` that goes on by so many seconds each time that it is read."""
    readings = itertools.count()
    return SimpleNamespace(monotonic=lambda: seconds * next(readings))
