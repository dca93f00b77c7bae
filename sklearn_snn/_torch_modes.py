"""Torch as it is by default, whatever modes the caller has switched on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def ordinary_modes(device_type: str) -> Iterator[None]:
    """Have gradients, and the precision that was asked for, while this is entered.

    Callers may be inside of ``no_grad``, ``inference_mode`` or ``autocast``.

    Parameters
    ----------
    device_type : str
        Where the work is done, such as ``"cpu"``.
    """
    # Unlike enable_grad, which inference mode overrides, this ends both.
    with torch.inference_mode(False), torch.autocast(device_type, enabled=False):
        yield
