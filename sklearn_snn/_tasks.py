"""What many fits want trained, as few large tasks for joblib."""

import time
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from sklearn_snn._costs import training_work
from sklearn_snn._grouping import group_networks
from sklearn_snn._specs import FittedNetwork, TrainingRequest
from sklearn_snn._training import fit_networks


class _Task(NamedTuple):
    """Networks of equal shape that are trained as one stack."""

    #: Of each network the number of its request, and its place there.
    owners: list[tuple[int, int]]
    request: TrainingRequest


class _Answer(NamedTuple):
    """A trained network, and its share of the time of its stack in seconds."""

    network: FittedNetwork | None
    seconds: float
    #: What training raised, in which case there is no network, or the validation score.
    error: Exception | None = None


class _GuardedScore:
    """A validation score whose failure is that of its own network alone."""

    def __init__(self, score):
        self._score, self.error = score, None

    def __call__(self, raw):
        try:
            return self._score(raw)
        except Exception as error:
            self.error = self.error or error
            return np.nan


class Workers:
    """Those who train tasks: joblib's, of the backend that is active when it is made.

    Parameters
    ----------
    n_jobs : int or None
        Tasks at the same time, as in scikit-learn.
    """

    def __init__(self, n_jobs):
        self.number = effective_n_jobs(n_jobs)
        try:
            self.run = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        except ValueError:  # a backend that has all results at the end
            self.run = Parallel(n_jobs=n_jobs)


def train_requests(requests, workers, *, time_limit=None, advance=None):
    """Train the networks of all requests; those of equal shape side by side.

    Parameters
    ----------
    requests : list of TrainingRequest
        What the fits want.
    workers : Workers
        Who trains.
    time_limit : float or None, default=None
        Seconds at most; all networks get through their schedules in time.
    advance : callable or None, default=None
        Told how many networks more are done; fractions where they are trained in this
        process.

    Returns
    -------
    answers : list of tuple
        For each request its list of FittedNetwork, the seconds that it took (a stack's
        time is shared out by epochs), and the error of a validation score or None.
    """
    answers: dict[Any, _Answer] = {}
    wanted = []
    for number, request in enumerate(requests):
        for place, spec in enumerate(request.specs):
            if _is_finished(spec):
                answers[number, place] = _Answer(spec.resume, 0.0)
                if advance is not None:
                    advance(1)
            else:
                wanted.append((number, place))
    tasks = _tasks(requests, wanted, workers.number)
    for task, answer in _run(tasks, workers, time_limit, advance):
        answers |= dict(zip(task.owners, answer, strict=True))
    return [
        _joined([answers[number, place] for place in range(len(request.specs))])
        for number, request in enumerate(requests)
    ]


def _joined(answers):
    errors = [one.error for one in answers if one.error is not None]
    return (
        [one.network for one in answers],
        sum(one.seconds for one in answers),
        errors[0] if errors else None,
    )


def _is_finished(spec):
    """Whether a network that may go on has stopped of itself."""
    reasons = ("early_stopping", "diverged")
    return spec.continues and spec.resume.stopped_by in reasons


def _tasks(requests, wanted, n_workers):
    """Networks that differ in no more than a stack allows, and their data."""
    alike: dict[Any, list] = {}
    for number, place in wanted:
        request = requests[number]
        key = request.loss.key, request.options
        alike.setdefault(key, []).append((number, place))
    tasks = []
    for owners in alike.values():
        merged = _merged(requests, owners)
        for group in group_networks(merged.specs, merged.training_sets, n_workers):
            chosen = [owners[i] for i in group]
            tasks.append(_Task(chosen, _merged(requests, chosen)))
    return sorted(tasks, key=_work, reverse=True)


def _work(task):
    return sum(
        training_work(spec, task.request.training_sets) for spec in task.request.specs
    )


def _merged(requests, owners):
    """One request for these networks, with the data that they need."""
    specs, sets = [], {}
    for number, place in owners:
        request = requests[number]
        spec = request.specs[place]
        data = request.training_sets[spec.training_set]
        index, _ = sets.setdefault(id(data), (len(sets), data))
        # Networks that stop together belong to one request.
        team = None if spec.team is None else (number, spec.team)
        specs.append(replace(spec, training_set=index, team=team))
    first = requests[owners[0][0]]
    sets = [data for _, data in sets.values()]
    return TrainingRequest(specs, sets, first.loss, first.options)


def _run(tasks, workers, time_limit, advance):
    """Train the tasks; yields each of them with its answers as they come."""
    limits = _limits(tasks, workers.number, time_limit)
    in_this_process = advance is not None and workers.number == 1
    calls = (
        delayed(_train)(
            number, task.request, limit, advance if in_this_process else None
        )
        for number, (task, limit) in enumerate(zip(tasks, limits, strict=True))
    )
    for number, answers in workers.run(calls):
        networks = [answer.network for answer in answers if answer.network is not None]
        if any(network.stopped_by == "interrupt" for network in networks):
            raise KeyboardInterrupt
        if advance is not None and not in_this_process:
            advance(len(answers))
        yield tasks[number], answers


def _limits(tasks, n_workers, time_limit):
    """Seconds of each task, so that those who work them off end in time."""
    busy, work = np.zeros(n_workers), [_work(task) for task in tasks]
    for amount in work:
        busy[busy.argmin()] += amount
    limits = []
    for task, amount in zip(tasks, work, strict=True):
        # Fits that have a limit of their own bring it along.
        own = task.request.options.time_limit
        n_fits = len({number for number, _ in task.owners})
        limit = np.inf if own is None else own * n_fits
        if time_limit is not None:
            limit = min(limit, time_limit * amount / busy.max())
        limits.append(None if limit == np.inf else float(limit))
    return limits


def _train(number, request, time_limit, advance):
    """Train one task, perhaps in another process."""
    start = time.perf_counter()
    specs = [
        spec if spec.score is None else replace(spec, score=_GuardedScore(spec.score))
        for spec in request.specs
    ]
    n_epochs = max(1, *(spec.last_epoch - spec.n_epochs_done for spec in specs))
    told = 0

    def on_epoch(networks):
        nonlocal told
        told += 1
        if told <= n_epochs:  # those that diverged begin again
            advance(len(specs) / n_epochs)
        return False

    try:
        networks = fit_networks(
            specs,
            request.training_sets,
            loss=request.loss,
            options=replace(request.options, time_limit=time_limit),
            on_epoch=None if advance is None else on_epoch,
        )
    except Exception as error:  # such as of memory: other stacks go on
        seconds = (time.perf_counter() - start) / len(specs)
        return number, [_Answer(None, seconds, error)] * len(specs)
    finally:
        if advance is not None:
            advance(len(specs) * max(1 - told / n_epochs, 0))
    return number, _answers(networks, specs, time.perf_counter() - start)


def _answers(networks, specs, seconds):
    """Trained networks, with the time of their stack shared out by epochs."""
    trained = [
        network.n_iter - spec.n_epochs_done
        for network, spec in zip(networks, specs, strict=True)
    ]
    return [
        _Answer(
            network,
            seconds * n / max(sum(trained), 1),
            None if spec.score is None else spec.score.error,
        )
        for network, spec, n in zip(networks, specs, trained, strict=True)
    ]
