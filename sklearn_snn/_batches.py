"""Batches of rows of several networks, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_snn._rows import LabelledRows, as_tensor
from sklearn_snn._specs import NetworkSpec

#: Rows of each network whose batches are planned at once: with few steps in hand
#: planning is felt in each, with all of a large table's it takes its memory.
_PLANNED_ROWS = 2**15


class Batch(NamedTuple):
    """Rows of one step of a stack.

    Shape
    -----
    x : (n_networks, n_samples, n_features)
    target : (n_networks, n_samples) or (n_networks, n_samples, n_outputs)
    weight : (n_networks, n_samples), 0 for padding; sums to about 1
    """

    x: Tensor
    target: Tensor
    weight: Tensor


class NetworkRows:
    """The rows that one network is trained on, or validated on.

    Parameters
    ----------
    data : LabelledRows
        Where they are.
    indices : ndarray of shape (n_samples,) or None
        Which; None takes all.
    n_seen : int or None, default=None
        Inputs that the network sees; those after them are 0 to it. None is all.
    """

    def __init__(
        self, data: LabelledRows, indices: NDArray | None, n_seen: int | None = None
    ) -> None:
        self.data, self.n_seen = data, n_seen
        self.indices = np.arange(len(data)) if indices is None else indices
        # Mean 1, so that a batch weighs as much as its rows do; or all 0, where rows to
        # validate on are of a class without weight.
        self.weight = np.broadcast_to(1.0, len(self.indices))
        if data.weight is not None:
            weight = data.weight[self.indices]
            self.weight = weight / (weight.mean() or 1.0)

    def __len__(self) -> int:
        return len(self.indices)


class StackRows:
    """Rows of several networks, put side by side and padded to equal numbers.

    Parameters
    ----------
    networks : sequence of NetworkRows
        One a network.
    dtype : torch.dtype
        Type of weights.
    device : torch.device
        Where batches go.
    """

    def __init__(
        self, networks: Sequence[NetworkRows], dtype: torch.dtype, device: torch.device
    ) -> None:
        self.networks = networks
        self._dtype, self._device = dtype, device
        # Neighbours with the same data are served by one lookup.
        self._runs = [
            (data, len(list(run)))
            for data, run in groupby(networks, key=lambda one: one.data)
        ]
        # With inputs of 0, weights that begin at 0 stay there.
        self._partly_sighted = [
            (i, one.n_seen) for i, one in enumerate(networks) if one.n_seen is not None
        ]

    @property
    def n_samples(self) -> int:
        """Rows of the network that has most."""
        return max(len(rows) for rows in self.networks)

    def counts(self, batch_size: int) -> NDArray[np.int64]:
        """Rows in each batch of an epoch, of shape (n_batches, n_networks)."""
        starts = np.arange(0, self.n_samples, batch_size)[:, np.newaxis]
        lengths = np.array([len(rows) for rows in self.networks])
        return np.clip(lengths - starts, 0, batch_size)

    def batches(
        self, batch_size: int, orders: Sequence[NDArray] | None = None
    ) -> Iterator[Batch]:
        """Batches of an epoch; networks with fewer rows end with empty ones.

        Parameters
        ----------
        batch_size : int
            Rows of a batch at most.
        orders : sequence of ndarray or None, default=None
            Permutation of each network's rows; None keeps them as they are.
        """
        counts = self.counts(batch_size)
        n_batches = max(_PLANNED_ROWS // batch_size, 1)
        for first in range(0, len(counts), n_batches):
            some = counts[first : first + n_batches]
            planned = self._plan(some, first * batch_size, batch_size, orders)
            for n_rows, chosen, weighed in zip(
                some.max(axis=1).tolist(), *planned, strict=True
            ):
                yield Batch(*self._take(chosen[:, :n_rows]), weighed[:, :n_rows])

    def _plan(
        self,
        counts: NDArray[np.int64],
        start: int,
        batch_size: int,
        orders: Sequence[NDArray] | None,
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Indices and weights of batches with so many rows, (n_networks, batch_size).

        The first row is number `start` of an epoch.
        """
        shape = (len(self.networks), len(counts) * batch_size)
        index_device = self.networks[0].data.index_device
        indices = np.zeros(shape, dtype=np.int64)
        weight = np.zeros(shape)
        for i, rows in enumerate(self.networks):
            of_batches = counts[:, i]
            n_rows = of_batches.sum()
            order: Any = slice(start, start + n_rows)
            if orders is not None:
                order = orders[i][order]
            indices[i, :n_rows] = rows.indices[order]
            weight[i, :n_rows] = rows.weight[order] / np.repeat(of_batches, of_batches)
        return (
            as_tensor(indices, None, index_device).split(batch_size, dim=1),
            as_tensor(weight, self._dtype, self._device).split(batch_size, dim=1),
        )

    def loss_buffer(self, batch_size: int) -> Tensor:
        """Where losses of an epoch's batches go, of shape (n_batches, n_networks).

        Losses that lay between tensors that come and go would keep memory from being
        used again: half a megabyte in each step.
        """
        shape = len(self.counts(batch_size)), len(self.networks)
        return torch.empty(shape, dtype=self._dtype, device=self._device)

    def mean_over_batches(self, values: Tensor, batch_size: int) -> NDArray[np.float64]:
        """Mean over rows of what (n_batches, n_networks) holds, the batches so far."""
        counts = self.counts(batch_size)[: len(values)]
        means = values.detach().cpu().double().numpy()
        with np.errstate(invalid="ignore"):  # a network that diverges: inf - inf
            return (means * counts).sum(0) / counts.sum(0)

    def _take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        parts = indices.split([n_networks for _, n_networks in self._runs])
        pairs = [
            (data.inputs(part), data.target[part])
            for (data, _), part in zip(self._runs, parts, strict=True)
        ]
        x, target = pairs[0]
        if len(pairs) > 1:
            x, target = map(torch.cat, zip(*pairs, strict=True))
        for i, n_seen in self._partly_sighted:
            x[i, :, n_seen:] = 0.0
        return x, target


def training_rows(spec: NetworkSpec, sets: Sequence[LabelledRows]) -> NetworkRows:
    """The rows that a network is trained on."""
    return NetworkRows(sets[spec.training_set], spec.rows, spec.n_seen)


def validation_rows(
    specs: Sequence[NetworkSpec], sets: Sequence[LabelledRows]
) -> list[NetworkRows]:
    """The rows that each network is validated on; empty if they have none."""
    held_out = []
    for spec in specs:
        data = sets[spec.training_set]
        if spec.validation_rows is not None:
            held_out.append(NetworkRows(data, spec.validation_rows))
        elif data.validation is not None:
            held_out.append(NetworkRows(data.validation, None))
    return held_out
