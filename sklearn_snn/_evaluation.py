"""How good the outputs of networks in training are on rows that were held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_snn._losses import Loss

#: So often is the interval of scales halved, which leaves .004 of it.
_N_HALVINGS = 8

#: Smallest scale of a team's outputs. If it could be 0, noise that the networks have
#: learned would cost nothing where there is little else: with 50 columns of a weak
#: signal in 1,000 rows, test losses were 1.26 times those with this bound.
_LEAST_SCALE = 0.5


class Outputs(NamedTuple):
    """What networks say of a block of rows.

    Shape
    -----
    raw : (n_networks, n_samples, n_outputs)
    target : (n_networks, n_samples) or (n_networks, n_samples, n_outputs)
    weight : (n_networks, n_samples), as that of a `Batch`
    """

    raw: Tensor
    target: Tensor
    weight: Tensor


class Evaluation:
    """Scores of networks on the rows that each of them is validated on.

    Parameters
    ----------
    criterion : Loss
        What is minimised.
    blocks : sequence of Outputs
        What the networks say of their rows.
    mean : callable
        Mean over rows, an array of shape (n_networks,), of a tensor with the weighted
        means of the blocks, of shape (n_blocks, n_networks).
    """

    def __init__(
        self,
        criterion: Loss,
        blocks: Sequence[Outputs],
        mean: Callable[[Tensor], NDArray[np.float64]],
    ) -> None:
        self._criterion, self._blocks, self._mean = criterion, blocks, mean

    def scores(self, scale: Tensor | float = 1.0) -> NDArray[np.float64]:
        """Negative mean loss of each network's outputs, times a scale."""
        return -self._mean_over_blocks(
            [
                self._criterion(raw * scale, target) * weight
                for raw, target, weight in self._blocks
            ]
        )

    def team_scores(self, teams: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Score of each network's team: the mean over its networks, outputs scaled.

        What several networks predict on average is better, and less sure of itself,
        than what each of them does, so that they are best together some epochs after
        they are best alone. No row is held out by all of them, where it would be seen.
        But outputs of one network get most of that from a smaller scale, as from the
        temperature of a calibrated classifier. Those of a team are multiplied by the
        number from 0.5 to 1 that is best for its score; those of a network that stops
        alone stay what they are.

        Parameters
        ----------
        teams : sequence of sequences of int
            Indices of the networks that stop together.
        """
        is_alone = np.ones(sum(map(len, teams)), dtype=bool)
        for team in teams:
            is_alone[team] = len(team) == 1
        if is_alone.all():
            return self.scores()
        scale = np.ones(len(is_alone))
        for step in (1 - _LEAST_SCALE) * 0.5 ** np.arange(1, _N_HALVINGS + 1):
            # The loss is convex in the scale, so that it rises beyond its minimum.
            rises = (_team_means(self._slopes(scale), teams) > 0) & ~is_alone
            if not (rises | (scale < 1)).any():
                break
            scale = np.where(rises, scale - step, np.minimum(scale + step, 1))
        return _team_means(self.scores(self._per_network(scale)), teams)

    def _slopes(self, scale: NDArray) -> NDArray[np.float64]:
        """Derivative of each network's mean loss with respect to its scale."""
        factor = self._per_network(scale)
        return self._mean_over_blocks(
            [
                (self._criterion.gradient(raw * factor, target) * raw).sum(-1) * weight
                for raw, target, weight in self._blocks
            ]
        )

    def _mean_over_blocks(self, weighted: Sequence[Tensor]) -> NDArray[np.float64]:
        """Mean over rows of what blocks have for each of theirs, weighted."""
        return self._mean(torch.stack([block.sum(1) for block in weighted]))

    def _per_network(self, values: NDArray) -> Tensor:
        """A number a network, of shape (n_networks, 1, 1)."""
        raw = self._blocks[0].raw
        return torch.as_tensor(values, dtype=raw.dtype, device=raw.device)[
            :, None, None
        ]


def _team_means(values: NDArray, teams: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Of each network the mean over its team."""
    means = np.empty(len(values))
    for team in teams:
        means[team] = values[team].mean()
    return means
