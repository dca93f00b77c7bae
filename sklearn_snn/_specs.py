"""What goes through the waist: a network to train, its data, what comes back.

Above the waist everything is numpy and scikit-learn, below it tensors; these are plain
enough for both sides, and for a pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix

from sklearn_snn._pieces import PiecewiseLinear

Matrix: TypeAlias = NDArray[np.floating] | csr_array | csr_matrix
StopReason = Literal[
    "max_iter", "early_stopping", "time_limit", "interrupt", "callback", "diverged"
]


@dataclass
class TrainingSet:
    """Rows that networks are trained and validated on.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        What the network sees; a sparse matrix is made dense by the batch.
    target : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Encoded as the loss wants it: class indices, 0/1/NaN labels, scaled numbers.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows in the loss.
    offset : ndarray of shape (n_features,) or None
        Subtracted from rows of a sparse `X` once they are dense.
    pieces : PiecewiseLinear or None
        Columns to add to rows when they are taken; memory would not hold all of them.
    own : tuple of ndarray, or None
        Columns of `X`, of shape (n_own,), in which this set has values of its own, and
        the values, of shape (n_samples, n_own): sets that differ in little share `X`.
    validation : TrainingSet or None
        Rows of their own to validate on; None takes them from this set.
    """

    X: Matrix
    target: NDArray
    weight: NDArray[np.floating] | None = None
    offset: NDArray[np.floating] | None = None
    pieces: PiecewiseLinear | None = None
    own: tuple[NDArray[np.integer], NDArray[np.floating]] | None = None
    validation: TrainingSet | None = None

    @property
    def n_inputs(self) -> int:
        """Columns that the network's first layer sees."""
        n_pieces = 0 if self.pieces is None else len(self.pieces.column)
        return self.X.shape[1] + n_pieces


@dataclass
class ResumeState:
    """What a network needs, beside its best weights, to go on training.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        All weights and biases after the last epoch, and scales of inputs before them
        where there are any.
    moments : list of ndarray of shape (n_parameters,)
        The optimizer's running averages.
    n_steps : int
        Optimizer steps taken so far.
    learning_rate : float
        Peak step size, which is a tenth of the spec's after a restart.
    has_restarted : bool
        Whether the network has diverged once.
    best_mean_score : float or None
        Score of the networks that stop together in the best epoch so far.
    n_epochs_without_gain : int
        Epochs since then.
    """

    parameters: NDArray[np.floating]
    moments: list[NDArray[np.floating]]
    n_steps: int
    learning_rate: float
    has_restarted: bool
    best_mean_score: float | None
    n_epochs_without_gain: int


@dataclass
class FittedNetwork:
    """One trained network and the record of its training.

    Parameters
    ----------
    weights : list of ndarray
        ``[weight, bias, weight, bias, ...]`` with weights of shape (in, out).
    n_iter : int
        Epochs trained.
    loss_curve : list of float
        Training loss of each epoch.
    validation_scores : list of float
        Score on the validation rows after each epoch; empty without them.
    best_epoch : int
        Epoch after which the network had these weights; the last without validation.
    best_score : float or None
        Validation score of that epoch: the network's highest, unless it stops together
        with others. None without validation.
    stopped_by : str
        Why training ended.
    seed : int
        Of its random numbers.
    state : ResumeState or None
        Kept where training may go on.
    n_seen : int or None
        Inputs that the network sees; the weights of those after them are 0.
    """

    weights: list[NDArray[np.floating]]
    n_iter: int
    loss_curve: list[float]
    validation_scores: list[float]
    best_epoch: int
    best_score: float | None
    stopped_by: StopReason
    seed: int
    state: ResumeState | None = None
    n_seen: int | None = None

    def with_outputs(
        self, factor: NDArray | float, summand: NDArray | float
    ) -> FittedNetwork:
        """The same with outputs times a factor plus a summand, one or (n_outputs,)."""
        *below, weight, bias = self.weights
        last = weight * factor, bias * factor + summand
        last_layer = [part.astype(weight.dtype) for part in last]
        return replace(self, weights=[*below, *last_layer])


