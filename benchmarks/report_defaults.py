"""The page that compares default estimators."""

import numpy as np
import pandas as pd

from benchmarks.markdown import environments, markdown_table
from benchmarks.ranking import (
    bootstrap_interval,
    geometric_mean,
    normalised_errors,
    ranks,
    wins_ties_losses,
)

OURS = "snn"
#: What a row of a result is known by.
FIT = ["full", "row", "table", "split", "method"]
MEASURES = {
    "log_loss": "Log-loss",
    "error_rate": "Error rate",
    "auc": "AUC (several classes: mean of one against the rest)",
    "brier": "Brier score",
    "average_precision": "Average precision",
    "rmse": "RMSE over the target's standard deviation",
    "fit_seconds": "Seconds of a fit",
    "predict_seconds": "Seconds of the prediction of the test rows",
    "peak_mb": "Peak memory of fit and prediction, MB",
}
MORE_IS_BETTER = ["auc", "average_precision"]
SECONDS = ["fit_seconds", "predict_seconds"]

INTRODUCTION = """\
# Default estimators

Each table is split 75/25 several times; all methods see the same rows, as read.
Errors are log-loss for classification and RMSE over the target's standard deviation
for regression, means over the splits. The normalised error of a table is 0 for its
best method and 1 for its median one and all behind it. Intervals hold 95 % of the means
over tables that are drawn anew. A tie is a mean difference within one standard error
over the splits. Ranks and the tables of a measure are of the splits that `snn` has been
run on, and of methods that have been run on all of these. Seconds are those of fits on
a machine that did nothing else, one after the other, wherever there are such of the
tables; those that shared it do not count then."""

PUBLISHED = """\
## Published results of what could not be run

The weights of TabICL are on a hub that was out of reach. TabArena-v0.1's results for
defaults (51 tables, one split of each, eight bagged fits; gaps are imputed, as
TabICL's in regression): Elo, with a RandomForest at 1000, and mean distance from the
best. TabICLv2 1585 (8.1 %), CatBoost 1345 (14.2 %), TabM 1280 (15.8 %), TabICL 1275
(15.6 %), RealMLP 1251 (16.5 %), XGBoost 1192 (17.6 %), LightGBM 1163 (18.3 %), TorchMLP
1040 (22.4 %), RandomForest 1000 (25.2 %). Source: `subsets/lite/leaderboard.tex` in
github.com/autogluon/tabarena at 29bdbf9; the benchmark is arXiv 2506.16791."""


def report(lines):
    """All of the page."""
    fits = frame(lines)
    sections = [
        section
        for is_full in sorted(fits["full"].unique())
        for row in ["even", "odd"]
        for section in report_rows(select(fits, full=is_full, row=row), is_full, row)
    ]
    parts = [INTRODUCTION, *sections, report_failures(fits), PUBLISHED]
    return "\n\n".join([part for part in parts if part] + environments(lines))


def frame(lines):
    """Results, a row each, in which a failure has an error of infinity.

    Of two results of a fit the later one counts, but one of a machine that did nothing
    else before all of a shared one.
    """
    fits = pd.DataFrame([{**line, **line.get("scores", {})} for line in lines])
    fits = fits.sort_values("alone", kind="stable").drop_duplicates(FIT, keep="last")
    fits = fits.reindex(columns=[*fits.columns.union(MEASURES)])
    fits["loss"] = fits["log_loss"].fillna(fits["rmse"])
    fits["mistakes"] = fits["error_rate"].fillna(fits["rmse"])
    failed = fits["error"].notna()
    return fits.assign(
        loss=fits["loss"].mask(failed, np.inf),
        mistakes=fits["mistakes"].mask(failed, np.inf),
        conditions=fits["threads"].astype(str) + fits["alone"].astype(str),
    )


def select(fits, **values):
    """Rows in which columns have certain values."""
    chosen = np.logical_and.reduce(
        [fits[name] == value for name, value in values.items()]
    )
    return fits[chosen]


def by_method(fits, measure):
    """A measure, a row for each table and split, a column for each method."""
    if measure in SECONDS and fits["alone"].any():
        fits = fits[fits["alone"].astype(bool)]
    return fits.set_index(["table", "split", "method"])[measure].unstack("method")


def comparable(fits, measure):
    """Means over splits by table and method, of methods that ran wherever ours did."""
    values = by_method(fits, measure)
    if OURS in values:
        values = values[values[OURS].notna()]
    return values.dropna(axis="columns").groupby(level="table").mean()


# Over tables ------------------------------------------------------------------------


def report_rows(fits, is_full, row):
    """Sections about the even or the odd tables."""
    if fits.empty:
        return []
    size = "all training rows" if is_full else "at most 10,000 training rows"
    purpose = {"even": "for reporting", "odd": "for tuning"}[row]
    ours = fits[fits["method"] == OURS] if OURS in set(fits["method"]) else fits
    n_tables, n_splits = ours["table"].nunique(), ours["split"].nunique()
    title = (
        f"## Tables at {row} rows of the suite ({purpose}), {size}: "
        f"{n_tables} tables, {n_splits} split{'s' if n_splits > 1 else ''}"
    )
    return [
        title,
        *report_ranks(fits),
        *report_pairs(fits),
        *[report_measure(fits, measure) for measure in MEASURES],
    ]


