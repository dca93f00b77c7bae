"""Alpha dropout for a stack of networks, each with its own rate and random numbers.

Torch draws Bernoulli numbers one by one on a CPU, which costs as much as the network
itself. Here a 64-bit number decides about four units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sklearn_snn._selu import SATURATION

_LEVELS = 2**16


class StackedAlphaDropout:
    """Sets activations to SELU's lower limit and restores mean and variance.

    Parameters
    ----------
    rates : sequence of float
        Dropout rate of each network, in [0, 1); rounded to multiples of 2**-16.
    dtype : torch.dtype
        Type of the activations.
    device : torch.device
        Where they are.

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017, section
       "New dropout technique".
    """

    def __init__(
        self, rates: Sequence[float], dtype: torch.dtype, device: torch.device
    ) -> None:
        levels = np.clip(np.round((1 - np.asarray(rates)) * _LEVELS), 1, _LEVELS)
        keep = levels / _LEVELS
        gain = (keep + SATURATION**2 * keep * (1 - keep)) ** -0.5
        dropped = gain * SATURATION * keep  # = gain * SATURATION + shift

        def per_network(values: np.ndarray) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device).view(-1, 1)

        self._gain = per_network(gain)
        self._dropped = per_network(dropped).unsqueeze(-1)
        # A unit is kept where a uniform 16-bit number is at most this.
        threshold = (levels - _LEVELS // 2 - 1).astype(np.int16)
        self._threshold = torch.from_numpy(threshold).to(device).view(-1, 1)
        self._is_random = keep < 1
        self._masks = self._gain.new_empty((0, 0))

    def draw(
        self,
        generators: Sequence[np.random.Generator],
        n_samples: int,
        widths: Sequence[int],
    ) -> list[Tensor]:
        """Factors of one step: 0 for units that are dropped, a gain for the others.

        Parameters
        ----------
        generators : sequence of Generator
            One a network, so that it draws the same numbers in any stack.
        n_samples : int
            Rows of the step.
        widths : sequence of int
            Sizes of the hidden layers.

        Returns
        -------
        masks : list of Tensor of shape (n_networks, n_samples, width)
            Valid until the next draw.
        """
        sizes = [n_samples * width for width in widths]
        self._make_room(len(generators), sum(sizes))
        for row, generator, is_random in zip(
            self._raw, generators, self._is_random, strict=True
        ):
            if is_random:
                row[:] = generator.bit_generator.random_raw(len(row))
        bits = torch.from_numpy(self._raw.view(np.int16)[:, : sum(sizes)])
        bits = bits.to(self._threshold.device)
        torch.le(bits, self._threshold, out=self._masks).mul_(self._gain)
        return [
            part.view(len(generators), n_samples, width)
            for part, width in zip(self._masks.split(sizes, dim=1), widths, strict=True)
        ]

    def _make_room(self, n_networks: int, n_units: int) -> None:
        """Memory that every step of a size uses anew, since fresh memory costs time."""
        if self._masks.shape != (n_networks, n_units):
            self._raw = np.zeros((n_networks, -(-n_units // 4)), dtype=np.uint64)
            self._masks = self._gain.new_empty((n_networks, n_units))

    def __call__(self, x: Tensor, mask: Tensor) -> Tensor:
        """Drop units of `x`, of shape (n_networks, n_samples, width) like `mask`."""
        # With k = mask / gain, gain * (x * k + SATURATION * (1 - k)) + shift.
        return torch.addcmul(self._dropped, x - SATURATION, mask)
