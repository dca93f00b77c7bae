"""Section `fit` of the speed benchmarks: whole fits, predictions, and the import."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from functools import partial

import numpy as np
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier

from benchmarks.baselines import skorch_classifier
from benchmarks.timing import Pair, Side
from sklearn_snn import SNNClassifier

#: One network without anything around it, as the others are.
BARE = {
    "n_estimators": 1,
    "early_stopping": False,
    "preprocessor": None,
    "depth": 4,
    "random_state": 0,
}


def pairs(quick) -> Iterator[Pair]:
    """All pairs of the section."""
    yield against_skorch(1_000, 20, 64, 32, 20, 5.0, quick)
    yield against_skorch(50_000, 50, 256, 256, 2, 2.5, quick)
    yield against_mlp(1_000, 100, 32, 20, 1.3, quick)
    yield against_mlp(20_000, 256, 256, 4, 2.0, quick)
    yield predictions(1, 300, "time", 1.3, quick)
    yield predictions(100_000, 1, "speed", 1.0, quick)
    yield rows(quick)
    yield imports("import sklearn_snn", quick)
    yield imports("from sklearn_snn import SNNClassifier", quick)


def table(n_samples, n_features=20):
    """Rows of two classes, as float32."""
    X, y = make_classification(
        n_samples, n_features, n_informative=10, flip_y=0.1, random_state=0
    )
    return X.astype(np.float32), y


def against_skorch(n_samples, n_features, width, batch_size, n_epochs, target, quick):
    """A fit of ours, and of the same network in stock skorch."""
    n_epochs = 1 if quick else n_epochs
    sizes = {"width": width, "batch_size": batch_size, "max_iter": n_epochs}
    ours = SNNClassifier(dropout=0.05, **BARE, **sizes)
    theirs = skorch_classifier(n_features, **sizes)
    X, y = table(n_samples, n_features)
    return Pair(
        what=f"fit {n_samples:,} x {n_features}, width {width}, against skorch",
        setting={**BARE, **sizes, "dropout": 0.05},
        ours=Side("SNNClassifier", partial(ours.fit, X, y)),
        reference=Side("skorch", partial(theirs.fit, X, y)),
        ratio_of="speed",
        target=target,
        n_repeats=1 if quick else 5,
    )


def against_mlp(n_samples, width, batch_size, n_epochs, target, quick):
    """A fit of ours, and of scikit-learn's network of the same sizes."""
    n_epochs = 1 if quick else n_epochs
    ours, theirs = networks(width, batch_size, n_epochs)
    X, y = table(n_samples)
    return Pair(
        what=f"fit {n_samples:,} x 20, width {width}, against MLPClassifier",
        setting={**BARE, "width": width, "batch_size": batch_size, "epochs": n_epochs},
        ours=Side("SNNClassifier", partial(ours.fit, X, y)),
        reference=Side("MLPClassifier", partial(quietly_fit, theirs, X, y)),
        ratio_of="speed",
        target=target,
        n_repeats=1 if quick else 5,
    )


def networks(width, batch_size, n_epochs):
    """Ours and scikit-learn's, of four hidden layers."""
    sizes = {"batch_size": batch_size, "max_iter": n_epochs}
    return (
        SNNClassifier(width=width, **BARE, **sizes),
        # It would stop where its training loss gets no better.
        MLPClassifier((width,) * 4, n_iter_no_change=10**6, random_state=0, **sizes),
    )


def quietly_fit(model, X, y):
    """Fit without scikit-learn's warning that so few epochs are too few."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def predictions(n_rows, n_calls, ratio_of, target, quick):
    """Probabilities of so many rows, by networks of width 100."""
    n_calls = max(n_calls // 20, 1) if quick else n_calls
    X, y = table(1_000)
    models = networks(100, 32, 1)
    for model in models:
        quietly_fit(model, X, y)
    rows = np.resize(X, (n_rows, X.shape[1]))
    ours, theirs = (partial(predict_often, model, rows, n_calls) for model in models)
    return Pair(
        what=f"predict_proba of {n_rows:,} rows, width 100",
        setting={**BARE, "width": 100, "n_rows": n_rows},
        ours=Side("SNNClassifier", ours, work=n_calls),
        reference=Side("MLPClassifier", theirs, work=n_calls),
        ratio_of=ratio_of,
        target=target,
        n_repeats=1 if quick else 7,
    )


def predict_often(model, rows, n_calls):
    """The same prediction again and again."""
    for _ in range(n_calls):
        model.predict_proba(rows)


def rows(quick):
    """An epoch of a million rows against one of a thousand, by the row."""
    few, many = 1_000, 20_000 if quick else 1_000_000
    sizes = {"width": 64, "batch_size": 256, "max_iter": 1}
    sides = []
    for n_samples, n_epochs in [(many, 1), (few, 50)]:
        model = SNNClassifier(**BARE, **sizes | {"max_iter": n_epochs})
        run = partial(model.fit, *table(n_samples))
        sides.append(Side(f"{n_samples:,} rows", run, work=n_samples * n_epochs))
    return Pair(
        what=f"rows of an epoch, {many:,} against {few:,}",
        setting={**BARE, **sizes},
        ours=sides[0],
        reference=sides[1],
        ratio_of="time",
        target=1.0,
        n_repeats=1 if quick else 3,
    )


def imports(statement, quick):
    """A process that imports this package, against scikit-learn and 50 ms of sleep."""
    commands = {
        statement: f"import sklearn; {statement}",
        "import sklearn, 50 ms": "import sklearn, time; time.sleep(0.05)",
    }
    ours, theirs = (
        Side(name, partial(subprocess.run, [sys.executable, "-c", code], check=True))
        for name, code in commands.items()
    )
    return Pair(
        what=f"{statement}, against import sklearn and 50 ms",
        setting=commands,
        ours=ours,
        reference=theirs,
        ratio_of="time",
        target=1.0,
        n_repeats=1 if quick else 11,
    )
