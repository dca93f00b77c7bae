"""The page about the 121 UCI sets."""

import numpy as np
import pandas as pd

from benchmarks.markdown import environments, markdown_table
from benchmarks.paper import uci
from benchmarks.paper.auc import corrected_resampled
from benchmarks.paper.comparison import (
    complete,
    critical_difference,
    mean_rank_table,
    paired,
    ranks,
)
from benchmarks.paper.methods import METHODS

#: Columns of the paper's table A11.
COLUMNS = {
    "snn": "SNN",
    "relu": "MSRAinit",
    "batch_norm": "BatchNorm",
    "layer_norm": "LayerNorm",
    "weight_norm": "WeightNorm",
    "highway": "HighwayNet",
    "residual": "ResNet",
}
#: Mean depth that the paper's grid search chose (blocks, of residual networks).
PAPER_DEPTH = {
    "snn": 10.8,
    "relu": 7.1,
    "layer_norm": 7.0,
    "residual": 6.35,
    "batch_norm": 6.0,
    "highway": 5.9,
    "weight_norm": 3.8,
}
#: Mean difference to the paper's tuned SNN that was aimed at.
TARGETS = {
    "snn_one": 0.015,
    "snn_members": 0.03,
    "snn_tuned": 0.04,
    "snn_random": 0.04,
}

#: Our methods, and the group of other kinds that has the same budget.
BUDGETS = {
    "snn_paper": "paper",
    "snn_members": "members",
    "snn_tuned": "tuned",
    "snn_random": "tuned",
}

#: The same budget for each kind.
MEMBERS = [f"{kind}_members" for kind in COLUMNS]

INTRODUCTION = """\
# 121 UCI sets

120 of the sets (miniboone's numbers are not at hand), the paper's single split: the
test file of a set, or the first fold. Where train and test files were scaled apart,
both are scaled by the training rows here. `_paper` is one network trained by gradient
descent, the best of 24 candidates on a fifth of the training rows (the paper has up to
216), `_members` are eight networks with the library's default recipe, `_tuned` the best
of 16 candidates of these, drawn at random, by their losses out of fold. `snn_random` is
tuned like that, too; `snn_tuned` by the library's search by halving, over pairs of
networks, which keeps the defaults unless they are beaten by a standard error. Methods
see the same columns, all taken as numbers. Above 2,000 training rows parameters are
chosen on 2,000 of them.

Intervals hold 95 % of the means over sets that are drawn anew; p is Wilcoxon's,
two-sided. Sets are sound where the published files are (not the 11 whose parts were
scaled apart, nor vowel, whose test rows are training rows), small below 1,000 rows; odd
and even are positions in the paper's table. Means and ranks are over sets that all
methods of a table have been run on."""


def report(lines):
    """All of the page."""
    fits = frame(lines)
    single = accuracies(fits, fold=0)
    paper = uci.published("uci121_paper_accuracy")
    sections = [
        INTRODUCTION,
        report_targets(single, paper),
        report_ranks(single),
        report_methods(single, fits, paper),
        report_pairs(single, paper),
        report_depths(fits),
        report_grids(fits),
        report_folds(fits),
        report_true(fits),
        report_sets(single, paper),
        failures(lines, fits),
        *environments(lines),
    ]
    return "\n\n".join(section for section in sections if section)


def frame(lines):
    """Fits that ended well, a row each; of two of a job the later."""
    fits = pd.DataFrame([line for line in lines if not line["error"]])
    fits = fits.drop_duplicates(["table", "fold", "method", "grid"], keep="last")
    return fits.assign(depth=[chosen.get("depth") for chosen in fits["chosen"]])


def accuracies(fits, *, fold, grid="reduced"):
    """Accuracy of each method on each set that is as published."""
    of_fold = fits[(fits["fold"] == fold) & (fits["grid"] == grid)]
    of_fold = of_fold[~of_fold["table"].str.endswith(uci.TRUE)]
    wide = of_fold.pivot(index="table", columns="method", values="accuracy")
    return wide[[name for name in METHODS if name in wide]]


def groups_of(names, paper):
    """Names of sets by what they have in common."""
    names = pd.Index(names)
    position = pd.Series(np.arange(1, len(paper) + 1), paper.index).reindex(names)
    is_small = paper["N"].reindex(names) < uci.SMALL
    is_sound = ~names.isin(uci.UNSOUND)
    is_even = (position % 2 == 0).to_numpy()
    return {
        "all": names,
        "small": names[is_small],
        "large": names[~is_small],
        "sound, even": names[is_sound & is_even],
        "sound, odd": names[is_sound & ~is_even],
    }


# Sections ---------------------------------------------------------------------------


