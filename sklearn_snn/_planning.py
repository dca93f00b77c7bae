"""Which networks a fit wants: their sizes and seeds, and when they stop."""

import warnings
from abc import abstractmethod
from dataclasses import replace

import numpy as np

from sklearn_snn._devices import has_bfloat16, resolve_device
from sklearn_snn._layers import layer_sizes, sizes_of
from sklearn_snn._members import Member, MembersEstimator
from sklearn_snn._scoring import ValidationScore
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingRequest

#: Rows from which on ``early_stopping="auto"`` spares some for a lone network, and lets
#: several stop together.
_ENOUGH_TO_VALIDATE = 1000

#: Every such network sees the numbers without their pieces: kinks hurt where a function
#: is smooth, and networks that err differently are better together. Over 13 tables the
#: mean of eight has .988 of the loss that it has without these two.
_PLAIN_NETWORK = 4

#: Peak step size of networks of at most so many hidden layers. Deeper ones bear less:
#: over 26 tables the median loss of 32 layers is 1.23 times that of three with the
#: same step, and 1.03 times with a quarter of it.
_STEP_SIZE, _DEEP = 3e-3, 8

#: Columns of a table from which on the inputs of classifiers have scales that are
#: trained. With fewer there is little to choose from, and in regressions it does harm:
#: the steps of scales keep a smooth function from being learned closely.
_MANY_COLUMNS = 10

#: Parameters that are read when networks are planned and trained, not when a table is
#: encoded: estimators that differ in these only see the same data.
TRAINING_PARAMETERS = frozenset(
    {
        "batch_size",
        "checkpoint",
        "checkpoint_interval",
        "cv",
        "depth",
        "device",
        "dropout",
        "early_stopping",
        "label_smoothing",
        "layer_form",
        "learning_rate",
        "learning_rate_init",
        "max_iter",
        "mixed_precision",
        "n_estimators",
        "n_iter_no_change",
        "n_threads",
        "oof_score",
        "random_state",
        "refit",
        "scoring",
        "solver",
        "time_limit",
        "tol",
        "validation_fraction",
        "weight_decay",
        "width",
    }
)


def peak_step_size(depth):
    """What ``learning_rate_init="auto"`` is for networks of so many hidden layers."""
    return _STEP_SIZE * min(1.0, _DEEP / depth)


