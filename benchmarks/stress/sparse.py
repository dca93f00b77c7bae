"""Fit a sparse table whose dense form would take 20 GB, and report the memory used.

Run it with ``python -m benchmarks.stress.sparse``; about a minute.
"""

import json
import resource
import time

import numpy as np
from scipy.sparse import csr_array

from benchmarks.options import command_line
from sklearn_snn import SNNClassifier

N_SAMPLES, N_FEATURES, N_PER_ROW = 100_000, 50_000, 100


def make_table():
    """A CSR table of 10 million numbers, and classes that depend on its columns."""
    rng = np.random.default_rng(0)
    size = N_SAMPLES * N_PER_ROW
    X = csr_array(
        (
            rng.random(size, dtype=np.float32),
            rng.integers(N_FEATURES, size=size, dtype=np.int32),
            np.arange(0, size + 1, N_PER_ROW, dtype=np.int32),
        ),
        shape=(N_SAMPLES, N_FEATURES),
    )
    signal = X[:, : N_FEATURES // 10].sum(axis=1)
    return X, signal > np.median(signal)


def peak_gigabytes():
    """Most memory that the process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main():
    """Fit one epoch and print one line of JSON."""
    command_line(__doc__).parse_args()
    X, y = make_table()
    before, start = peak_gigabytes(), time.perf_counter()
    model = SNNClassifier(n_estimators=1, max_iter=1, random_state=0).fit(X, y)
    seconds = time.perf_counter() - start
    report = {
        "shape": [N_SAMPLES, N_FEATURES],
        "seconds_of_an_epoch": round(seconds, 1),
        "peak_gigabytes_before": round(before, 3),
        "peak_gigabytes": round(peak_gigabytes(), 3),
        "training_accuracy_of_2000_rows": round(model.score(X[:2000], y[:2000]), 3),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
