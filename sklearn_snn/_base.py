"""What both estimators do: between scikit-learn's conventions and the waist."""

import time
import warnings
from copy import deepcopy
from dataclasses import replace
from inspect import signature
from pickle import PicklingError

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_snn._checkpoints import Checkpoint
from sklearn_snn._compat import CallbackSupportMixin, _fit_context
from sklearn_snn._curves import mean_curve
from sklearn_snn._ensemble import EnsembleEstimator
from sklearn_snn._grouping import group_networks
from sklearn_snn._members import Member
from sklearn_snn._progress import report_progress
from sklearn_snn._smoothness import smoother, without_pieces
from sklearn_snn._training import fit_networks


class BaseSNN(CallbackSupportMixin, EnsembleEstimator):
    """Fits networks."""

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
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; numbers, where ``preprocessor=None``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. A two-dimensional target of a classifier holds labels 0 and 1, and
            NaN where a label was not measured.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. Rows of weight 0 are left out.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate on. In a `Pipeline`, ``transform_input=["X_val"]`` has them
            transformed as `X` is, if metadata routing is on and they are requested.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.
        groups : array-like of shape (n_samples,), default=None
            Groups of rows that stay together in the splits of ``cv=None``, of a number,
            and of a splitter that takes groups.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If parameters or data are not as described, or training diverges.
        TypeError
            If a column holds what is neither number, category nor date, labels are of
            several types, or `callbacks` has one of scikit-learn's.
        OSError
            If the folder `checkpoint` cannot be made.
        MemoryError
            If memory runs out; the message names parameters that reduce it.
        KeyboardInterrupt
            If Ctrl-C comes before training has begun, which leaves the estimator as it
            was. Later it ends training with a `ConvergenceWarning`, and the best
            weights so far are kept; networks that have not begun are left out.
        """
        # Before the table is read, which may take long.
        self._check_combination(has_validation=X_val is not None)
        self._check_callbacks()
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
            reported = _reported(X, y, sample_weight)
            self._train(self._rounds(data), reported, self.checkpoint)
        return self

    def _partial_fit(self, X, y, sample_weight, **target):
        """Train for an epoch at a constant step size; see the public methods."""
        self._check_callbacks()
        resumes = self.__sklearn_is_fitted__()
        with self._all_or_nothing():
            preprocessor = self._preprocessor_in_use(resumes)
            table = self._read_rows(
                X, y, sample_weight, None, preprocessor, reset=not resumes
            )
            if resumes:
                self._learn_more(table)
            else:
                self._learn_target(table, **target)
            data = self._encoded(table, None, resumes, is_chunk=True)
            self._train(self._one_epoch(data), _reported(X, y, sample_weight))
        return self

    # Training -------------------------------------------------------------------

    def _rounds(self, data):
        """Yield what to train, be sent networks and seconds, and learn from them."""
        # Searches come here without `fit`.
        self._check_combination(data.validation is not None)
        stops = self._decide_to_stop(data)
        members = self._members(data, stops)
        limit = {"time_limit": self._time_of_a_round} if self.refit and stops else {}
        request = self._request(data, members, stops, **limit)
        if all(spec.n_epochs_done >= spec.last_epoch for spec in request.specs):
            warnings.warn(
                f"warm_start=True with max_iter={self.max_iter}, which all networks "
                "have reached: nothing is trained; raise max_iter or n_estimators",
                UserWarning,
                stacklevel=2,
            )
        # Callbacks predict while training goes on.
        self.member_preprocessors_ = None
        if members[0].preprocessor is not None:
            self.member_preprocessors_ = [one.preprocessor for one in members]
        networks = yield from self._first_networks(request)
        networks, members = self._trained(networks, members, request)
        self._complain(networks, data.resumes)
        shifts = [member.output_shift for member in members]
        networks = _with_output_shifts(networks, shifts)
        result = self._training_result(networks)
        if self.oof_score:
            result |= self._held_out_predictions(networks, members, data.table)
        if self._refits(request) and networks[0].stopped_by != "interrupt":
            result |= yield from self._refitted(data, networks, result)
        self._forget_earlier_fit()
        vars(self).update(result)

    def _first_networks(self, request):
        """Networks as requested, or all without pieces where these do harm."""
        networks, seconds = yield request
        if self.callbacks is not None:  # theirs is one training
            return networks
        again = without_pieces(request, networks, seconds)
        if again is None:
            return networks
        others, _ = yield again
        return smoother(networks, others)

    def _refits(self, request):
        """Whether the networks of a request are to be trained again on all rows."""
        return self.refit and request.options.n_iter_no_change is not None

    def _refitted(self, data, networks, validated):
        """What a fit on all rows gives; nothing after Ctrl-C."""
        preprocessors, self.member_preprocessors_ = self.member_preprocessors_, None
        refitted, _ = yield self._refit_request(data, networks)
        self._complain(refitted, data.resumes)
        if refitted[0].stopped_by == "interrupt":  # worse than what was validated
            self.member_preprocessors_ = preprocessors
            return {}
        # Those of all rows are validated on none.
        scores = ("validation_scores_", "best_validation_score_")
        result = self._training_result(refitted)
        return result | {name: validated[name] for name in scores}

    def _one_epoch(self, data):
        """The rounds of `partial_fit`, of which there is one."""
        members = [Member()] * self.n_estimators
        self.member_preprocessors_ = None
        request = self._request(
            data, members, stops=False, learning_rate="constant", keep_state=True
        )
        networks, _ = yield request._replace(
            specs=[
                replace(spec, max_epochs=spec.n_epochs_done + 1)
                for spec in request.specs
            ]
        )
        if networks[0].stopped_by == "interrupt":  # a loop over chunks ends here, too
            raise KeyboardInterrupt
        self._complain(networks, data.resumes)
        self._forget_earlier_fit()
        vars(self).update(self._training_result(networks))

    def _forget_earlier_fit(self):
        """Drop attributes that not every fit has."""
        for name in (self._oof_attribute, "oof_score_", "callbacks_"):
            vars(self).pop(name, None)

    def _trained(self, networks, members, request):
        """Networks that had an epoch before Ctrl-C, and their members."""
        if networks[0].stopped_by != "interrupt":
            return networks, members
        done = [spec.n_epochs_done for spec in request.specs]
        if all(one.n_iter == n for one, n in zip(networks, done, strict=True)):
            raise KeyboardInterrupt
        pairs = zip(networks, members, strict=True)
        networks, members = zip(
            *(pair for pair in pairs if pair[0].n_iter), strict=True
        )
        if self.member_preprocessors_ is not None:
            self.member_preprocessors_ = [one.preprocessor for one in members]
        return list(networks), list(members)

    def _train(self, rounds, reported, folder=None):
        """Train what is asked for, report on it, and keep checkpoints in a folder."""
        request = next(rounds)
        callbacks = self._copied_callbacks(len(request.specs))
        n_epochs = _n_epochs(request, is_split=callbacks is not None)
        n_epochs *= 1 + self._refits(request)
        checkpoint = None if folder is None else self._checkpoint(request, folder)

        def so_far(networks):
            return self._result_so_far(networks, request.output_shifts)

        with report_progress(self, n_epochs, so_far, **reported) as progress:
            while request is not None:
                start = time.monotonic()
                networks = fit_networks(
                    request.specs,
                    request.training_sets,
                    loss=request.loss,
                    options=request.options,
                    on_epoch=progress,
                    callbacks=callbacks,
                    checkpoint=checkpoint,
                )
                reasons = {network.stopped_by for network in networks}
                if checkpoint is not None and "diverged" in reasons:
                    checkpoint.remove()  # from there it would diverge again
                seconds = time.monotonic() - start
                request = next_request(rounds, networks, seconds)
                if request is not None:
                    progress.expect(_n_epochs(request, is_split=callbacks is not None))
        # Who pressed Ctrl-C may want to go on later.
        if checkpoint is not None and networks[0].stopped_by != "interrupt":
            checkpoint.remove()
        if callbacks is not None:
            self.callbacks_ = callbacks

    def _checkpoint(self, request, folder):
        """The file of this fit."""
        # `scoring` says as much as a score.
        specs = [replace(spec, score=None) for spec in request.specs]
        sets, key, options = request.training_sets, request.loss.key, request.options
        asked = specs, sets, key, options, self.scoring
        try:
            return Checkpoint(folder, self.checkpoint_interval, asked)
        except PicklingError as error:  # of the hash that names the file
            raise ValueError(
                "checkpoint needs a scoring that can be pickled, such as a function "
                f"with a name of its own in a module, got {self.scoring!r}"
            ) from error

    def _check_callbacks(self):
        """Refuse callbacks of others than skorch."""
        for callback in self.callbacks or ():
            if hasattr(callback, "on_fit_task_begin"):
                raise TypeError(
                    f"{callback!r} is a scikit-learn callback: register it with "
                    "set_callbacks(); the parameter `callbacks` is for skorch's"
                )
            one = callback[-1] if isinstance(callback, tuple) else callback
            if not (one is None or hasattr(one, "on_train_begin")):
                raise TypeError(
                    "callbacks must be of skorch, each alone or in a pair with its "
                    f"name, got {callback!r}"
                )

    def _copied_callbacks(self, n_networks):
        if self.callbacks is None:
            return None
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
                f"learning_rate_init={self._step_size}. {again} Lower "
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
            warnings.warn(
                "Training was interrupted by the user after "
                f"{max(network.n_iter for network in networks)} epochs of at most "
                f"{self.max_iter}; the best weights so far are kept.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _result_so_far(self, networks, shifts):
        """What callbacks see: networks that have begun, as if this were the end."""
        begun = [i for i, network in enumerate(networks) if network is not None]
        networks, shifts = ([which[i] for i in begun] for which in (networks, shifts))
        result = self._training_result(_with_output_shifts(networks, shifts))
        if self.member_preprocessors_ is not None:
            own = self.member_preprocessors_
            result["member_preprocessors_"] = [own[i] for i in begun]
        return result

    def _training_result(self, networks):
        """Fitted attributes that networks give."""
        scores = [network.best_score for network in networks]
        has_scores = None not in scores
        return {
            "networks_": networks,
            "n_iter_": max(network.n_iter for network in networks),
            "n_layers_": self.depth + 2,
            "loss_curve_": mean_curve([network.loss_curve for network in networks]),
            "validation_scores_": (
                mean_curve([network.validation_scores for network in networks])
                if has_scores
                else None
            ),
            "best_validation_score_": float(np.mean(scores)) if has_scores else None,
        }

    def __setstate__(self, state):
        # Files of earlier versions lack the parameters that came later.
        parameters = signature(type(self)).parameters.values()
        defaults = {one.name: one.default for one in parameters}
        super().__setstate__(defaults | state)


def _n_epochs(request, is_split):
    """Epochs of all stacks at most; each network is one if the request `is_split`."""
    n_epochs = (spec.last_epoch - spec.n_epochs_done for spec in request.specs)
    stacks = request.specs
    if not is_split:
        stacks = group_networks(request.specs, request.training_sets)
    return max(0, *n_epochs) * len(stacks)


def next_request(rounds, networks, seconds):
    """Send what was trained to the rounds of a fit; the next request, or None."""
    try:
        return rounds.send((networks, seconds))
    except StopIteration:
        return None


def _with_output_shifts(networks, shifts):
    """Networks with outputs on another scale, each on its own."""
    return [
        network if shift is None else network.with_outputs(*shift)
        for network, shift in zip(networks, shifts, strict=True)
    ]


def _reported(X, y, sample_weight):
    """What scikit-learn's callbacks are told of the data, as the user gave it."""
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return {"X": X, "y": y, "metadata": metadata}