def report_targets(single, paper):
    """Our SNN beside the paper's tuned one."""
    rows = []
    for name, target in TARGETS.items():
        if name not in single:
            continue
        ours = single[name].dropna()
        for group, names in groups_of(ours.index, paper).items():
            found = paired(ours[names], paper["SNN"].reindex(names))
            wanted = f"{target:+.1%}" if group == "sound, even" else "-"
            met = (
                "-" if wanted == "-" else ("yes" if found.mean >= target else "**no**")
            )
            rows.append(
                [name, group, str(found.n), *difference_cells(found), wanted, met]
            )
    header = ["ours", "sets", "n", *DIFFERENCE, "aimed at", "met"]
    return "## Accuracy above the paper's tuned SNN\n\n" + markdown_table(header, rows)


DIFFERENCE = ["difference", "wins, ties, losses", "p"]


def difference_cells(found):
    if found.n == 0:
        return ["-", "-", "-"]
    return [
        f"{found.mean:+.2%} ({found.low:+.2%} to {found.high:+.2%})",
        f"{found.wins}, {found.ties}, {found.losses}",
        f"{found.p:.2g}",
    ]


def best_budgets(single):
    """Of each kind of network the budget of the highest mean accuracy, a column each.

    Budgets are compared on the sets that all of them have been run on.
    """
    whole = complete_networks(single)
    best = {}
    for kind in COLUMNS:
        budgets = [name for name in whole if kind_of(name) == kind]
        if budgets:
            best[kind] = whole[budgets].mean().idxmax()
    return whole[list(best.values())]


def complete_networks(single):
    """Accuracy of networks alone, without gaps."""
    return complete(single[[name for name in single if kind_of(name) is not None]])


def uneven_budgets(single):
    """A warning where one kind of network has been run with more budgets than another.

    Of our own the paper's grid, members and tuned members count, as of the others.
    """
    names = list(complete_networks(single))
    budgets = {name.removeprefix(f"{kind_of(name)}_") for name in names}
    budgets -= {"one", "random"}
    missing = [
        f"{kind}_{budget}"
        for budget in budgets
        for kind in dict.fromkeys(map(kind_of, names))
        if f"{kind}_{budget}" not in names
    ]
    if not missing:
        return ""
    return (
        "**These ranks compare budgets as well as networks**, until the following have "
        f"been run, too: {', '.join(sorted(missing))}.\n\n"
    )


def kind_of(name):
    """The kind of network of a method, None of others."""
    kinds = [kind for kind in COLUMNS if name.startswith(f"{kind}_")]
    return kinds[0] if kinds else None


def default_members(single):
    """Accuracy of each kind of network as default members, without gaps."""
    return complete(single[[name for name in single if name in MEMBERS]])


def report_ranks(single):
    """Mean ranks of neural methods, with their best budgets and with the same one."""
    parts = [
        ("each with its best budget", best_budgets(single), uneven_budgets(single)),
        ("as default members", default_members(single), ""),
    ]
    return "\n\n".join(
        f"## Ranks of networks, {title}\n\n{rank_section(whole, warning)}"
        for title, whole, warning in parts
        if whole.shape[1] > 1 and len(whole)
    )


def rank_section(whole, warning):
    """Mean ranks, and differences to our own."""
    table = mean_rank_table(whole)
    ours = [name for name in whole if kind_of(name) == "snn"]
    rows = [
        [
            name,
            f"{rank:.2f} ({low:.2f} to {high:.2f})",
            *[cell for one in ours for cell in rank_difference(whole, one, name)],
        ]
        for name, rank, low, high in table.itertuples()
    ]
    difference = critical_difference(whole.shape[1], len(whole))
    header = ["method", "mean rank"]
    header += [cell for one in ours for cell in (f"its rank less that of {one}", "p")]
    return (
        f"On {len(whole)} sets; mean ranks that differ by less than "
        f"{difference:.2f} are not told apart by Nemenyi's test.\n\n"
        + warning
        + markdown_table(header, rows)
    )


def rank_difference(whole, first, name):
    if name == first:
        return ["-", "-"]
    of_sets = ranks(whole)
    found = paired(of_sets[name], of_sets[first])
    interval = f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
    return [interval, f"{found.p:.2g}"]


