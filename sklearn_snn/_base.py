"""What both estimators do: between scikit-learn's conventions and the waist."""

import warnings
from abc import abstractmethod
from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    check_is_fitted,
)

from sklearn_snn._compat import CallbackSupportMixin, _fit_context
from sklearn_snn._encoding import EncodingEstimator
from sklearn_snn._layers import layer_sizes
from sklearn_snn._progress import report_progress
from sklearn_snn._scoring import ValidationScore
from sklearn_snn._specs import (
    NetworkSpec,
    TrainingOptions,
    TrainingRequest,
    TrainingSet,
)
from sklearn_snn._splits import member_splits
from sklearn_snn._training import (
    fit_networks,
    group_networks,
    predict_networks,
    resolve_device,
)

#: Rows from which on ``early_stopping="auto"`` can spare some to validate on.
_ENOUGH_TO_VALIDATE = 1000

#: Parameters that are read when networks are planned and trained, not when a table is
#: encoded: estimators that differ in these only see the same data.
TRAINING_PARAMETERS = frozenset(
    {
        "batch_size",
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


class BaseSNN(CallbackSupportMixin, EncodingEstimator):
    """Fits networks; the hooks at the end say what their outputs mean."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        groups=None,
    ):
        """Train on a table.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; numbers, unless `preprocessor` makes numbers of them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. A two-dimensional target of a classifier holds labels 0 and 1, and
            NaN where a label was not measured.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. Rows of weight 0 are left out.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate on. In a `Pipeline`, ``transform_input=["X_val"]`` has them
            transformed as `X` is.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.
        groups : array-like of shape (n_samples,), default=None
            Groups of rows that no split tears apart.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If parameters or data are not as described, or training diverges.
        """
        with self._all_or_nothing():
            data = self._read(
                X,
                y,
                sample_weight,
                X_val=X_val,
                y_val=y_val,
                sample_weight_val=sample_weight_val,
                groups=groups,
            )
            self._train(self._rounds(data), _reported(X, y, sample_weight))
        return self

    def _partial_fit(self, X, y, sample_weight, **target):
        """Train for an epoch at a constant step size; see the public methods."""
        resumes = self.__sklearn_is_fitted__()
        with self._all_or_nothing():
            table = self._read_rows(X, y, sample_weight, None, reset=not resumes)
            if resumes:
                self._learn_more(table)
            else:
                self._learn_target(table, **target)
            data = self._encoded(table, None, resumes)
            self._train(self._one_epoch(data), _reported(X, y, sample_weight))
        return self

    def predict_members(self, X):
        """What each network predicts, before they are averaged.

        Their spread, ``predict_members(X).std(axis=0)``, says how much the prediction
        depends on the draw of weights and rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        predictions : ndarray of shape (n_estimators, n_samples, ...)
            Of a classifier the probabilities, as `predict_proba` has them; of a
            regressor the predictions.
        """
        return self._member_predictions(self._outputs(X))

    @property
    def modules_(self):
        """The trained networks as plain modules.

        ``modules_[i](torch.from_numpy(preprocessor_.transform(X)))`` is what member i
        says of dense rows, before the inverse link and in the units of the target.
        """
        from sklearn_snn._modules import sequential_from_weights

        location, scale = self._output_scale()
        modules = []
        for network in self.networks_:
            *below, weight, bias = network.weights
            last = [
                (part * scale + shift).astype(part.dtype)
                for part, shift in ((weight, 0.0), (bias, location))
            ]
            modules.append(sequential_from_weights([*below, *last], self.dropout))
        return modules

    # Training -------------------------------------------------------------------

    def _rounds(self, data):
        """Yield what is to be trained, be sent the networks, learn from them."""
        stops = self._decide_to_stop(data)
        self._check_combination(data)
        members = self._members(data, stops)
        refits = self.refit and stops
        limit = {"time_limit": self._time_of_a_round} if refits else {}
        request = self._request(data, members, stops, **limit)
        # Callbacks predict while training goes on.
        self.member_preprocessors_ = None
        if members[0].preprocessor is not None:
            self.member_preprocessors_ = [one.preprocessor for one in members]
        networks = yield request
        self._complain(networks, data.resumes)
        networks = [
            _with_output_shift(network, self._output_shift(member))
            for network, member in zip(networks, members, strict=True)
        ]
        result = self._training_result(networks)
        if self.oof_score:
            result |= self._held_out_predictions(networks, members, data.table)
        if refits and networks[0].stopped_by != "interrupt":
            self.member_preprocessors_ = None
            networks = yield self._refit_request(data, networks)
            self._complain(networks, data.resumes)
            result |= self._training_result(networks, result)
        for name in (self._oof_attribute, "oof_score_"):  # of an earlier fit
            vars(self).pop(name, None)
        vars(self).update(result)

    def _one_epoch(self, data):
        """The rounds of `partial_fit`, of which there is one."""
        members = [_Member()] * self.n_estimators
        self.member_preprocessors_ = None
        request = self._request(
            data, members, stops=False, learning_rate="constant", keep_state=True
        )
        networks = yield request._replace(
            specs=[
                replace(spec, max_epochs=spec.n_epochs_done + 1)
                for spec in request.specs
            ]
        )
        self._complain(networks, data.resumes)
        vars(self).update(self._training_result(networks))

    def _decide_to_stop(self, data):
        if data.validation is not None and not self.early_stopping:
            raise ValueError(
                "X_val and y_val are passed to fit while early_stopping is False; set "
                "it to True or 'auto', or leave them out"
            )
        if self.early_stopping != "auto":
            return bool(self.early_stopping)
        has_split = data.validation is not None or self.cv is not None or self.oof_score
        return has_split or len(data.table.y) >= _ENOUGH_TO_VALIDATE

    def _check_combination(self, data):
        """Refuse what cannot be had together."""
        conflicts = {
            "refit=True has no use for X_val, since all rows of X are trained on "
            "anyway; leave X_val out, or join it to X": (
                self.refit and data.validation is not None
            ),
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
        }
        for message in (message for message, is_met in conflicts.items() if is_met):
            raise ValueError(message)

    @property
    def _stops_jointly(self):
        return self.refit or self.early_stopping == "joint"

    def _members(self, data, stops):
        """Rows of each member, with a preprocessor of its own where it needs one."""
        holds_out = self.oof_score or (stops and data.validation is None)
        if not holds_out and self.cv is None:
            return [_Member()] * self.n_estimators
        splits = self._splits(data.table)
        if not self.oof_score:
            return [_Member(*split) for split in splits]
        # What learns from the target must not see that of rows to be predicted.
        own = {id(split): self._fold_member(data, split, stops) for split in splits}
        return [own[id(split)] for split in splits]

    def _fold_member(self, data, split, stops):
        """A member to whom nothing is known of the target of its held-out rows."""
        train, held_out = (data.table.take(data.counted(rows)) for rows in split)
        scale = self._target_scale(train)
        if self._reads_numbers:
            table = data.table.take(data.table.counted_rows)
            training_set = replace(
                data.training_set,
                target=self._encode_target(table.y, scale),
                weight=self._loss_weight(table, seen=data.positions(split[0])),
            )
            if data.validation is not None:
                target = self._encode_target(data.validation.y, scale)
                validation = replace(data.training_set.validation, target=target)
                training_set.validation = validation
            return _Member(*split, training_set=training_set, target_scale=scale)
        preprocessor, rows = self._fit_transform(train)
        training_set = self._training_set(train, rows, scale)
        if stops:
            unseen = data.validation or held_out
            rows = self._transform(unseen.X, preprocessor)
            training_set.validation = self._training_set(unseen, rows, scale)
        return _Member(*split, preprocessor, training_set, scale)

    def _splits(self, table):
        """Rows that each member is trained on, and rows that it never sees."""
        # Splits that the user gave speak of all rows, ours of those that count.
        counted = table.counted_rows if self.cv is None else None
        table = table.take(counted)
        splits = member_splits(
            self.n_estimators,
            len(table.y),
            labels=self._labels_to_stratify(table.y),
            groups=table.groups,
            cv=self.cv,
            validation_fraction=self.validation_fraction,
            random_state=self._random_state(),
        )
        if counted is None:
            return splits
        return [tuple(counted[rows] for rows in split) for split in splits]

    def _random_state(self):
        # scikit-learn's None is numpy's global generator, which is not ours to use.
        if self.random_state is None:
            return np.random.RandomState()
        return check_random_state(self.random_state)

    def _request(self, data, members, stops, **options):
        """What is to be trained: one network a member."""
        own = [one.training_set for one in members if one.training_set is not None]
        sets = [data.training_set, *own]
        rows = [self._spec_rows(data, i, one, stops) for i, one in enumerate(members)]
        seeds = self._random_state().randint(np.iinfo(np.int32).max, size=len(members))
        shared = {
            "batch_size": self._batch_size(min(_n_rows(sets, one) for one in rows)),
            "max_epochs": self.max_iter,
            "learning_rate": self.learning_rate_init,
            "weight_decay": self.weight_decay,
            "dropout": self.dropout,
            "label_smoothing": getattr(self, "label_smoothing", 0.0),
            "ensemble": 0 if stops and self._stops_jointly else None,
        }
        before = self._resumed_networks(sets[0]) if data.resumes else []
        specs = [
            NetworkSpec(
                layer_sizes=self._layer_sizes(sets[one["training_set"]]),
                seed=before[i].seed if i < len(before) else int(seed),
                resume=before[i] if i < len(before) else None,
                **shared,
                **one,
            )
            for i, (seed, one) in enumerate(zip(seeds, rows, strict=True))
        ]
        options = {
            "n_iter_no_change": self.n_iter_no_change if stops else None,
            "keep_state": self.warm_start,
        } | options
        loss = self._make_loss(data.training_set.target)
        return TrainingRequest(specs, sets, loss, self._options(**options))

    def _spec_rows(self, data, i, member, stops):
        """The data of the spec of member i."""
        rows = {"training_set": 0, "rows": None, "validation_rows": None}
        if member.training_set is not None:
            rows["training_set"] = i + 1
        if member.rows is not None and member.preprocessor is None:
            rows["rows"] = data.positions(member.rows)
            if stops and data.validation is None:
                rows["validation_rows"] = data.positions(member.held_out)
        if stops and self.scoring != "loss":
            unseen = data.validation or data.table.take(data.counted(member.held_out))
            scorer = check_scoring(self, scoring=self.scoring)
            rows["score"] = ValidationScore(
                self, scorer, unseen, self._output_shift(member)
            )
        return rows

    def _output_shift(self, member):
        """Factor and summand that take a member's outputs to the scale of all rows."""
        if member.target_scale is None:
            return None
        location, scale = self._output_scale()
        own_location, own_scale = member.target_scale
        # Where the target is constant outputs do not matter.
        known = np.where(scale > 0, scale, 1.0)
        return own_scale / known, (own_location - location) / known

    def _refit_request(self, data, networks):
        """The members again, on all rows, as long as was best on average."""
        members = [_Member()] * len(networks)
        limit = {"time_limit": self._time_of_a_round}
        request = self._request(data, members, stops=False, **limit)
        # A schedule that had to end in time was as long as it was.
        planned = {"time_limit": networks[0].n_iter}
        length = planned.get(networks[0].stopped_by, self.max_iter)
        specs = [
            replace(spec, max_epochs=length, stop_epoch=networks[0].best_epoch)
            for spec in request.specs
        ]
        return request._replace(specs=specs)

    @property
    def _time_of_a_round(self):
        """Seconds for each of the two rounds of a fit that is repeated on all rows."""
        return None if self.time_limit is None else self.time_limit / 2

    def _layer_sizes(self, training_set):
        return layer_sizes(
            training_set.X.shape[1],
            self.n_outputs_,
            self.depth,
            self.width,
            self.layer_form,
        )

    def _resumed_networks(self, training_set):
        sizes = self._layer_sizes(training_set)
        weights = self.networks_[0].weights
        had = (len(weights[0]), *map(len, weights[1::2]))
        if had != sizes:
            raise ValueError(
                f"a network of layer sizes {had} cannot go on training with {sizes}; "
                "keep depth, width and layer_form, or fit a new estimator"
            )
        return self.networks_

    def _batch_size(self, n_samples):
        if self.batch_size == "auto":
            wanted = 2 ** round(np.log2(max(n_samples / 50, 1)))
            return int(min(np.clip(wanted, 32, 256), n_samples))
        if self.batch_size > n_samples:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the {n_samples} training "
                "rows; all of them make one batch",
                UserWarning,
                stacklevel=2,
            )
        return min(self.batch_size, n_samples)

    def _options(self, *, must_exist=True, **chosen):
        defaults = {
            "solver": self.solver,
            "learning_rate": self.learning_rate,
            "time_limit": self.time_limit,
        }
        return TrainingOptions(
            **defaults | chosen,
            tol=self.tol,
            device=resolve_device(self.device, must_exist=must_exist),
            dtype=self.dtype,
            n_threads=self.n_threads,
        )

    def _train(self, rounds, reported):
        """Train what is asked for, and report on it."""
        request = next(rounds)
        callbacks = self._copied_callbacks(len(request.specs))
        n_epochs = max(
            0, *(spec.max_epochs - spec.n_epochs_done for spec in request.specs)
        )
        n_stacks = len(request.specs)
        if callbacks is None:
            n_stacks = len(group_networks(*request[:2]))
        n_epochs *= n_stacks * (1 + self.refit)
        with report_progress(
            self, n_epochs, self._training_result, **reported
        ) as progress:
            while request is not None:
                networks = fit_networks(
                    *request[:2],
                    loss=request.loss,
                    options=request.options,
                    on_epoch=progress,
                    callbacks=callbacks,
                )
                request = next_request(rounds, networks)
        if callbacks is not None:
            self.callbacks_ = callbacks

    def _copied_callbacks(self, n_networks):
        if self.callbacks is None:
            return None
        for callback in self.callbacks:
            if hasattr(callback, "on_fit_task_begin"):
                raise TypeError(
                    f"{callback!r} is a scikit-learn callback: register it with "
                    "set_callbacks(); the parameter `callbacks` is for skorch's"
                )
        return [deepcopy(list(self.callbacks)) for _ in range(n_networks)]

    def _complain(self, networks, resumes):
        """Raise or warn where training did not end as planned."""
        reasons = {network.stopped_by for network in networks}
        if "diverged" in reasons:
            again = (
                "The estimator is as it was before this call."
                if resumes
                else "So it did again with a tenth of the step size."
            )
            raise ValueError(
                "Training diverged: loss or weights became NaN or infinite with "
                f"learning_rate_init={self.learning_rate_init}. {again} Lower "
                "learning_rate_init, or scale X (preprocessor='auto' does) and y."
            )
        # The limit of a search is not ours to tell of.
        if "time_limit" in reasons and self.time_limit is not None:
            warnings.warn(
                f"Training stopped at time_limit={self.time_limit} seconds, after "
                f"{max(network.n_iter for network in networks)} epochs of at most "
                f"{self.max_iter}.",
                ConvergenceWarning,
                stacklevel=2,
            )
        if "interrupt" in reasons:
            warnings.warn("Training interrupted by user.", UserWarning, stacklevel=2)

    def _training_result(self, networks, validated=None):
        """Fitted attributes that networks give, some of them from an earlier round."""
        if validated is not None:
            refitted = self._training_result(networks)
            scores = ("validation_scores_", "best_validation_score_")
            return refitted | {name: validated[name] for name in scores}
        scores = [network.best_score for network in networks]
        has_scores = None not in scores
        return {
            "networks_": networks,
            "n_iter_": max(network.n_iter for network in networks),
            "n_layers_": self.depth + 2,
            "out_activation_": self._make_loss().activation,
            "loss_curve_": _mean_curve([network.loss_curve for network in networks]),
            "validation_scores_": (
                _mean_curve([network.validation_scores for network in networks])
                if has_scores
                else None
            ),
            "best_validation_score_": float(np.mean(scores)) if has_scores else None,
        }

    def _held_out_predictions(self, networks, members, table):
        """Mean prediction for each row of the members that never saw it."""
        total, count = 0.0, np.zeros(len(table.y))
        for network, member in zip(networks, members, strict=True):
            preprocessor = member.preprocessor or self.preprocessor_
            unseen = table.take(member.held_out).X
            raw = self._network_outputs([network], unseen, preprocessor)
            (made,) = self._member_predictions(raw)
            if count.sum() == 0:
                total = np.zeros((len(count), *made.shape[1:]))
            total[member.held_out] += made
            count[member.held_out] += 1
        known = count > 0
        total[~known] = np.nan
        mean = (total.T / np.maximum(count, 1)).T
        weight = None if table.weight is None else table.weight[known]
        made = self._made_predictions(mean[known])
        return {
            self._oof_attribute: mean.astype(np.float32),
            "oof_score_": made.score(None, table.y[known], weight),
        }

    # Prediction -----------------------------------------------------------------

    def _outputs(self, X):
        """Outputs of each member, of shape (n_members, n_samples, n_outputs)."""
        check_is_fitted(self)
        X = self._read_X(X, reset=False)
        if self.member_preprocessors_ is None:
            return self._network_outputs(self.networks_, X, self.preprocessor_)
        pairs = zip(self.networks_, self.member_preprocessors_, strict=True)
        return np.concatenate(
            [
                self._network_outputs([network], X, preprocessor)
                for network, preprocessor in pairs
            ]
        )

    def _network_outputs(self, networks, X, preprocessor):
        transformed, offset = self._transform(X, preprocessor)
        options = self._options(must_exist=False)
        return predict_networks(networks, transformed, offset=offset, options=options)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "networks_")

    # Hooks ----------------------------------------------------------------------

    @abstractmethod
    def _labels_to_stratify(self, y):
        """Classes that splits keep the shares of, or None."""

    @abstractmethod
    def _make_loss(self, target=None):
        """The loss; in training it may depend on the encoded target."""

    @abstractmethod
    def _output_scale(self):
        """Location and scale that take outputs to the link's argument."""

    @abstractmethod
    def _member_predictions(self, raw):
        """Probabilities or numbers from the members' outputs, one array a member."""

    @abstractmethod
    def _made_predictions(self, mean):
        """The mean of `_member_predictions`, for a scorer."""

    #: Name of the attribute that holds it for rows of the training table.
    _oof_attribute: str


