"""What is measured on UCI sets: a method on a fold of a set, a line of results each."""

import warnings
from dataclasses import asdict, dataclass, fields

import numpy as np

from benchmarks.paper import uci
from benchmarks.paper.methods import GROUPS, METHODS, log_loss
from benchmarks.timing import timed


@dataclass(frozen=True)
class Job:
    """Two lines of one job differ in nothing but chance and versions."""

    table: str
    fold: int
    method: str
    grid: str = "reduced"


def identity(line):
    """The job that a line is of."""
    return Job(**{field.name: line[field.name] for field in fields(Job)})


def all_jobs(protocols, sets, methods, grid):
    """Jobs of the protocols: small sets first, and of them all methods of a group."""
    sizes = uci.sizes()
    chosen = list(sizes.index) if sets is None else resolve_sets(sets, sizes)
    chosen = sorted(chosen, key=lambda name: sizes[name])
    folds = {"single": [0], "four_folds": range(uci.N_FOLDS)}
    jobs = {
        Job(name, fold, method, grid)
        for protocol in protocols
        for name in chosen
        for fold in folds[protocol]
        for method in methods
        if fold == 0 or not uci.has_test_file(name)
    }

    def order(job):
        group = GROUPS.index(METHODS[job.method].group)
        n_rows, method = sizes[job.table], list(METHODS).index(job.method)
        return (
            n_rows >= uci.SMALL,
            job.fold > 0,
            group,
            n_rows,
            job.table,
            job.fold,
            method,
        )

    return sorted(jobs, key=order)


def resolve_sets(names, sizes):
    """Names of sets, from names and from "small" and "large"."""
    of_size = {
        "small": list(sizes.index[sizes < uci.SMALL]),
        "large": list(sizes.index[sizes >= uci.SMALL]),
    }
    resolved = []
    for name in names:
        if name not in sizes and name not in of_size:
            raise SystemExit(
                f"There is no set {name}; there are {', '.join(sizes.index)}."
            )
        resolved += of_size.get(name, [name])
    return list(dict.fromkeys(resolved))


def left_to_do(jobs, lines, *, retry=False):
    """Jobs that have no line yet; failures are tried again if `retry`."""
    done = {identity(line) for line in lines if not (retry and line["error"])}
    return [job for job in jobs if job not in done]


def measure(job):
    """Accuracy, seconds and choices of a job, as a dict."""
    warnings.simplefilter("ignore")  # of rare classes, for instance
    split = uci.read_split(job.table, job.fold)
    fit, options = METHODS[job.method].fit, {}
    if METHODS[job.method].group == "paper":
        options["grid"] = job.grid
    seconds, outcome = timed(lambda: fit(split, seed=job.fold, **options))
    line = {
        "n_train": len(split.y),
        "n_test": len(split.y_test),
        "seed": job.fold,
        "accuracy": float(np.mean(outcome.predictions == split.y_test)),
        "log_loss": None,
        "seconds": round(seconds, 2),
        "chosen": {name: plain(value) for name, value in outcome.chosen.items()},
    }
    if outcome.proba is not None:
        line["log_loss"] = log_loss(split.y_test, outcome.classes, outcome.proba)
    return line


def plain(value):
    """A number of numpy's as one that JSON can hold."""
    return value.item() if isinstance(value, np.generic) else value


def line_of(job, result, error):
    """A line of results: what was measured, what came out, or what went wrong."""
    return {**asdict(job), "error": error, **result}


def summary(line):
    """A line in a few words."""
    what = f"{line['method']} on {line['table']}, fold {line['fold']}:"
    if line["error"]:
        return f"{what} {line['error']}"
    return f"{what} {line['accuracy']:.3f} in {line['seconds']:.1f} s"
