"""Outputs of fitted networks, the same to the bit for a row in any company.

That is why rows are predicted in blocks of one size, each by one thread; others take
other blocks. Torch is imported when the first network is asked, not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sklearn_snn._pieces import PiecewiseLinear
from sklearn_snn._specs import FittedNetwork, Matrix, TrainingOptions

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: Rows of a block; a short one is padded. Large ones would be a little faster where
#: rows are many, and slower where they are few.
_BLOCK_SIZE = 32

#: Numbers of the widest layer that are computed by one call, each block as if it were
#: alone: more would leave the cache.
_SIZE_OF_A_CALL = 2**17

#: Rows for which it pays to start a thread.
_ROWS_OF_A_THREAD = 4096

#: Widths of layers are padded to multiples of this: matrix products treat rows at the
#: edge of a block of 5 or 7 columns unlike the others.
_TILE = 16

#: Inputs are padded to so many: Intel's products of one column round otherwise where
#: there are several blocks.
_LEAST_INPUTS = 2


def predict_networks(
    networks: Sequence[FittedNetwork],
    X: Matrix,
    *,
    offset: NDArray | None = None,
    pieces: PiecewiseLinear | None = None,
    options: TrainingOptions,
) -> NDArray[np.float64]:
    """Outputs of networks of equal layer sizes on the same rows.

    Parameters
    ----------
    networks : sequence of FittedNetwork
        The networks.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        The rows.
    offset : ndarray of shape (n_features,) or None
        Subtracted from rows of a sparse `X` once they are dense.
    pieces : PiecewiseLinear or None
        Columns to add to the rows.
    options : TrainingOptions
        Device, precision and threads.

    Returns
    -------
    outputs : ndarray of shape (n_networks, n_samples, n_outputs)
    """
    import torch

    n_samples, n_outputs = X.shape[0], len(networks[0].weights[-1])
    outputs = np.empty((len(networks), n_samples, n_outputs))
    prediction = _Prediction(networks, X, offset, pieces, options)
    n_threads = torch.get_num_threads()
    n_threads = min(options.n_threads or n_threads, n_threads)
    n_threads = max(min(n_threads, n_samples // _ROWS_OF_A_THREAD), 1)
    widest = max(map(len, networks[0].weights))
    n_blocks = max(_SIZE_OF_A_CALL // (widest * _BLOCK_SIZE), 1)
    shares = _shares(range(0, n_samples, n_blocks * _BLOCK_SIZE), n_threads)
    if n_threads == 1:
        prediction.write(outputs, *shares)
    else:
        with ThreadPoolExecutor(n_threads) as threads:
            list(threads.map(partial(prediction.write, outputs), shares))
    return outputs


def _shares(starts: range, n_threads: int) -> list[range]:
    """Where calls begin, in as many parts as there are threads."""
    ends = [len(starts) * i // n_threads for i in range(n_threads + 1)]
    return [starts[first:last] for first, last in pairwise(ends)]


class _Prediction:
    """Networks and rows where they are needed."""

    def __init__(
        self,
        networks: Sequence[FittedNetwork],
        X: Matrix,
        offset: NDArray | None,
        pieces: PiecewiseLinear | None,
        options: TrainingOptions,
    ) -> None:
        import torch

        from sklearn_snn._modules import PiecewiseLinearEncoding
        from sklearn_snn._rows import Rows

        dtype, device = getattr(torch, options.dtype), torch.device(options.device)
        self._networks = [_layers(network, dtype, device) for network in networks]
        self._device_type = device.type
        self._rows = Rows(X, offset, dtype, device)
        self._encoding = None
        if pieces is not None:
            self._encoding = PiecewiseLinearEncoding(pieces).to(device, dtype)

    def write(self, outputs: NDArray[np.float64], starts: range) -> None:
        """Fill in the outputs of the rows from `starts` on."""
        import torch

        from sklearn_snn._threads import limit_threads

        _, n_samples, n_outputs = outputs.shape
        exact = torch.autocast(self._device_type, enabled=False)  # whatever is set
        with limit_threads(1, 0), torch.inference_mode(), exact:
            for start in starts:
                stop = min(start + starts.step, n_samples)
                blocks = self._blocks(start, stop)
                for of_network, layers in zip(outputs, self._networks, strict=True):
                    raw = _raw(layers, blocks, stop - start)
                    of_network[start:stop] = raw[:, :n_outputs].cpu().numpy()

    def _blocks(self, start: int, stop: int) -> Tensor:
        """Rows from `start` up to `stop`, of shape (n_blocks, block size, n_inputs)."""
        import torch

        rows = self._rows.between(start, stop)
        if missing := (start - stop) % _BLOCK_SIZE:
            given, rows = rows, rows.new_zeros((len(rows) + missing, rows.shape[1]))
            rows[: len(given)] = given
        if self._encoding is not None:
            rows = self._encoding(rows)
        if rows.shape[1] < _LEAST_INPUTS:
            rows = torch.nn.functional.pad(rows, (0, _LEAST_INPUTS - rows.shape[1]))
        return rows.view(-1, _BLOCK_SIZE, rows.shape[1])


def _raw(layers: Sequence[tuple[Tensor, Tensor]], x: Tensor, n_rows: int) -> Tensor:
    """Outputs of shape (n_rows, width) of a network, for as many rows of blocks."""
    import torch

    for weight, bias in layers[:-1]:
        x = torch.baddbmm(bias, x, weight.expand(x.shape[0], -1, -1))
        # Most of what fills up a block may stay, but pairs of tiles make whole vectors:
        # exp of what is left over by them would be computed in another way.
        torch.selu_(x.flatten(0, 1)[: n_rows + n_rows % 2])
    weight, bias = layers[-1]
    x = torch.baddbmm(bias, x, weight.expand(x.shape[0], -1, -1))
    return x.flatten(0, 1)[:n_rows]


def _layers(
    network: FittedNetwork, dtype: torch.dtype, device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """Weights (1, in, out) and biases (1, 1, out) of each layer.

    Units and inputs that do nothing fill layers up to whole tiles.
    """
    from sklearn_snn._rows import as_tensor

    layers, n_inputs = [], max(len(network.weights[0]), _LEAST_INPUTS)
    for weight, bias in zip(network.weights[::2], network.weights[1::2], strict=True):
        width = len(bias) + -len(bias) % _TILE
        if weight.shape != (n_inputs, width):
            given, weight = weight, np.zeros((n_inputs, width), weight.dtype)
            weight[: len(given), : len(bias)] = given
            bias = np.concatenate([bias, np.zeros(width - len(bias), bias.dtype)])
        layers.append(
            (
                as_tensor(weight[np.newaxis], dtype, device),
                as_tensor(bias[np.newaxis, np.newaxis], dtype, device),
            )
        )
        n_inputs = width
    return layers
