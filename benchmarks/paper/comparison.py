"""Statistics of methods over data sets, from accuracies by set and method."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import studentized_range, wilcoxon

from benchmarks.ranking import bootstrap_interval


@dataclass(frozen=True)
class Paired:
    """Mean of differences over sets, its interval of 95 %, and how often which sign.

    The interval is of sets drawn anew, the two-sided p-value Wilcoxon's.
    """

    n: int
    mean: float
    low: float
    high: float
    p: float
    wins: int
    ties: int
    losses: int


def paired(ours, theirs):
    """By how much one series of numbers is above another, on what both have."""
    differences = (ours - theirs).dropna()
    if differences.empty:
        return Paired(0, *[np.nan] * 4, wins=0, ties=0, losses=0)
    # What was counted by rows is equal or not, whatever rounding says.
    differences = differences.where(differences.abs() > 1e-9, 0.0)
    low, high = bootstrap_interval(differences.to_frame("difference")).iloc[0]
    p = wilcoxon(differences).pvalue if differences.any() else 1.0
    signs = np.sign(differences)
    return Paired(
        n=len(differences),
        mean=float(differences.mean()),
        low=float(low),
        high=float(high),
        p=float(p),
        wins=int((signs > 0).sum()),
        ties=int((signs == 0).sum()),
        losses=int((signs < 0).sum()),
    )


def ranks(accuracies):
    """Rank of each method on each set, 1 for the highest accuracy; ties share ranks."""
    rounded = accuracies.round(9)
    return rounded.rank(axis="columns", ascending=False)


def complete(accuracies, share=0.5):
    """The part without gaps: sets that all methods have, but for rarely run methods.

    A method that has been run on less than a share of the sets that any method has
    been run on is left out.
    """
    n_sets = accuracies.notna().sum()
    often = n_sets.index[n_sets >= share * n_sets.max()]
    return accuracies[often].dropna()


def critical_difference(n_methods, n_sets, alpha=0.05):
    """By how much mean ranks must differ, by Nemenyi's test.

    Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 2006,
    equation (1).
    """
    quantile = studentized_range.ppf(1 - alpha, n_methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(n_methods * (n_methods + 1) / (6 * n_sets)))


def cliques(mean_ranks, difference):
    """Runs of methods, best first, whose ranks do not differ by more than this."""
    ordered = mean_ranks.sort_values()
    runs = []
    for i, start in enumerate(ordered):
        run = [
            name for name in ordered.index[i:] if ordered[name] - start <= difference
        ]
        is_new = not runs or run[-1] != runs[-1][-1]
        if len(run) > 1 and is_new:
            runs.append(run)
    return runs


def mean_rank_table(accuracies):
    """Mean rank of each method, best first, with its interval of 95 %."""
    of_sets = ranks(accuracies)
    bounds = bootstrap_interval(of_sets)
    return pd.DataFrame({"rank": of_sets.mean(), **bounds}).sort_values("rank")
