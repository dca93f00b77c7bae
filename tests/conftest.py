"""Settings of all tests."""

import os

import pytest

# One thread for each test process: two that spin on the same cores are slow.
os.environ["OMP_NUM_THREADS"] = "1"
# Without it scikit-learn skips its checks of array API input.
os.environ["SCIPY_ARRAY_API"] = "1"


@pytest.fixture(autouse=True)
def _torch_warns_every_time():
    """Not only the first time in a process, which another test may have been."""
    import torch

    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)
