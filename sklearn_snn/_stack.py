"""A stack of networks in training: its parameters, its step, the end of its epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_snn._batches import Batch, StackRows, training_rows, validation_rows
from sklearn_snn._clock import Clock
from sklearn_snn._dropout import StackedAlphaDropout
from sklearn_snn._evaluation import Evaluation, Outputs
from sklearn_snn._flat_parameters import (
    has_scales,
    join_parameters,
    split_parameters,
)
from sklearn_snn._input_scales import with_scales, without_scales
from sklearn_snn._losses import Loss
from sklearn_snn._optimizers import SOLVERS, schedule_factor
from sklearn_snn._propagation import forward_pass
from sklearn_snn._records import Record
from sklearn_snn._rows import LabelledRows, as_tensor
from sklearn_snn._specs import (
    FittedNetwork,
    NetworkSpec,
    ResumeState,
    StopReason,
    TrainingOptions,
    teams,
)
from sklearn_snn._stacked_module import StackedSNN

#: Numbers that one layer may hold while validation rows are evaluated.
_EVALUATION_SIZE = 2**20


class _Scores(NamedTuple):
    """Scores on the held-out rows, of shape (n_networks,)."""

    #: Of those who stop together, one for all of them.
    team: NDArray[np.float64]
    own: NDArray[np.float64]

    def of(self, i: int) -> tuple[float, float]:
        """Those of one network."""
        return float(self.team[i]), float(self.own[i])


class Stack:
    """Networks of equal layer sizes and batch size, trained side by side.

    Parameters
    ----------
    specs : sequence of NetworkSpec
        The networks; either all of them or none have validation rows.
    sets : sequence of LabelledRows
        The training sets that they name.
    criterion : Loss
        What is minimised.
    options : TrainingOptions
        What they share.
    clock : Clock
        The time limit.

    Attributes
    ----------
    module : StackedSNN
        The networks still in training.
    optimizer : StackOptimizer
        Theirs.
    records : list of Record
        How far each of them has come.
    """

    def __init__(
        self,
        specs: Sequence[NetworkSpec],
        sets: Sequence[LabelledRows],
        criterion: Loss,
        options: TrainingOptions,
        clock: Clock,
    ) -> None:
        self.criterion, self.batch_size = criterion, specs[0].batch_size
        self._specs, self._sets = specs, sets
        self._options, self._clock = options, clock
        self._dtype = getattr(torch, options.dtype)
        self._device = torch.device(options.device)
        self._finished: dict[NetworkSpec, FittedNetwork] = {}
        self.records = [Record.begin(spec) for spec in specs]
        self._gather_rows()
        sizes = specs[0].layer_sizes
        n_scales = sizes[0] if options.scales_inputs else 0
        start = np.stack([self._initial_parameters(i) for i in range(len(specs))])
        self.module = StackedSNN(
            sizes,
            as_tensor(start, self._dtype, self._device),
            n_scales,
            options.mixed_precision,
        )
        self.optimizer = SOLVERS[options.solver](self.module.flat, n_scales)
        self._load_moments()
        self._gather_settings()
        self._score_resumed()

    def _initial_parameters(self, i: int) -> NDArray:
        record, sizes = self.records[i], self.records[i].spec.layer_sizes
        if record.spec.resumed_state is not None:
            parameters = record.spec.resumed_state.parameters
        elif record.spec.resume is not None:
            parameters = join_parameters(record.spec.resume.weights)
        else:
            rows = self.rows.networks[i]
            target = rows.data.target_array[rows.indices]
            outputs = self.criterion.first_outputs(target, rows.weight, sizes[-1])
            parameters = record.drawn_parameters(outputs)
        # Those of an earlier training may be from another solver.
        had = has_scales(parameters, sizes)
        if had and not self._options.scales_inputs:
            return without_scales(parameters, *sizes[:2])
        if self._options.scales_inputs and not had:
            return with_scales(parameters, sizes[0])
        return parameters

    # Gathering ------------------------------------------------------------------

    def _load_moments(self) -> None:
        state = self.optimizer.state
        for i, spec in enumerate(self._specs):
            if spec.resume is not None and spec.resume.state is not None:
                saved = spec.resume.state
                self.optimizer.n_steps[i] = saved.n_steps
                # Another solver has other moments, and perhaps no scales of inputs.
                for name, moment in zip(
                    self.optimizer.moments, saved.moments, strict=False
                ):
                    if name != "average" or spec.resumed_state is not None:
                        values = moment[-state[name].shape[1] :]
                        known = as_tensor(values, self._dtype, self._device)
                        state[name][i, -len(known) :] = known

    def _gather_rows(self) -> None:
        """Put the rows of the networks in the stack side by side."""
        specs = [record.spec for record in self.records]
        rows = [training_rows(spec, self._sets) for spec in specs]
        self.rows = StackRows(rows, self._dtype, self._device)
        held_out = validation_rows(specs, self._sets)
        self.validation_rows = (
            StackRows(held_out, self._dtype, self._device) if held_out else None
        )

    def _gather_settings(self) -> None:
        """Put side by side what else the networks in the stack differ in."""
        specs = [record.spec for record in self.records]
        rates = [spec.dropout for spec in specs]
        self._dropout = StackedAlphaDropout(rates, self._dtype, self._device)
        self._has_dropout = any(rates)
        self._teams = teams(specs)
        smoothing = [spec.label_smoothing for spec in specs]
        self.smoothing = (
            self._column(smoothing).unsqueeze(-1) if any(smoothing) else None
        )
        self._set_step_sizes()

    def _column(self, values: Any) -> Tensor:
        """One number a network, of shape (n_networks, 1)."""
        column = torch.as_tensor(values, dtype=self._dtype, device=self._device)
        return column.view(-1, 1)

    def _set_step_sizes(self) -> None:
        rates = [record.learning_rate for record in self.records]
        decays = [record.spec.weight_decay for record in self.records]
        # A lone network has plain numbers, which a scheduler can change.
        is_lone = len(rates) == 1
        self.optimizer.settings.update(
            lr=rates[0] if is_lone else rates,
            weight_decay=decays[0] if is_lone else decays,
        )

    def _score_resumed(self) -> None:
        """Let networks that go on keep what they have until it gets better."""
        resumed = [
            record.spec.resume is not None and not record.spec.continues
            for record in self.records
        ]
        if not any(resumed):
            return
        scores = self._validate(np.array(resumed))
        if scores is None:
            return
        for i in np.flatnonzero(resumed).tolist():
            record, weights = self.records[i], self.optimizer.weights[i]
            record.keep_best(*scores.of(i), weights, record.best_epoch)

    # Steps ----------------------------------------------------------------------

    def training_batches(self) -> Iterator[Batch]:
        """Batches of an epoch, with the optimizer set for the step of each."""
        self._generators = [
            record.generator(record.n_epochs + 1) for record in self.records
        ]
        orders = [
            generator.permutation(len(rows))
            for generator, rows in zip(
                self._generators, self.rows.networks, strict=True
            )
        ]
        takes_part = self.rows.counts(self.batch_size) > 0
        self.optimizer.horizon = takes_part.sum(axis=0)
        batches = self.rows.batches(self.batch_size, orders)
        for active, factor, batch in zip(
            takes_part, self._factors(takes_part), batches, strict=True
        ):
            self.optimizer.active, self.optimizer.factor = active, factor
            yield batch
            if (reason := self._clock.reason_to_stop) is not None:
                self.stop_all(reason)
                break

    def _factors(self, takes_part: NDArray[np.bool_]) -> Iterator[NDArray]:
        """The schedule's factors in each step of an epoch, of shape (n_networks,).

        Parameters
        ----------
        takes_part : ndarray of bool of shape (n_steps, n_networks)
            Which networks have rows in which steps.
        """
        specs = [record.spec for record in self.records]
        planned = np.array([spec.max_epochs for spec in specs])
        done = np.array([record.n_epochs for record in self.records])
        steps = np.arange(len(takes_part))[:, np.newaxis]
        of_epoch = np.minimum(steps / takes_part.sum(axis=0), 1)
        progress = (done + of_epoch) / planned
        schedule = self._options.learning_rate
        if self._options.time_limit is None:
            yield from schedule_factor(schedule, progress)
            return
        # Who pauses in the middle of a schedule has its time until there.
        pause = np.array([spec.last_epoch for spec in specs]) / planned
        for row in progress:
            in_time = self._clock.progress * pause
            yield schedule_factor(schedule, np.maximum(row, in_time))

    def step(self, batch: Batch) -> Tensor:
        """Train all networks on a batch; returns their losses, (n_networks,)."""
        dropout = self.draw_dropout(batch.x.shape[1])
        with torch.no_grad():
            raw, passed = self.module.outputs(batch.x, *dropout)
            losses = self.criterion(raw, batch.target, self.smoothing)
            # Of a sum over networks, each one's gradient is that of its own loss.
            grad = self.criterion.gradient(raw, batch.target, self.smoothing)
            self.module.backward(passed, grad * batch.weight.unsqueeze(-1))
            self.optimizer.step()
            return (losses * batch.weight).sum(1)

    def draw_dropout(self, n_samples: int) -> tuple[Any, ...]:
        """What the module takes in training beside rows, of which there are so many."""
        if not self._has_dropout:
            return ()
        widths = self.module.sizes[1:-1]
        # A small last batch draws as much, so as to draw the same in any stack.
        masks = self._dropout.draw(self._generators, self.batch_size, widths)
        return self._dropout, [mask[:, :n_samples] for mask in masks]

    # The end of an epoch --------------------------------------------------------

    def close_epoch(self, batch_losses: Tensor) -> None:
        """Note losses and scores; decide which networks have diverged or stop.

        Parameters
        ----------
        batch_losses : Tensor of shape (n_steps, n_networks)
            Loss of each step.
        """
        losses = self.rows.mean_over_batches(batch_losses, self.batch_size)
        flat = self.module.flat.detach()
        is_sound = np.isfinite(losses) & flat.isfinite().all(1).cpu().numpy()
        scores = self._validate(is_sound)
        for record, loss in zip(self.records, losses.tolist(), strict=True):
            record.n_epochs += 1
            record.loss_curve.append(loss)
        if scores is not None:
            is_sound &= np.isfinite(scores.own)
            self._add_scores(scores, is_sound)
        for record in self.records:
            reason = record.reason_to_stop(self._options.n_iter_no_change)
            record.stopped_by = record.stopped_by or reason
        is_sound &= self._ends_well()
        for team in self._teams:
            if not is_sound[team].all():
                self._restart_or_give_up(team)

    def _add_scores(self, scores: _Scores, is_sound: NDArray[np.bool_]) -> None:
        weights = self.optimizer.weights
        for team in self._teams:
            if is_sound[team].all():
                for i in team:
                    self.records[i].add_score(
                        *scores.of(i), weights[i], self._options.tol
                    )

    def _ends_well(self) -> NDArray[np.bool_]:
        """Whether each network, if it stops without validation, predicts numbers.

        The loss of an epoch is from before its last step, which may have been too far.
        """
        unproven = [
            record.stopped_by is not None and record.best_weights is None
            for record in self.records
        ]
        if not any(unproven):
            return np.ones(len(unproven), dtype=bool)
        batch = next(self.rows.batches(self.batch_size))
        is_finite = self.outputs(batch.x).isfinite().flatten(1).all(1).cpu().numpy()
        return is_finite | ~np.array(unproven)

    def _restart_or_give_up(self, team: Sequence[int]) -> None:
        """Give networks, one of which diverged, another try with a tenth of the step.

        One that was resumed is given up at once: its owner has the old weights.
        """
        for i in team:
            record = self.records[i]
            if record.has_restarted or record.spec.resume is not None:
                record.stopped_by = "diverged"
                continue
            fresh = Record(record.spec, record.learning_rate / 10, has_restarted=True)
            self.records[i] = fresh
            parameters = self._initial_parameters(i)
            self.module.flat.data[i] = as_tensor(parameters, self._dtype, self._device)
            self.optimizer.restart(i)
        self._set_step_sizes()

    def outputs(self, x: Tensor) -> Tensor:
        """Outputs without dropout, of shape (n_networks, n_samples, n_outputs)."""
        with torch.no_grad():
            layers = self.module.layers_of(self.optimizer.weights)
            return forward_pass(layers, x)[0]

    def _validate(self, is_sound: NDArray[np.bool_]) -> _Scores | None:
        """Scores on the held-out rows; NaN where weights are not numbers."""
        held_out = self.validation_rows
        if held_out is None:
            return None
        widest = max(self.module.sizes) * len(self.records)
        size = min(max(_EVALUATION_SIZE // widest, 1), held_out.n_samples)
        with torch.no_grad():
            layers = self.module.layers_of(self.optimizer.weights)
            blocks = [
                Outputs(forward_pass(layers, x)[0], target, weight)
                for x, target, weight in held_out.batches(size)
            ]
        mean = partial(held_out.mean_over_batches, batch_size=size)
        evaluation = Evaluation(self.criterion, blocks, mean)
        scores = _Scores(evaluation.team_scores(self._teams), evaluation.scores())
        if any(record.spec.score is not None for record in self.records):
            raw = torch.cat([block.raw for block in blocks], dim=1)
            self._ask_scorers(raw.cpu().double().numpy(), is_sound, scores)
        return scores

    def _ask_scorers(
        self, raw: NDArray, is_sound: NDArray[np.bool_], scores: _Scores
    ) -> None:
        """Put in the user's scores; that of a team is their mean.

        Parameters
        ----------
        raw : ndarray of shape (n_networks, n_samples, n_outputs)
            Outputs on the held-out rows, of which some networks have fewer.
        is_sound : ndarray of shape (n_networks,)
            Whether weights are numbers.
        scores : _Scores
            What is changed.
        """
        assert self.validation_rows is not None
        for team in self._teams:
            for i in team:
                if (scorer := self.records[i].spec.score) is None:
                    break  # none of the team has one
                outputs = raw[i, : len(self.validation_rows.networks[i])]
                scores.own[i] = scorer(outputs) if is_sound[i] else np.nan
            else:
                scores.team[team] = scores.own[team].mean()

    @property
    def is_impatient(self) -> bool:
        """Whether the user does not want to wait for the end of a step."""
        return self._clock.is_impatient

    def stop_all(self, reason: StopReason) -> None:
        """Have every network stop for this reason, unless it already has one."""
        for record in self.records:
            # Who ends training in the epoch that diverged has nothing to keep.
            is_lost = record.has_restarted and not record.n_epochs
            own = "diverged" if is_lost and reason == "callback" else reason
            record.stopped_by = record.stopped_by or own

    def drop_finished(self) -> None:
        """Take out networks that have stopped, so that nothing is spent on them."""
        running = [i for i, one in enumerate(self.records) if one.stopped_by is None]
        if len(running) == len(self.records):
            return
        for i, record in enumerate(self.records):
            if record.stopped_by is not None:
                self._finished[record.spec] = self._fitted(i)
        self.records = [self.records[i] for i in running]
        if running:
            self.module.keep(running)
            self.optimizer.keep(running)
            self._gather_rows()
            self._gather_settings()

    # What comes out -------------------------------------------------------------

    def fitted(self) -> list[FittedNetwork]:
        """All networks in the order of their specs, as if training stopped now."""
        running = {
            record.spec: self._fitted(i) for i, record in enumerate(self.records)
        }
        fitted = self._finished | running
        return [fitted[spec] for spec in self._specs]

    def _fitted(self, i: int) -> FittedNetwork:
        record = self.records[i]
        latest = self.optimizer.weights[i].cpu().numpy().copy()
        flat = latest if record.best_weights is None else record.best_weights
        return FittedNetwork(
            weights=split_parameters(flat, record.spec.layer_sizes),
            n_iter=record.n_epochs,
            loss_curve=list(record.loss_curve),
            validation_scores=list(record.validation_scores),
            best_epoch=record.n_epochs if flat is latest else record.best_epoch,
            best_score=record.best_score,
            stopped_by=record.stopped_by or "interrupt",
            seed=record.spec.seed,
            n_seen=record.spec.n_seen,
            state=self._resume_state(i) if self._options.keep_state else None,
        )

    def _resume_state(self, i: int) -> ResumeState:
        record, state = self.records[i], self.optimizer.state
        return ResumeState(
            parameters=self.module.flat[i].detach().cpu().numpy().copy(),
            moments=[
                state[name][i].cpu().numpy().copy() for name in self.optimizer.moments
            ],
            n_steps=int(self.optimizer.n_steps[i]),
            learning_rate=record.learning_rate,
            has_restarted=record.has_restarted,
            best_mean_score=record.best_mean_score,
            n_epochs_without_gain=record.n_epochs_without_gain,
        )
