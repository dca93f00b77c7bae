"""One fit of a method to a split of a table, with its scores and costs."""

import logging
import warnings
from dataclasses import asdict, dataclass

from benchmarks.children import PeakMemory
from benchmarks.data import suite
from benchmarks.defaults.rows import MAX_TRAIN, split_rows
from benchmarks.metrics import classification_scores, regression_scores
from benchmarks.models import METHODS, Setting
from benchmarks.timing import timed


@dataclass(frozen=True)
class Job:
    """What is fitted to what; two results of one job differ in nothing but chance."""

    table: str
    split: int
    method: str
    full: bool
    threads: int
    alone: bool


def fit(job):
    """Scores, seconds and memory of a job, as a dict."""
    warnings.simplefilter("ignore")  # of convergence, for instance: these are defaults
    logging.disable(logging.INFO)  # lightning's
    described = described_table(job.table)
    is_regression = described.task == "regression"
    rows = split_rows(described, job.split, max_train=None if job.full else MAX_TRAIN)
    setting = Setting(is_regression, rows.X, seed=job.split, n_threads=job.threads)
    model = METHODS[job.method].make(setting)
    with PeakMemory() as memory:
        fit_seconds, _ = timed(lambda: model.fit(rows.X, rows.y))
        predict = model.predict if is_regression else model.predict_proba
        predict_seconds, prediction = timed(lambda: predict(rows.X_test))
    score = regression_scores if is_regression else classification_scores
    return {
        "n_train": len(rows.X),
        "n_test": len(rows.X_test),
        "scores": score(rows.y_test, prediction),
        "fit_seconds": round(fit_seconds, 4),
        "predict_seconds": round(predict_seconds, 4),
        "peak_mb": round(memory.megabytes, 1),
    }


def described_table(name):
    """The line of the suite that describes a table."""
    return next(table for table in suite().itertuples() if table.name == name)


def identity(line):
    """The job that a line of results is of."""
    return Job(**{name: line[name] for name in Job.__dataclass_fields__})


def left_to_do(jobs, lines, *, retry=False):
    """Jobs that have no line yet; failures are tried again if `retry`."""
    done = {identity(line) for line in lines if not (retry and line["error"])}
    return [job for job in jobs if job not in done]


def line_of(job, result, error):
    """A line of results: what was fitted, what came out, or what went wrong."""
    task = described_table(job.table).task
    return {**asdict(job), "task": task, "seed": job.split, "error": error, **result}
