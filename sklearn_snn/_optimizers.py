"""Optimizers that update a stack of networks at once, each at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer

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
    lr : float or Tensor of shape (n_networks, 1), default=1e-3
        Peak step size.
    weight_decay : float or Tensor of shape (n_networks, 1), default=0.0
        Share of a weight that is lost per unit of step size.

    Attributes
    ----------
    factor : float or Tensor of shape (n_networks, 1)
        Set before a step: the schedule's factor on `lr`.
    active : Tensor of shape (n_networks, 1) or None
        Set before a step: 1 for networks that have rows in it, 0 for those that the
        step must leave untouched. None means all.
    """

    factor: float | Tensor
    active: Tensor | None
    #: Names of the running averages in an optimizer's state.
    moments: tuple[str, ...] = ()

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float | Tensor = 1e-3,
        weight_decay: float | Tensor = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.factor, self.active = 1.0, None
        for flat in self.param_groups[0]["params"]:
            self.state[flat] = {
                name: torch.zeros_like(flat, requires_grad=False)
                for name in self.moments
            }
            self.state[flat]["step"] = flat.detach().new_zeros((len(flat), 1))

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
        for group in self.param_groups:
            rate = group["lr"] * self.factor
            if self.active is not None:
                rate = rate * self.active
            for flat in group["params"]:
                state = self.state[flat]
                state["step"] += 1.0 if self.active is None else self.active
                flat.mul_(1 - rate * group["weight_decay"])
                self._update(flat, flat.grad, state, rate)
        return loss

    def _update(
        self, flat: Tensor, grad: Tensor, state: dict[str, Tensor], rate: float | Tensor
    ) -> None:
        raise NotImplementedError

    def keep(self, networks: Tensor) -> None:
        """Forget all networks but those at these indices, parameters included."""
        for group in self.param_groups:
            for flat in group["params"]:
                flat.grad = None
                flat.data = flat.data[networks]
                state = self.state[flat]
                self.state[flat] = {name: state[name][networks] for name in state}


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
        self, flat: Tensor, grad: Tensor, state: dict[str, Tensor], rate: float | Tensor
    ) -> None:
        beta1, beta2 = self.betas
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        if self.active is None:
            mean.lerp_(grad, 1 - beta1)
            square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        else:
            mean.lerp_(grad, (1 - beta1) * self.active)
            square.lerp_(grad * grad, (1 - beta2) * self.active)
        # A network that has not made a step yet has step 0 and rate 0.
        step = state["step"].clamp(min=1.0)
        denominator = square.sqrt().div_((1 - beta2**step).sqrt()).add_(self.eps)
        flat.sub_((mean / denominator).mul_(rate / (1 - beta1**step)))


class StackedSGD(StackOptimizer):
    """Plain gradient descent, the paper's solver."""

    def _update(
        self, flat: Tensor, grad: Tensor, state: dict[str, Tensor], rate: float | Tensor
    ) -> None:
        flat.sub_(grad * rate)


SOLVERS: dict[str, type[StackOptimizer]] = {"adamw": StackedAdamW, "sgd": StackedSGD}
