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
            return torch.tensor(values, dtype=dtype, device=device).view(-1, 1, 1)

        self._gain, self._dropped = per_network(gain), per_network(dropped)
        # A unit is kept where a uniform 16-bit number is at most this.
        threshold = (levels - _LEVELS // 2 - 1).astype(np.int16)
        self._threshold = torch.from_numpy(threshold).to(device).view(-1, 1)
        self._is_random = keep < 1

    def draw(
        self,
        generators: Sequence[np.random.Generator],
        n_samples: int,
        widths: Sequence[int],
    ) -> list[Tensor]:
        """Masks of one step: 1 for units that are kept, 0 for dropped ones.

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
        """
        sizes = [n_samples * width for width in widths]
        raw = np.zeros((len(generators), -(-sum(sizes) // 4)), dtype=np.uint64)
        for row, generator, is_random in zip(
            raw, generators, self._is_random, strict=True
        ):
            if is_random:
                row[:] = generator.bit_generator.random_raw(len(row))
        bits = torch.from_numpy(raw.view(np.int16)[:, : sum(sizes)])
        bits = bits.to(self._threshold.device)
        kept = torch.empty(bits.shape, dtype=self._gain.dtype, device=bits.device)
        torch.le(bits, self._threshold, out=kept)
        return [
            part.view(len(generators), n_samples, width)
            for part, width in zip(kept.split(sizes, dim=1), widths, strict=True)
        ]

    def __call__(self, x: Tensor, mask: Tensor) -> Tensor:
        """Drop units of `x`, of shape (n_networks, n_samples, width) like `mask`."""
        # gain * (x * mask + SATURATION * (1 - mask)) + shift in two passes.
        return torch.addcmul(self._dropped, self._gain * (x - SATURATION), mask)
