"""Optimizers that update a stack of networks at once, each at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

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
        self.state[flat]["step"] = torch.zeros(len(flat), device=flat.device)
        self._begin()

    def _begin(self) -> None:
        (self._flat,) = self.param_groups[0]["params"]
        self.factor = np.ones(len(self._flat))
        self.active = np.ones(len(self._flat), dtype=bool)
        # Views of each network's parameters and state, which take time to make.
        values = {"parameters": self._flat.detach(), **self.state[self._flat]}
        self._rows = {name: value.unbind() for name, value in values.items()}

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
        gradients = self._flat.grad.unbind()
        for (rate, decay), networks in self._alike().items():
            rows = {
                name: [row[i] for i in networks] for name, row in self._rows.items()
            }
            self._update(rows, [gradients[i] for i in networks], rate, decay)
        return loss

    def _alike(self) -> dict[tuple[float, float], list[int]]:
        """Active networks by step size and decay, which one update has in common."""
        group, n_networks = self.param_groups[0], len(self._flat)
        rates = (np.broadcast_to(group["lr"], n_networks) * self.factor).tolist()
        decays = np.broadcast_to(group["weight_decay"], n_networks).tolist()
        alike: dict[tuple[float, float], list[int]] = {}
        for i in np.flatnonzero(self.active).tolist():
            alike.setdefault((rates[i], decays[i]), []).append(i)
        return alike

    def _update(
        self,
        rows: dict[str, list[Tensor]],
        gradients: list[Tensor],
        rate: float,
        decay: float,
    ) -> None:
        raise NotImplementedError

    def keep(self, networks: Tensor) -> None:
        """Forget all networks but those at these indices, parameters included."""
        state = self.state[self._flat]
        self._flat.grad = None
        self._flat.data = self._flat.data[networks]
        self.state[self._flat] = {name: state[name][networks] for name in state}
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
        self,
        rows: dict[str, list[Tensor]],
        gradients: list[Tensor],
        rate: float,
        decay: float,
    ) -> None:
        # One pass over memory, ten times faster than the same formula by parts.
        adamw(
            rows["parameters"],
            gradients,
            rows["exp_avg"],
            rows["exp_avg_sq"],
            [],
            rows["step"],
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
        self,
        rows: dict[str, list[Tensor]],
        gradients: list[Tensor],
        rate: float,
        decay: float,
    ) -> None:
        sgd(
            rows["parameters"],
            gradients,
            [None] * len(gradients),
            fused=True,
            weight_decay=decay,
            momentum=0.0,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )


SOLVERS: dict[str, type[StackOptimizer]] = {"adamw": StackedAdamW, "sgd": StackedSGD}
