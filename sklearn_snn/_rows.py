"""Rows of a table as tensors; sparse ones become dense by the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from torch import Tensor

from sklearn_snn._modules import PiecewiseLinearEncoding
from sklearn_snn._specs import Matrix, NetworkSpec, TrainingSet

#: Numbers of an encoded table that are kept, for each training set: to encode them in
#: each batch of each epoch takes up to a tenth of the training. Of larger tables they
#: are made by the batch.
_ENCODED_SIZE = 2**23

#: Rows of each network whose batches are planned at once: with few steps in hand
#: planning is felt in each, with all of a large table's it takes its memory.
_PLANNED_ROWS = 2**15


def as_tensor(
    array: NDArray, dtype: torch.dtype | None, device: torch.device
) -> Tensor:
    """An array as a tensor, without a copy where torch can use its memory.

    Parameters
    ----------
    array : ndarray
        Of any layout, perhaps read-only.
    dtype : torch.dtype or None
        Type of the tensor; None keeps the array's.
    device : torch.device
        Where it goes.
    """
    # Torch warns of read-only memory, and does not take negative strides.
    if not array.flags.carray:
        array = np.require(array, requirements=["C", "W"])
    return torch.from_numpy(array).to(device, dtype)


class Rows:
    """Rows of a matrix, to be taken by index as dense tensors.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        The table.
    offset : ndarray of shape (n_features,) or None
        Subtracted from rows of a sparse table once they are dense.
    dtype : torch.dtype
        Type of the rows.
    device : torch.device
        Where they go.
    """

    def __init__(
        self,
        X: Matrix,
        offset: NDArray | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._dtype, self._device = dtype, device
        self._sparse = X if issparse(X) else None
        self._dense = None if issparse(X) else as_tensor(X, dtype, device)
        self._offset = None if offset is None else as_tensor(offset, dtype, device)
        self.shape: tuple[int, int] = X.shape

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def index_device(self) -> torch.device:
        """Where indices are read: sparse rows are looked up by the host."""
        return self._device if self._sparse is None else torch.device("cpu")

    def take(self, indices: Tensor) -> Tensor:
        """Rows at `indices` of any shape, as a tensor of shape (..., n_features)."""
        flat = indices.reshape(-1)
        if self._dense is not None:
            rows = self._dense.index_select(0, flat.to(self._device))
        else:
            rows = self._densified(flat.cpu().numpy())
        return rows.view(*indices.shape, -1)

    def between(self, start: int, stop: int) -> Tensor:
        """Rows from `start` up to `stop`, of shape (stop - start, n_features)."""
        if self._dense is not None:
            return self._dense[start:stop]
        return self._densified(slice(start, stop))

    def _densified(self, rows: Any) -> Tensor:
        chosen = self._sparse[rows]  # type: ignore[index]
        dense = as_tensor(chosen.toarray(), self._dtype, self._device)
        return dense if self._offset is None else dense - self._offset

    def encoded(self, encoding: PiecewiseLinearEncoding) -> Rows:
        """All rows with the columns that an encoding adds, dense."""
        every = copy(self)
        every._dense = encoding(self.take(torch.arange(len(self))))
        every._sparse = every._offset = None
        every.shape = len(self), every._dense.shape[1]
        return every


class LabelledRows:
    """A training set on its device.

    Parameters
    ----------
    data : TrainingSet
        The set.
    dtype : torch.dtype
        Type of what networks see.
    device : torch.device
        Where it goes.
    alike : LabelledRows or None, default=None
        A set of the same rows and pieces, whose memory is shared.
    """

    def __init__(
        self,
        data: TrainingSet,
        dtype: torch.dtype,
        device: torch.device,
        alike: LabelledRows | None = None,
    ) -> None:
        if alike is None:
            self._rows, self._encoding = _encoded(data, dtype, device)
        else:
            self._rows, self._encoding = alike._rows, alike._encoding
        self._own = None
        if data.own is not None:
            columns, values = data.own
            self._own = (
                as_tensor(columns, None, device),
                as_tensor(values, dtype, device),
            )
        is_class = data.target.dtype.kind in "iu"
        self.target = as_tensor(data.target, None if is_class else dtype, device)
        self.target_array = data.target  # for the host, which need not ask the device
        self.weight = None if data.weight is None else np.asarray(data.weight, float)
        self.validation: LabelledRows | None = None
        if data.validation is not None:
            like = None if alike is None else alike.validation
            self.validation = LabelledRows(data.validation, dtype, device, like)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def index_device(self) -> torch.device:
        """Where indices of rows are read."""
        return self._rows.index_device

    def inputs(self, indices: Tensor) -> Tensor:
        """What networks see of the rows at `indices`, of shape (..., n_inputs)."""
        rows = self._rows.take(indices)
        if self._own is not None:
            columns, values = self._own
            rows[..., columns] = values[indices]
        return rows if self._encoding is None else self._encoding(rows)


def _encoded(
    data: TrainingSet, dtype: torch.dtype, device: torch.device
) -> tuple[Rows, PiecewiseLinearEncoding | None]:
    """Rows with their pieces, or rows and what adds the pieces to those taken."""
    rows = Rows(data.X, data.offset, dtype, device)
    if data.pieces is None:
        return rows, None
    encoding = PiecewiseLinearEncoding(data.pieces).to(device, dtype)
    if len(rows) * data.n_inputs > _ENCODED_SIZE:
        return rows, encoding
    return rows.encoded(encoding), None


def labelled_rows(
    training_sets: Sequence[TrainingSet], dtype: torch.dtype, device: torch.device
) -> list[LabelledRows]:
    """Training sets on their device, which share what rows they share."""
    first: dict[tuple[int, ...], LabelledRows] = {}
    labelled = []
    for data in training_sets:
        key = id(data.X), id(data.pieces), id(data.validation and data.validation.X)
        labelled.append(LabelledRows(data, dtype, device, first.get(key)))
        first.setdefault(key, labelled[-1])
    return labelled


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
