"""What many hidden layers cost on tables that need few of them.

All defaults but the depth and, where it would be smaller than that of shallow networks,
the step size. ``python -m benchmarks.depths`` (half an hour) can be killed at any time
and goes on where it was; then ``python -m benchmarks.report depths``.
"""

import warnings
from itertools import product
from pathlib import Path

from benchmarks.data import suite
from benchmarks.defaults.rows import split_rows
from benchmarks.lines import append, environment, read_lines
from benchmarks.metrics import predict, score
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier, SNNRegressor

RESULTS = Path(__file__).parent / "results" / "depths.jsonl"
SHALLOW = 3e-3
#: Hidden layers and step sizes; up to 8 layers both step sizes are the same.
PAIRS = [*product([3, 8, 16, 32], ["auto"]), *product([16, 32], [SHALLOW])]
N_TRAIN = 3_000
KEY = ["table", "depth", "step_size"]


def main():
    """Add the lines that are not there yet."""
    options = command_line(__doc__, RESULTS).parse_args()
    warnings.simplefilter("ignore")  # of rare classes
    done = {tuple(line[name] for name in KEY) for line in read_lines(options.out)}
    for described in suite().itertuples():
        left = [pair for pair in PAIRS if (described.name, *pair) not in done]
        if not left:
            continue
        rows = split_rows(described, 0, max_train=N_TRAIN)
        for depth, step_size in left:
            about = {"table": described.name, "row": described.row, "seed": 0}
            about |= {"depth": depth, "step_size": step_size, "error": None}
            measured = measure(described.task, rows, depth, step_size)
            append(about | measured | environment(), options.out)
            print(about, measured, flush=True)


def measure(task, rows, depth, step_size):
    """Scores on the test rows."""
    make = SNNRegressor if task == "regression" else SNNClassifier
    model = make(depth=depth, learning_rate_init=step_size, random_state=0)
    predicted = predict(model.fit(rows.X, rows.y), rows.X_test)
    return {"scores": score(rows.y_test, predicted), "n_iter": model.n_iter_}


if __name__ == "__main__":
    main()
