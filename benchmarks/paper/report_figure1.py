"""The page about figure 1 of the paper, and its picture."""

import numpy as np

from benchmarks.figures import COLOURS
from benchmarks.markdown import environments, markdown_table

KEY = ["table", "learning_rate", "depth", "method"]
INTRODUCTION = """\
# Figure 1

Training loss (cross entropy) of self-normalizing networks and of networks with batch
norm and ReLU, as wide as their input, by gradient descent with steps of constant size
on batches of 128 rows, without dropout, once each. `digits` has 1,797 rows of 61
columns, of `adult` there are 5,000. The loss is the mean over an epoch's batches. Its
jumps are the mean size of the change of its logarithm from one epoch to the next,
over the second half of training. Variances are of a unit's activations over 512
training rows, averaged over units, at the start and at the end. Those of batch norm are
taken with its running averages, as in prediction, which know nothing at the start and
lag behind in the first epochs."""


def report(lines):
    """All of the page."""
    rows = [
        [*[str(line[name]) for name in KEY], *cells(line)]
        for line in latest(lines).values()
    ]
    header = [
        "table",
        "step size",
        "layers",
        "network",
        "epochs",
        "loss after a tenth",
        "loss at the end",
        "jumps",
        "variance in the last layer, at the start",
        "at the end",
        "lowest and highest of a layer, at the end",
    ]
    parts = [INTRODUCTION, markdown_table(header, rows), summary(lines)]
    return "\n\n".join([*parts, *environments(lines)])


def latest(lines):
    """The last line of each curve, in order."""
    found = {tuple(one[name] for name in KEY): one for one in lines if not one["error"]}
    return dict(
        sorted(found.items(), key=lambda item: (*item[0][:3], item[0][3][::-1]))
    )


def cells(line):
    """A curve in numbers."""
    curve = line["loss_curve"]
    ends = [line["moments"][epoch] for epoch in ("0", max(line["moments"], key=int))]
    variances = [np.array(layers, dtype=float)[:, 1] for layers in ends]
    diverged = " (diverged)" * (line["stopped_by"] == "diverged")
    return [
        f"{len(curve)}{diverged}",
        number(curve[len(curve) // 10]),
        number(curve[-1]),
        number(jumps(curve)),
        *[number(layers[-1]) for layers in variances],
        f"{number(min(variances[1]))} to {number(max(variances[1]))}",
    ]


def number(value):
    return "-" if value is None or not np.isfinite(value) else f"{value:.3g}"


def jumps(curve):
    """Mean change of the logarithm from epoch to epoch, in the second half."""
    tail = [value for value in curve[len(curve) // 2 :] if value]
    return np.mean(np.abs(np.diff(np.log(tail)))) if len(tail) > 1 else np.nan


def summary(lines):
    """In how many pairs of equal table, step size and depth SNN is ahead."""
    curves = {key: line["loss_curve"] for key, line in latest(lines).items()}
    pairs = [
        (curve, curves[*key[:3], "batch_norm"])
        for key, curve in curves.items()
        if key[3] == "snn" and (*key[:3], "batch_norm") in curves
    ]
    lower = sum(finite(ours[-1]) < finite(theirs[-1]) for ours, theirs in pairs)
    smoother = sum(jumps(ours) < jumps(theirs) for ours, theirs in pairs)
    return (
        f"Of {len(pairs)} pairs the self-normalizing network has the lower loss at the "
        f"end in {lower}, and the smaller jumps in {smoother}."
    )


def finite(value):
    """A loss that is not a number is the highest."""
    return np.inf if value is None else value


def curves_and_moments(lines, path):
    """Loss of each epoch, and variance of each layer at some of them."""
    import matplotlib.pyplot as plt

    # Of the step sizes that both tables have, the one of the lowest losses.
    chosen = [line for line in latest(lines).values() if line["learning_rate"] == 0.01]
    tables = sorted({line["table"] for line in chosen}, reverse=True)
    figure, panels = plt.subplots(
        len(tables),
        3,
        figsize=(12, 3.6 * len(tables)),
        layout="constrained",
        squeeze=False,
    )
    for row, table in zip(panels, tables, strict=True):
        some = [line for line in chosen if line["table"] == table]
        draw_losses(row[0], some, table)
        for panel, kind in zip(row[1:], ["snn", "batch_norm"], strict=True):
            deep = [one for one in some if one["method"] == kind]
            draw_variances(panel, max(deep, key=lambda one: one["depth"]), table)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_losses(panel, lines, table):
    """A curve for each depth of both kinds."""
    depths = sorted({line["depth"] for line in lines})
    for line in lines:
        is_ours = line["method"] == "snn"
        panel.plot(
            np.arange(1, len(line["loss_curve"]) + 1),
            np.array(line["loss_curve"], dtype=float),
            color=COLOURS[0 if is_ours else 5],
            linestyle=["-", "--", ":"][depths.index(line["depth"])],
            linewidth=1.2,
            label=f"{'SNN' if is_ours else 'batch norm'}, {line['depth']} layers",
        )
    panel.set(yscale="log", title=table, xlabel="epoch", ylabel="training loss")
    panel.legend(fontsize=7)
    panel.grid(alpha=0.3)


def draw_variances(panel, line, table):
    """Variance of each layer, darker the later it was taken."""
    import matplotlib.pyplot as plt

    epochs = sorted(map(int, line["moments"]))
    for epoch, shade in zip(epochs, np.linspace(0.15, 0.9, len(epochs)), strict=True):
        variances = [layer[1] for layer in line["moments"][str(epoch)]]
        layers = np.arange(1, len(variances) + 1)
        colour = plt.get_cmap("viridis_r")(shade)
        # Every other one, and the last, is named: there is no room for more.
        is_named = epochs.index(epoch) % 2 == 0 or epoch == epochs[-1]
        label = f"epoch {epoch}" if is_named else None
        panel.plot(layers, variances, color=colour, linewidth=1.2, label=label)
    kind = "SNN" if line["method"] == "snn" else "batch norm"
    panel.set(
        title=f"{table}: {kind}, {line['depth']} layers",
        xlabel="hidden layer",
        ylabel="variance of activations",
        yscale="log",
    )
    panel.legend(fontsize=7)
    panel.grid(alpha=0.3)
