"""Optimizers that update a stack of networks at once, each at its own pace."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter
from torch.optim.adamw import adamw

Solver = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "constant"]

#: Share of training in which the step size of a decaying schedule rises to its peak.
WARM_UP = 0.05


def schedule_factor(schedule: Schedule, progress: NDArray) -> NDArray:
    """Step size as a fraction of its peak.

    Parameters
    ----------
    schedule : {"cosine", "constant"}
        A linear rise and half a cosine down to 0, or no change.
    progress : ndarray
        Share of the training that is done, from 0 to 1.
    """
    if schedule == "constant":
        return np.ones_like(progress)
    falling = (np.minimum(progress, 1.0) - WARM_UP) / (1 - WARM_UP)
    # The first step has progress 0 and must not be lost.
    rising = (progress + 0.1 * WARM_UP) / (1.1 * WARM_UP)
    return np.where(
        progress < WARM_UP, rising, 0.5 * (1 + np.cos(np.pi * np.maximum(falling, 0.0)))
    )


class StackOptimizer:
    """Base of the optimizers: who takes part in a step, and how large it is.

    It is not one of torch's, whose first instance in a process takes a second to load
    what compiles.

    Parameters
    ----------
    flat : Parameter of shape (n_networks, n_parameters)
        All parameters of the stack.

    Attributes
    ----------
    settings : dict
        ``"lr"``, the peak step size, and ``"weight_decay"``, the share of a weight that
        is lost per unit of step size: floats, or lists with one a network.
    factor : ndarray of shape (n_networks,)
        Set before a step: the schedule's factor on the step size.
    active : ndarray of shape (n_networks,)
        Set before a step: whether a network has rows in it. The step leaves the others
        untouched, decay and moments included.
    state : dict of str to Tensor of shape (n_networks, n_parameters)
        Running averages.
    n_steps : ndarray of shape (n_networks,)
        Steps of each network so far.
    """

    #: Names of the running averages in an optimizer's state.
    moments: tuple[str, ...] = ()

    def __init__(self, flat: Parameter) -> None:
        self.flat = flat
        self.settings: dict[str, Any] = {"lr": 0.0, "weight_decay": 0.0}
        self.state = {
            name: torch.zeros_like(flat, requires_grad=False) for name in self.moments
        }
        self.n_steps = np.zeros(len(flat), dtype=np.int64)
        self._include_all()

    def _include_all(self) -> None:
        self.factor = np.ones(len(self.flat))
        self.active = np.ones(len(self.flat), dtype=bool)

    @torch.no_grad()
    def step(self) -> None:
        """Update all parameters once."""
        assert self.flat.grad is not None
        updated = (self.flat.detach(), self.flat.grad, *self.state.values())
        for start, stop, rate, decay in self._runs():
            tensors = [one[start:stop] for one in updated]
            self._update(tensors, int(self.n_steps[start]), rate, decay)
        self.n_steps += self.active

    def _runs(self) -> list[tuple[int, int, float, float]]:
        """Active neighbours that an update has in common, with step size and decay."""
        rate, decay = self.settings["lr"], self.settings["weight_decay"]
        n_networks = len(self.flat)
        if n_networks == 1:
            rate = float(rate * self.factor[0])
            return [(0, 1, rate, decay)] if self.active[0] else []
        rates = np.asarray(rate) * self.factor
        decays = np.broadcast_to(decay, n_networks)
        changes = np.zeros(n_networks - 1, dtype=bool)
        for values in (rates, decays, self.n_steps, self.active):
            changes |= values[1:] != values[:-1]
        ends = [0, *(np.flatnonzero(changes) + 1).tolist(), n_networks]
        return [
            (start, stop, float(rates[start]), float(decays[start]))
            for start, stop in pairwise(ends)
            if self.active[start]
        ]

    def _update(
        self, tensors: list[Tensor], n_steps: int, rate: float, decay: float
    ) -> None:
        """Update the parameters that come first, given gradient and moments."""
        raise NotImplementedError

    def keep(self, networks: list[int]) -> None:
        """Forget all networks but those at these indices, as the module did."""
        self.state = {name: self.state[name][networks] for name in self.state}
        self.n_steps = self.n_steps[networks]
        self._include_all()


class StackedAdamW(StackOptimizer):
    """Adam with decoupled weight decay.

    References
    ----------
    .. [1] Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    """

    betas = (0.9, 0.95)
    #: Gradients smaller than this count for little: without it the rows of a class
    #: that weighs 1e-7 would be learned in full once the others are.
    eps = 1e-6
    moments = ("exp_avg", "exp_avg_sq")

    def _update(
        self, tensors: list[Tensor], n_steps: int, rate: float, decay: float
    ) -> None:
        # One pass over memory, ten times faster than the same formula by parts.
        parameters, gradient, average, average_of_squares = tensors
        adamw(
            [parameters],
            [gradient],
            [average],
            [average_of_squares],
            [],
            [torch.tensor(float(n_steps), device=parameters.device)],
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=rate,
            weight_decay=decay,
            eps=self.eps,
            maximize=False,
        )


class StackedSGD(StackOptimizer):
    """Plain gradient descent, the paper's solver."""

    def _update(
        self, tensors: list[Tensor], n_steps: int, rate: float, decay: float
    ) -> None:
        parameters, gradient = tensors
        parameters.mul_(1 - rate * decay).sub_(gradient, alpha=rate)


SOLVERS: dict[str, type[StackOptimizer]] = {"adamw": StackedAdamW, "sgd": StackedSGD}
