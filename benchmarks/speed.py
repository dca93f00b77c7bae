"""Time this package against its peers; each measurement is a line of JSON.

Run it with ``python -m benchmarks.speed``, with nothing else running:
``--only search`` for one section, ``--item halving`` for the measurements whose names
contain a word, ``--quick`` to see whether all of it works, in about a minute.
``python -m benchmarks.report speed`` makes a table of the lines.
"""

import os
from pathlib import Path

from benchmarks import (
    speed_fit,
    speed_memory,
    speed_revisions,
    speed_search,
    speed_step,
)
from benchmarks.lines import append, environment
from benchmarks.options import command_line
from benchmarks.report import speed_row
from benchmarks.timing import measure

#: A module for each section, whose `pairs(quick)` yields what is timed.
SECTIONS = {
    "step": speed_step,
    "fit": speed_fit,
    "memory": speed_memory,
    "revisions": speed_revisions,
    "search": speed_search,
}

RESULTS = Path(__file__).parent / "results" / "speed.jsonl"


def main():
    """Measure what the command line asks for."""
    options = parse_arguments()
    load = os.getloadavg()[0]  # before we add to it: what else was running
    speed_search.warm_up()  # or the first measurement would include torch's import
    for section in options.only:
        for pair in SECTIONS[section].pairs(options.quick):
            if options.item in pair.what:
                line = {
                    "section": section,
                    **measure(pair),
                    "quick": options.quick,
                    "load_before": round(load, 2),
                    **environment(),
                }
                append(line, options.out)
                print(" | ".join(speed_row(line)), flush=True)


def parse_arguments():
    """What to measure, and where to write it."""
    parser = command_line(__doc__, RESULTS)
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections"
    )
    parser.add_argument("--item", default="", help="part of the names to measure")
    parser.add_argument("--quick", action="store_true", help="few epochs and repeats")
    return parser.parse_args()


if __name__ == "__main__":
    main()
