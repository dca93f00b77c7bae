"""Which networks are trained side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from sklearn_snn._costs import numbers_held, step_work
from sklearn_snn._specs import NetworkSpec, TrainingSet, teams

#: Numbers that a stack holds at most, beside its data: 64 megabytes. Larger ones are
#: slower in searches, since each step reads and writes all of them (at width 256 and
#: depth 8 eight networks that stop apart lose a third by it).
STACK_SIZE = 2**24

#: Multiplications of a step below which a part of a stack costs more than it saves.
_LEAST_STEP = 1e7


def group_networks(
    specs: Sequence[NetworkSpec],
    training_sets: Sequence[TrainingSet],
    n_tasks: int = 1,
) -> list[list[int]]:
    """Indices of the networks that share a stack, largest tasks first.

    Networks that stop together stay together; beyond that stacks are split so as to
    hold at most `STACK_SIZE` numbers.

    Parameters
    ----------
    specs : sequence of NetworkSpec
        The networks.
    training_sets : sequence of TrainingSet
        The data that the specs name.
    n_tasks : int, default=1
        Into so many parts at most are networks of equal shape split, so that they can
        be trained at the same time.
    """
    shapes: dict[Any, list[int]] = {}
    for i, spec in sorted(enumerate(specs), key=lambda pair: _neighbourhood(pair[1])):
        validates = (
            spec.validation_rows is not None
            or training_sets[spec.training_set].validation is not None
        )
        shape = (spec.layer_sizes, spec.batch_size, validates)
        shapes.setdefault(shape, []).append(i)
    groups = []
    for alike in shapes.values():
        together = teams([specs[i] for i in alike])
        size = len(alike) * numbers_held(specs[alike[0]])
        step = step_work(specs[alike[0]], len(alike))
        n_parts = min(n_tasks, math.ceil(step / _LEAST_STEP))
        n_parts = min(max(math.ceil(size / STACK_SIZE), n_parts), len(together))
        ends = np.linspace(0, len(together), n_parts + 1).round().astype(int)
        for start, stop in pairwise(ends):
            groups.append([alike[k] for team in together[start:stop] for k in team])
    return sorted(
        groups,
        key=lambda group: step_work(specs[group[0]], len(group)),
        reverse=True,
    )


def _neighbourhood(spec: NetworkSpec) -> tuple[float, ...]:
    """Neighbours in a stack with the same one are served at once."""
    return spec.training_set, spec.learning_rate, spec.weight_decay
