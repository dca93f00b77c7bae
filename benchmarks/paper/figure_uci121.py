"""The critical-difference diagram of the UCI sets."""

from benchmarks.figures import COLOURS
from benchmarks.paper.comparison import cliques, critical_difference, mean_rank_table
from benchmarks.paper.report_uci121 import accuracies, best_budgets, frame


def critical_difference_diagram(lines, path):
    """Mean ranks of networks, each with its best budget; bars join equals."""
    import matplotlib.pyplot as plt

    whole = best_budgets(accuracies(frame(lines), fold=0))
    table = mean_rank_table(whole)["rank"]
    difference = critical_difference(whole.shape[1], len(whole))
    figure, axes = plt.subplots(
        figsize=(8, 1.2 + 0.35 * len(table)), layout="constrained"
    )
    for place, (name, rank) in enumerate(table.items()):
        colour = COLOURS[0] if name.startswith("snn") else COLOURS[-1]
        axes.plot(rank, place, "o", color=colour)
        axes.annotate(
            f"{name.replace('_', ' ')}  {rank:.2f}",
            (rank, place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
        )
    for number, run in enumerate(cliques(table, difference)):
        height = len(table) - 0.3 + 0.35 * number
        axes.plot([table[run[0]], table[run[-1]]], [height] * 2, color="#999999", lw=4)
    axes.invert_yaxis()
    axes.set(
        xlabel=f"mean rank on {len(whole)} sets (critical difference {difference:.2f}: "
        "bars join methods that are not told apart)",
        yticks=[],
        xlim=(table.min() - 0.3, table.max() + 1.2),
    )
    axes.spines[["left", "right", "top"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
