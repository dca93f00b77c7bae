"""Outputs of fitted networks, the same to the bit for a row in any company.

That is why rows are predicted in blocks of one size, each by one thread; others take
other blocks. Torch is imported when the first network is asked, not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sklearn_snn._pieces import PiecewiseLinear
from sklearn_snn._specs import FittedNetwork, Matrix, TrainingOptions

#: Rows of a block; a short one is padded.
_BLOCK_SIZE = 64

#: Rows for which it pays to start a thread.
_ROWS_OF_A_THREAD = 4096

#: Widths of layers are padded to multiples of this: matrix products treat rows at the
#: edge of a block of 5 or 7 columns unlike the others.
_TILE = 16


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
    shares = _shares(n_samples, n_threads)
    if n_threads == 1:
        prediction.write(outputs, *shares)
    else:
        with ThreadPoolExecutor(n_threads) as threads:
            list(threads.map(partial(prediction.write, outputs), shares))
    return outputs


def _shares(n_samples: int, n_threads: int) -> list[range]:
    """Where blocks begin, in as many parts as there are threads."""
    starts = range(0, n_samples, _BLOCK_SIZE)
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
        from sklearn_snn._rows import Rows, as_tensor

        dtype, device = getattr(torch, options.dtype), torch.device(options.device)
        self._layers = [
            (as_tensor(weight, dtype, device), as_tensor(bias, dtype, device))
            for weight, bias in _side_by_side(networks)
        ]
        self._rows = Rows(X, offset, dtype, device)
        self._encoding = None
        if pieces is not None:
            self._encoding = PiecewiseLinearEncoding(pieces).to(device, dtype)

    def write(self, outputs: NDArray[np.float64], starts: range) -> None:
        """Fill in the outputs of the blocks that begin at `starts`."""
        import torch

        from sklearn_snn._propagation import forward_pass
        from sklearn_snn._threads import limit_threads

        n_networks, n_samples, n_outputs = outputs.shape
        weight = self._layers[0][0]
        block = weight.new_zeros((_BLOCK_SIZE, self._rows.shape[1]))
        with limit_threads(1, 0), torch.no_grad():
            for start in starts:
                stop = min(start + _BLOCK_SIZE, n_samples)
                block[: stop - start] = self._rows.between(start, stop)
                x = block if self._encoding is None else self._encoding(block)
                raw, _ = forward_pass(self._layers, x.expand(n_networks, -1, -1))
                kept = raw[:, : stop - start, :n_outputs]
                outputs[:, start:stop] = kept.cpu().numpy()


def _side_by_side(networks: Sequence[FittedNetwork]) -> list[tuple[NDArray, NDArray]]:
    """Weights (n_networks, in, out) and biases (n_networks, 1, out) of each layer.

    Units that do nothing fill layers up to whole tiles.
    """
    parts = list(zip(*(network.weights for network in networks), strict=True))
    layers, n_inputs = [], len(parts[0][0])
    for weights, biases in zip(parts[::2], parts[1::2], strict=True):
        n_outputs = len(biases[0])
        width = n_outputs + -n_outputs % _TILE
        weight = np.zeros((len(networks), n_inputs, width), weights[0].dtype)
        weight[:, : len(weights[0]), :n_outputs] = weights
        bias = np.zeros((len(networks), 1, width), weight.dtype)
        bias[:, 0, :n_outputs] = biases
        layers.append((weight, bias))
        n_inputs = width
    return layers
