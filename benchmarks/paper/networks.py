"""A scikit-learn classifier around any of the networks that are compared."""

from dataclasses import replace

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from benchmarks.paper.architectures import check_kind
from benchmarks.paper.loop import Data, Network, Training, predict, train
from sklearn_snn._losses import BinaryCrossEntropy, CrossEntropy
from sklearn_snn._planning import (
    _ENOUGH_TO_VALIDATE,
    _PLAIN_NETWORK,
    peak_step_size,
)
from sklearn_snn._splits import member_splits


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """Networks of one kind, trained side by side and averaged.

    Optimizer, schedule, losses and stopping are those of `SNNClassifier`, whose words
    the parameters are; inputs are numbers and are not scaled.

    Parameters
    ----------
    kind : {"snn", "relu", "batch_norm", "layer_norm", "weight_norm", "highway", \
"residual"}
        What hidden layers are. "relu" has He's initialization.
    depth, width : int
        Number of hidden layers, of a residual network blocks, and units of the first.
    shape : {"rectangular", "conic", "diavolo"}
        Hidden layers of equal size or, as in the paper, another shape: falling to the
        number of outputs ("conic"), or, of residual blocks, narrow inside ("diavolo").
    dropout : float
        Rate after each hidden layer: alpha dropout for "snn", else plain dropout.
    learning_rate : float or "auto"
        Peak step size.
    weight_decay : float
        Share of a weight that is lost per unit of step size.
    solver, schedule : str
        "adamw" or "sgd", "cosine" or "constant".
    batch_size : int or "auto"
        Rows of a step.
    max_iter : int
        Epochs at most.
    n_estimators : int
        Networks that are averaged.
    early_stopping : bool
        Whether to stop by the loss on validation rows: together where there are as many
        rows as `SNNClassifier` wants for it.
    n_iter_no_change : int, "auto" or None
        Epochs without gain after which to stop; None trains to the end.
    smoothing : int
        Epochs over whose mean validation losses are compared.
    validation_fraction : float
        Share of the rows to hold out where `fit` is given no `X_val`.
    zero_output : bool
        Whether the last layer starts with the frequencies of the classes.
    scales_inputs : bool
        Whether inputs have scales that are trained with the networks.
    n_plain : int or None
        Columns before those that an encoding adds; every fourth network sees no others.
    random_state : int
        Decides initial weights, order of rows, dropout and validation rows.
    on_epoch : callable or None
        Called after each epoch with its number and the `StackedNetwork`.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes; of a multilabel target the numbers of its columns.
    networks_ : list of Trained
        The networks, with their own curves.
    loss_curve_ : list of float
        Mean training loss of each epoch; a network that stopped stays where it was.
    """

    def __init__(
        self,
        kind="snn",
        depth=3,
        width=64,
        *,
        shape="rectangular",
        dropout=0.0,
        learning_rate="auto",
        weight_decay=0.01,
        solver="adamw",
        schedule="cosine",
        batch_size="auto",
        max_iter=256,
        n_estimators=8,
        early_stopping=True,
        n_iter_no_change="auto",
        smoothing=1,
        validation_fraction=0.125,
        zero_output=True,
        scales_inputs=False,
        n_plain=None,
        random_state=0,
        on_epoch=None,
    ):
        self.kind = kind
        self.depth = depth
        self.width = width
        self.shape = shape
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.solver = solver
        self.schedule = schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.n_estimators = n_estimators
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.smoothing = smoothing
        self.validation_fraction = validation_fraction
        self.zero_output = zero_output
        self.scales_inputs = scales_inputs
        self.n_plain = n_plain
        self.random_state = random_state
        self.on_epoch = on_epoch

    def fit(self, X, y, X_val=None, y_val=None, groups=None):
        """Train the networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes, or labels 0, 1 and NaN for those that were not measured.
        X_val, y_val : array-like or None
            Rows to stop by; None holds out rows of `X`, of a network another part each.
        groups : array-like of shape (n_samples,) or None
            Groups of rows that are held out together.

        Returns
        -------
        self : NetworkClassifier
        """
        check_kind(self.kind, self.shape)
        X, y = check_array(X, dtype=np.float32), np.asarray(y)
        self.n_features_in_ = X.shape[1]
        self._learn_classes(y)
        data = Data(torch.from_numpy(X), self._encode(y))
        if X_val is not None:
            X_val = check_array(X_val, dtype=np.float32)
            data.X_val = torch.from_numpy(X_val)
            data.target_val = self._encode(np.asarray(y_val))
        self.training_ = self._training(len(X))
        networks = self._networks(y, groups, holds_out=X_val is None)
        self.networks_ = train(networks, data, self.training_)
        self.loss_curve_ = mean_curve([one.loss_curve for one in self.networks_])
        return self

    # What the target means ------------------------------------------------------------

    def _learn_classes(self, y):
        self.is_multilabel_ = y.ndim == 2
        self.classes_ = np.arange(y.shape[1]) if self.is_multilabel_ else np.unique(y)
        is_binary = not self.is_multilabel_ and len(self.classes_) == 2
        self._has_logistic_outputs = self.is_multilabel_ or is_binary
        self.n_outputs_ = 1 if is_binary else len(self.classes_)

    def _encode(self, y):
        if self.is_multilabel_:
            return torch.as_tensor(y, dtype=torch.float32)
        target = torch.from_numpy(np.searchsorted(self.classes_, y))
        return target[:, None].float() if self.n_outputs_ == 1 else target

    # What is trained ------------------------------------------------------------------

    def _training(self, n_rows):
        loss = BinaryCrossEntropy() if self._has_logistic_outputs else CrossEntropy()
        return Training(
            n_outputs=self.n_outputs_,
            loss=loss,
            solver=self.solver,
            schedule=self.schedule,
            batch_size=resolve_batch_size(self.batch_size, n_rows),
            max_iter=self.max_iter,
            early_stopping=self.early_stopping,
            n_iter_no_change=self.n_iter_no_change,
            smoothing=self.smoothing,
            zero_output=self.zero_output,
            scales_inputs=self.scales_inputs,
            on_epoch=self.on_epoch,
        )

    def _networks(self, y, groups, *, holds_out):
        random_state = check_random_state(self.random_state)
        seeds = random_state.randint(2**31 - 1, size=self.n_estimators)
        splits = [(None, None)] * self.n_estimators
        if self.early_stopping and holds_out:
            splits = member_splits(
                self.n_estimators,
                len(y),
                labels=None if self.is_multilabel_ else y,
                groups=groups,
                cv=None,
                validation_fraction=self.validation_fraction,
                random_state=random_state,
            )
        names = ["kind", "depth", "width", "shape", "dropout"]
        names += ["learning_rate", "weight_decay"]
        same = {name: getattr(self, name) for name in names}
        if self.learning_rate == "auto":
            same["learning_rate"] = peak_step_size(self.depth)
        is_team = self.n_estimators > 1 and len(y) >= _ENOUGH_TO_VALIDATE
        same["team"] = "all" if is_team else None
        networks = [
            Network(**same, seed=seed, rows=rows, validation_rows=held_out)
            for seed, (rows, held_out) in zip(seeds.tolist(), splits, strict=True)
        ]
        is_last = slice(_PLAIN_NETWORK - 1, None, _PLAIN_NETWORK)
        networks[is_last] = [
            replace(network, n_seen=self.n_plain) for network in networks[is_last]
        ]
        return networks

    # Predictions ----------------------------------------------------------------------

    def predict_members(self, X):
        """Probabilities of each network, of shape (n_networks, n_samples, ...)."""
        check_is_fitted(self)
        X = torch.from_numpy(check_array(X, dtype=np.float32))
        raw = predict(self.networks_, X, self.training_).astype(np.float64)
        return np.stack([self.training_.loss.predict_proba(one) for one in raw])

    def predict_proba(self, X):
        """Probability of each class or label, averaged over the networks."""
        return self.predict_members(X).mean(axis=0)

    def predict(self, X):
        """Most probable classes; of several labels 0 or 1."""
        proba = self.predict_proba(X)
        if self.is_multilabel_:
            return (proba > 0.5).astype(np.int64)
        return self.classes_[proba.argmax(axis=1)]


def resolve_batch_size(batch_size, n_rows):
    """Rows of a step; "auto" is what it is in `SNNClassifier`."""
    if batch_size == "auto":
        batch_size = np.clip(2 ** round(np.log2(max(n_rows / 50, 1))), 16, 256)
    return int(min(batch_size, n_rows))


def mean_curve(curves):
    """Mean of curves of which the shorter ones stay where they ended."""
    most = max(map(len, curves))
    held = [curve + curve[-1:] * (most - len(curve)) for curve in curves]
    return np.mean(held, axis=0).tolist()
