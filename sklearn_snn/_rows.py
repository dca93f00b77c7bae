"""Rows of a table as tensors; sparse ones become dense by the batch."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from torch import Tensor

from sklearn_snn._modules import PiecewiseLinearEncoding
from sklearn_snn._specs import Matrix, TrainingSet

#: Numbers of an encoded table that are kept, for each training set: to encode them in
#: each batch of each epoch takes up to a tenth of the training. Of larger tables they
#: are made by the batch.
_ENCODED_SIZE = 2**23


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
