"""The page about Tox21, and its picture."""

from collections import defaultdict

import numpy as np

from benchmarks.markdown import environments, markdown_table
from benchmarks.paper.auc import (
    auc,
    corrected_resampled,
    delong,
    labels_of,
    mean_of_same_rows,
)
from benchmarks.paper.compounds import FINAL, LEADERBOARD, TASKS
from benchmarks.paper.report_htru2 import interval
from benchmarks.paper.tox21 import DEPTHS, HELD_OUT

OURS = "snn_members"
N_FOLDS = 5
#: Mean AUC on the final test compounds by depth, in points: table 2 of the paper.
PUBLISHED = {
    "snn": [83.7, 84.4, 84.2, 83.9, 84.5, 83.5, 82.5],
    "layer_norm": [84.3, 84.3, 84.0, 82.5, 80.9, 78.7, 78.8],
    "weight_norm": [83.7, 82.9, 82.2, 82.5, 81.9, 78.1, 56.6],
    "highway": [83.3, 83.0, 82.6, 82.4, 80.3, 80.3, 79.6],
    "relu": [82.7, 81.6, 81.1, 80.6, 80.9, 80.2, 80.4],
    "residual": [82.2, 80.0, 80.5, 81.2, 81.8, 81.2, None],
    "batch_norm": [80.0, 79.8, 77.2, 77.0, 75.0, 73.7, 76.0],
}
WHERE = {HELD_OUT: "folds", LEADERBOARD: "leaderboard", FINAL: "final test"}

INTRODUCTION = """\
# Tox21

Twelve assays; 11,764 training compounds in five folds by canonical SMILES, and the
296 of the leaderboard, none of which is among them. Each fit learns from four folds,
an eighth of which validates, and is tested on the fifth and on the leaderboard.
Features are those of ECFP4 counts, MACCS keys and RDKit descriptors that vary in at
least 1 % of the training compounds, about 920; those that the paper used are not
published.

`_paper` is one network of width 128 trained by gradient descent, the best of four on
the validation compounds; `_members` are eight networks with the library's default
recipe at each depth (`snn_members` at depth 3 is `SNNClassifier()`). Networks have an
output for each assay; forests, boosting and support vector machines are fitted to
each one, with the best of two or four settings. AUC in points is the mean over
assays, and over folds ± their standard deviation."""


def report(lines):
    """All of the page; of two lines of a fit the later counts."""
    fits = defaultdict(dict)
    for line in lines:
        if not line["error"]:
            fits[line["method"], line["depth"]][line["fold"]] = line
    parts = [INTRODUCTION, report_sweeps(fits), report_best(fits)]
    parts += [report_final(fits), report_assays(fits)]
    return "\n\n".join([part for part in parts if part] + environments(lines))


def mean_auc(line, where):
    """Mean over the assays that have an AUC, in points."""
    return 100 * np.mean([area for area in line["auc"][where] if area is not None])


def cell(of_folds, where):
    """Mean over folds, ± their deviation."""
    found = [mean_auc(line, where) for line in of_folds.values()]
    deviation = f" ± {np.std(found, ddof=1):.1f}" if len(found) > 1 else ""
    missing = "" if len(found) == N_FOLDS else f" ({len(found)})"
    return f"{np.mean(found):.1f}{deviation}{missing}"


# Depths -----------------------------------------------------------------------------


def report_sweeps(fits):
    """A table of depths for each set of compounds, the paper's below ours."""
    parts = []
    for where in (HELD_OUT, LEADERBOARD):
        rows = [
            [name, *[cell_or_dash(fits, name, depth, where) for depth in DEPTHS]]
            for name in swept(fits)
        ]
        parts += [f"## Depth, {WHERE[where]}", table_of_depths(rows)]
    parts.append("A number in parentheses is that of the folds, if not five.")
    parts += [loss_of_depth(fits), "## Depth, in the paper (final test compounds)"]
    rows = [
        [kind, *["-" if area is None else f"{area:.1f}" for area in found]]
        for kind, found in PUBLISHED.items()
    ]
    return "\n\n".join([*parts, table_of_depths(rows)])


def swept(fits):
    """Methods that have a depth."""
    return list(dict.fromkeys(name for name, depth in fits if depth is not None))


def table_of_depths(rows):
    return markdown_table(["layers or blocks", *map(str, DEPTHS)], rows)


def cell_or_dash(fits, name, depth, where):
    of_folds = fits.get((name, depth))
    return cell(of_folds, where) if of_folds else "-"


def loss_of_depth(fits):
    """What self-normalizing networks lose from depth 8 to 32."""
    sentences = []
    for name in ["snn_members", "snn_paper"]:
        pair = [fits.get((name, depth), {}) for depth in (8, 32)]
        folds = sorted(set(pair[0]) & set(pair[1]))
        if folds:
            shallow, deep = (
                np.mean([mean_auc(of_folds[fold], HELD_OUT) for fold in folds])
                for of_folds in pair
            )
            sentences.append(
                f"From depth 8 to 32 `{name}` changes by {deep - shallow:+.1f} points "
                f"on {len(folds)} fold{'s' * (len(folds) > 1)}."
            )
    return " ".join(sentences)


# At the best depth ------------------------------------------------------------------


def at_best_depth(fits):
    """The depth of each method with the highest mean AUC over all folds run."""
    best = {}
    for (name, depth), of_folds in fits.items():
        if name not in best or rank(of_folds) > rank(best[name][1]):
            best[name] = depth, of_folds
    return best


def rank(of_folds):
    """Those that were run on most folds first, then by mean AUC on the folds."""
    return len(of_folds), np.mean(
        [mean_auc(line, HELD_OUT) for line in of_folds.values()]
    )


