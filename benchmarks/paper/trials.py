"""Experiments on single sets: jobs of each, and a line of results for each job."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.paper import cores_trial, figure1, htru2, tox21
from benchmarks.timing import timed


@dataclass(frozen=True)
class Trial:
    """An experiment: its jobs, dicts of what a line is known by, and their measure."""

    all_jobs: Callable[[], list[dict]]
    measure: Callable[[dict], dict]


TRIALS = {
    "cores": Trial(cores_trial.all_jobs, cores_trial.measure),
    "figure1": Trial(figure1.all_jobs, figure1.measure),
    "htru2": Trial(htru2.all_jobs, htru2.measure),
    "tox21": Trial(tox21.all_jobs, tox21.measure),
}


def all_jobs(name, methods=None, sets=None):
    """Jobs of an experiment, of some methods and sets (or suites of them) or of all."""
    jobs = [{"benchmark": name, **job} for job in TRIALS[name].all_jobs()]
    return chosen(chosen(jobs, ["method"], methods), ["table", "suite"], sets)


def chosen(jobs, keys, wanted):
    """Jobs for which a key has a value that is wanted; all of them if None is."""
    if wanted is None:
        return jobs
    known = list(dict.fromkeys(job[key] for key in keys for job in jobs if key in job))
    if unknown := set(wanted) - set(known):
        raise SystemExit(
            f"There is no {keys[0]} {', '.join(sorted(unknown))} in "
            f"{jobs[0]['benchmark']}; there are {', '.join(known) or 'none'}."
        )
    return [job for job in jobs if any(job.get(key) in wanted for key in keys)]


def left_to_do(jobs, lines, *, retry=False):
    """Jobs that have no line yet; failures are tried again if `retry`."""
    done = [line for line in lines if not (retry and line["error"])]
    known = {key(line, jobs[0]) for line in done} if jobs else set()
    return [job for job in jobs if key(job, job) not in known]


def key(line, job):
    """What a line and its job have in common."""
    return tuple(line.get(name) for name in job)


def measure(job):
    """What comes out of a job, and the seconds that it took."""
    warnings.simplefilter("ignore")  # of convergence, for instance
    seconds, result = timed(lambda: TRIALS[job["benchmark"]].measure(job))
    return {"seconds": round(seconds, 2), **result}


def line_of(job, result, error):
    """A line of results: what was measured, what came out, or what went wrong."""
    return {**job, "error": error, **result}


def summary(line):
    """A line in a few words."""
    known = ["method", "table", "depth", "learning_rate", "fold"]
    what = " ".join(f"{name} {line[name]}" for name in known if name in line)
    if line["error"]:
        return f"{what}: {line['error']}"
    return f"{what} in {line['seconds']:.1f} s"