@dataclass(frozen=True, eq=False)
class NetworkSpec:
    """One network to train.

    Networks with equal `layer_sizes` and `batch_size` are trained as one stack;
    everything else may differ inside it.

    Parameters
    ----------
    layer_sizes : tuple of int
        From the number of features to the number of outputs.
    batch_size : int
        Rows of a step.
    seed : int
        Draws initial weights, order of rows and dropout.
    max_epochs : int
        Epochs of the schedule, those of `resume` included.
    learning_rate, weight_decay, dropout, label_smoothing : float
        Peak step size; decay per unit of step size; the others are fractions.
    training_set : int
        Index of the network's training set.
    rows, validation_rows : ndarray of int, or None
        Rows of the training set to train and to validate on. None means all rows to
        train on; to validate on, the set's own validation rows, if it has any.
    score : callable or None
        Validation score, given the outputs of shape (n_samples, n_outputs) on the
        validation rows; greater is better. None is the negative loss.
    team : hashable or None
        Networks with the same one stop together, at an epoch that is best for their
        average.
    stop_epoch : int or None
        Epoch to stop after, though the schedule may be longer.
    n_seen : int or None
        Inputs that the network sees; those after them are 0 to it. None is all.
    resume : FittedNetwork or None
        Go on from here.
    continues : bool
        Whether rows and schedule are those of `resume`: the network goes on as if it
        had never paused. Otherwise its best weights are a new start.
    """

    layer_sizes: tuple[int, ...]
    batch_size: int
    seed: int
    max_epochs: int
    learning_rate: float
    weight_decay: float = 0.0
    dropout: float = 0.0
    label_smoothing: float = 0.0
    training_set: int = 0
    rows: NDArray[np.integer] | None = field(default=None, repr=False)
    validation_rows: NDArray[np.integer] | None = field(default=None, repr=False)
    score: Callable[[NDArray], float] | None = field(default=None, repr=False)
    team: Hashable = None
    stop_epoch: int | None = None
    n_seen: int | None = None
    resume: FittedNetwork | None = field(default=None, repr=False)
    continues: bool = False

    @property
    def n_epochs_done(self) -> int:
        """Epochs that the network has behind it."""
        return 0 if self.resume is None else self.resume.n_iter

    @property
    def resumed_state(self) -> ResumeState | None:
        """Where the optimizer goes on; None where weights alone are a new start.

        Of networks that were validated the best weights are one, unless they go on as
        if they had never paused.
        """
        if self.resume is None:
            return None
        goes_on = self.continues or self.resume.best_score is None
        return self.resume.state if goes_on else None

    @property
    def last_epoch(self) -> int:
        """Epoch after which the network stops at the latest."""
        return self.max_epochs if self.stop_epoch is None else self.stop_epoch


def teams(specs: Sequence[NetworkSpec]) -> list[list[int]]:
    """Indices of networks that stop together; one that stops alone is a team."""
    found: dict[Any, list[int]] = {}
    for i, spec in enumerate(specs):
        alone = ("alone", i)
        name = alone if spec.team is None else ("together", spec.team)
        found.setdefault(name, []).append(i)
    return list(found.values())


@dataclass(frozen=True)
class TrainingOptions:
    """What all networks of one call share.

    Parameters
    ----------
    solver : {"adamw", "sgd"}
        Optimizer.
    learning_rate : {"cosine", "constant"}
        Schedule of the step size.
    n_iter_no_change : int, "auto" or None
        Epochs without a better validation score after which a network stops; "auto"
        has less patience after an early best epoch, None lets it train to the end.
    tol : float
        What counts as better.
    time_limit : float or None
        Seconds.
    keep_state : bool
        Whether the networks are going to be trained further.
    device : str
        Name of a torch device.
    dtype : {"float32", "float64"}
        Precision.
    mixed_precision : bool
        Whether products of matrices are computed in bfloat16.
    n_threads : int or None
        Threads at most; None chooses.
    scales_inputs : bool
        Whether each input has a scale that is trained, by AdamW only.
    """

    solver: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Literal["cosine", "constant"] = "cosine"
    n_iter_no_change: int | Literal["auto"] | None = None
    tol: float = 0.0
    time_limit: float | None = None
    keep_state: bool = False
    device: str = "cpu"
    dtype: Literal["float32", "float64"] = "float32"
    mixed_precision: bool = False
    n_threads: int | None = None
    scales_inputs: bool = False


class TrainingRequest(NamedTuple):
    """What an estimator wants trained: the arguments of `fit_networks`.

    Parameters
    ----------
    specs : list of NetworkSpec
        The networks.
    training_sets : list of TrainingSet
        The data that they name.
    loss : Loss
        What is minimised.
    options : TrainingOptions
        What they share.
    output_shifts : list of tuple of ndarray, or None
        Factor and summand that take outputs of each network to the estimator's scale;
        None where they are on it. Not an argument of `fit_networks`.
    """

    specs: list[NetworkSpec]
    training_sets: list[TrainingSet]
    loss: Any
    options: TrainingOptions
    output_shifts: Sequence[tuple[NDArray, NDArray] | None] | None = None


#: Called after each epoch with a function that returns the networks as they are, None
#: for those that have not begun; training stops where it returns True.
EpochEnd: TypeAlias = Callable[[Callable[[], Sequence[FittedNetwork | None]]], bool]
