"""Pages about blends, tuning, calibration and latency."""

import numpy as np

from benchmarks.markdown import environments, markdown_table
from benchmarks.ranking import geometric_mean


def report_blend(lines):
    """Error of CatBoost and LightGBM without and with a method, table by table."""
    return page(
        lines, [section for part in by(lines, "method") for section in blend(part)]
    )


def blend(lines):
    """Sections about one method."""
    gains, rows = [], []
    for part in by(lines, "table"):
        without, with_it, weight = np.mean(
            [blend_figures(line) for line in part], axis=0
        )
        gains.append(1 - with_it / without)
        errors = [number(without), number(with_it)]
        rows.append([part[0]["table"], *errors, f"{gains[-1]:+.2%}", f"{weight:.2f}"])
    title = (
        f"## CatBoost + LightGBM + {lines[0]['method']}: {np.mean(gains):+.2%} on "
        f"average, better on {np.sum(np.array(gains) > 0)} of {len(gains)} tables"
    )
    header = ["table", "without", "with", "gain", "its weight"]
    return [title, markdown_table(header, rows)]


def blend_figures(line):
    """Errors without and with a method, and its weight."""
    errors = [loss(line["scores"][which]) for which in ["without", "with"]]
    return [*errors, line["weights"]["with"][-1]]


def report_tuned(lines):
    """Error of tuned models, table by table."""
    sections = []
    for part in by(lines, "minutes"):
        methods = sorted({line["method"] for line in part})
        rows = []
        for of_table in by(part, "table"):
            errors = means(of_table, "method")
            # Who ran alone has beaten nobody.
            is_complete = len(errors) == len(methods)
            best = min(errors, key=errors.get) if is_complete else "-"
            rows.append(
                [
                    of_table[0]["table"],
                    *[number(errors.get(name)) for name in methods],
                    best,
                ]
            )
        sections += [
            f"## Tuned for {part[0]['minutes']:g} minutes",
            markdown_table(["table", *methods, "best"], rows),
        ]
    return page(lines, sections)


def report_calibration(lines):
    """Log-loss as it is and after scaling with a temperature, table by table."""
    rows, ratios = [], []
    for of_table in by(lines, "table"):
        losses = means(of_table, "method")
        if len(losses) == 2:
            ratios.append(losses["as it is"] / losses["temperature"])
            cells = [number(losses[name]) for name in ["as it is", "temperature"]]
            rows.append([of_table[0]["table"], *cells, f"{ratios[-1]:.3f}"])
    title = (
        f"## Log-loss as it is over log-loss calibrated: {geometric_mean(ratios):.3f}"
    )
    header = ["table", "as it is", "after temperature scaling", "ratio"]
    return page(lines, [title, markdown_table(header, rows)])


def report_latency(lines):
    """Seconds of predictions of raw rows."""
    sizes = list(lines[0]["seconds"])
    rows = []
    for line in lines:
        for key, what in {"seconds": "", "seconds_of_last_step": ", prepared"}.items():
            if key in line:
                seconds = [f"{1000 * line[key][size]:.1f} ms" for size in sizes]
                threads = f"{line['threads']}{', alone' * line['alone']}"
                rows.append([line["table"], line["method"] + what, *seconds, threads])
    header = ["table", "method", *sizes, "threads"]
    return page(lines, ["## predict_proba", markdown_table(header, rows)])


DEPTHS = """\
# Deep networks

Log-loss or RMSE of the defaults but for the depth, over that of the defaults; at most
3,000 training rows, split 0, seed 0. Median over tables, geometric mean, and the
highest with its table."""


def report_depths(lines):
    """Loss of deep networks over that of three layers, on all tables together."""
    sections = []
    for part in by(lines, "row"):
        tables = by(part, "table")
        losses = {
            one[0]["table"]: {
                (line["depth"], line["step_size"]): loss(line["scores"]) for line in one
            }
            for one in tables
        }
        step_sizes = dict.fromkeys(line["step_size"] for line in part)
        rows = [
            [str(depth), *[depth_cell(losses, depth, size) for size in step_sizes]]
            for depth in sorted({line["depth"] for line in part})
        ]
        header = ["hidden layers", *[f"steps of {size}" for size in step_sizes]]
        title = f"## {len(tables)} tables at {part[0]['row']} rows of the suite"
        sections += [title, markdown_table(header, rows)]
    return page(lines, [DEPTHS, *sections])


def depth_cell(losses, depth, step_size):
    """Median, geometric mean and largest of the ratios to the defaults."""
    ratios = {
        table: of_table[depth, step_size] / of_table[3, "auto"]
        for table, of_table in losses.items()
        if {(depth, step_size), (3, "auto")} <= set(of_table)
    }
    if not ratios:
        return "-"
    values, worst = [*ratios.values()], max(ratios, key=ratios.get)
    median, mean = np.median(values), geometric_mean(values)
    return f"{median:.3f}, {mean:.2f}, {ratios[worst]:.1f} ({worst})"


# Parts of pages ---------------------------------------------------------------------


def page(lines, sections):
    """Sections, and below them what they were measured with."""
    return "\n\n".join([*sections, *environments(lines)])


def by(lines, name):
    """Lines in lists of equal value, without failures."""
    values = sorted({line[name] for line in lines})
    parts = [
        [line for line in lines if line[name] == value and not line["error"]]
        for value in values
    ]
    return [part for part in parts if part]


def means(lines, name):
    """Mean error for each value of an entry."""
    return {
        part[0][name]: np.mean([loss(line["scores"]) for line in part])
        for part in by(lines, name)
    }


def loss(scores):
    """The error that is reported: log-loss or RMSE."""
    return scores.get("log_loss", scores.get("rmse"))


def number(value):
    return "-" if value is None else f"{value:.4f}"