class PlanningEstimator(MembersEstimator):
    """Plans the networks of a fit; the hooks at the end say what they learn."""

    def _decide_to_stop(self, data):
        if self.early_stopping != "auto":
            return bool(self.early_stopping)
        has_split = data.validation is not None or self.cv is not None or self.oof_score
        # The folds of several networks are all rows together, and lost to none.
        has_split |= self.n_estimators > 1 and data.training_set.X.shape[0] > 1
        return has_split or data.training_set.X.shape[0] >= _ENOUGH_TO_VALIDATE

    def _check_combination(self, has_validation):
        """Refuse what cannot be had together."""
        conflicts = {
            "X_val and y_val are passed to fit while early_stopping is False; set it "
            "to True or 'auto', or leave them out": (
                has_validation and not self.early_stopping
            ),
            "refit=True has no use for X_val, since all rows of X are trained on "
            "anyway; leave X_val out, or join it to X": (self.refit and has_validation),
            "refit=True and warm_start=True exclude each other: the networks that "
            "are refitted are not those that found the number of epochs": (
                self.refit and self.warm_start
            ),
            "oof_score=True and warm_start=True exclude each other: the networks may "
            "have seen the rows in an earlier fit": self.oof_score and self.warm_start,
            "networks stop together (refit=True or early_stopping='joint') only when "
            "they are trained side by side, which callbacks do not allow": (
                self._stops_jointly and self.callbacks is not None
            ),
            "checkpoint and callbacks exclude each other: what skorch's callbacks "
            "remember is not in the file": (
                self.checkpoint is not None and self.callbacks is not None
            ),
            "checkpoint needs random_state to be a number: with None, a fit that is "
            "started again is another one": (
                self.checkpoint is not None and self.random_state is None
            ),
        }
        for message in (message for message, is_met in conflicts.items() if is_met):
            raise ValueError(message)

    @property
    def _stops_jointly(self):
        return self.refit or self.early_stopping == "joint"

    def _request(self, data, members, stops, **options):
        """What is to be trained: one network a member."""
        sets = _distinct([data.training_set, *(one.training_set for one in members)])
        specs = self._specs(data, members, sets, stops)
        n_rows = data.training_set.X.shape[0]
        if stops and len(specs) > 1 and self._stop_together(specs, n_rows):
            # Those that join others later have a past of their own.
            specs = [replace(spec, team=spec.n_epochs_done) for spec in specs]
        options = {
            "n_iter_no_change": self.n_iter_no_change if stops else None,
            "keep_state": self.warm_start,
            "scales_inputs": self._scales_inputs(data.training_set),
        } | options
        return TrainingRequest(
            specs,
            sets,
            self._make_loss(data.training_set),
            self._options(**options),
            [member.output_shift for member in members],
        )

    def _specs(self, data, members, sets, stops):
        """The network of each member, which may go on from an earlier one."""
        rows = [self._spec_rows(data, sets, one, stops) for one in members]
        seeds = self._random_state().randint(np.iinfo(np.int32).max, size=len(members))
        shared = {
            "batch_size": self._batch_size(max(_n_rows(sets, one) for one in rows)),
            "max_epochs": self.max_iter,
            "learning_rate": self._step_size,
            "weight_decay": self.weight_decay,
            "dropout": self.dropout,
            "label_smoothing": self._label_smoothing,
        }
        specs = [
            NetworkSpec(
                layer_sizes=self._layer_sizes(sets[one["training_set"]]),
                seed=int(seed),
                n_seen=_n_seen(sets[one["training_set"]], i),
                **shared,
                **one,
            )
            for i, (seed, one) in enumerate(zip(seeds, rows, strict=True))
        ]
        before = self._resumed_networks(sets[0]) if data.resumes else []
        for i, network in enumerate(before[: len(specs)]):
            specs[i] = replace(
                specs[i], resume=network, seed=network.seed, n_seen=network.n_seen
            )
        return specs

    def _stop_together(self, specs, n_rows):
        """Whether networks for a table of `n_rows` rows stop at one epoch."""
        sizes = sorted({spec.layer_sizes[0] for spec in specs})
        if self._stops_jointly:
            if len(sizes) == 1:
                return True
            raise ValueError(
                "networks that stop together must have equal sizes, but `preprocessor` "
                f"made different numbers of columns in the folds, {sizes}; let each "
                "stop on its own, with early_stopping=True and refit=False"
            )
        # With few rows the networks are best at epochs of their own. But chosen by so
        # few held-out rows, these would flatter the predictions of just those rows.
        is_wanted = self.early_stopping == "auto" and (
            self.oof_score or n_rows >= _ENOUGH_TO_VALIDATE
        )
        return is_wanted and self.callbacks is None and len(sizes) == 1

    def _spec_rows(self, data, sets, member, stops):
        """The data of the spec of a member, whose training set is one of these."""
        rows = {"training_set": 0, "rows": None, "validation_rows": None}
        if member.training_set is not None:
            places = [one is member.training_set for one in sets]
            rows["training_set"] = places.index(True)
        if member.rows is not None and not member.is_apart:
            rows["rows"] = data.positions(member.rows)
            if stops and data.validation is None:
                rows["validation_rows"] = data.positions(member.held_out)
        if stops and self.scoring != "loss":
            from sklearn.metrics import check_scoring  # slow to import

            unseen = data.validation or data.table.take(data.counted(member.held_out))
            scorer = check_scoring(self, scoring=self.scoring)
            rows["score"] = ValidationScore(self, scorer, unseen, member.output_shift)
        return rows

    def _refit_request(self, data, networks):
        """The members again, on all rows, as long as was best on average."""
        members = [Member()] * len(networks)
        limit = {"time_limit": self._time_of_a_round}
        request = self._request(data, members, stops=False, **limit)
        # A schedule that had to end in time was as long as it was.
        ended_in_time = networks[0].stopped_by == "time_limit"
        length = networks[0].n_iter if ended_in_time else self.max_iter
        specs = [
            replace(
                spec,
                max_epochs=length,
                stop_epoch=networks[0].best_epoch,
                n_seen=network.n_seen,
            )
            for spec, network in zip(request.specs, networks, strict=True)
        ]
        return request._replace(specs=specs)

    @property
    def _time_of_a_round(self):
        """Seconds for each of the two rounds of a fit that is repeated on all rows."""
        return None if self.time_limit is None else self.time_limit / 2

    def _layer_sizes(self, training_set):
        return layer_sizes(
            training_set.n_inputs,
            self.n_outputs_,
            int(self.depth),
            int(self.width),  # a small numpy integer would overflow
            self.layer_form,
        )

    def _resumed_networks(self, training_set):
        sizes = self._layer_sizes(training_set)
        had = sizes_of(self.networks_[0].weights)
        if had != sizes:
            raise ValueError(
                f"a network of layer sizes {had} cannot go on training with {sizes}; "
                "keep depth, width and layer_form, or fit a new estimator"
            )
        return self.networks_

    @property
    def _step_size(self):
        if self.learning_rate_init == "auto":
            return peak_step_size(self.depth)
        return self.learning_rate_init

    def _scales_inputs(self, training_set):
        """Whether inputs have scales: those of classifiers, where columns are many."""
        # A list of texts has no columns before they are counted words.
        n_columns = getattr(self, "n_features_in_", training_set.X.shape[1])
        has_many = n_columns >= _MANY_COLUMNS
        return self.solver == "adamw" and self._can_scale_inputs and has_many

    def _batch_size(self, n_samples):
        if self.batch_size == "auto":
            wanted = 2 ** round(np.log2(max(n_samples / 50, 1)))
            return int(min(np.clip(wanted, 16, 256), n_samples))
        if self.batch_size > n_samples:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the {n_samples} training "
                "rows; all of them make one batch",
                UserWarning,
                stacklevel=2,
            )
        return int(min(self.batch_size, n_samples))  # torch takes no numpy integers

    def _options(self, *, trains=True, **chosen):
        defaults = {
            "solver": self.solver,
            "learning_rate": self.learning_rate,
            "time_limit": self.time_limit,
        }
        device = resolve_device(self.device, must_exist=trains)
        return TrainingOptions(
            **defaults | chosen,
            tol=self.tol,
            device=device,
            dtype=self.dtype,
            mixed_precision=trains and self.mixed_precision and self._can_mix(device),
            n_threads=self.n_threads,
        )

    def _can_mix(self, device):
        """Whether a device has units for bfloat16; raise or warn if there is no use."""
        if self.dtype != "float32":
            raise ValueError(
                "mixed_precision=True rounds the products that "
                f"dtype={self.dtype!r} is to keep: leave one of them out"
            )
        if has_bfloat16(device):
            return True
        warnings.warn(
            f"mixed_precision=True has no effect: device={device!r} has no units for "
            "bfloat16, so that all is float32",
            UserWarning,
            stacklevel=2,
        )
        return False

    # Hooks ----------------------------------------------------------------------

    @abstractmethod
    def _make_loss(self, training_set=None):
        """The loss; in training it may depend on the encoded targets."""

    #: Share of the target that is spread over all classes.
    _label_smoothing: float

    #: Whether inputs may have scales, which do harm in regressions.
    _can_scale_inputs: bool


def _distinct(training_sets):
    """Training sets without repetitions, and without None."""
    return list({id(one): one for one in training_sets if one is not None}.values())


def _n_seen(training_set, i):
    """How many inputs member i sees of the training set; None is all."""
    if training_set.pieces is None or i % _PLAIN_NETWORK != _PLAIN_NETWORK - 1:
        return None
    return training_set.X.shape[1]


def _n_rows(sets, spec_rows):
    rows = spec_rows["rows"]
    return sets[spec_rows["training_set"]].X.shape[0] if rows is None else len(rows)
