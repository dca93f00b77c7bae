"""Whether the default classifier's probabilities can be taken as they are."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV

from benchmarks.defaults.jobs import materials
from benchmarks.metrics import predict, score
from benchmarks.models import snn

N_BINS = 15


def measure(job):
    """Scores and reliability of a classifier, as a dict."""
    rows, setting = materials(job)
    model = METHODS[job.method](snn(setting)).fit(rows.X, rows.y)
    proba = predict(model, rows.X_test)
    return {
        "scores": score(rows.y_test, proba),
        "reliability": reliability(rows.y_test, proba),
    }


def as_it_is(model):
    return model


def with_temperature(model):
    """One network on all rows, as without: calibration alone makes the difference."""
    return CalibratedClassifierCV(model, method="temperature", ensemble=False)


def reliability(y, proba):
    """Sums over bins of predicted probability: how many, how probable, how often true.

    Every class of every row is one prediction.
    """
    proba = np.asarray(proba, float)
    is_true = np.asarray(y)[:, None] == np.arange(proba.shape[1])
    bins = np.minimum((proba * N_BINS).astype(int), N_BINS - 1).ravel()
    sums = {"count": None, "predicted": proba.ravel(), "true": is_true.ravel()}
    return {
        name: np.bincount(bins, weights, minlength=N_BINS).round(4).tolist()
        for name, weights in sums.items()
    }


METHODS = {"as it is": as_it_is, "temperature": with_temperature}