def report_ranks(fits):
    """Mean ranks and normalised errors of the methods that ran everywhere."""
    errors = comparable(fits, "loss")
    if errors.shape[1] < 2:
        return ["Too few methods ran on all of these tables to rank them."]
    columns = [
        with_interval(ranks(errors)),
        with_interval(normalised_errors(errors)),
        ranks(comparable(fits, "mistakes")).mean().map("{:.2f}".format),
        fit_seconds(fits).map("{:.2f}".format).reindex(errors.columns, fill_value="-"),
    ]
    order = ranks(errors).mean().sort_values().index
    rows = [[name, *[column[name] for column in columns]] for name in order]
    header = [
        "method",
        "mean rank by log-loss or RMSE",
        "mean normalised error",
        "mean rank by error rate or RMSE",
        "seconds of a fit (geometric mean)",
    ]
    others = sorted(set(fits["method"]) - set(order))
    note = f"Not run on all of them, and left out here: {', '.join(others)}."
    return [markdown_table(header, rows), *([note] if others else [])]


def with_interval(values):
    """Means of columns with their bootstrap intervals, as strings."""
    bounds = bootstrap_interval(values)
    return pd.Series(
        {
            name: f"{mean:.2f} ({bounds.low[name]:.2f} to {bounds.high[name]:.2f})"
            for name, mean in values.mean().items()
        }
    )


def fit_seconds(fits):
    """Geometric mean of the seconds of each method."""
    seconds = by_method(fits, "fit_seconds")
    return seconds.agg(lambda of_method: geometric_mean(of_method.dropna()))


# Ours against each ------------------------------------------------------------------


def report_pairs(fits):
    """Ours against each of the others, where both ran."""
    others = sorted(set(fits["method"]) - {OURS})
    if OURS not in set(fits["method"]) or not others:
        return []
    header = [
        "snn against",
        "tables",
        "wins / ties / losses",
        "the same by error rate",
        "ratio of fit seconds (geometric mean)",
    ]
    rows = [pair_row(fits, other) for other in others]
    return [markdown_table(header, rows), worst_tables(fits)]


def pair_row(fits, other):
    """Ours against another method."""
    cells = []
    for measure in ["loss", "mistakes"]:
        both = by_method(fits, measure)[[OURS, other]].dropna()
        counts = wins_ties_losses(both[OURS], both[other])
        cells.append(" / ".join(map(str, counts)))
    n_tables = both.index.unique("table").size
    return [other, str(n_tables), *cells, seconds_ratio(fits, other)]


def seconds_ratio(fits, other):
    """Our seconds over another's, where both were measured in the same way."""
    seconds = by_method(fits, "fit_seconds")
    if OURS not in seconds or other not in seconds:
        return "-"
    ways = by_method(fits, "conditions").loc[seconds.index]
    both = seconds[ways[OURS] == ways[other]][[OURS, other]].dropna()
    return f"{geometric_mean(both[OURS] / both[other]):.2f}" if len(both) else "-"


def worst_tables(fits):
    """Where the best of the others is farthest ahead of ours."""
    words = []
    regression = comparable(fits[fits["task"] == "regression"], "loss")
    if OURS in regression and regression.shape[1] > 1:
        ratio = regression[OURS] / regression.drop(columns=OURS).min(axis="columns")
        words.append(f"RMSE {ratio.max():.2f} times the best peer's ({ratio.idxmax()})")
    mistakes = comparable(fits[fits["task"] != "regression"], "mistakes")
    if OURS in mistakes and mistakes.shape[1] > 1:
        more = mistakes[OURS] - mistakes.drop(columns=OURS).min(axis="columns")
        points = 100 * more.max()
        words.append(f"{points:.1f} points of error rate behind it ({more.idxmax()})")
    return f"Worst tables: {'; '.join(words)}." if words else ""


# By table ---------------------------------------------------------------------------


def report_measure(fits, measure):
    """Means over splits of a measure, a row a table, the best in bold."""
    values = by_method(fits, measure)
    if OURS in values:
        values = values[values[OURS].notna()]
    # Of other splits a mean would be of other rows.
    values = values.groupby(level="table").agg(lambda part: part.mean(skipna=False))
    values = values.dropna(how="all").dropna(how="all", axis="columns")
    if values.empty:
        return ""
    if measure in MORE_IS_BETTER:
        best = values.max(axis="columns")
    else:
        best = values.min(axis="columns")
    rows = [
        [name, *[cell(value, best[name]) for value in row]]
        for name, row in zip(values.index, values.to_numpy(), strict=True)
    ]
    return f"### {MEASURES[measure]}\n\n" + markdown_table(
        ["table", *values.columns], rows
    )


def cell(value, best):
    if np.isnan(value):
        return "-"
    digits = f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"
    return f"**{digits}**" if value == best else digits


def report_failures(fits):
    """What went wrong, with the number of splits."""
    failed = fits[fits["error"].notna()]
    if failed.empty:
        return ""
    reasons = failed["error"].str.split("\n").str[0]
    counts = failed.groupby(["method", "table", reasons]).size()
    rows = [[*names, str(count)] for names, count in counts.items()]
    return "## Failures\n\n" + markdown_table(
        ["method", "table", "error", "splits"], rows
    )
