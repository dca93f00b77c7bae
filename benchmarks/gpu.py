"""Train on a GPU and on the CPU: the same predictions, and the seconds of both.

``python -m benchmarks.gpu`` adds a line for each network to
``benchmarks/results/gpu.jsonl``, and fails where predictions differ. ``--device mps``
is for Apple's.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from benchmarks.speed_fit import table
from benchmarks.timing import timed
from sklearn_snn import SNNClassifier
from sklearn_snn._devices import resolve_device

RESULTS = Path(__file__).parent / "results" / "gpu.jsonl"

#: Probabilities of float32 networks drift apart by rounding, epoch by epoch.
MOST_DIFFERENT = 0.01


@dataclass
class Setting:
    """What is trained, on 20 columns."""

    n_samples: int
    n_estimators: int
    width: int
    depth: int
    batch_size: int
    dropout: float
    max_iter: int = 2


SETTINGS = [
    Setting(1_000, 8, 64, 3, 32, 0.0),
    Setting(20_000, 8, 64, 3, 256, 0.05),
    Setting(20_000, 1, 256, 8, 256, 0.05),
    Setting(100_000, 8, 256, 8, 1024, 0.05),
]


def main():
    """Compare all settings, or say that there is no GPU."""
    parser = command_line(__doc__, RESULTS)
    parser.add_argument("--device", default="cuda", help="what torch calls the GPU")
    options = parser.parse_args()
    try:
        resolve_device(options.device, must_exist=True)
    except ValueError as error:
        raise SystemExit(f"{error}; run this where there is one.") from None
    lines = [compared(setting, options.device) for setting in SETTINGS]
    for line in lines:
        append(line | environment(), options.out)
        print(json.dumps(line))
    if max(line["largest_difference"] for line in lines) > MOST_DIFFERENT:
        raise SystemExit("The predictions of both devices differ.")


def compared(setting, device):
    """Seconds on both devices, and how far their probabilities are apart."""
    X, y = table(setting.n_samples)
    seconds, probabilities = {}, []
    for name in ["cpu", device]:
        model = SNNClassifier(random_state=0, device=name, **network(setting))
        model.fit(X[:200], y[:200])  # loads what every fit needs
        fit, _ = timed(lambda model=model: model.fit(X, y))
        predict, proba = timed(lambda model=model: model.predict_proba(X))
        seconds[name] = {"fit": round(fit, 3), "predict_proba": round(predict, 3)}
        probabilities.append(proba)
    difference = float(np.abs(np.subtract(*probabilities)).max())
    return {
        **asdict(setting),
        "device": device,
        "seconds": seconds,
        "largest_difference": difference,
    }


def network(setting):
    """Parameters of the estimator."""
    return {
        name: value for name, value in asdict(setting).items() if name != "n_samples"
    }


if __name__ == "__main__":
    main()
