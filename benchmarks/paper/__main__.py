"""Run the experiments of the paper.

``python -m benchmarks.paper uci121`` appends a line of JSON for each fit. Kill it at
any time; run again, it goes on. ``python -m benchmarks.report uci121`` makes tables of
the lines.
"""

import argparse
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks import children
from benchmarks.lines import append, environment, read_with_compressed
from benchmarks.paper import jobs, trials
from benchmarks.paper.grids import GRIDS
from benchmarks.paper.methods import GROUPS, METHODS

RESULTS = Path(__file__).parents[1] / "results"


def main():
    """Measure what the command line asks for."""
    options = parse_arguments()
    options.out = options.out or RESULTS / f"{options.benchmark}.jsonl"
    if options.benchmark in trials.TRIALS:
        kept = trials
        wanted = trials.all_jobs(options.benchmark, options.methods, options.sets)
    else:
        kept, wanted = jobs, uci_jobs(options)
    left = kept.left_to_do(
        wanted, read_with_compressed(options.out), retry=options.retry
    )
    print(f"{len(left)} of {len(wanted)} are left to do.", flush=True)
    if options.list:
        print(*left, sep="\n")
        return
    children.prepare(
        options.threads, "benchmarks.paper.trials", "sklearn_snn._training"
    )
    run(left, options, kept)


def uci_jobs(options):
    return jobs.all_jobs(
        options.protocol, options.sets, chosen_methods(options), options.grid
    )


def parse_arguments():
    """What to measure, and where to write results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", choices=["uci121", *trials.TRIALS])
    parser.add_argument(
        "--protocol",
        nargs="+",
        choices=["single", "four_folds"],
        default=["single"],
        help="the paper's split, or four, of which it is the first",
    )
    parser.add_argument(
        "--sets",
        nargs="+",
        help="names, small or large; of cores uci or tabular; all if none",
    )
    parser.add_argument("--methods", nargs="+", help=f"names, or {', '.join(GROUPS)}")
    parser.add_argument("--grid", choices=GRIDS, default="reduced")
    parser.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    parser.add_argument("--threads", type=int, default=1, help="of each fit")
    parser.add_argument("--time-limit", type=float, default=7200, help="seconds a fit")
    parser.add_argument("--retry", action="store_true", help="what failed before, too")
    parser.add_argument("--out", type=Path, help="file to append to")
    parser.add_argument("--list", action="store_true", help="show what is left to do")
    return parser.parse_args()


def chosen_methods(options):
    """Names of methods; the paper's own grid is for those of the group "paper" only."""
    asked = options.methods or GROUPS
    if unknown := set(asked) - {*METHODS, *GROUPS}:
        raise SystemExit(
            f"There are no methods {sorted(unknown)}; there are {', '.join(METHODS)}."
        )
    return [
        name
        for name, method in METHODS.items()
        if (name in asked or method.group in asked)
        and (options.grid == "reduced" or method.group == "paper")
    ]


def run(left, options, kept):
    """Measure jobs, some at the same time, and write their lines as they come."""
    with ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(measure, kept, job, options.time_limit) for job in left]
        try:
            for number, future in enumerate(as_completed(futures), start=1):
                line = future.result()
                append(line | {"threads": options.threads}, options.out)
                print(f"{number}/{len(left)}", kept.summary(line), flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def measure(kept, job, time_limit):
    """The line of a job."""
    load = os.getloadavg()[0]  # before we add to it: what else was running
    result, error = {}, None
    try:
        result = children.run(kept.measure, job, time_limit=time_limit)
    except children.ChildError as reason:
        error = str(reason)
    return kept.line_of(job, result, error) | {
        "load_before": round(load, 2),
        **environment(),
    }


if __name__ == "__main__":
    main()