def report_methods(single, fits, paper):
    """Mean accuracy, mean rank and seconds of each method."""
    whole = complete(single)
    if whole.empty:
        return ""
    groups = groups_of(whole.index, paper)
    table = mean_rank_table(whole)
    counted = (fits["fold"] == 0) & (fits["grid"] == "reduced")
    counted &= fits["table"].isin(whole.index)
    seconds = fits[counted].groupby("method")["seconds"].median()
    rows = []
    for name in whole.mean().sort_values(ascending=False).index:
        means = [
            f"{whole.loc[names, name].mean():.4f}" if len(names) else "-"
            for names in groups.values()
        ]
        rows.append(
            [
                name,
                METHODS[name].title,
                *means,
                paper_mean(name, whole.index, paper),
                f"{table['rank'][name]:.2f}",
                f"{seconds[name]:.1f}",
            ]
        )
    header = ["name", "method"]
    header += [f"{group} ({len(names)})" for group, names in groups.items()]
    header += ["the paper's, all", "mean rank", "seconds of a fit (median)"]
    left_out = [name for name in single if name not in whole]
    missing = [name for name in METHODS if name not in single]
    note = (
        f"\n\nNot run on enough sets yet: {', '.join(left_out + missing)}."
        if left_out + missing
        else ""
    )
    return (
        f"## Mean accuracy\n\n{markdown_table(header, rows)}\n\nSeconds are beside "
        f"other fits, on processors that differ up to four times.{note}"
    )


def paper_mean(name, names, paper):
    """Mean accuracy of the same kind of network in the paper."""
    if not name.endswith("_paper"):
        return "-"
    return f"{paper[COLUMNS[kind_of(name)]].reindex(names).mean():.4f}"


def report_pairs(single, paper):
    """Differences of SNN rows to those of the same budget, by groups of sets."""
    parts, groups = [], groups_of(single.index, paper)
    for ours, budget in BUDGETS.items():
        if ours not in single:
            continue
        others = [
            name
            for name in single
            if kind_of(name) != "snn" and METHODS[name].group in (budget, "classical")
        ]
        rows = []
        for name in others:
            of_all, *of_groups = (
                paired(single.loc[names, ours], single.loc[names, name])
                for names in groups.values()
            )
            cells = [difference_cells(one)[0] for one in of_groups]
            rows.append([name, str(of_all.n), *difference_cells(of_all), *cells])
        if rows:
            header = ["other", "sets", *DIFFERENCE, *list(groups)[1:]]
            table = markdown_table(header, rows)
            parts.append(f"### {ours} less others\n\n{table}")
    return "\n\n".join(["## Pairs", *parts]) if parts else ""


def report_depths(fits):
    """Depth that the search chose."""
    chosen = fits[fits["method"].str.endswith("_paper") & (fits["fold"] == 0)]
    chosen = chosen[~chosen["table"].str.endswith(uci.TRUE)]
    rows = []
    for kind, published in PAPER_DEPTH.items():
        of_kind = chosen[chosen["method"] == f"{kind}_paper"]
        for grid, part in of_kind.groupby("grid"):
            counts = part["depth"].astype(int).value_counts().sort_index()
            rows.append(
                [
                    f"{kind}_paper",
                    grid,
                    f"{part['depth'].mean():.1f}",
                    f"{published}",
                    ", ".join(f"{depth}: {n}" for depth, n in counts.items()),
                ]
            )
    header = ["method", "grid", "mean depth", "the paper's", "sets by depth"]
    return "## Depth chosen\n\n" + markdown_table(header, rows) if rows else ""


def report_grids(fits):
    """What the reduced grid costs."""
    whole = accuracies(fits, fold=0, grid="paper")
    reduced = accuracies(fits, fold=0)
    rows = []
    for name in whole:
        found = paired(whole[name], reduced[name]) if name in reduced else None
        if found is not None and found.n:
            rows.append([name, str(found.n), *difference_cells(found)])
    if not rows:
        return ""
    return "## The paper's full grid less the reduced one\n\n" + markdown_table(
        ["method", "sets", *DIFFERENCE], rows
    )


def report_folds(fits):
    """Means over the four folds beside those of 179 published classifiers."""
    fits = fits[(fits["grid"] == "reduced") & ~fits["table"].str.endswith(uci.TRUE)]
    n_folds = fits.groupby(["table", "method"])["fold"].transform("nunique")
    has_file = fits["table"].isin(with_test_file(fits["table"].unique()))
    whole = fits[(n_folds == uci.N_FOLDS) | has_file]
    if (whole["fold"] > 0).sum() == 0:
        return ""
    ours = whole.pivot_table(index="table", columns="method", values="accuracy")
    ours = complete(ours)
    theirs = without_gaps(uci.published("fernandez_delgado_results"), ours.index)
    is_sound = ~ours.index.isin(uci.UNSOUND)
    means = theirs.mean().sort_values(ascending=False)
    rows = [
        [name, "ours", f"{ours[name].mean():.4f}", f"{ours[name][is_sound].mean():.4f}"]
        for name in ours
    ]
    rows += [
        [name, "published", f"{mean:.4f}", f"{theirs[name][is_sound].mean():.4f}"]
        for name, mean in means.head(10).items()
    ]
    rows.sort(key=lambda row: row[2], reverse=True)
    return "\n\n".join(
        [
            "## Four folds",
            f"Means over {len(ours)} sets. Sets with a test file have that one split. "
            "Of the published classifiers (Fernández-Delgado et al. 2014) those that "
            "have a result on all but 5 % of these sets, the ten best; gaps are filled "
            "with the mean of the others on the set. Many of them were tuned without "
            "rows held out, and on some sets from files that were scaled wrongly, "
            f"which are repaired for ours; those of {is_sound.sum()} sets are sound.",
            markdown_table(["method", "", "mean accuracy", "of sound sets"], rows),
            best_published(ours, theirs, is_sound),
            report_within(fits),
        ]
    )


