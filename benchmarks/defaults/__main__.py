"""Compare default estimators with the defaults of their peers.

Run it with ``python -m benchmarks.defaults``: each fit is a line of JSON. Kill it at
any time; run again, it goes on. ``python -m benchmarks.report defaults`` makes tables
of the lines. ``--blend``, ``--tuned``, ``--calibration`` and ``--latency`` measure
something else in the same way, each with a report of its name.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from benchmarks import children, models
from benchmarks.data import suite
from benchmarks.defaults import blend, calibration, fits, latency, tuned
from benchmarks.defaults.jobs import Job, left_to_do, line_of, quietly
from benchmarks.lines import append, environment, read_lines

RESULTS = Path(__file__).parents[1] / "results"


@dataclass
class Experiment:
    """What is measured in a child, and by default of which methods and tables."""

    measure: Callable[[Job], dict]
    methods: list[str]
    tables: list[str]
    splits: list[int] = field(default_factory=lambda: [0])
    tasks: tuple[str, ...] = ("binary", "multiclass", "regression")


EXPERIMENTS = {
    "defaults": Experiment(
        fits.measure, list(models.METHODS), ["odd", "even"], splits=list(range(5))
    ),
    "blend": Experiment(blend.measure, ["snn", "realmlp"], ["even"]),
    "tuned": Experiment(tuned.measure, list(tuned.METHODS), ["even"]),
    "calibration": Experiment(
        calibration.measure,
        list(calibration.METHODS),
        ["even"],
        tasks=("binary", "multiclass"),
    ),
    "latency": Experiment(
        latency.measure, ["snn", "hist_gradient_boosting"], ["adult"]
    ),
}


def main():
    """Measure what the command line asks for."""
    options = parse_arguments()
    experiment = EXPERIMENTS[options.experiment]
    out = options.out or RESULTS / f"{options.experiment}.jsonl"
    jobs = all_jobs(experiment, options)
    left = left_to_do(jobs, read_lines(out), retry=options.retry)
    print(f"{len(left)} of {len(jobs)} are left to do.", flush=True)
    if options.list:
        print(*left, sep="\n")
        return
    children.prepare(options.threads, "benchmarks.defaults.fits")
    for number, job in enumerate(left, start=1):
        line = measure(experiment, job, options.time_limit + 60 * options.minutes)
        append(line, out)
        print(f"{number}/{len(left)}", summary(line), flush=True)


def parse_arguments():
    """What to measure, and where to write results."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_experiments(parser)
    parser.add_argument(
        "--tables",
        nargs="+",
        help="names, or the odd or even rows of the suite; the smallest go first",
    )
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--splits", type=int, nargs="+")
    parser.add_argument("--full", action="store_true", help="all training rows")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--alone", action="store_true", help="note that nothing else is running"
    )
    parser.add_argument(
        "--time-limit",
        type=float,
        default=1800,
        help="seconds for each, on top of the minutes of --tuned",
    )
    parser.add_argument("--retry", action="store_true", help="what failed before, too")
    parser.add_argument("--out", type=Path, help="file to append to")
    parser.add_argument("--list", action="store_true", help="show what is left to do")
    options = parser.parse_args()
    if options.minutes:
        options.experiment = "tuned"
    return options


def add_experiments(parser):
    """Options that say what else to measure."""
    which = parser.add_mutually_exclusive_group()
    for name, about in {
        "blend": "what a method adds to CatBoost and LightGBM",
        "calibration": "log-loss before and after scaling with a temperature",
        "latency": "seconds of predictions",
    }.items():
        which.add_argument(
            f"--{name}",
            dest="experiment",
            action="store_const",
            const=name,
            default="defaults",
            help=about,
        )
    which.add_argument(
        "--tuned",
        dest="minutes",
        metavar="MINUTES",
        type=float,
        default=0,
        help="errors after tuning for so long",
    )


def all_jobs(experiment, options):
    """Jobs, method by method, all tables once before the next split of them."""
    methods = options.methods or experiment.methods
    if not set(methods) <= set(experiment.methods):
        raise SystemExit(f"Methods are {', '.join(experiment.methods)}.")
    tables = chosen_tables(options.tables or experiment.tables, experiment.tasks)
    splits = experiment.splits if options.splits is None else options.splits
    how = options.full, options.threads, options.alone, options.minutes
    return [
        Job(table, split, method, *how)
        for method, split, table in product(methods, splits, tables)
    ]


def chosen_tables(names, tasks):
    """Names of tables of the suite, the smallest first."""
    tables = suite()
    unknown = set(names) - {"odd", "even", *tables["name"]}
    if unknown:
        raise SystemExit(f"There are no tables {sorted(unknown)} in the suite.")
    tables["size"] = tables["n_rows"] * tables["n_features"]
    chosen = tables["name"].isin(names) | tables["row"].isin(names)
    tables = tables[chosen & tables["task"].isin(tasks)]
    return list(tables.sort_values("size")["name"])


def measure(experiment, job, time_limit):
    """The line of a job."""
    load = os.getloadavg()[0]  # before we add to it: what else was running
    result, error = {}, None
    try:
        result = children.run(quietly, experiment.measure, job, time_limit=time_limit)
    except children.ChildError as reason:
        error = str(reason)
    method = models.METHODS.get(job.method)
    packages = method.packages if method else []
    costs = {"load_before": round(load, 2), **environment(*packages)}
    return line_of(job, result, error) | costs


def summary(line):
    """A line in a few words."""
    what = f"{line['method']} on {line['table']}, split {line['split']}:"
    if line["error"]:
        return f"{what} {line['error']}"
    known = ["scores", "weights", "seconds", "seconds_of_last_step", "fit_seconds"]
    return " ".join([what, *[f"{name} {line[name]}" for name in known if name in line]])


if __name__ == "__main__":
    main()
