"""The page that asks whether SELU matters."""

import numpy as np
import pandas as pd

from benchmarks.markdown import environments, markdown_table
from benchmarks.paper.comparison import complete, mean_rank_table, paired
from benchmarks.paper.cores import CORES

OURS = "selu_dropout"

INTRODUCTION = """\
# Does SELU matter?

The library's engine, preparation, members and stopping, with nothing but activation,
initialization and dropout of the hidden layers changed. Weights of each core begin so
that second moments stay (He's rule: LeCun's for SELU). Each core is the best of eight
candidates by the loss of its members on rows that they left out: two depths, two step
sizes, and two rates of dropout or, without it, two weight decays. One split of a table,
on at most 4,000 training rows of the larger tables. Intervals hold 95 % of the means
over tables that are drawn anew; p is Wilcoxon's."""

#: What is compared on a suite, its unit, and what greater numbers of it mean.
MEASURES = {
    "uci": {"error_rate": "error rate", "log_loss": "log-loss"},
    "tabular": {"log_loss": "log-loss", "error_rate": "error rate", "rmse": "RMSE"},
}


def report(lines):
    """All of the page."""
    done = [line for line in lines if not line["error"]]
    fits = pd.DataFrame([{**line, **line["scores"]} for line in done])
    fits = fits.drop_duplicates(["suite", "table", "method"], keep="last")
    sections = [
        compare(fits[fits["suite"] == suite], suite, measure, title)
        for suite, measures in MEASURES.items()
        for measure, title in measures.items()
        if measure in fits
    ]
    parts = [INTRODUCTION, *sections, *environments(lines)]
    return "\n\n".join(part for part in parts if part)


def compare(fits, suite, measure, title):
    """A table of one measure on one suite, less being better."""
    wide = fits.pivot(index="table", columns="method", values=measure)
    wide = complete(wide.dropna(how="all"))
    if wide.empty or OURS not in wide:
        return ""
    is_ratio = measure != "error_rate"
    scale = np.log(wide.clip(lower=1e-6)) if is_ratio else wide
    ranked = mean_rank_table(-wide)
    rows = []
    for name in ranked.index:
        found = paired(scale[name], scale[OURS])
        numbers = [found.mean, found.low, found.high]
        mean, low, high = np.expm1(numbers) if is_ratio else numbers
        is_ours = name == OURS
        rows.append(
            [
                CORES[name].title,
                f"{ranked['rank'][name]:.2f}",
                f"{wide[name].mean():.4f}",
                "-" if is_ours else f"{mean:+.1%} ({low:+.1%} to {high:+.1%})",
                "-" if is_ours else f"{found.losses}, {found.ties}, {found.wins}",
                "-" if is_ours else f"{found.p:.2g}",
            ]
        )
    kind = "relative, geometric mean" if is_ratio else "difference"
    header = ["core", "mean rank", f"mean {title}"]
    header += [f"against {CORES[OURS].title} ({kind})"]
    header += ["better, equal, worse than it", "p"]
    of = {"uci": "small UCI sets", "tabular": "tables of realistic size"}[suite]
    heading = title[0].upper() + title[1:]
    return f"## {heading} on {len(wide)} {of}\n\n" + markdown_table(header, rows)
