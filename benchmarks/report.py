"""Make a markdown table of a benchmark's lines of JSON.

Run it with ``python -m benchmarks.report speed``, or another benchmark's name.
"""

import argparse
from pathlib import Path
from statistics import fmean, quantiles

from benchmarks import (
    figures,
    report_defaults,
    report_experiments,
    speed_revisions,
)
from benchmarks.lines import read_lines, read_with_compressed
from benchmarks.markdown import environments, markdown_table
from benchmarks.paper import (
    figure_uci121,
    report_cores,
    report_figure1,
    report_htru2,
    report_tox21,
    report_uci121,
)

RESULTS = Path(__file__).parent / "results"


def main():
    """Print a report, and write it where the command line asks for it."""
    options = parse_arguments()
    if options.lines is None:
        lines = read_with_compressed(RESULTS / f"{options.benchmark}.jsonl")
    else:
        lines = [line for path in options.lines for line in read_lines(path)]
    lines = [line for line in lines if is_asked_for(line, options)]
    text = REPORTS[options.benchmark](lines)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")
    if options.figure is not None:
        FIGURES[options.benchmark](lines, options.figure)


def parse_arguments():
    """What to report, from where and to where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", choices=REPORTS)
    parser.add_argument(
        "--lines",
        type=Path,
        nargs="+",
        help="files of JSON lines; of two lines of one fit the later is reported",
    )
    parser.add_argument(
        "--splits", type=int, nargs="+", help="of defaults; all if none"
    )
    parser.add_argument("--methods", nargs="+", help="of defaults; all if none")
    parser.add_argument("--out", type=Path, help="markdown file to write")
    parser.add_argument(
        "--figure", type=Path, help="picture to write, where there is one"
    )
    parser.add_argument("--quick", action="store_true", help="report --quick runs")
    return parser.parse_args()


def is_asked_for(line, options):
    """Whether the command line asks for a line."""
    return (
        line.get("quick", False) == options.quick
        and (options.splits is None or line["split"] in options.splits)
        and (options.methods is None or line["method"] in options.methods)
    )


# Speed ------------------------------------------------------------------------------

SPEED = """\
# Speed

`python -m benchmarks.speed` runs both sides in turn, on the same float32 rows; a ratio
is the median of those of neighbouring runs."""

#: What the table of a section leaves open.
NOTES = {
    "revisions": f"Before is commit {speed_revisions.BEFORE} of {speed_revisions.DAY}."
}


def report_speed(lines):
    """A table for each section, of the last measurement of each thing."""
    sections = {}
    for line in lines:
        sections.setdefault(line["section"], {})[line["what"]] = line
    parts = [SPEED]
    for section, last in sections.items():
        note = [NOTES[section]] if section in NOTES else []
        parts += [f"## {section}", *note, speed_table(last.values())]
    last = [line for section in sections.values() for line in section.values()]
    return "\n\n".join([*parts, *environments(last)])


def speed_table(lines):
    """Medians of both sides, and the median of the ratios of neighbouring runs."""
    header = ["what", "ours", "against", "ratio", "target", "met", "repeats"]
    return markdown_table(header, map(speed_row, lines))


#: What a ratio says, and on which side of its target it should be.
RATIOS = {
    "speed": ("x as fast", "at least"),
    "time": ("x the time", "at most"),
    "memory": ("x as much", "at most"),
}


def speed_row(line):
    says, at = RATIOS[line["ratio_of"]]
    return [
        line["what"],
        speed_cell(line["ours"]),
        speed_cell(line["reference"]),
        f"{line['ratio']:.2f}{says}",
        f"{at} {line['target']:.2f}",
        "yes" if is_met(line) else "**no**",
        str(line["n_repeats"]),
    ]


def speed_cell(side):
    if "megabytes" in side:
        return f"{side['name']}: {side['median']:.0f} MB"
    if side["work"] == 1:
        return f"{side['name']}: {side['median']:.2f} s"
    return f"{side['name']}: {side['work'] / side['median']:,.0f} a second"


def is_met(line):
    """Whether ratio and checks are as wanted."""
    better = line["ratio"] - line["target"]
    is_good = better >= 0 if line["ratio_of"] == "speed" else better <= 0
    return is_good and all(line["results"].get("checks", {}).values())


# Optimism ---------------------------------------------------------------------------


def report_optimism(lines):
    """By how much loss is larger on new rows than out of fold, by rows and stopping."""
    ways = [name for name, value in lines[0].items() if isinstance(value, list)]
    rows = []
    for size in sorted({line["size"] for line in lines}):
        some = [line for line in lines if line["size"] == size]
        tables = sorted({line["table"] for line in some})
        cells = [optimism_cell(some, tables, way) for way in ways]
        rows.append([f"{size:,}", str(len(tables)), *cells])
    return "\n\n".join(
        [markdown_table(["rows", "tables", *ways], rows), *environments(lines)]
    )


def optimism_cell(lines, tables, way):
    """Median over tables of the mean over seeds, and the middle half of the tables."""
    of_tables = []
    for table in tables:
        pairs = [line[way] for line in lines if line["table"] == table]
        of_tables.append(fmean(new / seen - 1 for seen, new in pairs))
    low, median, high = quantiles(of_tables, n=4)
    return f"{median:+.1%} ({low:+.1%} to {high:+.1%})"


REPORTS = {
    "speed": report_speed,
    "optimism": report_optimism,
    "defaults": report_defaults.report,
    "blend": report_experiments.report_blend,
    "tuned": report_experiments.report_tuned,
    "calibration": report_experiments.report_calibration,
    "latency": report_experiments.report_latency,
    "depths": report_experiments.report_depths,
    "figure1": report_figure1.report,
    "htru2": report_htru2.report,
    "tox21": report_tox21.report,
    "uci121": report_uci121.report,
    "cores": report_cores.report,
}
FIGURES = {
    "speed": figures.speed_against_targets,
    "defaults": figures.error_against_seconds,
    "calibration": figures.reliability_curve,
    "figure1": report_figure1.curves_and_moments,
    "tox21": report_tox21.depth_curves,
    "uci121": figure_uci121.critical_difference_diagram,
}


if __name__ == "__main__":
    main()
