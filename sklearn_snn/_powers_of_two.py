"""Powers of two that keep squares of numbers from overflowing or vanishing."""

import numpy as np
from numpy.typing import NDArray


def powers_of_two(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """For each column a power of two near its largest number.

    To divide by it and to multiply by it later costs no bit.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_columns)
        Finite numbers.

    Returns
    -------
    powers : ndarray of shape (n_columns,)
        1 for a column of zeros.
    """
    _, exponent = np.frexp(np.abs(values).max(axis=0))
    return np.ldexp(1.0, exponent - 1, where=exponent != 0, out=np.ones(exponent.shape))
