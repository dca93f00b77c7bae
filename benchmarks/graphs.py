"""Compare ONNX graphs with their estimators on tables of realistic size.

``python -m benchmarks.graphs`` fits default estimators on half of each table, writes
their graphs and predicts the other half with onnxruntime; a few minutes. It adds a
line for each table to ``benchmarks/results/graphs.jsonl``.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.data import read, suite
from benchmarks.lines import append, environment
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier, SNNRegressor, to_onnx

RESULTS = Path(__file__).parent / "results" / "graphs.jsonl"
TABLES = ["adult", "california_housing"]
#: Of probabilities, or of numbers in standard deviations of the target.
MOST_DIFFERENT = 1e-5


def main():
    """Compare on each table and write a line for it."""
    options = command_line(__doc__, RESULTS).parse_args()
    for described in suite().itertuples():
        if described.name in TABLES:
            X, y = read(described)
            is_classes = described.task != "regression"
            report = compared(X, y, is_classes)
            report = {"table": described.name} | report
            append(report | environment("onnx", "onnxruntime"), options.out)
            print(json.dumps(report))
            if report["in_deviations"] > MOST_DIFFERENT:
                raise SystemExit(f"the graph of {described.name} differs")


def compared(X, y, is_classes):
    """How far the predictions of an estimator and of its graph are apart."""
    import onnx
    import onnxruntime

    X, y = X.reset_index(drop=True), y.to_numpy()
    is_training = np.random.default_rng(0).random(len(y)) < 0.5
    make = SNNClassifier if is_classes else SNNRegressor
    model = make(random_state=0, n_threads=1).fit(X[is_training], y[is_training])
    rows = X[~is_training]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        to_onnx(model, path)
        onnx.checker.check_model(str(path), full_check=True)
        size = path.stat().st_size
        session = onnxruntime.InferenceSession(path)
    *_, got = session.run(None, inputs_of(session, rows))
    expected = model.predict_proba(rows) if is_classes else model.predict(rows)
    difference = float(np.abs(got - expected).max())
    one, *_ = session.run(None, inputs_of(session, rows[:1]))
    return {
        "rows": len(rows),
        "columns": X.shape[1],
        "inputs": len(session.get_inputs()),
        "most_different": difference,
        # Of a target in dollars 1e-5 is less than float32 tells apart.
        "in_deviations": difference / (1.0 if is_classes else float(y.std())),
        "row_alone": np.shape(one)[0] == 1,
        "kilobytes": round(size / 1024),
    }


def inputs_of(session, X):
    """What a session wants of a table.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of a graph that `to_onnx` wrote.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Rows; of an array without names the columns are x0, x1 and so on.

    Returns
    -------
    inputs : dict of str to ndarray
    """
    wanted = session.get_inputs()
    if [one.name for one in wanted] == ["X"] and not hasattr(X, "columns"):
        dtype = np.float64 if wanted[0].type == "tensor(double)" else np.float32
        return {"X": np.asarray(X, dtype)}
    if not hasattr(X, "columns"):
        X = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    return {one.name: AS_TYPE[one.type](X[one.name]).reshape(-1, 1) for one in wanted}


def as_numbers(column):
    """Numbers, or days of timedeltas."""
    if column.dtype.kind == "m":
        column = column / pd.Timedelta(days=1)
    return column.to_numpy(np.float64, na_value=np.nan)


def as_strings(column):
    """Categories, the empty string where they are missing."""
    return column.astype(object).where(column.notna(), "").to_numpy()


def as_times(column):
    """Microseconds since 1970."""
    return column.to_numpy("M8[us]").astype(np.int64)


AS_TYPE = {
    "tensor(double)": as_numbers,
    "tensor(string)": as_strings,
    "tensor(int64)": as_times,
}


if __name__ == "__main__":
    main()