class _Member(NamedTuple):
    """Rows of the table that a network is trained on, and those that it never sees."""

    rows: np.ndarray | None = None
    held_out: np.ndarray | None = None
    preprocessor: Any = None
    training_set: TrainingSet | None = None
    #: Location and scale of the target in the rows that it is trained on.
    target_scale: tuple[np.ndarray, np.ndarray] | None = None


def next_request(rounds, networks):
    """Send networks to the rounds of a fit; the next request, or None at its end."""
    try:
        return rounds.send(networks)
    except StopIteration:
        return None


def _with_output_shift(network, shift):
    """A network with outputs on another scale."""
    if shift is None:
        return network
    *below, weight, bias = network.weights
    factor, summand = (part.astype(weight.dtype) for part in shift)
    last = [weight * factor, bias * factor + summand]
    return replace(network, weights=[*below, *last])


def _n_rows(sets, spec_rows):
    rows = spec_rows["rows"]
    return sets[spec_rows["training_set"]].X.shape[0] if rows is None else len(rows)


def _reported(X, y, sample_weight):
    """What scikit-learn's callbacks are told of the data, as the user gave it."""
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return {"X": X, "y": y, "metadata": metadata}


def _mean_curve(curves):
    """Mean over members; one that has stopped stays where it was."""
    length = max(len(curve) for curve in curves)
    held = [curve + curve[-1:] * (length - len(curve)) for curve in curves]
    return np.mean(held, axis=0).tolist() if length else []
