"""The waist: specs and training sets go in, fitted networks come out.

Torch is imported when the first network is trained, not before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sklearn_snn._checkpoints import Checkpoint
from sklearn_snn._costs import memory_needs, step_work
from sklearn_snn._grouping import group_networks
from sklearn_snn._interrupts import Interrupts
from sklearn_snn._memory import advise_on_memory
from sklearn_snn._specs import (
    EpochEnd,
    FittedNetwork,
    NetworkSpec,
    TrainingOptions,
    TrainingSet,
)

if TYPE_CHECKING:
    from sklearn_snn._clock import Clock
    from sklearn_snn._losses import Loss
    from sklearn_snn._rows import LabelledRows


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
        Called after each epoch of a stack with a function that returns all networks as
        they are, None for those that have not begun; the stack stops where it returns
        True.
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
        If memory runs out; the message names parameters that reduce it.
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
    keeps_state = options.keep_state or checkpoint is not None
    start = time.monotonic()
    with (
        advise_on_memory(*memory_needs(specs)),
        ordinary_modes(device.type),
        Interrupts() as interrupts,
    ):
        sets = labelled_rows(training_sets, dtype, device)
        for done, group in enumerate(groups):
            limit = _share_of_time(options.time_limit, start, len(groups) - done)
            train = partial(
                _train_stack,
                sets=sets,
                loss=loss,
                options=replace(options, keep_state=keeps_state),
                clock=Clock(limit, interrupts),
                callbacks=None if callbacks is None else callbacks[group[0]],
            )
            if checkpoint is not None:
                networks = _go_on(
                    train, specs, group, networks, checkpoint, interrupts, on_epoch
                )
                continue
            tell = None if on_epoch is None else _among(networks, group, on_epoch)
            made = train([specs[i] for i in group], on_epoch=tell)
            networks = _put(networks, group, made)
    return _ended(networks, options, checkpoint, interrupts)


def _share_of_time(limit: float | None, start: float, n_groups: int) -> float | None:
    """Seconds of a group; those to come get an equal share of what is left."""
    if limit is None:
        return None
    return max(limit - (time.monotonic() - start), 1e-9) / n_groups


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

    size = step_work(specs[0], len(specs))
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
    on_epoch: EpochEnd | None,
) -> list[FittedNetwork | None]:
    """Train the stack of a group, from where a checkpoint has it, and save it there."""
    networks = list(saved)

    def after_epoch(so_far: Callable[[], Sequence[FittedNetwork | None]]) -> bool:
        # An epoch that was broken off is no place to go on from.
        if not interrupts.number:
            checkpoint.offer(so_far)
        return on_epoch is not None and on_epoch(so_far)

    waiting = [i for i in group if _is_unfinished(networks[i])]
    if waiting:
        resumed = [
            specs[i]
            if networks[i] is None
            else replace(specs[i], resume=networks[i], continues=True)
            for i in waiting
        ]
        tell = _among(networks, waiting, after_epoch)
        made = train(resumed, on_epoch=tell)
        diverged = any(network.stopped_by == "diverged" for network in made)
        if diverged and any(networks[i] is not None for i in waiting):
            # They may deserve another try, which is one from the start.
            waiting = list(group)
            networks = _put(networks, group, [None] * len(group))
            tell = _among(networks, group, after_epoch)
            made = train([specs[i] for i in group], on_epoch=tell)
        networks = _put(networks, waiting, made)
    return networks


def _among(
    networks: Sequence[FittedNetwork | None], group: Sequence[int], on_epoch: EpochEnd
) -> EpochEnd:
    """Tells of all networks, of which those of a group are being trained."""
    return lambda running: on_epoch(lambda: _put(networks, group, running()))


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