def report_best(fits):
    """Each method at its best depth, and ours less it."""
    best = at_best_depth(fits)
    order = sorted(
        best,
        key=lambda name: rank(best[name][1]),
        reverse=True,
    )
    rows = [
        [
            name,
            "-" if best[name][0] is None else str(best[name][0]),
            *[cell(best[name][1], where) for where in (HELD_OUT, LEADERBOARD)],
            *differences(best, name),
            f"{np.median([one['seconds'] for one in best[name][1].values()]):.0f}",
        ]
        for name in order
    ]
    header = [
        "method",
        "depth",
        "folds",
        "leaderboard",
        "`snn_members` less it, folds",
        "on the leaderboard",
        "seconds",
    ]
    about = (
        "Depths are those of the highest mean AUC on the folds, which flatters methods "
        "that have several. Intervals of 95 % of differences, as shares and not in "
        "points: on folds by the corrected resampled t-test, on the leaderboard by "
        "DeLong's method, in which assays of one compound belong together. Seconds are "
        "of one thread, beside other fits."
    )
    return "\n\n".join(
        ["## Each method at its best depth", about, markdown_table(header, rows)]
    )


def differences(best, name):
    """Ours less another: on the folds, and on the leaderboard."""
    if name == OURS or OURS not in best:
        return "-", "-"
    ours, theirs = best[OURS][1], best[name][1]
    folds = sorted(set(ours) & set(theirs))
    if not folds:
        return "-", "-"
    pairs = [(ours[fold], theirs[fold]) for fold in folds]
    on_folds = "-"
    if len(folds) > 1:
        points = [mean_auc(a, HELD_OUT) - mean_auc(b, HELD_OUT) for a, b in pairs]
        on_folds = interval(
            corrected_resampled(np.array(points) / 100, 1 / (N_FOLDS - 1))
        )
    both = (mean_of_same_rows(of_assays(side)) for side in zip(*pairs, strict=True))
    return on_folds, interval(delong(*both))


def of_assays(lines):
    """AUC of all assays of all fits, on the leaderboard."""
    return [
        auc(labels_of(labels), ranks)
        for line in lines
        for labels, ranks in zip(*line["order"][LEADERBOARD].values(), strict=True)
    ]


# Final test and assays --------------------------------------------------------------


def report_final(fits):
    """AUC on the final test compounds, if their labels were there."""
    best = at_best_depth(fits)
    known = {
        name: of_folds
        for name, (_, of_folds) in best.items()
        if any(FINAL in line["order"] for line in of_folds.values())
    }
    if not known:
        return (
            "The labels of the 647 compounds of the final test, of which the paper's "
            "numbers are, were not there: they are left out here."
        )
    rows = [[name, cell(of_folds, FINAL)] for name, of_folds in known.items()]
    return "## Final test\n\n" + markdown_table(["method", "AUC"], rows)


def report_assays(fits):
    """AUC of each assay on the folds, at each method's best depth."""
    rows = [
        [name, *[assay_cell(of_folds, i) for i in range(len(TASKS))]]
        for name, (_, of_folds) in at_best_depth(fits).items()
    ]
    about = "Means over the folds that a method has been run on, at its best depth."
    table = markdown_table(["method", *TASKS], rows)
    return "\n\n".join(["## Assays, folds", about, table])


def assay_cell(of_folds, i):
    found = [line["auc"][HELD_OUT][i] for line in of_folds.values()]
    found = [area for area in found if area is not None]
    return f"{100 * np.mean(found):.1f}" if found else "-"


# Picture ----------------------------------------------------------------------------


def depth_curves(lines, path):
    """AUC against depth: ours by two recipes, and the paper's."""
    import matplotlib.pyplot as plt

    fits = defaultdict(dict)
    for line in lines:
        if not line["error"]:
            fits[line["method"], line["depth"]][line["fold"]] = line
    figure, panels = plt.subplots(
        1, 3, figsize=(12, 4.5), layout="constrained", sharex=True
    )
    titles = {"members": "eight members, our recipe", "paper": "one, gradient descent"}
    for panel, (recipe, title) in zip(panels, titles.items(), strict=False):
        for number, kind in enumerate(PUBLISHED):
            name = f"{kind}_{recipe}"
            points = {
                depth: np.mean([mean_auc(one, HELD_OUT) for one in of_folds.values()])
                for (method, depth), of_folds in sorted(fits.items(), key=str)
                if method == name
            }
            draw(panel, kind, number, sorted(points.items()))
        panel.set(title=f"here, folds: {title}", ylabel="mean AUC in points")
    for number, (kind, found) in enumerate(PUBLISHED.items()):
        pairs = zip(DEPTHS, found, strict=True)
        draw(panels[2], kind, number, [pair for pair in pairs if pair[1] is not None])
    panels[2].set(title="the paper, final test", ylim=(72, 86))
    panels[2].legend(fontsize=8)
    for panel in panels:
        panel.set(xscale="log", xlabel="hidden layers or blocks")
        panel.set_xticks(DEPTHS, map(str, DEPTHS))
        panel.xaxis.set_minor_formatter("")
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw(panel, kind, number, points):
    """A curve of the colour that a kind has in all panels."""
    from benchmarks.figures import COLOURS, MARKERS

    if points:
        panel.plot(
            *zip(*points, strict=True),
            color=COLOURS[number],
            marker=MARKERS[number],
            markersize=5,
            linewidth=2.5 if kind == "snn" else 1.2,
            label=kind.replace("_", " "),
        )
