"""The waist: specs and training sets go in, fitted networks come out.

Torch is imported when the first network is trained, not before.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_snn._checkpoints import Checkpoint
from sklearn_snn._interrupts import Interrupts
from sklearn_snn._memory import advise_on_memory
from sklearn_snn._specs import (
    EpochEnd,
    FittedNetwork,
    NetworkSpec,
    TrainingOptions,
    TrainingSet,
    teams,
)

if TYPE_CHECKING:
    from sklearn_snn._clock import Clock
    from sklearn_snn._losses import Loss
    from sklearn_snn._rows import LabelledRows

#: Numbers that a stack holds at most, beside its data: 64 megabytes. Larger ones are
#: slower in searches, since each step reads and writes all of them (at width 256 and
#: depth 8 eight networks that stop apart lose a third by it).
STACK_SIZE = 2**24

#: Multiplications of a step below which a part of a stack costs more than it saves.
_LEAST_STEP = 1e7


def fit_networks(
    specs: Sequence[NetworkSpec],
    training_sets: Sequence[TrainingSet],
    *,
    loss: Loss,
    options: TrainingOptions,
    on_epoch: EpochEnd | None = None,
    callbacks: Sequence[Sequence[Any]] | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[FittedNetwork]:
    """Train one network a spec; those of equal layer and batch sizes side by side.

    Parameters
    ----------
    specs : sequence of NetworkSpec
        The networks.
    training_sets : sequence of TrainingSet
        The data that the specs name.
    loss : Loss
        What is minimised.
    options : TrainingOptions
        What all networks share.
    on_epoch : callable or None, default=None
        Called after each epoch of a stack with a function that returns its networks
        as they are; training stops where it returns True.
    callbacks : sequence of sequences of skorch callbacks, or None, default=None
        A list for each network, which is then trained alone as an ordinary skorch net.
    checkpoint : Checkpoint or None, default=None
        Has the networks from which to go on, and is offered what comes of them.

    Returns
    -------
    networks : list of FittedNetwork
        In the order of `specs`. A network that diverged twice is among them, with
        ``stopped_by="diverged"``. After Ctrl-C all others have
        ``stopped_by="interrupt"``, and some may have had no epoch.

    Raises
    ------
    MemoryError
        If there is too little of it, with the parameters that lower the need.
    """
    import torch

    from sklearn_snn._clock import Clock
    from sklearn_snn._rows import labelled_rows
    from sklearn_snn._torch_modes import ordinary_modes

    dtype, device = getattr(torch, options.dtype), torch.device(options.device)
    groups = [[i] for i in range(len(specs))]
    if callbacks is None:
        groups = group_networks(specs, training_sets)
    networks: list[FittedNetwork | None] = [None] * len(specs)
    if checkpoint is not None:
        networks = checkpoint.begin(len(specs))
    start = time.monotonic()
    with (
        advise_on_memory(*_needs(specs)),
        ordinary_modes(device.type),
        Interrupts() as interrupts,
    ):
        sets = labelled_rows(training_sets, dtype, device)
        for done, group in enumerate(groups):
            limit = options.time_limit
            if limit is not None:  # groups to come get an equal share of what is left
                left = max(limit - (time.monotonic() - start), 1e-9)
                limit = left / (len(groups) - done)
            train = partial(
                _train_stack,
                sets=sets,
                loss=loss,
                options=options,
                clock=Clock(limit, interrupts),
                on_epoch=on_epoch,
                callbacks=None if callbacks is None else callbacks[group[0]],
            )
            if checkpoint is not None:
                networks = _go_on(train, specs, group, networks, checkpoint, interrupts)
            else:
                made = train([specs[i] for i in group])
                networks = _put(networks, group, made)
    return _ended(networks, options, checkpoint, interrupts)


def _ended(
    networks: Sequence[FittedNetwork | None],
    options: TrainingOptions,
    checkpoint: Checkpoint | None,
    interrupts: Interrupts,
) -> list[FittedNetwork]:
    """What `fit_networks` returns."""
    fitted = [network for network in networks if network is not None]
    if interrupts.number:
        fitted = [_interrupted(network) for network in fitted]
    if checkpoint is not None:
        checkpoint.end(fitted)
        if not options.keep_state:
            fitted = [replace(network, state=None) for network in fitted]
    return fitted


def _train_stack(
    specs: Sequence[NetworkSpec],
    *,
    sets: Sequence[LabelledRows],
    loss: Loss,
    options: TrainingOptions,
    clock: Clock,
    on_epoch: EpochEnd | None,
    callbacks: Sequence[Any] | None,
) -> list[FittedNetwork]:
    """Train networks of equal layer and batch sizes side by side."""
    from sklearn_snn._net import train_stack, train_with_callbacks
    from sklearn_snn._stack import Stack
    from sklearn_snn._threads import limit_threads

    size = _multiplications(specs[0], len(specs))
    with limit_threads(options.n_threads, size):
        stack = Stack(specs, sets, loss, options, clock)
        if clock.is_interrupted:  # while others were trained
            stack.stop_all("interrupt")
        elif callbacks is None:
            train_stack(stack, on_epoch)
        else:
            train_with_callbacks(stack, on_epoch, callbacks)
    fitted = stack.fitted()
    if any(network.stopped_by == "interrupt" for network in fitted):
        clock.interrupt()
    return fitted


def _go_on(
    train: partial[list[FittedNetwork]],
    specs: Sequence[NetworkSpec],
    group: Sequence[int],
    saved: Sequence[FittedNetwork | None],
    checkpoint: Checkpoint,
    interrupts: Interrupts,
) -> list[FittedNetwork | None]:
    """Train the stack of a group, from where a checkpoint has it, and save it there."""
    on_epoch = train.keywords["on_epoch"]
    options = replace(train.keywords["options"], keep_state=True)
    networks = list(saved)

    def after_epoch(running: Callable[[], list[FittedNetwork]]) -> bool:
        # An epoch that was broken off is no place to go on from.
        if not interrupts.number:
            checkpoint.offer(lambda: _put(networks, waiting, running()))
        return on_epoch is not None and on_epoch(running)

    waiting = [i for i in group if _is_unfinished(networks[i])]
    if waiting:
        resumed = [
            specs[i]
            if networks[i] is None
            else replace(specs[i], resume=networks[i], continues=True)
            for i in waiting
        ]
        made = train(resumed, options=options, on_epoch=after_epoch)
        diverged = any(network.stopped_by == "diverged" for network in made)
        if diverged and any(networks[i] is not None for i in waiting):
            # They may deserve another try, which is one from the start.
            waiting = list(group)
            networks = _put(networks, group, [None] * len(group))
            made = train(
                [specs[i] for i in group], options=options, on_epoch=after_epoch
            )
        networks = _put(networks, waiting, made)
    return networks


def _is_unfinished(network: FittedNetwork | None) -> bool:
    return network is None or network.stopped_by == "interrupt"


def _put(
    networks: Sequence[FittedNetwork | None],
    places: Sequence[int],
    new: Sequence[FittedNetwork | None],
) -> list[FittedNetwork | None]:
    """The networks with others in some places."""
    changed = dict(zip(places, new, strict=True))
    return [changed.get(i, network) for i, network in enumerate(networks)]


def _interrupted(network: FittedNetwork) -> FittedNetwork:
    """The network, with Ctrl-C as the reason why it was trained no longer."""
    if network.stopped_by == "diverged":
        return network
    return replace(network, stopped_by="interrupt")


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
        size = len(alike) * _numbers(specs[alike[0]])
        step = _multiplications(specs[alike[0]], len(alike))
        n_parts = min(n_tasks, math.ceil(step / _LEAST_STEP))
        n_parts = min(max(math.ceil(size / STACK_SIZE), n_parts), len(together))
        ends = np.linspace(0, len(together), n_parts + 1).round().astype(int)
        for start, stop in pairwise(ends):
            groups.append([alike[k] for team in together[start:stop] for k in team])
    work = [_multiplications(specs[group[0]], len(group)) for group in groups]
    return [groups[i] for i in np.argsort(work, kind="stable")[::-1]]


def _neighbourhood(spec: NetworkSpec) -> tuple[float, ...]:
    """Neighbours in a stack with the same one are served at once."""
    return spec.training_set, spec.learning_rate, spec.weight_decay


def _numbers(spec: NetworkSpec) -> int:
    """Held by one network of a stack in training."""
    return _weight_numbers(spec) + _step_numbers(spec)


def _weight_numbers(spec: NetworkSpec) -> int:
    """Parameters, gradients, three moments, best weights."""
    return 6 * sum((a + 1) * b for a, b in pairwise(spec.layer_sizes))


def _step_numbers(spec: NetworkSpec) -> int:
    """Rows, activations and masks."""
    return 4 * spec.batch_size * sum(spec.layer_sizes)


def _needs(specs: Sequence[NetworkSpec]) -> tuple[str, str]:
    """What training needs memory for, and what lowers that."""
    largest = max(specs, key=_numbers)
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


def _multiplications(spec: NetworkSpec, n_networks: int) -> float:
    """Of one training step of a stack: forward, and twice as many backward."""
    return (
        3.0
        * n_networks
        * spec.batch_size
        * sum(a * b for a, b in pairwise(spec.layer_sizes))
    )


def training_work(spec: NetworkSpec, training_sets: Sequence[TrainingSet]) -> float:
    """Multiplications of the training of one network that is still to come."""
    data = training_sets[spec.training_set]
    n_rows = data.X.shape[0] if spec.rows is None else len(spec.rows)
    n_epochs = spec.last_epoch - spec.n_epochs_done
    return _multiplications(spec, 1) / spec.batch_size * n_rows * max(n_epochs, 1)


def has_bfloat16(device: str) -> bool:
    """Whether a device computes in bfloat16 faster than in float32."""
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = torch.cpu.get_capabilities() if kind == "cpu" else {}
    return any(known.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def resolve_device(device: str, *, must_exist: bool) -> str:
    """Name of the device to use.

    Parameters
    ----------
    device : str
        ``"auto"`` takes an NVIDIA GPU if torch sees one.
    must_exist : bool
        Whether a GPU that is not there is an error, or replaced by the CPU.

    Raises
    ------
    ValueError
        If torch does not know the device, or cannot see it.
    """
    import torch

    has_gpu = {"cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if device == "auto":
        return "cuda" if has_gpu["cuda"] else "cpu"
    try:
        parsed = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is not one that torch knows") from error
    if parsed.type in has_gpu and not (
        has_gpu[parsed.type]
        and (parsed.index or 0) < torch.get_device_module(parsed).device_count()
    ):
        if must_exist:
            raise ValueError(
                f"device={device!r} was asked for, but torch sees no such device here"
            )
        return "cpu"
    return device
