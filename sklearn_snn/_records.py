"""How far the training of one network has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_snn._flat_parameters import join_parameters, lecun_normal
from sklearn_snn._specs import NetworkSpec, StopReason

#: Networks that stop together are kept as they were after the last epoch whose loss is
#: within this share of the lowest: their mean gets better for longer than they do. Over
#: 13 tables of 10,000 rows that is .1 % of the loss, and more where trees are ahead.
LEEWAY = 0.005

#: Epochs without gain that ``n_iter_no_change="auto"`` bears: so many, one more for
#: each epoch before the best one, and so many at most. The mean score of networks that
#: stop together is steadier than that of one alone: on 17 tables they stop where they
#: do with the patience of one (but for one, .6 % worse), after .7 of the time.
_PATIENCE_ALONE, _PATIENCE_TOGETHER = (8, 20), (4, 10)


def patience(
    n_iter_no_change: int | Literal["auto"] | None, best_epoch: int, *, is_alone: bool
) -> int | None:
    """Epochs without gain after which a network stops; None if it never does."""
    if n_iter_no_change != "auto":
        return n_iter_no_change
    least, most = _PATIENCE_ALONE if is_alone else _PATIENCE_TOGETHER
    return min(best_epoch + least, most)


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

    def drawn_parameters(self, outputs: NDArray) -> NDArray:
        """Weights and biases of a new network, of shape (n_parameters,).

        Parameters
        ----------
        outputs : ndarray of shape (n_outputs,)
            What it predicts at first.
        """
        drawn = lecun_normal(
            self.spec.layer_sizes, self.generator(epoch=0), self.spec.n_seen
        )
        drawn[-len(outputs) :] = outputs
        return drawn

    def reason_to_stop(
        self, n_iter_no_change: int | Literal["auto"] | None
    ) -> StopReason | None:
        """Why training ends after the latest epoch; None if it does not."""
        best_epoch = self.n_epochs - self.n_epochs_without_gain
        is_alone = self.spec.team is None
        borne = patience(n_iter_no_change, best_epoch, is_alone=is_alone)
        if borne is not None and self.n_epochs_without_gain >= borne:
            return "early_stopping"
        return "max_iter" if self.n_epochs >= self.spec.last_epoch else None

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
        is_loss_of_several = self.spec.team is not None and self.spec.score is None
        return LEEWAY if is_loss_of_several else 0.0
