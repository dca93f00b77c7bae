"""Time this package against its peers; each measurement is a line of JSON.

Run it with ``python -m benchmarks.speed``, with nothing else running:
``--only search`` for one section, ``--item halving`` for the measurements whose names
contain a word, ``--quick`` to see whether all of it works, in about a minute.
``python -m benchmarks.report speed`` makes a table of the lines.
"""

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from joblib import cpu_count

from benchmarks import speed_search
from benchmarks.report import speed_row
from benchmarks.timing import measure
from sklearn_snn import __version__

#: A module for each section, whose `pairs(quick)` yields what is timed.
SECTIONS = {"search": speed_search}

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


def parse_arguments():
    """What to measure, and where to write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections"
    )
    parser.add_argument("--item", default="", help="part of the names to measure")
    parser.add_argument("--quick", action="store_true", help="few epochs and repeats")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file to append to")
    return parser.parse_args()


def environment():
    """What the seconds depend on beside the code."""
    packages = ["numpy", "torch", "scikit-learn", "skorch"]
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
            "sklearn_snn": __version__,
        },
        "cpu": cpu_model(),
        "cores": cpu_count(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def cpu_model():
    """Name of the processor, as Linux has it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor()


def append(line, path):
    """Write a line, and show it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(" | ".join(speed_row(line)), flush=True)


if __name__ == "__main__":
    main()
