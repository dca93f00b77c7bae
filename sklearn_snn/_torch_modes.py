"""Torch as it is by default, whatever modes the caller has switched on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch


@contextmanager
def ordinary_modes(device_type: str) -> Iterator[None]:
    """Have gradients, and the precision that was asked for, while this is entered.

    Callers may be inside of ``no_grad``, ``inference_mode`` or ``autocast``, or have
    new tensors somewhere else than on the CPU.

    Parameters
    ----------
    device_type : str
        Where the work is done, such as ``"cpu"``.
    """
    # Where it changes nothing it would still make each call of torch slower.
    is_usual = torch.get_default_device().type == "cpu"
    with (
        # Unlike enable_grad, which inference mode overrides, this ends both.
        torch.inference_mode(False),
        torch.autocast(device_type, enabled=False),
        nullcontext() if is_usual else torch.device("cpu"),
    ):
        yield
