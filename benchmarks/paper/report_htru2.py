"""The page about HTRU2."""

import numpy as np

from benchmarks.markdown import environments, markdown_table
from benchmarks.paper.auc import (
    auc,
    corrected_resampled,
    delong,
    labels_of,
    mean_of_other_rows,
)

OURS = "snn_members"
#: AUC and its deviation over folds in the paper, section 4.
PUBLISHED = {
    "snn_paper": ".9803 ± .010",
    "relu_paper": ".9791 ± .010",
    "weight_norm_paper": ".9786 ± .010",
    "highway_paper": ".9766 ± .009",
    "layer_norm_paper": ".9762 ± .011",
    "batch_norm_paper": ".9760 ± .013",
    "residual_paper": ".9753 ± .010",
    "naive_bayes": ".976",
    "decision_tree": ".946 (C4.5)",
    "svm": ".929",
}

INTRODUCTION = """\
# HTRU2

17,898 candidates, of which 1,639 are pulsars, in ten stratified folds: fold k tests,
fold k - 1 validates. `_paper` is one network trained by gradient descent, chosen from
24 candidates by the AUC on the validation fold, each trained on 2,000 of the training
rows, and then trained on all of them. `_members` are eight networks with the
library's default recipe on nine folds, `_tuned` the same with the best of 16
candidates; `snn_one` is the library's classifier with one network. Models of
scikit-learn are tuned alike and fitted to nine folds.

AUC is the mean over folds ± their standard deviation, as in the paper, whose own
folds are not known. Differences are the row's AUC below that of `snn_members`: the
interval of 95 % by the corrected resampled t-test is of models trained anew, that by
DeLong's method of these models on new rows. Methods that have not been run on all
folds come last. Seconds are beside other fits, on processors that differ up to four
times."""


def report(lines):
    """All of the page; of two lines of a fit the later counts."""
    fits = {}
    for line in lines:
        if not line["error"]:
            fits.setdefault(line["method"], {})[line["fold"]] = line
    order = sorted(fits, key=lambda name: rank(fits[name]), reverse=True)
    rows = [row(name, fits) for name in order]
    header = [
        "method",
        "folds",
        "AUC",
        "the paper's",
        "`snn_members` less it, resampled t",
        "p",
        "DeLong",
        "depth chosen",
        "seconds of a fold",
    ]
    parts = [INTRODUCTION, markdown_table(header, rows), failures(lines, fits)]
    return "\n\n".join([part for part in parts if part] + environments(lines))


def rank(of_folds):
    """Those that were run on most folds first, then by AUC."""
    return len(of_folds), np.mean(areas(of_folds))


def areas(of_folds):
    """AUC of each fold, in order."""
    return [of_folds[fold]["auc"] for fold in sorted(of_folds)]


def row(name, fits):
    """A method in words."""
    found = areas(fits[name])
    deviation = f" ± {np.std(found, ddof=1):.4f}" if len(found) > 1 else ""
    depths = [line["chosen"].get("depth") for line in fits[name].values()]
    depths = [depth for depth in depths if depth is not None]
    seconds = np.median([line["seconds"] for line in fits[name].values()])
    return [
        name,
        str(len(found)),
        f"{np.mean(found):.4f}{deviation}",
        PUBLISHED.get(name, "-"),
        *differences(name, fits),
        f"{np.mean(depths):.1f}" if depths else "-",
        f"{seconds:.1f}",
    ]


def differences(name, fits):
    """Ours less another: by the resampled t-test, its p, and by DeLong's method."""
    folds = sorted(set(fits.get(OURS, {})) & set(fits[name]))
    if name == OURS or len(folds) < 2:
        return "-", "-", "-"
    ours, theirs = ([fits[one][fold] for fold in folds] for one in (OURS, name))
    pairs = list(zip(ours, theirs, strict=True))
    ratio = np.mean([line["n_test"] / line["n_train"] for line in ours])
    of_new_models = corrected_resampled([a["auc"] - b["auc"] for a, b in pairs], ratio)
    of_new_rows = delong(together(ours), together(theirs))
    return interval(of_new_models), f"{of_new_models.p:.3f}", interval(of_new_rows)


def together(lines):
    """AUC over the folds of lines."""
    return mean_of_other_rows(
        [auc(labels_of(line["labels"]), line["ranks"]) for line in lines]
    )


def interval(difference):
    """A difference and its bounds."""
    one = difference
    return f"{one.mean:+.4f} ({one.low:+.4f} to {one.high:+.4f})"


def failures(lines, fits):
    """Which fits have failed and were not done since."""
    failed = sorted(
        {
            f"{line['method']} on fold {line['fold']}: {line['error']}"
            for line in lines
            if line["error"] and line["fold"] not in fits.get(line["method"], {})
        }
    )
    return "Failed: " + "; ".join(failed) + "." if failed else ""
