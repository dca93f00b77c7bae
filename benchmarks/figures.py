"""Pictures of results."""

from itertools import cycle

from benchmarks.ranking import normalised_errors
from benchmarks.report_defaults import OURS, comparable, fit_seconds, frame, select

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
        axes.plot(seconds[name], error, marker, color=colour, markersize=9)
        axes.annotate(
            name.replace("_", " "),
            (seconds[name], error),
            xytext=(8, 4),
            textcoords="offset points",
            fontsize=11,
            fontweight="bold" if name == OURS else "normal",
        )
    axes.set(
        xscale="log",
        xlabel="seconds of a fit (geometric mean)",
        ylabel="mean normalised error (0: best, 1: median or worse)",
        title="Default estimators on the tables at even rows",
    )
    axes.margins(x=0.2, y=0.1)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
    plt.close(figure)
