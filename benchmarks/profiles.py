"""Where the time of a default fit goes.

``python -m benchmarks.profiles`` adds a line for each number of rows to
``benchmarks/results/profiles.jsonl``, with nothing else running.
"""

import cProfile
import json
import pstats
from pathlib import Path

from sklearn.datasets import make_classification

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier

RESULTS = Path(__file__).parent / "results" / "profiles.jsonl"

N_FEATURES = 20

#: Rows, and epochs that are enough to see what an epoch takes.
SIZES = {1_000: 40, 10_000: 20, 100_000: 4}

#: Functions whose own time is counted, by what they do: nearly all of it is arithmetic.
OWN = {
    "matrix products": ["torch.bmm", "torch.baddbmm"],
    "SELU and its gradient": ["torch.selu_", "elu_backward"],
    "AdamW": ["_fused_adamw_"],
}

#: Functions that are counted with all that they call.
WHOLE = {
    "batches, with ramps": ("_batches.py", "_take"),
    "validation": ("_stack.py", "_validate"),
    "preparation of the table": ("_preprocessing.py", "fit_transform"),
}


def main():
    """Profile fits of all sizes."""
    options = command_line(__doc__, RESULTS).parse_args()
    for n_samples, max_iter in SIZES.items():
        line = profile(n_samples, max_iter)
        append(line | environment(), options.out)
        print(json.dumps(line))


def profile(n_samples, max_iter):
    """Seconds of a fit, and shares of them."""
    X, y = make_classification(
        n_samples, N_FEATURES, n_informative=10, flip_y=0.1, random_state=0
    )
    model = SNNClassifier(max_iter=max_iter, random_state=0)
    model.fit(X[:200], y[:200])  # loads what every fit needs
    profiler = cProfile.Profile()
    profiler.runcall(model.fit, X, y)
    times = pstats.Stats(profiler).stats
    total = sum(own for _, _, own, _, _ in times.values())
    seconds = {what: own_time(times, names) for what, names in OWN.items()}
    seconds |= {what: whole_time(times, *place) for what, place in WHOLE.items()}
    return {
        "n_samples": n_samples,
        "n_features": N_FEATURES,
        "max_iter": max_iter,
        "seconds": round(total, 3),
        "shares": {what: round(one / total, 4) for what, one in seconds.items()},
    }


def own_time(times, names):
    """Seconds in functions of such names, without what they call."""
    return sum(
        own
        for (_, _, function), (_, _, own, _, _) in times.items()
        if any(name in function for name in names)
    )


def whole_time(times, file, name):
    """Seconds in a function of the package and in what it calls."""
    return sum(
        whole
        for (path, _, function), (_, _, _, whole, _) in times.items()
        if function == name and path.endswith(file)
    )


if __name__ == "__main__":
    main()
