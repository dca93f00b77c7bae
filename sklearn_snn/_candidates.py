"""The candidates of a search: read, trained side by side, and looked up."""

import time
import warnings
from collections import deque
from contextlib import nullcontext
from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from sklearn_snn._base import BaseSNN, next_request
from sklearn_snn._compat import (
    CallbackSupportMixin,
    _check_method_params,
    _safe_indexing,
    lend_callbacks,
)
from sklearn_snn._planning import TRAINING_PARAMETERS
from sklearn_snn._progress import networks_bar
from sklearn_snn._tasks import Workers, train_requests


class _StandIn:
    """Stands where scikit-learn wants an estimator, and is one but for its `fit`."""

    def __init__(self, estimator):
        self.estimator = estimator

    def __getattr__(self, name):
        if name == "estimator":  # not there yet while it is copied
            raise AttributeError(name)
        return getattr(self.estimator, name)

    @property
    def __class__(self):  # scorers may ask
        return type(self.estimator)

    def __getitem__(self, key):
        return self.estimator[key]

    def __len__(self):
        return len(self.estimator)

    def set_params(self, **params):
        self.estimator.set_params(**params)
        return self


class _Reader(_StandIn):
    """A last step that reads what it is given and trains nothing."""

    def fit(self, X, y=None, **params):
        self.estimator._validate_params()
        self.data = self.estimator._read(X, y, **params)
        return self


class LookUp(CallbackSupportMixin, _StandIn):
    """An estimator whose fits were made before, in the order of `outcomes`."""

    def __init__(self, estimator, outcomes):
        super().__init__(estimator)
        self.outcomes = outcomes

    def __sklearn_clone__(self):
        return LookUp(clone(self.estimator), self.outcomes)

    def __reduce_ex__(self, protocol):  # whoever keeps it keeps the estimator
        return _itself, (self.estimator,)

    def fit(self, X, y=None, **params):
        if not self.outcomes:  # the best estimator, on all rows
            with lend_callbacks(self, self.estimator):
                self.estimator.fit(X, y, **params)
            return self
        outcome = self.outcomes.popleft()
        if isinstance(outcome, Exception):
            raise outcome
        # Who clones it from now on, as a scorer may, wants a fit of their own.
        self.estimator, self.outcomes = outcome, ()
        # Callbacks that follow inner fits are told of this one here.
        context = self._init_callback_context()
        context.call_on_fit_task_begin(estimator=outcome, X=X, y=y)
        context.call_on_fit_task_end(estimator=outcome, X=X, y=y)
        return self


def _itself(estimator):
    return estimator


class Rung(NamedTuple):
    """One iteration of a search by halving, whose survivors go on training."""

    #: Name of the parameter that is the number of epochs.
    resource: str
    #: Epochs of those who survive to the end.
    n_epochs_in_all: int
    #: Iterations to come, this one included.
    n_left: int


class _Fit:
    """The fit of one candidate on the training rows of one split."""

    def __init__(self, key):
        self.key, self.seconds, self.n_rounds = key, 0.0, 0
        self.outcome = self.request = self.first_networks = None
        self.refits = False

    def begin(self, make):
        """Let `make` return an estimator and its data; ask for the first networks."""
        try:
            self.outcome, data = make()
            self._rounds = last_step(self.outcome)._rounds(data)
            self.request = next(self._rounds)
            self.refits = self.is_to_refit
        except Exception as error:
            self.outcome = error

    @property
    def has_failed_in_training(self):
        """Whether there are no networks, though it was clear what to train."""
        return self.n_rounds > 0 and isinstance(self.outcome, Exception)

    @property
    def is_to_refit(self):
        """Whether what is asked for will be trained once more, on all rows."""
        return last_step(self.outcome)._refits(self.request)

    def go_on(self, networks, seconds, failure):
        """Take what has been trained, and ask for more if need be."""
        self.seconds += seconds
        self.n_rounds += 1
        try:
            if failure is not None:
                raise failure
            self.first_networks = self.first_networks or networks
            self.request = next_request(self._rounds, networks, seconds)
        except Exception as error:
            self.outcome, self.request = error, None


