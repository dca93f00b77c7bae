"""Draw thousands of hostile tables, and report what became of them.

Run it with ``python -m benchmarks.stress.fuzz [EXAMPLES] [SEED]``: by default 2,000
for each kind of estimator, some minutes. It adds a line to
``benchmarks/results/fuzz.jsonl``. What polars prints of its panics is not ours.
"""

import json
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from benchmarks.stress import hostile

RESULTS = Path(__file__).parents[1] / "results" / "fuzz.jsonl"
KINDS = {
    "classifier": (hostile.CLASSIFIERS, hostile.LABELS),
    "regressor": (hostile.REGRESSORS, hostile.QUANTITIES),
    "preprocessor": (hostile.PREPROCESSORS, hostile.QUANTITIES),
}


def main():
    """Try all kinds and write one line of JSON."""
    parser = command_line(__doc__, RESULTS)
    parser.add_argument("examples", type=int, nargs="?", default=2000)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    report = {"examples": options.examples, "seed": options.seed}
    for name, (models, targets) in KINDS.items():
        report[name] = tried(models, targets, options.examples, options.seed)
    report["seconds_in_all"] = round(time.perf_counter() - start, 1)
    append(report | environment("hypothesis"), options.out)
    print(json.dumps(report, indent=1, ensure_ascii=False))
    if any(report[name]["broken"] for name in KINDS):
        raise SystemExit("some tables broke the contract")


def tried(models, targets, n_examples, first_seed):
    """How many cases were predicted, were refused with a cause, or broke a promise."""
    counts, broken = Counter(), Counter()

    @seed(first_seed)
    @settings(
        max_examples=n_examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(models, hostile.cases(targets), st.sampled_from(["fit", "partial_fit"]))
    def attempt(model, case, method):
        try:
            word = hostile.outcome(model, case, method)
        except Exception as error:  # anything else is what we look for
            broken[f"{type(error).__name__}: {error}"[:200]] += 1
        else:
            counts["predicted" if word == "predicted" else "refused"] += 1

    attempt()
    return dict(counts) | {"broken": dict(broken)}


if __name__ == "__main__":
    main()
