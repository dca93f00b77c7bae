"""How much better out-of-fold predictions look than predictions of new rows.

A member that stops where its own fold scores best has chosen among epochs by the rows
that it then predicts. Here members are trained on some hundred or thousand rows of a
large table; the rest of its rows say how good they are.

Run it with ``python -m benchmarks.optimism`` (half an hour), then
``python -m benchmarks.report optimism``.
"""

from itertools import product
from pathlib import Path

import numpy as np
from sklearn.metrics import log_loss

from benchmarks.data import read, suite
from benchmarks.lines import append, environment
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier, SNNRegressor

RESULTS = Path(__file__).parent / "results" / "optimism.jsonl"
N_FOLDS, N_NEW = 10, 5_000
#: How members stop, by the name in the report.
STOPPING = {"each on its own": True, "together": "joint", "not at all": False}


def main():
    """Measure what the command line asks for."""
    parser = command_line(__doc__, RESULTS)
    parser.add_argument("--sizes", type=int, nargs="+", default=[300, 1_000])
    parser.add_argument("--seeds", type=int, default=1, help="draws of rows")
    options = parser.parse_args()
    for described in suite().itertuples():
        X, y = numbers_only(*read(described))
        has_rare_classes = described.task != "regression" and len(set(y)) > 10
        is_small = X.shape[1] < 3 or len(X) < max(options.sizes) + N_NEW
        if is_small or has_rare_classes:
            continue
        for size, seed in product(options.sizes, range(options.seeds)):
            order = np.random.default_rng(seed).permutation(len(X))
            rows, new = order[:size], order[size : size + N_NEW]
            parts = X[rows], y[rows], X[new], y[new]
            losses = measure(described.task, *parts, seed)
            line = {"table": described.name, "size": size, "seed": seed, **losses}
            append({**line, "quick": False, **environment()}, options.out)
            print(line, flush=True)


def numbers_only(X, y):
    """Columns of numbers without gaps, and the target."""
    X = X.select_dtypes("number").dropna(axis="columns")
    return X.to_numpy(float), y.to_numpy()


def measure(task, X, y, X_new, y_new, seed):
    """Losses of single members out of their folds and on new rows."""
    is_regression = task == "regression"
    losses = {}
    for name, early_stopping in STOPPING.items():
        model = (SNNRegressor if is_regression else SNNClassifier)(
            n_estimators=N_FOLDS,
            early_stopping=early_stopping,
            oof_score=True,
            random_state=seed,
        ).fit(X, y)
        if is_regression:
            out_of_fold = np.mean((model.oof_prediction_ - y) ** 2) / y.var()
            errors = model.predict_members(X_new) - y_new
            of_new = np.mean(errors**2) / y.var()
        else:
            known = np.isin(y_new, model.classes_)
            classes = model.classes_
            proba = model.oof_decision_function_.astype(float)
            proba /= proba.sum(axis=1, keepdims=True)
            out_of_fold = log_loss(y, proba, labels=classes)
            of_new = np.mean(
                [
                    log_loss(y_new[known], member, labels=classes)
                    for member in model.predict_members(X_new[known])
                ]
            )
        losses[name] = [round(float(out_of_fold), 5), round(float(of_new), 5)]
    return losses


if __name__ == "__main__":
    main()
