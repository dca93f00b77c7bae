"""One thread for each test process: two that spin on the same cores are slow."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
# Without it scikit-learn skips its checks of array API input.
os.environ["SCIPY_ARRAY_API"] = "1"
