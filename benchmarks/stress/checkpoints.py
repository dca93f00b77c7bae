"""What checkpoints cost a fit of a large table: seconds of each, and their share.

Run it with ``python -m benchmarks.stress.checkpoints``; some minutes. It adds a line to
``benchmarks/results/checkpoints.jsonl``.
"""

import json
import tempfile
import time
from pathlib import Path
from unittest import mock

import joblib
import numpy as np

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier
from sklearn_snn._checkpoints import Checkpoint

RESULTS = Path(__file__).parents[1] / "results" / "checkpoints.jsonl"
N_SAMPLES, N_FEATURES, N_EPOCHS = 200_000, 40, 3
MOST_SHARE = 0.01


def main():
    """Write one after each epoch, and one line of JSON."""
    options = command_line(__doc__, RESULTS).parse_args()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_SAMPLES, N_FEATURES)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        report = costs(folder, X, X[:, 0] * X[:, 1] > 0)
    append(report | environment(), options.out)
    print(json.dumps(report, indent=1))
    if report["share_of_an_interval"] > MOST_SHARE:
        raise SystemExit("checkpoints cost too much")


def costs(folder, X, y):
    """Seconds of the fit, of its hash and of each checkpoint."""
    writing, hashing, sizes = [], [], []

    def offer(self, networks):
        start = time.perf_counter()
        original_offer(self, networks)
        writing.append(time.perf_counter() - start)
        sizes.append(self.path.stat().st_size)

    def named(*arguments, **parameters):
        start = time.perf_counter()
        name = original_hash(*arguments, **parameters)
        hashing.append(time.perf_counter() - start)
        return name

    original_offer, original_hash = Checkpoint.offer, joblib.hash
    model = SNNClassifier(
        max_iter=N_EPOCHS, random_state=0, checkpoint=folder, checkpoint_interval=0
    )
    start = time.perf_counter()
    with (
        mock.patch.object(Checkpoint, "offer", offer),
        mock.patch.object(joblib, "hash", named),
    ):
        model.fit(X, y)
    seconds = time.perf_counter() - start
    interval = SNNClassifier().checkpoint_interval
    return {
        "shape": [N_SAMPLES, N_FEATURES],
        "epochs": model.n_iter_,
        "seconds_of_the_fit": round(seconds, 1),
        "seconds_of_the_hash": round(sum(hashing), 3),
        "seconds_of_a_checkpoint": [round(one, 4) for one in writing],
        "megabytes_of_a_checkpoint": round(max(sizes) / 2**20, 2),
        "checkpoint_interval": interval,
        "share_of_an_interval": round(max(writing) / interval, 6),
        "share_if_after_each_epoch": round(sum(writing) / seconds, 6),
    }


if __name__ == "__main__":
    main()
