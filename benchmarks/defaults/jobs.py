"""What is measured: a method on a split of a table, a line of results each."""

import logging
import warnings
from dataclasses import asdict, dataclass, fields

from benchmarks.data import suite
from benchmarks.defaults.rows import MAX_TRAIN, split_rows
from benchmarks.models import Setting


@dataclass(frozen=True)
class Job:
    """Two lines of results of one job differ in nothing but chance and versions."""

    table: str
    split: int
    method: str
    full: bool
    threads: int
    alone: bool
    minutes: float = 0  # of tuning


def identity(line):
    """The job that a line of results is of."""
    names = [field.name for field in fields(Job) if field.name in line]
    return Job(**{name: line[name] for name in names})


def left_to_do(jobs, lines, *, retry=False):
    """Jobs that have no line yet; failures are tried again if `retry`."""
    done = {identity(line) for line in lines if not (retry and line["error"])}
    return [job for job in jobs if job not in done]


def line_of(job, result, error):
    """A line of results: what was measured, what came out, or what went wrong."""
    described = described_table(job.table)
    about = {"row": described.row, "task": described.task, "seed": job.split}
    return {**asdict(job), **about, "error": error, **result}


def described_table(name):
    """The line of the suite that describes a table."""
    return next(table for table in suite().itertuples() if table.name == name)


def materials(job):
    """Rows of a job, and what its model is made for."""
    described = described_table(job.table)
    rows = split_rows(described, job.split, max_train=None if job.full else MAX_TRAIN)
    is_regression = described.task == "regression"
    return rows, Setting(is_regression, rows.X, seed=job.split, n_threads=job.threads)


def quietly(measure, job):
    """What a function returns, without what defaults have to say about themselves."""
    warnings.simplefilter("ignore")  # of convergence, for instance
    logging.disable(logging.INFO)  # lightning's
    return measure(job)
