"""The training loop that all kinds of networks share.

Optimizers with their averages of weights, schedule and losses are the library's; so are
the rules of early stopping.
"""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from benchmarks.paper.architectures import StackedNetwork
from sklearn_snn._evaluation import Evaluation, Outputs
from sklearn_snn._optimizers import SOLVERS, schedule_factor
from sklearn_snn._records import LEEWAY, patience

#: Rows that are predicted at once, and from which statistics of batches are renewed.
BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Network:
    """A network to train; those of one kind, depth, width and shape share a stack.

    Rows are indices, None stands for all training rows and for the validation rows of
    the data. Networks of one team stop together, as those of the library do.
    Columns after the first `n_seen` are nothing to a network; None is all.
    """

    kind: str = "snn"
    depth: int = 3
    width: int = 64
    shape: str = "rectangular"
    dropout: float = 0.0
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    seed: int = 0
    rows: np.ndarray | None = field(default=None, repr=False)
    validation_rows: np.ndarray | None = field(default=None, repr=False)
    team: Any = None
    n_seen: int | None = None

    @property
    def stack(self):
        """Equal for networks that can be trained side by side."""
        return self.kind, self.depth, self.width, self.shape

    def generator(self, epoch):
        """Random numbers of an epoch; number 0 draws the initial weights."""
        seeds = np.random.SeedSequence((self.seed, epoch))
        return np.random.Generator(np.random.SFC64(seeds))


@dataclass
class Data:
    """Training rows and, if there are any of their own, validation rows, as tensors."""

    X: torch.Tensor
    target: torch.Tensor
    X_val: torch.Tensor | None = None
    target_val: torch.Tensor | None = None


@dataclass
class Training:
    """How networks are trained.

    `smoothing` is the number of epochs over whose mean validation scores are compared,
    10 in the paper. With `zero_output` networks start with the frequencies of the
    classes, as those of the library do, otherwise with LeCun-normal weights there too.
    With `scales_inputs` their inputs have scales, as in the library's classifiers.
    """

    n_outputs: int
    loss: Any
    solver: str = "adamw"
    schedule: str = "cosine"
    batch_size: int = 32
    max_iter: int = 256
    early_stopping: bool = True
    n_iter_no_change: int | str | None = "auto"
    smoothing: int = 1
    zero_output: bool = True
    scales_inputs: bool = False
    on_epoch: Any = None


@dataclass
class Trained:
    """A trained network: its best state, and the record of its training."""

    network: Network
    state: list
    loss_curve: list
    validation_scores: list
    best_epoch: int
    best_score: float
    stopped_by: str
    seconds: float


def train(networks, data, training):
    """Train networks, those of a stack side by side; returns `Trained` in order."""
    stacks = {}
    for i, network in enumerate(networks):
        stacks.setdefault(network.stack, []).append(i)
    trained = [None] * len(networks)
    for members in stacks.values():
        stack = Stack([networks[i] for i in members], data, training)
        for i, result in zip(members, stack.train(), strict=True):
            trained[i] = result
    return trained


def predict(trained, X, training):
    """Outputs of networks of one stack, of shape (n_networks, n_rows, n_outputs)."""
    module = make_module([one.network for one in trained], X.shape[1], training)
    module.load([one.state for one in trained])
    return outputs(module, X.expand(len(trained), *X.shape)).numpy()


def make_module(networks, n_features, training):
    """The stack of networks at their start."""
    module = StackedNetwork(
        *networks[0].stack,
        n_features=n_features,
        n_outputs=training.n_outputs,
        generators=[network.generator(epoch=0) for network in networks],
        scales_inputs=training.scales_inputs,
    )
    for i, network in enumerate(networks):
        if network.n_seen is not None:
            module.confine(i, network.n_seen)
    return module


def outputs(module, X):
    """Outputs on rows of shape (n_networks, n_rows, n_features), without dropout."""
    module.eval()
    with torch.no_grad():
        return torch.cat([module(part) for part in X.split(BLOCK, dim=1)], dim=1)


class Record:
    """How far one network has come."""

    def __init__(self, network, state):
        self.network, self.state = network, state
        self.loss_curve, self.scores = [], []
        self.best_epoch, self.best_score = 0, -np.inf
        self.top_epoch, self.top_mean = 0, -np.inf
        self.stopped_by = None

    def note(self, means, smoothing, state):
        """Compare the latest scores, each of a whole team, with the best ones."""
        mean = np.mean(means[-smoothing:])
        if mean > self.top_mean:
            self.top_epoch, self.top_mean = len(self.scores), mean
        leeway = 0.0 if self.network.team is None else LEEWAY
        if mean >= self.top_mean - leeway * abs(self.top_mean):
            self.best_epoch, self.best_score = len(self.scores), self.scores[-1]
            self.state = state()

    def reason_to_stop(self, training):
        borne = patience(
            training.n_iter_no_change,
            self.top_epoch,
            is_alone=self.network.team is None,
        )
        n_epochs = len(self.loss_curve)
        if self.scores and borne and n_epochs - self.top_epoch >= borne:
            return "early_stopping"
        return "max_iter" if n_epochs >= training.max_iter else None


