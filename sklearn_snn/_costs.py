"""What training takes: numbers to hold, and multiplications."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sklearn_snn._specs import NetworkSpec, TrainingSet


def numbers_held(spec: NetworkSpec) -> int:
    """How many numbers one network of a stack holds in training, beside its data."""
    return _weight_numbers(spec) + _step_numbers(spec)


def _weight_numbers(spec: NetworkSpec) -> int:
    """Parameters, gradients, three moments, best weights.

    Products of inputs' scales and the first layer are left out: a sixth at most.
    """
    return 6 * sum((a + 1) * b for a, b in pairwise(spec.layer_sizes))


def _step_numbers(spec: NetworkSpec) -> int:
    """Rows, activations and masks."""
    return 4 * spec.batch_size * sum(spec.layer_sizes)


def memory_needs(specs: Sequence[NetworkSpec]) -> tuple[str, str]:
    """What the training of networks needs memory for, and what lowers that."""
    largest = max(specs, key=numbers_held)
    parameters = ["batch_size", "width"]
    if _weight_numbers(largest) > _step_numbers(largest):
        parameters.reverse()
    first, second = parameters
    sizes = "-".join(map(str, largest.layer_sizes))
    return (
        f"train networks ({len(specs)} of layers {sizes}, {largest.batch_size} rows a "
        "step)",
        f"lower {first}, n_estimators or {second}",
    )


def step_work(spec: NetworkSpec, n_networks: int) -> float:
    """Multiplications of a step of a stack: forward, and twice as many backward."""
    products = sum(a * b for a, b in pairwise(spec.layer_sizes))
    return 3.0 * n_networks * spec.batch_size * products


def training_work(spec: NetworkSpec, training_sets: Sequence[TrainingSet]) -> float:
    """Multiplications of what is left of the training of one network."""
    data = training_sets[spec.training_set]
    n_rows = data.X.shape[0] if spec.rows is None else len(spec.rows)
    n_epochs = spec.last_epoch - spec.n_epochs_done
    return step_work(spec, 1) / spec.batch_size * n_rows * max(n_epochs, 1)
