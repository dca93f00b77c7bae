"""Optimizers that update a stack of networks at once, each at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
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


class StackOptimizer(Optimizer):
    """Base of the optimizers: who takes part in a step, and how large it is.

    Parameters
    ----------
    params : iterable of one Parameter of shape (n_networks, n_parameters)
        All parameters of the stack.
    lr : float or sequence of float, default=1e-3
        Peak step size, of all networks or of each.
    weight_decay : float or sequence of float, default=0.0
        Share of a weight that is lost per unit of step size.

    Attributes
    ----------
    factor : ndarray of shape (n_networks,)
        Set before a step: the schedule's factor on `lr`.
    active : ndarray of shape (n_networks,)
        Set before a step: whether a network has rows in it. The step leaves the others
        untouched, decay and moments included.
    """

    #: Names of the running averages in an optimizer's state.
    moments: tuple[str, ...] = ()

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float | Sequence[float] = 1e-3,
        weight_decay: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        (flat,) = self.param_groups[0]["params"]
        self.state[flat] = {
            name: torch.zeros_like(flat, requires_grad=False) for name in self.moments
        }
        self.n_steps = np.zeros(len(flat), dtype=np.int64)
        self._begin()

    def _begin(self) -> None:
        (self._flat,) = self.param_groups[0]["params"]
        self.factor = np.ones(len(self._flat))
        self.active = np.ones(len(self._flat), dtype=bool)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters once.

        Parameters
        ----------
        closure : callable or None, default=None
            Computes the gradients first and returns the loss.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        parameters, gradient = self._flat.detach(), self._flat.grad
        moments = [self.state[self._flat][name] for name in self.moments]
        for start, stop, rate, decay in self._runs():
            tensors = [one[start:stop] for one in (parameters, gradient, *moments)]
            self._update(tensors, int(self.n_steps[start]), rate, decay)
        self.n_steps += self.active
        return loss

    def _runs(self) -> list[tuple[int, int, float, float]]:
        """Active neighbours that an update has in common, with step size and decay."""
        group, n_networks = self.param_groups[0], len(self._flat)
        if n_networks == 1:
            rate = float(group["lr"] * self.factor[0])
            return [(0, 1, rate, group["weight_decay"])] if self.active[0] else []
        rates = np.asarray(group["lr"]) * self.factor
        decays = np.broadcast_to(group["weight_decay"], n_networks)
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
        state = self.state[self._flat]
        self.state[self._flat] = {name: state[name][networks] for name in state}
        self.n_steps = self.n_steps[networks]
        self._begin()


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