class Trainer:
    """Trains the candidates of one search.

    Attributes
    ----------
    outcomes : deque
        A fitted estimator, or the exception that came instead, for each candidate and
        split, in scikit-learn's order.
    seconds : list of float
        How long each of them took.
    """

    def __init__(self, search, X, y):
        self.estimator, self.X, self.y = search.estimator, X, y
        self.outcomes, self.seconds, self.fit_params = deque(), [], {}
        self._name, self._is_verbose = type(search).__name__, search.verbose > 0
        self._workers = Workers(search.n_jobs)
        self._readings, self._seeds, self._paused = {}, {}, {}
        self._time_limit, self._start = search.time_limit, None

    def train(self, candidates, splits, rung=None):
        """Train all candidates on all splits."""
        if rung is None:  # the rows may be others than those of the last call
            self._readings.clear()
        fits = [
            self._begin(params, number, rows, rung)
            for params in candidates
            for number, (rows, _) in enumerate(splits)
        ]
        while wanting := [fit for fit in fits if fit.request is not None]:
            requests = [self._asked(fit, rung) for fit in wanting]
            limit = self._seconds_left(_n_shares(fits, wanting, rung))
            with self._bar(requests) as advance:
                answers = train_requests(
                    requests, self._workers, time_limit=limit, advance=advance
                )
            for fit, answer in zip(wanting, answers, strict=True):
                fit.go_on(*answer)
            self._complain(answers)
        if fits and all(fit.has_failed_in_training for fit in fits):
            raise fits[0].outcome  # which says more than that all have failed
        self._paused = {fit.key: fit.first_networks for fit in fits}
        self.outcomes.extend(fit.outcome for fit in fits)
        self.seconds.extend(fit.seconds for fit in fits)

    def _begin(self, params, number, rows, rung):
        resource = None if rung is None else rung.resource
        fit = _Fit((number, _key(params, without={resource})))
        fit.begin(lambda: self._prepare(params, number, rows, fit.key))
        return fit

    def _prepare(self, params, number, rows, key):
        """A candidate, and its data; readings that are alike are made once."""
        candidate = clone(self.estimator).set_params(**clone(params, safe=False))
        network = last_step(candidate)
        if not isinstance(network, BaseSNN):
            raise TypeError(
                f"{self._name} trains an SNNClassifier or an SNNRegressor, got "
                f"{network!r} as the last step of a candidate"
            )
        network._validate_params()
        self._refuse_what_needs_fit(network)
        if network.random_state is None:  # whoever goes on must find the same rows
            fresh = np.random.RandomState().randint(np.iinfo(np.int32).max)
            network.random_state = self._seeds.setdefault(key, fresh)
        ours = {parameter_prefix(candidate) + name for name in TRAINING_PARAMETERS}
        alike = number, _key(params, without=ours)
        if alike not in self._readings:
            self._readings[alike] = self._read(candidate, rows)
        fitted = self._readings[alike]
        reader = last_step(fitted)
        vars(network).update(reader.estimator._fitted_attributes())
        return _with_last_step(fitted, network), reader.data

    def _refuse_what_needs_fit(self, network):
        """Raise where a fit of its own would give other networks."""
        if network.callbacks is not None:
            raise ValueError(
                "callbacks are called in networks that are trained one by one: use "
                f"scikit-learn's {self._name.removeprefix('SNN')}, or callbacks=None"
            )
        owner = next(one for one in type(network).__mro__ if "fit" in vars(one))
        if owner.__module__.partition(".")[0] != __package__:
            raise TypeError(
                f"{self._name} trains networks without the fit of "
                f"{type(network).__name__}, which has one of its own: use "
                f"scikit-learn's {self._name.removeprefix('SNN')}"
            )

    def _read(self, candidate, rows):
        """The candidate with all steps fitted but the last, which has read the data."""
        X, y = _safe_indexing(self.X, rows), _safe_indexing(self.y, rows)
        reader = _Reader(clone(last_step(candidate)))
        params = _check_method_params(self.X, params=self.fit_params, indices=rows)
        return _with_last_step(candidate, reader).fit(X, y, **params)

    def _asked(self, fit, rung):
        """What a fit asks for; in a search by halving, up to the end of a rung."""
        if rung is None:
            return fit.request
        before = self._paused.get(fit.key) or [None] * len(fit.request.specs)
        if fit.n_rounds > 0:  # networks that are trained again are so from the start
            before = [None] * len(fit.request.specs)
        specs = [
            replace(
                spec,
                max_epochs=rung.n_epochs_in_all,
                stop_epoch=spec.last_epoch,
                resume=network,
                continues=network is not None,
            )
            for spec, network in zip(fit.request.specs, before, strict=True)
        ]
        options = replace(fit.request.options, keep_state=True)
        return fit.request._replace(specs=specs, options=options)

    def _seconds_left(self, n_shares):
        if self._time_limit is None:
            return None
        if self._start is None:  # reading the data has not counted
            self._start = time.monotonic()
        left = self._time_limit - (time.monotonic() - self._start)
        return max(left, 1e-9) / n_shares

    def _bar(self, requests):
        if not self._is_verbose:
            return nullcontext()
        return networks_bar(sum(len(one.specs) for one in requests), self._name)

    def _complain(self, answers):
        networks = [one for made, *_ in answers for one in made if one is not None]
        stopped = [one.stopped_by for one in networks]
        if self._time_limit is not None and "time_limit" in stopped:
            warnings.warn(
                f"time_limit={self._time_limit} seconds ended the training of "
                f"{stopped.count('time_limit')} of {len(stopped)} networks before "
                "max_iter; their schedules ended in time.",
                ConvergenceWarning,
                stacklevel=2,
            )


def _n_shares(fits, wanting, rung):
    """Into how many parts the time is divided, of which one is for what is wanted."""
    n_rungs_to_come = 0 if rung is None else rung.n_left - 1
    n_rounds = 1 + any(fit.refits for fit in fits)
    n_rounds_left = 1 + any(fit.is_to_refit for fit in wanting)
    return n_rounds_left + n_rungs_to_come * n_rounds


def last_step(estimator):
    """The network of an estimator, or what stands in for it."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def _with_last_step(estimator, step):
    """The same pipeline with another last step; a lone estimator is all last step."""
    if not isinstance(estimator, Pipeline):
        return step
    pipeline = copy(estimator)
    name, last = estimator.steps[-1]
    pipeline.steps = [*estimator.steps[:-1], (name, _with_last_step(last, step))]
    return pipeline


def parameter_prefix(estimator):
    """What the names of a network's parameters begin with."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return prefix


def _key(params, without=()):
    """Equal for settings that are the same, or mostly so: other keys cost time only."""
    return tuple(
        (name, type(value), _hashable(value))
        for name, value in sorted(params.items())
        if name not in without
    )


def _hashable(value):
    if isinstance(value, (tuple, frozenset)):  # (0, 1) equals (False, True)
        return tuple((type(one), _hashable(one)) for one in value)
    try:
        hash(value)
    except TypeError:
        return id(value)
    return value
