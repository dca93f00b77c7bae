"""How long predictions of raw rows take."""

from statistics import median

from sklearn.pipeline import Pipeline

from benchmarks.defaults.jobs import materials
from benchmarks.models import METHODS
from benchmarks.timing import timed

N_ROWS = 100_000


def measure(job):
    """Seconds for one row and for many, as a dict.

    Those of a pipeline are given without its preparation of strings, too.
    """
    rows, setting = materials(job)
    model = METHODS[job.method].make(setting).fit(rows.X, rows.y)
    result = {"seconds": seconds_of(model, rows.X_test)}
    if isinstance(model, Pipeline):
        prepared = model[:-1].transform(rows.X_test)
        result["seconds_of_last_step"] = seconds_of(model[-1], prepared)
    return result


def seconds_of(model, X):
    """Medians of repeated predictions of probabilities."""
    many = X.sample(N_ROWS, replace=True, random_state=0)
    return {
        "1 row": median(repeated(model, X.iloc[[0]], 100)),
        f"{N_ROWS:,} rows": median(repeated(model, many, 5)),
    }


def repeated(model, X, n_repeats):
    """Seconds of predictions after one that is not counted."""
    model.predict_proba(X)
    return [timed(lambda: model.predict_proba(X))[0] for _ in range(n_repeats)]
