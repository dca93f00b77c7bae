"""Section `search` of the speed benchmarks: many networks trained as one stack."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV

from benchmarks.baselines import skorch_classifier, train_plain
from benchmarks.timing import Pair, Side, timed
from sklearn_snn import (
    SNNClassifier,
    SNNGridSearchCV,
    SNNHalvingRandomSearchCV,
    SNNRandomizedSearchCV,
)
from sklearn_snn._layers import layer_sizes
from sklearn_snn._losses import BinaryCrossEntropy
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingSet
from sklearn_snn._training import fit_networks

N_FEATURES, N_JOBS, N_FOLDS = 20, 2, 5

GRID = {
    "depth": [2, 4, 8],
    "dropout": [0.0, 0.05],
    "learning_rate_init": [5e-4, 1e-3, 2e-3, 4e-3],
}
SKORCH_NAMES = {
    "depth": "module__depth",
    "dropout": "module__dropout",
    "learning_rate_init": "optimizer__lr",
}
SMALL = {
    "width": 64,
    "depth": 4,
    "dropout": 0.05,
    "batch_size": 32,
    "early_stopping": False,
    "n_estimators": 1,
    "n_bins": 1,
}


@dataclass(frozen=True)
class Sizes:
    """How much is measured: repeats of fits and of searches, and epochs."""

    n_fits: int = 5
    n_searches: int = 3
    epochs_of_fits: float = 1.0  # share of those in the settings
    epochs_of_searches: int = 30
    epochs_of_wide_searches: int = 10
    epochs_of_halving: int = 81


FULL = Sizes()
QUICK = Sizes(
    n_fits=1,
    n_searches=1,
    epochs_of_fits=0.1,
    epochs_of_searches=1,
    epochs_of_wide_searches=1,
    epochs_of_halving=3,
)


def pairs(quick) -> Iterator[Pair]:
    """All pairs of the section."""
    sizes = QUICK if quick else FULL
    yield stack_pair(sizes)
    yield from member_pairs(sizes)
    yield from grid_pairs(sizes)
    yield skorch_pair(sizes)
    # Without stopping 81 epochs over-fit this table, and who learns fast looks good
    # early and bad in the end; with it the other search is shorter, too.
    yield halving_pair(sizes, "no early stopping", early_stopping=False)
    yield halving_pair(sizes, "early stopping", early_stopping=True)


def make_table(n_samples):
    """Rows of two classes, a tenth of which are labelled at random."""
    X, y = make_classification(
        n_samples, N_FEATURES, n_informative=10, flip_y=0.1, random_state=0
    )
    return X.astype(np.float32), y


# One stack against a plain loop, several members against one -------------------------


def stack_pair(sizes):
    """Network-steps per second of a stack, and of a plain torch loop."""
    n_networks, n_samples, batch_size, our_epochs = 40, 1_000, 32, 5
    # One network of as many epochs as take about as long as the whole stack.
    their_epochs = 30
    network = {"depth": 4, "width": 64, "dropout": 0.05}
    X, y = make_table(n_samples)
    steps = -(-n_samples // batch_size)
    setting = {
        "n_networks": n_networks,
        "n_samples": n_samples,
        "n_features": N_FEATURES,
        "batch_size": batch_size,
        "epochs": [our_epochs, their_epochs],
        **network,
    }
    ours = partial(train_stacked, X, y, n_networks, our_epochs, batch_size, **network)
    theirs = partial(
        train_plain, X, y, n_epochs=their_epochs, batch_size=batch_size, **network
    )
    return Pair(
        what="stack of 40, width 64: network-steps",
        setting=setting,
        ours=Side("stack", ours, work=n_networks * our_epochs * steps),
        reference=Side("plain torch loop", theirs, work=their_epochs * steps),
        ratio_of="speed",
        target=6.0,
        n_repeats=sizes.n_fits,
        n_threads=1,
    )


def train_stacked(
    X, y, n_networks, n_epochs, batch_size, *, depth, width, dropout, **options
):
    """Train networks that differ in their seeds, on one thread if nothing is said."""
    specs = [
        NetworkSpec(
            layer_sizes=layer_sizes(X.shape[1], 1, depth, width, "rectangular"),
            batch_size=batch_size,
            seed=seed,
            max_epochs=n_epochs,
            learning_rate=2e-3,
            weight_decay=0.01,
            dropout=dropout,
        )
        for seed in range(n_networks)
    ]
    data = TrainingSet(X, y[:, np.newaxis].astype(X.dtype))
    options = TrainingOptions(**{"n_threads": 1} | options)
    return fit_networks(specs, [data], loss=BinaryCrossEntropy(), options=options)


def member_pairs(sizes) -> Iterator[Pair]:
    """Eight members against one."""
    for width, batch_size, depth, n_samples, max_iter, target in [
        (64, 32, 4, 1_000, 50, 2.5),
        (128, 128, 4, 5_000, 20, 8.0),
        (256, 256, 4, 10_000, 10, 8.0),
        (256, 256, 8, 10_000, 5, 8.0),
    ]:
        parameters = {
            "width": width,
            "batch_size": batch_size,
            "depth": depth,
            "max_iter": max(round(max_iter * sizes.epochs_of_fits), 1),
            "early_stopping": False,
            "n_bins": 1,
            "dropout": 0.05,
            "random_state": 0,
        }
        X, y = make_table(n_samples)
        several = SNNClassifier(n_estimators=8, **parameters)
        one = SNNClassifier(n_estimators=1, **parameters)
        yield Pair(
            what=f"8 members, width {width}, depth {depth}",
            setting={
                "n_samples": n_samples,
                "n_features": N_FEATURES,
                **parameters,
            },
            ours=Side("n_estimators=8", partial(several.fit, X, y)),
            reference=Side("n_estimators=1", partial(one.fit, X, y)),
            ratio_of="time",
            target=target,
            n_repeats=sizes.n_fits,
        )


# Searches ---------------------------------------------------------------------------


def grid_pairs(sizes) -> Iterator[Pair]:
    """Our grid search against scikit-learn's, over the same estimator."""
    few = sizes.epochs_of_wide_searches
    for name, parameters, n_epochs, target in [
        ("width 64", SMALL, sizes.epochs_of_searches, 4.0),
        ("width 256", SMALL | {"width": 256}, few, 1.0),
        ("defaults", {}, few, 1.0),
    ]:
        parameters = parameters | {"max_iter": n_epochs, "random_state": 0}
        estimator = SNNClassifier(**parameters)
        yield search_pair(
            f"grid search, {name}",
            {**parameters, "grid": GRID},
            ours=search_side(SNNGridSearchCV, estimator, GRID),
            reference=search_side(GridSearchCV, estimator, GRID),
            ratio_of="speed",
            target=target,
            n_repeats=sizes.n_searches,
        )


