"""Plain dropout of a stack of networks, as cheap as the library's alpha dropout."""

import numpy as np
import torch

from sklearn_snn._dropout import StackedAlphaDropout


class StackedDropout(StackedAlphaDropout):
    """Sets activations to 0 and scales the others up, so that their mean stays.

    Random numbers are drawn as for alpha dropout: torch's own cost as much as the
    network.
    """

    def __init__(self, rates, dtype, device):
        super().__init__(rates, dtype, device)
        keep = 1 - np.asarray(rates)
        self._gain = torch.tensor(1 / keep, dtype=dtype, device=device).view(-1, 1)

    def __call__(self, x, mask):
        return x * mask
