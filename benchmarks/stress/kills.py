"""Kill a fit with SIGKILL again and again, and compare with one that was left alone.

Both must end with the same bits. Run it with ``python -m benchmarks.stress.kills``;
about a minute. It adds a line to ``benchmarks/results/kills.jsonl``.
"""

import json
import pickle
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier

RESULTS = Path(__file__).parents[1] / "results" / "kills.jsonl"
N_KILLS = 5
#: Seconds from the first file of a process to its end, at most.
LONGEST_LIFE = 1.0
PATIENCE = 300


def main():
    """Compare both fits and write one line of JSON."""
    options = command_line(__doc__, RESULTS).parse_args()
    lives = random.Random(0)
    start = time.perf_counter()
    whole = model(None).fit(*table())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        epochs = [
            killed(folder, lives.uniform(0, LONGEST_LIFE)) for _ in range(N_KILLS)
        ]
        command(folder).wait(PATIENCE)
        again = pickle.loads((folder / "model.pickle").read_bytes())
        left = [path.name for path in folder.glob("checkpoints/*")]
    report = {
        "kills": N_KILLS,
        "epochs_when_killed": epochs,
        "epochs": whole.n_iter_,
        "equal": are_equal(whole, again),
        "files_left": left,
        "seconds_in_all": round(time.perf_counter() - start, 1),
    }
    append(report | environment(), options.out)
    print(json.dumps(report, indent=1))
    if not report["equal"] or len(set(epochs)) < N_KILLS:
        raise SystemExit("the fit did not go on as if nothing had happened")


def table():
    """Rows enough for epochs that take a while."""
    return make_classification(4000, 30, n_informative=20, n_classes=4, random_state=0)


def model(folder):
    """Members that stop each on its own."""
    return SNNClassifier(
        width=32,
        dropout=0.05,
        n_estimators=4,
        early_stopping=True,
        max_iter=100,
        n_iter_no_change=30,
        n_threads=1,
        device="cpu",
        random_state=0,
        checkpoint=folder,
        checkpoint_interval=0,
    )


def command(folder):
    """A process that fits."""
    code = (
        "import pickle, sys; from pathlib import Path; "
        "from benchmarks.stress.kills import model, table; "
        "folder = Path(sys.argv[1]); "
        "fitted = model(folder / 'checkpoints').fit(*table()); "
        "(folder / 'model.pickle').write_bytes(pickle.dumps(fitted))"
    )
    return subprocess.Popen([sys.executable, "-c", code, folder])


def killed(folder, seconds):
    """Epochs in the file of a process that was killed so long after it wrote one."""
    started, process = time.time(), command(folder)
    while not (written := files(folder, started)):
        if process.poll() is not None or time.time() > started + PATIENCE:
            raise SystemExit("the fit ended before it was killed, or wrote no file")
        time.sleep(0.01)
    time.sleep(seconds)
    process.kill()
    process.wait()
    with np.load(written[0]) as file:
        ((*networks,),) = json.loads(str(file["tree"]))
    return max(network["n_iter"] for network in networks)


def files(folder, since):
    """Checkpoints that were written since then."""
    found = folder.glob("checkpoints/*.npz")
    return [path for path in found if path.stat().st_mtime > since]


def are_equal(one, other):
    """Whether two fits have the same weights and the same records."""
    return all(
        all(map(np.array_equal, mine.weights, theirs.weights))
        and mine.loss_curve == theirs.loss_curve
        and mine.validation_scores == theirs.validation_scores
        and mine.best_epoch == theirs.best_epoch
        for mine, theirs in zip(one.networks_, other.networks_, strict=True)
    )


if __name__ == "__main__":
    main()
