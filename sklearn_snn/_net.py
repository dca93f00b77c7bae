"""The training loop, as a skorch net: the only file that imports skorch.

Without callbacks the net trains a whole stack of networks and writes down one number
an epoch for each. With skorch callbacks it trains a stack of one the way skorch does,
batch by batch, with its history and its notifications.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from skorch import NeuralNet
from skorch.dataset import Dataset
from torch import Tensor
from torch.optim import Optimizer

from sklearn_snn._batches import NetworkRows
from sklearn_snn._losses import ClassificationLoss, Loss
from sklearn_snn._optimizers import StackOptimizer
from sklearn_snn._rows import as_tensor
from sklearn_snn._specs import EpochEnd, StopReason
from sklearn_snn._stack import Stack


class SNNNet(NeuralNet):
    """Trains a stack of networks.

    Parameters
    ----------
    module : StackedSNN
        The stack's module; a stack of one takes and gives two-dimensional tensors.
    criterion : Loss
        The stack's loss.
    stack : Stack
        What is trained.
    on_epoch : callable or None, default=None
        Called after each epoch with a function that returns the networks.
    batch_size, max_epochs, callbacks
        As in skorch.
    """

    def __init__(
        self,
        module: Any,
        criterion: Loss,
        *,
        stack: Stack,
        on_epoch: EpochEnd | None = None,
        batch_size: int,
        max_epochs: int,
        callbacks: Sequence[Any] | str = "disable",
    ) -> None:
        self.stack = stack
        self.on_epoch = on_epoch
        super().__init__(
            module,
            criterion,
            batch_size=batch_size,
            max_epochs=max_epochs,
            callbacks=callbacks,
            train_split=None,
            verbose=0,  # progress is the estimator's to show
            device=str(stack.module.flat.device),
        )

    def initialize_module(self) -> SNNNet:
        self.module_ = self.stack.module
        return self

    def initialize_criterion(self) -> SNNNet:
        self.criterion_ = self.stack.criterion
        return self

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> SNNNet:
        self.optimizer_: Any = self.stack.optimizer
        return self

    # The loop -------------------------------------------------------------------

    def fit_loop(
        self, X: Any, y: Any = None, epochs: int | None = None, **fit_params: Any
    ) -> SNNNet:
        """Train until every network has stopped."""
        train, valid = self.get_split_datasets(X, y)
        datasets = {"dataset_train": train, "dataset_valid": valid}
        self._after_epoch()  # some may have had all their epochs in an earlier fit
        try:
            while any(record.stopped_by is None for record in self.stack.records):
                self.notify("on_epoch_begin", **datasets)
                self.stack.close_epoch(self._train_for_an_epoch(train, valid))
                self.notify("on_epoch_end", **datasets)
                if self.on_epoch is not None and self.on_epoch(self.stack.fitted):
                    self.stack.stop_all("callback")
                self._after_epoch()
        except KeyboardInterrupt:
            if self.stack.is_impatient:
                raise
            self.stack.stop_all(self._interrupt_reason)
        return self

    _interrupt_reason: StopReason = "interrupt"

    def _after_epoch(self) -> None:
        self.stack.drop_finished()

    def _train_for_an_epoch(
        self, train: Dataset | None, valid: Dataset | None
    ) -> Tensor:
        """One pass over the training rows; returns the losses of its steps."""
        losses = self.stack.rows.loss_buffer(self.stack.batch_size)
        n_steps = 0
        for n_steps, batch in enumerate(self.stack.training_batches(), start=1):
            losses[n_steps - 1] = self.stack.step(batch)
        return losses[:n_steps]

    def get_split_datasets(
        self, X: Any, y: Any = None, **fit_params: Any
    ) -> tuple[Dataset | None, Dataset | None]:
        """A stack has its rows already."""
        return None, None


class _WeightedRows(Dataset):
    """A skorch dataset of the rows of one network, with their weights."""

    def __init__(self, rows: NetworkRows) -> None:
        indices = torch.from_numpy(rows.indices)
        super().__init__(rows.data.inputs(indices), rows.data.target[indices])
        self.weight = as_tensor(rows.weight, None, torch.device("cpu"))


class _TrainingBatches:
    """What skorch iterates over: new batches each time, as many as rows ask for."""

    def __init__(self, net: LoneNet) -> None:
        self._net = net

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for x, target, weight in self._net.stack.training_batches():
            self._net.batch_weight_ = weight
            yield x[0], target[0]


class _TorchOptimizer(Optimizer):
    """A stack's optimizer as torch and skorch's callbacks know them."""

    def __init__(self, optimizer: StackOptimizer) -> None:
        super().__init__([optimizer.flat], dict(optimizer.settings))
        self._optimizer = optimizer
        # Whoever changes a step size changes it for both.
        optimizer.settings = self.param_groups[0]
        self.state[optimizer.flat] = optimizer.state

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Compute the gradients with `closure` and update all parameters once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            self._optimizer.step()
        return loss


class LoneNet(SNNNet):
    """Trains a stack of one as an ordinary skorch net, for skorch's callbacks.

    Batches are pairs of shape (n_samples, n_features) and (n_samples[, n_outputs]);
    `predict` and `predict_proba` speak of encoded classes and scaled targets.
    """

    #: Rows without weights of their own are evaluated in blocks of this many.
    block_size = 1024

    _interrupt_reason: StopReason = "callback"  # how skorch's callbacks end training

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> SNNNet:
        self.optimizer_ = _TorchOptimizer(self.stack.optimizer)
        return self

    def _after_epoch(self) -> None:
        """A finished network stays: its callbacks look at it until the end."""

    def _train_for_an_epoch(
        self, train: Dataset | None, valid: Dataset | None
    ) -> Tensor:
        self.losses_: list[Tensor] = []
        batches = self.get_iterator(train, training=True)
        self.run_single_epoch(batches, True, "train", self.train_step)
        if valid is not None:
            blocks = self.get_iterator(valid, training=False)
            self.run_single_epoch(blocks, False, "valid", self.validation_step)
        return torch.stack(self.losses_)

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Tensor]:
        step = super().train_step(batch, **fit_params)
        self.losses_.append(step["loss"].detach().unsqueeze(0))
        return step

    def get_split_datasets(
        self, X: Any, y: Any = None, **fit_params: Any
    ) -> tuple[Dataset | None, Dataset | None]:
        """The network's training and validation rows."""
        held_out = self.stack.validation_rows
        return (
            _WeightedRows(self.stack.rows.networks[0]),
            None if held_out is None else _WeightedRows(held_out.networks[0]),
        )

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Batches to train on, or blocks of a dataset in its order."""
        return _TrainingBatches(self) if training else self._blocks(dataset)

    def _blocks(self, dataset: Any) -> Iterator[tuple[Tensor, Tensor]]:
        X = torch.as_tensor(dataset.X).to(self.module_.flat)  # its type, and its place
        y = torch.zeros(len(X)) if dataset.y is None else torch.as_tensor(dataset.y)
        weight = getattr(dataset, "weight", torch.ones(len(X)))
        for start in range(0, len(X), self.block_size):
            block = slice(start, start + self.block_size)
            self.batch_weight_ = weight[block].unsqueeze(0) / len(X[block])
            yield X[block], y[block]

    def infer(self, x: Tensor, **fit_params: Any) -> Tensor:
        """Outputs, of shape (n_samples, n_outputs)."""
        x = x.unsqueeze(0)
        if not self.module_.training:
            return self.stack.outputs(x).squeeze(0)
        return self.module_(x, *self.stack.draw_dropout(x.shape[1])).squeeze(0)

    def get_loss(
        self, y_pred: Tensor, y_true: Tensor, X: Any = None, training: bool = False
    ) -> Tensor:
        """Weighted mean of the losses of a batch."""
        smoothing = self.stack.smoothing if training else None
        losses = self.criterion_(y_pred.unsqueeze(0), y_true.unsqueeze(0), smoothing)
        return (losses * self.batch_weight_.to(losses)).sum()

    def _raw(self, X: Any) -> NDArray[np.float64]:
        return self.forward(X).detach().cpu().double().numpy()

    def predict(self, X: Any) -> NDArray:
        """Encoded classes or scaled targets."""
        return self.criterion_.predict(self._raw(X))


class LoneClassifierNet(ClassifierMixin, LoneNet):
    """A lone net that scikit-learn's scorers take for a classifier."""

    criterion_: ClassificationLoss

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Numbers of the classes."""
        return np.arange(max(self.module_.sizes[-1], 2))

    def predict_proba(self, X: Any) -> NDArray[np.floating]:
        """Probabilities of the classes."""
        return self.criterion_.predict_proba(self._raw(X))


class LoneRegressorNet(RegressorMixin, LoneNet):
    """A lone net that scikit-learn's scorers take for a regressor."""


def train_stack(stack: Stack, on_epoch: EpochEnd | None) -> None:
    """Train all networks of a stack until they stop."""
    net = SNNNet(
        stack.module,
        stack.criterion,
        stack=stack,
        on_epoch=on_epoch,
        batch_size=stack.batch_size,
        max_epochs=stack.records[0].spec.max_epochs,
    )
    net.initialize().fit_loop(None)


def train_with_callbacks(
    stack: Stack, on_epoch: EpochEnd | None, callbacks: Sequence[Any]
) -> None:
    """Train a stack of one as an ordinary skorch net."""
    is_classifier = isinstance(stack.criterion, ClassificationLoss)
    net_class = LoneClassifierNet if is_classifier else LoneRegressorNet
    net = net_class(
        stack.module,
        stack.criterion,
        stack=stack,
        on_epoch=on_epoch,
        batch_size=stack.batch_size,
        max_epochs=stack.records[0].spec.max_epochs,
        callbacks=list(callbacks),
    )
    rows = _WeightedRows(stack.rows.networks[0])
    net.initialize().partial_fit(rows.X, rows.y)
