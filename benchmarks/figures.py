"""Pictures of results."""

from itertools import cycle

import numpy as np

from benchmarks.ranking import normalised_errors
from benchmarks.report_defaults import OURS, comparable, fit_seconds, frame, select
from benchmarks.report_experiments import by

#: Okabe and Ito's colours, which the colour-blind can tell apart; markers differ too.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000"]
MARKERS = "os^Dv<>Pph"


def error_against_seconds(lines, path):
    """Mean normalised error of each method against its seconds, on the even tables."""
    import matplotlib.pyplot as plt

    fits = select(frame(lines), full=False, row="even")
    errors = normalised_errors(comparable(fits, "loss")).mean().sort_values()
    seconds = fit_seconds(fits)
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    styles = zip(errors.items(), cycle(COLOURS), cycle(MARKERS), strict=False)
    for (name, error), colour, marker in styles:
        size = 14 if name == OURS else 9
        label = name.replace("_", " ")
        axes.plot(
            seconds[name], error, marker, color=colour, markersize=size, label=label
        )
    axes.set(
        xscale="log",
        ylim=(-0.05, 1.05),
        xlabel="seconds of a fit (geometric mean)",
        ylabel="mean normalised error (0: best, 1: median or worse)",
        title="Default estimators on the tables at even rows",
    )
    # Names beside the points would cover each other: many methods have an error near 1.
    figure.legend(loc="outside right center", title="by error")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def reliability_curve(lines, path):
    """How often what is predicted with some probability is true, over all tables."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 5.5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="#999999", linestyle="--", label="perfect")
    for part, colour, marker in zip(
        by(lines, "method"), COLOURS, MARKERS, strict=False
    ):
        sums = [line["reliability"] for line in part]
        count, predicted, true = [
            np.sum([one[name] for one in sums], axis=0)
            for name in ["count", "predicted", "true"]
        ]
        seen = count > 0
        axes.plot(
            predicted[seen] / count[seen],
            true[seen] / count[seen],
            marker=marker,
            color=colour,
            label=part[0]["method"],
        )
    axes.set(
        xlabel="predicted probability of a class",
        ylabel="how often it is the class",
        title="Reliability of the default classifier",
        aspect="equal",
    )
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def speed_against_targets(lines, path):
    """How many times as good as its reference each thing is, and should be."""
    import matplotlib.pyplot as plt

    last = {line["what"]: line for line in lines}
    good, wanted = (
        [better(line, name) for line in last.values()] for name in ["ratio", "target"]
    )
    places = range(len(last), 0, -1)
    figure, axes = plt.subplots(figsize=(9, 1 + 0.24 * len(last)), layout="constrained")
    axes.hlines(places, 1, good, color=COLOURS[0], linewidth=1.5)
    axes.plot(good, places, "o", color=COLOURS[0], label="measured")
    axes.plot(
        wanted,
        places,
        "|",
        color=COLOURS[5],
        markersize=12,
        markeredgewidth=2.5,
        label="target",
    )
    axes.axvline(1, color="#999999", linewidth=1)
    axes.set(
        xscale="log",
        yticks=places,
        yticklabels=list(last),
        xlabel="times as fast, or as small, as its peer",
        title="Speed and memory",
    )
    axes.tick_params(axis="y", labelsize=8)
    ticks = [0.25, 0.5, 1, 2, 4, 8]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.legend(loc="lower right")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def better(line, name):
    """A ratio or its target, so that more is better."""
    return line[name] if line["ratio_of"] == "speed" else 1 / line[name]
