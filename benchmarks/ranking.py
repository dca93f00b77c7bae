"""Comparison of methods over tables, from their errors in a frame of both."""

import numpy as np
import pandas as pd


def ranks(errors):
    """Rank of each method among all (1 is the best), a row a table."""
    return errors.rank(axis="columns")


def normalised_errors(errors):
    """Errors on a scale that tables share: 0 is the best method, 1 the median one.

    Whoever is worse than the median or has failed, with an error of infinity, gets 1.
    """
    best = errors.min(axis="columns")
    median = errors.median(axis="columns")
    above = errors.sub(best, axis="rows")
    scaled = above.div(median - best, axis="rows").clip(upper=1)
    return scaled.mask(above == 0, 0.0).mask(np.isinf(errors), 1.0)


def bootstrap_interval(values, n_draws=10_000, seed=0):
    """Bounds of 95 % of the means over tables that are drawn anew, for each column."""
    draws = np.random.default_rng(seed).integers(
        len(values), size=(n_draws, len(values))
    )
    means = values.to_numpy()[draws].mean(axis=1)
    return pd.DataFrame(
        np.quantile(means, [0.025, 0.975], axis=0).T,
        index=values.columns,
        columns=["low", "high"],
    )


def wins_ties_losses(ours, theirs):
    """On how many tables ours is better, as good and worse.

    Both are errors by table and split. It is a tie where the mean difference over the
    splits is within one standard error of zero.
    """
    differences = (ours - theirs).groupby(level="table")
    mean = differences.mean()
    # Of one split there is no standard error: only equal errors tie.
    error = (differences.std() / np.sqrt(differences.size())).fillna(0)
    is_tie = mean.abs() <= error
    return (
        int((~is_tie & (mean < 0)).sum()),
        int(is_tie.sum()),
        int((~is_tie & (mean > 0)).sum()),
    )


def geometric_mean(values):
    """Of positive numbers."""
    return float(np.exp(np.mean(np.log(values))))
