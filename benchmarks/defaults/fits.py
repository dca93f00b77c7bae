"""One fit of a default model, with its scores and costs."""

from benchmarks.children import PeakMemory
from benchmarks.defaults.jobs import materials
from benchmarks.metrics import predict, score
from benchmarks.models import METHODS
from benchmarks.timing import timed


def measure(job):
    """Scores, seconds and memory, as a dict."""
    rows, setting = materials(job)
    model = METHODS[job.method].make(setting)
    with PeakMemory() as memory:
        fit_seconds, _ = timed(lambda: model.fit(rows.X, rows.y))
        predict_seconds, predicted = timed(lambda: predict(model, rows.X_test))
    return {
        "n_train": len(rows.X),
        "n_test": len(rows.X_test),
        "scores": score(rows.y_test, predicted),
        "fit_seconds": round(fit_seconds, 4),
        "predict_seconds": round(predict_seconds, 4),
        "peak_mb": round(memory.megabytes, 1),
    }
