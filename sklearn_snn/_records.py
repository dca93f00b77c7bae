"""How far the training of one network has come."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_snn._modules import join_parameters, lecun_normal
from sklearn_snn._specs import NetworkSpec, StopReason

#: Networks that stop together are kept as they were after the last epoch whose loss is
#: within this share of the lowest: their mean gets better for longer than they do. Over
#: 13 tables of 10,000 rows that is .1 % of the loss, and more where trees are ahead.
_LEEWAY = 0.005


@dataclass
class Record:
    """How far one network of a stack has come."""

    spec: NetworkSpec
    learning_rate: float
    n_epochs: int = 0
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float | None = None
    best_mean_score: float | None = None
    best_weights: NDArray | None = None
    n_epochs_without_gain: int = 0
    has_restarted: bool = False
    stopped_by: StopReason | None = None

    @classmethod
    def begin(cls, spec: NetworkSpec) -> Record:
        """A record of nothing yet, or of the training that is resumed."""
        record = cls(spec, spec.learning_rate)
        before = spec.resume
        if before is None:
            return record
        record.n_epochs = before.n_iter
        if record.n_epochs >= spec.last_epoch:
            record.stopped_by = "max_iter"
        record.loss_curve = list(before.loss_curve)
        record.validation_scores = list(before.validation_scores)
        record.best_epoch = before.best_epoch
        if spec.continues and before.state is not None:
            record.learning_rate = before.state.learning_rate
            record.has_restarted = before.state.has_restarted
            record.n_epochs_without_gain = before.state.n_epochs_without_gain
            record.best_score = before.best_score
            record.best_mean_score = before.state.best_mean_score
            if before.best_score is not None:
                record.best_weights = join_parameters(before.weights)
        return record

    def generator(self, epoch: int) -> np.random.Generator:
        """Random numbers of one epoch; number 0 draws the initial weights.

        With a generator for each epoch there is no state to keep for going on later.
        """
        seeds = np.random.SeedSequence((self.spec.seed, epoch))
        return np.random.Generator(np.random.SFC64(seeds))

    def initial_parameters(self, outputs: NDArray) -> NDArray:
        """All weights and biases at the start, of shape (n_parameters,).

        Parameters
        ----------
        outputs : ndarray of shape (n_outputs,)
            What a new network starts with.
        """
        before = self.spec.resume
        if before is None:
            drawn = lecun_normal(
                self.spec.layer_sizes, self.generator(epoch=0), self.spec.n_seen
            )
            drawn[-len(outputs) :] = outputs
            return drawn
        if self.spec.resumed_state is not None:
            return self.spec.resumed_state.parameters
        return join_parameters(before.weights)

    def add_score(self, team: float, own: float, flat: Tensor, tol: float) -> None:
        """Note the score of an epoch, and that of those who stop with this network."""
        unscored = len(self.loss_curve) - 1 - len(self.validation_scores)
        self.validation_scores += [*[np.nan] * unscored, own]
        self.n_epochs_without_gain += 1
        if self.best_mean_score is None or team > self.best_mean_score + tol:
            self.n_epochs_without_gain = 0
        self.keep_best(team, own, flat, self.n_epochs)

    def keep_best(self, team: float, own: float, flat: Tensor, epoch: int) -> None:
        """Keep parameters, of shape (n_parameters,), if no score was much higher.

        They are those after `epoch`; of equally good ones the last are kept.
        """
        best = team if self.best_mean_score is None else self.best_mean_score
        if team >= best - self._leeway * abs(best):
            self.best_mean_score, self.best_score = max(team, best), own
            self.best_epoch = epoch
            self.best_weights = flat.cpu().numpy().copy()

    @property
    def _leeway(self) -> float:
        """Share of the best score that a later epoch may lack to be kept."""
        is_loss_of_several = self.spec.ensemble is not None and self.spec.score is None
        return _LEEWAY if is_loss_of_several else 0.0