def best_published(ours, theirs, is_sound):
    """Differences of the default members to the best published classifier."""
    if "snn_members" not in ours:
        return ""
    rows = []
    for title, names in (("all", ours.index), ("sound", ours.index[is_sound])):
        best = theirs.loc[names].mean().idxmax()
        found = paired(ours.loc[names, "snn_members"], theirs.loc[names, best])
        rows.append([title, best, str(found.n), *difference_cells(found)])
    header = ["sets", "best published", "n", *DIFFERENCE]
    return "`snn_members` less the best of them:\n\n" + markdown_table(header, rows)


def with_test_file(names):
    return [name for name in names if uci.has_test_file(name)]


def without_gaps(published, names):
    """Accuracy of published classifiers that lack few of these sets."""
    part = published.reindex(names)
    part = part.loc[:, part.isna().mean() <= 0.05]
    return part.T.fillna(part.mean(axis=1)).T


def report_within(fits):
    """On how many single sets the default members differ from others."""
    wide = fits.pivot(index=["table", "fold"], columns="method", values="accuracy")
    rows = []
    for name in wide.columns.drop("snn_members", errors="ignore"):
        if "snn_members" not in wide:
            break
        differences = (wide["snn_members"] - wide[name]).dropna()
        counts = differences.groupby(level="table").size()
        better = worse = n_sets = 0
        for table in counts.index[counts == uci.N_FOLDS]:
            n_sets += 1
            values = differences[table].to_numpy()
            # Of four draws of 75/25, a test part has a third of the training rows.
            found = corrected_resampled(values, 1 / 3)
            better += found.p < 0.05 and found.mean > 0
            worse += found.p < 0.05 and found.mean < 0
        if n_sets:
            rows.append([name, str(n_sets), str(better), str(worse)])
    header = ["other", "sets", "`snn_members` better", "worse"]
    return (
        "Sets on which four folds tell the default members from another method, by the "
        "corrected resampled t-test at 5 %:\n\n" + markdown_table(header, rows)
    )


def report_true(fits):
    """The two sets whose published rows are wrong, as they are and as UCI has them."""
    names = [name for one in uci.TRUE_SETS for name in (one, one + uci.TRUE)]
    part = fits[(fits["fold"] == 0) & (fits["grid"] == "reduced")]
    wide = part.pivot(index="method", columns="table", values="accuracy")
    wide = wide.reindex(index=list(METHODS), columns=names).dropna(how="all")
    rows = [[name, *map(cell, row)] for name, row in wide.iterrows()]
    return "## Sets whose published test rows are wrong\n\n" + markdown_table(
        ["method", *names], rows
    )


def report_sets(single, paper):
    """Accuracy on each set, the paper's behind ours."""
    header = ["set", "rows", *single.columns]
    rows = []
    for name in single.index:
        cells = []
        for method in single:
            text = cell(single.loc[name, method])
            if method.endswith("_paper"):
                text += f" / {cell(paper[COLUMNS[kind_of(method)]].get(name))}"
            cells.append(text)
        star = "*" if name in uci.UNSOUND else ""
        rows.append([name + star, str(paper["N"].get(name, "-")), *cells])
    return (
        "## Accuracy on each set\n\nBehind a stroke the paper's; * the published files "
        "were not sound.\n\n" + markdown_table(header, rows)
    )


def cell(value):
    return "-" if value is None or np.isnan(value) else f"{value:.3f}"


def failures(lines, fits):
    """Which fits have failed and were not done since."""
    keys = ["table", "fold", "method", "grid"]
    done = set(fits[keys].itertuples(index=False, name=None))
    failed = sorted(
        {
            f"{line['method']} on {line['table']}, fold {line['fold']}: {line['error']}"
            for line in lines
            if line["error"] and tuple(line[key] for key in keys) not in done
        }
    )
    return "Failed: " + "; ".join(failed) + "." if failed else ""