def skorch_pair(sizes):
    """Our grid search against scikit-learn's over a skorch net."""
    parameters = SMALL | {"max_iter": sizes.epochs_of_searches}
    estimator = SNNClassifier(random_state=0, **parameters)
    net = skorch_classifier(
        N_FEATURES,
        width=parameters["width"],
        batch_size=parameters["batch_size"],
        max_iter=parameters["max_iter"],
    )
    their_grid = {SKORCH_NAMES[name]: values for name, values in GRID.items()}
    return search_pair(
        "grid search, width 64, against skorch",
        {**parameters, "random_state": 0, "grid": GRID},
        ours=search_side(SNNGridSearchCV, estimator, GRID),
        reference=search_side(
            GridSearchCV, net, their_grid, name="GridSearchCV of skorch"
        ),
        ratio_of="speed",
        target=15.0,
        n_repeats=1,  # minutes
    )


def halving_pair(sizes, name, *, early_stopping):
    """Successive halving against all candidates to the end."""
    most, n_candidates = sizes.epochs_of_halving, 24
    parameters = SMALL | {"early_stopping": early_stopping}
    estimator = SNNClassifier(max_iter=most, random_state=0, **parameters)
    options = {
        "random_state": 0,
        "scoring": "neg_log_loss",
        "return_train_score": False,
    }
    halving = {
        "n_candidates": n_candidates,
        "resource": "max_iter",
        "max_resources": most,
        "min_resources": "exhaust",
        "factor": 3,
    }
    return search_pair(
        f"halving against randomized search, width 64, {name}",
        {**parameters, **options, **halving, "distributions": GRID},
        ours=search_side(
            SNNHalvingRandomSearchCV, estimator, GRID, **options, **halving
        ),
        # As many as the lists combine to: both searches draw all of them.
        reference=search_side(
            SNNRandomizedSearchCV, estimator, GRID, n_iter=n_candidates, **options
        ),
        ratio_of="time",
        target=1 / 3,
        n_repeats=sizes.n_searches,
        compare=compare_halving,
    )


def search_pair(what, setting, **fields):
    """A pair of searches, whose workers are running and warm before each of them."""
    setting = {
        "n_samples": 1_000,
        "n_features": N_FEATURES,
        "cv": N_FOLDS,
        "n_jobs": N_JOBS,
        "refit": False,
        "workers": "warm",
        **setting,
    }
    fields = {"compare": compare_searches} | fields
    return Pair(what, setting, prepare=warm_workers, **fields)


def search_side(search_class, estimator, candidates, *, name=None, **options):
    """A search of a class over an estimator."""
    X, y = make_table(1_000)

    def run():
        search = search_class(
            clone(estimator),
            candidates,
            cv=N_FOLDS,
            n_jobs=N_JOBS,
            refit=False,
            **options,
        )
        return search.fit(X, y)

    return Side(name or search_class.__name__, run)


def compare_searches(ours, reference):
    """Best scores of both, and how long cold workers would have taken to start."""
    return {
        "best_scores": [float(ours.best_score_), float(reference.best_score_)],
        "seconds_to_start_workers": round(seconds_to_start_workers(), 2),
    }


def compare_halving(halving, full):
    """Whether halving's best is within a standard error of the full search's."""
    deviation = full.cv_results_["std_test_score"][full.best_index_]
    error = float(deviation / np.sqrt(N_FOLDS))
    near = halving.best_score_ >= full.best_score_ - error
    return compare_searches(halving, full) | {
        "standard_error": error,
        "checks": {"best score within one standard error": bool(near)},
    }


@cache
def seconds_to_start_workers():
    """What is left out of the time of a search that runs in joblib's processes."""
    get_reusable_executor().shutdown(wait=True)
    return timed(warm_workers)[0]


def warm_workers():
    """Have joblib's workers running, with everything imported."""
    Parallel(n_jobs=N_JOBS)(delayed(warm_up)() for _ in range(N_JOBS))


def warm_up():
    """Fit something small; lasts long enough that no worker does it for another."""
    start = time.perf_counter()
    X, y = make_table(64)
    SNNClassifier(max_iter=1, random_state=0).fit(X, y)
    time.sleep(max(0.2 - (time.perf_counter() - start), 0))
