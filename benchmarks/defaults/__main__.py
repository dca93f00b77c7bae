"""Compare default estimators with the defaults of their peers.

Run it with ``python -m benchmarks.defaults``: each fit is a line of JSON. Kill it at
any time; run again, it goes on. ``python -m benchmarks.report defaults`` makes tables
of the lines.
"""

import argparse
import os
from itertools import product
from pathlib import Path

from benchmarks import children
from benchmarks.data import suite
from benchmarks.defaults.fits import Job, fit, left_to_do, line_of
from benchmarks.lines import append, environment, read_lines
from benchmarks.models import METHODS

RESULTS = Path(__file__).parents[1] / "results" / "defaults.jsonl"


def main():
    """Fit what the command line asks for."""
    options = parse_arguments()
    jobs = all_jobs(options)
    left = left_to_do(jobs, read_lines(options.out), retry=options.retry)
    print(f"{len(left)} of {len(jobs)} fits are left to do.", flush=True)
    if options.list:
        print(*left, sep="\n")
        return
    children.prepare(options.threads, "benchmarks.defaults.fits")
    for number, job in enumerate(left, start=1):
        line = measure(job, options.time_limit)
        append(line, options.out)
        print(f"{number}/{len(left)}", summary(line), flush=True)


def parse_arguments():
    """What to fit, and where to write results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tables",
        nargs="+",
        default=["odd", "even"],
        help="names, or the odd or even rows of the suite; the smallest go first",
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--splits", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--full", action="store_true", help="all training rows")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--alone", action="store_true", help="note that nothing else is running"
    )
    parser.add_argument(
        "--time-limit", type=float, default=1800, help="seconds for each fit"
    )
    parser.add_argument("--retry", action="store_true", help="what failed before, too")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file to append to")
    parser.add_argument("--list", action="store_true", help="show what is left to do")
    return parser.parse_args()


def all_jobs(options):
    """Jobs, method by method, all tables once before the next split of them."""
    tables = chosen_tables(options.tables)
    return [
        Job(table, split, method, options.full, options.threads, options.alone)
        for method, split, table in product(options.methods, options.splits, tables)
    ]


def chosen_tables(names):
    """Names of tables of the suite, the smallest first."""
    tables = suite()
    tables["row"] = ["odd", "even"] * (len(tables) // 2) + ["odd"] * (len(tables) % 2)
    unknown = set(names) - {"odd", "even", *tables["name"]}
    if unknown:
        raise SystemExit(f"There are no tables {sorted(unknown)} in the suite.")
    tables["size"] = tables["n_rows"] * tables["n_features"]
    chosen = tables["name"].isin(names) | tables["row"].isin(names)
    return list(tables[chosen].sort_values("size")["name"])


def measure(job, time_limit):
    """The line of a job."""
    load = os.getloadavg()[0]  # before we add to it: what else was running
    result, error = {}, None
    try:
        result = children.run(fit, job, time_limit=time_limit)
    except children.ChildError as reason:
        error = str(reason)
    packages = METHODS[job.method].packages
    costs = {"load_before": round(load, 2), **environment(*packages)}
    return line_of(job, result, error) | costs


def summary(line):
    """A line in a few words."""
    what = f"{line['method']} on {line['table']}, split {line['split']}:"
    if line["error"]:
        return f"{what} {line['error']}"
    scores = [f"{name} {score:.4f}" for name, score in line["scores"].items()]
    return " ".join([what, *scores, f"in {line['fit_seconds']:.1f} s"])


if __name__ == "__main__":
    main()