class Stack:
    """Networks of equal shape in training."""

    def __init__(self, networks, data, training):
        self.data, self.training = data, training
        n_features = data.X.shape[1]
        self.module = make_module(networks, n_features, training)
        n_scales = n_features if training.scales_inputs else 0
        self.optimizer = SOLVERS[training.solver](self._parameter(), n_scales)
        self.records = [
            Record(network, self.module.state(i)) for i, network in enumerate(networks)
        ]
        self.everything = list(self.records)
        self.means = {self._team(record): [] for record in self.records}
        if training.zero_output:
            self._begin_with_frequencies()
        self._gather()

    def _parameter(self):
        return torch.nn.Parameter(self.module.flat, requires_grad=False)

    def _team(self, record):
        team = record.network.team
        return id(record) if team is None else ("team", team)

    def _rows(self, network):
        return np.arange(len(self.data.X)) if network.rows is None else network.rows

    def _begin_with_frequencies(self):
        output = self.module.output
        with torch.no_grad():
            output.weight.zero_()
            for i, record in enumerate(self.records):
                target = self.data.target[self._rows(record.network)].numpy()
                first = self.training.loss.first_outputs(
                    target, np.ones(len(target)), self.training.n_outputs
                )
                output.bias[i] = torch.as_tensor(first, dtype=output.bias.dtype)

    def _gather(self):
        """Put side by side what the networks in the stack differ in."""
        networks = [record.network for record in self.records]
        rates = [network.dropout for network in networks]
        self.dropout = self.module.dropout(rates) if any(rates) else None
        is_lone = len(networks) == 1
        rates = [network.learning_rate for network in networks]
        decays = [network.weight_decay for network in networks]
        self.optimizer.settings.update(
            lr=rates[0] if is_lone else rates,
            weight_decay=decays[0] if is_lone else decays,
        )
        self.teams = {}
        for i, record in enumerate(self.records):
            self.teams.setdefault(self._team(record), []).append(i)
        self.held_out = self._held_out() if self.training.early_stopping else None

    # Epochs ---------------------------------------------------------------------------

    def train(self):
        """Train all networks to their end."""
        start = time.perf_counter()
        epoch = 0
        while self.records:
            epoch += 1
            losses = self._train_epoch(epoch)
            self._close_epoch(losses)
            if self.training.on_epoch is not None:
                self.training.on_epoch(epoch, self.module)
            self._drop_finished()
        # Of a stack, each network's share by its epochs.
        per_epoch = time.perf_counter() - start
        per_epoch /= sum(len(record.loss_curve) for record in self.everything)
        return [self._trained(record, per_epoch) for record in self.everything]

    def _train_epoch(self, epoch):
        """Mean losses of an epoch, of shape (n_networks,)."""
        self.module.train()
        generators = [record.network.generator(epoch) for record in self.records]
        batches = self._batches(generators)
        self.optimizer.horizon = np.full(len(self.records), len(batches))
        total, n_rows = 0.0, 0
        for step, rows in enumerate(batches):
            progress = (epoch - 1 + step / len(batches)) / self.training.max_iter
            factor = schedule_factor(self.training.schedule, np.array([progress]))
            self.optimizer.factor = np.full(len(self.records), factor[0])
            losses = self._step(rows, generators)
            total, n_rows = total + losses * rows.shape[1], n_rows + rows.shape[1]
        return (total / n_rows).numpy()

    def _batches(self, generators):
        """Indices of rows of each step, of shape (n_networks, n_rows)."""
        rows = [self._rows(record.network) for record in self.records]
        # Whoever has a row more leaves one out, another one each epoch, and batches are
        # of about one size: statistics of a batch need rows, and no padding.
        n_rows = min(map(len, rows))
        orders = [
            generator.permutation(own)[:n_rows]
            for generator, own in zip(generators, rows, strict=True)
        ]
        n_batches = -(-n_rows // self.training.batch_size)
        return torch.from_numpy(np.stack(orders)).tensor_split(n_batches, dim=1)

    def _step(self, rows, generators):
        x, target = self._seen(rows), self.data.target[rows]
        masks = ()
        if self.dropout is not None:
            masks = self.dropout.draw(generators, rows.shape[1], self.module.widths)
        raw = self.module(x, self.dropout, masks)
        losses = self.training.loss(raw, target).mean(dim=1)
        # Of a sum over networks, each one's gradient is that of its own loss.
        self.optimizer.flat.grad = self.module.gradient(losses.sum())
        with torch.no_grad():
            self.optimizer.step()
        return losses.detach()

    def _seen(self, rows):
        """Inputs at indices of shape (n_networks, n_rows)."""
        x = self.data.X[rows]
        for i, record in enumerate(self.records):
            if record.network.n_seen is not None:
                x[i, :, record.network.n_seen :] = 0.0
        return x

    # The end of an epoch --------------------------------------------------------------

    def _held_out(self):
        """Rows, targets and weights of validation rows, padded to equal numbers."""
        networks = [record.network for record in self.records]
        if networks[0].validation_rows is None:
            n_networks = len(networks)
            X, target = self.data.X_val, self.data.target_val
            weight = torch.full((n_networks, len(X)), 1 / len(X))
            shapes = [(n_networks, *part.shape) for part in (X, target)]
            return X.expand(shapes[0]), target.expand(shapes[1]), weight
        most = max(len(network.validation_rows) for network in networks)
        rows = np.zeros((len(networks), most), dtype=np.int64)
        weight = torch.zeros(rows.shape)
        for i, network in enumerate(networks):
            n_rows = len(network.validation_rows)
            rows[i, :n_rows] = network.validation_rows
            weight[i, :n_rows] = 1 / n_rows
        return self.data.X[rows], self.data.target[rows], weight

    def _validation_scores(self):
        """Scores of the networks, and of their teams, both of shape (n_networks,)."""
        X, target, weight = self.held_out
        block = Outputs(outputs(self.module, X), target, weight)
        evaluation = Evaluation(self.training.loss, [block], lambda of: of[0].numpy())
        with torch.no_grad():
            return evaluation.scores(), evaluation.team_scores([*self.teams.values()])

    @contextmanager
    def _averages_in_place(self):
        """Have the module be what is predicted with: averages, where there are any."""
        if "average" not in self.optimizer.state:
            yield
            return
        own = [self.module.flat, *self.module.buffers()]
        latest = [one.clone() for one in own]
        self.module.flat.copy_(self.optimizer.weights)
        self._renew_statistics()
        try:
            yield
        finally:
            for one, values in zip(own, latest, strict=True):
                one.copy_(values)

    def _renew_statistics(self):
        """Batch norm's averages are of other weights."""
        if not list(self.module.buffers()):
            return
        draw = np.random.default_rng(0).permutation
        rows = [draw(self._rows(record.network))[:BLOCK] for record in self.records]
        n_rows = min(map(len, rows))
        every = torch.from_numpy(np.stack([one[:n_rows] for one in rows]))
        self.module.learn_statistics(self._seen(every))

    def _close_epoch(self, losses):
        with self._averages_in_place():
            self._score(losses)

    def _score(self, losses):
        is_sound = np.isfinite(losses)
        is_sound &= self.module.flat.isfinite().all(dim=1).numpy()
        if self.held_out is not None:
            scores, of_teams = self._validation_scores()
            is_sound &= np.isfinite(scores)
        for i, record in enumerate(self.records):
            record.loss_curve.append(float(losses[i]))
            if self.held_out is not None:
                record.scores.append(float(scores[i]))
        for team, members in self.teams.items():
            if self.held_out is not None and is_sound[members].all():
                self.means[team].append(of_teams[members[0]])
            self._close_team(team, members, is_sound[members].all())

    def _close_team(self, team, members, is_sound):
        records = [self.records[i] for i in members]
        for i, record in zip(members, records, strict=True):
            if not is_sound:
                record.stopped_by = "diverged"
                continue
            if self.held_out is not None:
                smoothing = self.training.smoothing
                record.note(
                    self.means[team], smoothing, lambda i=i: self.module.state(i)
                )
            record.stopped_by = record.reason_to_stop(self.training)
            if record.stopped_by and self.held_out is None:
                record.state = self.module.state(i)
                record.best_epoch = len(record.loss_curve)

    def _drop_finished(self):
        running = [i for i, one in enumerate(self.records) if one.stopped_by is None]
        if len(running) == len(self.records):
            return
        self.records = [self.records[i] for i in running]
        if running:
            self.module.keep(running)
            self.optimizer.flat = self._parameter()
            self.optimizer.keep(running)
            self._gather()

    def _trained(self, record, seconds_per_epoch):
        return Trained(
            network=record.network,
            state=record.state,
            loss_curve=record.loss_curve,
            validation_scores=record.scores,
            best_epoch=record.best_epoch,
            best_score=record.best_score,
            stopped_by=record.stopped_by,
            seconds=seconds_per_epoch * len(record.loss_curve),
        )
