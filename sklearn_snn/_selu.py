"""The activation SELU and its map of moments, in closed form.

Everything here is numpy: no network is needed to ask what a layer of scaled
exponential linear units does to the mean and variance of its input.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfc, erfcx

#: alpha and lambda for which mean 0 and variance 1 are a fixed point; equation 14.
ALPHA = 1.6732632423543772848170429916717
SCALE = 1.0507009873554804934193349852946

#: Value of SELU at minus infinity, to which alpha dropout sets what it drops.
SATURATION = -SCALE * ALPHA

FloatArray = NDArray[np.float64]

Interval = tuple[float, float]


class Domain(NamedTuple):
    """Where a theorem about the map of moments holds: closed intervals.

    Parameters
    ----------
    mean, variance : tuple of float
        Of the activations of the layer below.
    omega, tau : tuple of float
        Sum of a unit's weights, and of their squares.
    """

    mean: Interval
    variance: Interval
    omega: Interval
    tau: Interval

    def has_moments(self, mean: ArrayLike, variance: ArrayLike) -> NDArray[np.bool_]:
        """Whether means and variances are inside."""
        return _within(mean, self.mean) & _within(variance, self.variance)

    def has_weights(self, omega: ArrayLike, tau: ArrayLike) -> NDArray[np.bool_]:
        """Whether sums of weights and of their squares are inside."""
        return _within(omega, self.omega) & _within(tau, self.tau)


#: The map contracts, towards a fixed point in this domain.
THEOREM_1 = Domain((-0.1, 0.1), (0.8, 1.5), (-0.1, 0.1), (0.95, 1.1))
#: The map decreases the variance.
THEOREM_2 = Domain((-1.0, 1.0), (3.0, 16.0), (-0.1, 0.1), (0.8, 1.25))
#: The map increases the variance, in either of these.
THEOREM_3 = (
    Domain((-0.1, 0.1), (0.02, 0.16), (-0.1, 0.1), (0.8, 1.25)),
    Domain((-0.1, 0.1), (0.02, 0.24), (-0.1, 0.1), (0.9, 1.25)),
)


def selu_parameters(mean: float = 0.0, variance: float = 1.0) -> tuple[float, float]:
    """Parameters for which a given mean and variance are a fixed point of SELU.

    With weights whose sum is 0 and whose sum of squares is 1, a layer of units
    ``scale * (x if x > 0 else alpha * (exp(x) - 1))`` then maps activations of this
    mean and variance to activations of the same mean and variance.

    Parameters
    ----------
    mean : float, default=0.0
        Mean of the fixed point.
    variance : float, default=1.0
        Variance of the fixed point; must be positive.

    Returns
    -------
    alpha : float
        Size of the negative part.
    scale : float
        Slope of the positive part, called lambda in the paper.

    Raises
    ------
    ValueError
        If the variance is not positive and finite, or no non-negative alpha and
        positive scale have this fixed point.

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017,
       equations 4, 5 and 14.

    Examples
    --------
    >>> from sklearn_snn import selu_parameters
    >>> alpha, scale = selu_parameters(0, 2)
    >>> print(f"{alpha:.5f} {scale:.5f}")
    1.97126 1.06071
    """
    if not (math.isfinite(mean) and math.isfinite(variance) and variance > 0):
        raise ValueError(
            "mean must be finite and variance positive, got "
            f"mean={mean} and variance={variance}"
        )
    integrals = _gaussian_integrals(np.zeros(()), np.asarray(variance, dtype=float))
    e0, e1, e2, gauss = map(float, integrals)
    # With omega = 0 the mean is scale * (a0 - a1 * alpha), the second moment
    # scale**2 * (b0 + b1 * alpha**2): their quotient is a quadratic in alpha.
    a0, a1 = gauss / 2, (e0 - e1) / 2
    b0, b1 = variance * (2 - e0) / 2, (e0 - 2 * e1 + e2) / 2
    share = mean**2 / (mean**2 + variance)
    discriminant = share * (a0**2 * b1 + a1**2 * b0 - share * b0 * b1)
    denominator = a1**2 - share * b1
    alpha = a0 * a1 - math.copysign(math.sqrt(max(discriminant, 0.0)), mean)
    if min(discriminant, denominator, alpha) < 0:
        raise ValueError(
            f"no SELU has the fixed point mean={mean}, variance={variance}: "
            "the mean is too large for this variance"
        )
    alpha /= denominator
    scale = math.sqrt((mean**2 + variance) / (b0 + b1 * alpha**2))
    return alpha, scale


def moment_map(
    mean: ArrayLike,
    variance: ArrayLike,
    omega: ArrayLike = 0.0,
    tau: ArrayLike = 1.0,
    *,
    alpha: float = ALPHA,
    scale: float = SCALE,
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance after one layer of SELU units, the map g of the paper.

    The net input of a unit is taken to be normal with mean ``mean * omega`` and
    variance ``variance * tau``. The arguments broadcast.

    Parameters
    ----------
    mean : array-like
        Mean of the activations of the layer below.
    variance : array-like
        Their variance; must be positive, like its product with `tau`.
    omega : array-like, default=0.0
        Sum of the unit's weights.
    tau : array-like, default=1.0
        Sum of the squares of the unit's weights.
    alpha, scale : float, default=1.6733, 1.0507
        Parameters of the activation; by default those of the fixed point (0, 1).

    Returns
    -------
    mean : ndarray
        Mean of the unit's activation.
    variance : ndarray
        Its variance.

    Raises
    ------
    ValueError
        If a variance of the net input is not positive.

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017,
       equations 3 to 5.

    Examples
    --------
    >>> from sklearn_snn import moment_map
    >>> mean, variance = moment_map(0.1, 1.5)
    >>> print(f"{mean:.4f} {variance:.4f}")
    0.0450 1.3715
    """
    m, v = _net_input_moments(mean, variance, omega, tau)
    e0, e1, e2, gauss = _gaussian_integrals(m, v)
    new_mean = scale / 2 * (2 * m + gauss + alpha * (e1 - e0) - m * e0)
    second_moment = (
        scale**2
        / 2
        * ((m**2 + v) * (2 - e0) + alpha**2 * (e0 - 2 * e1 + e2) + m * gauss)
    )
    # Rounding would leave a saturated unit a variance of -1e-14.
    return new_mean, np.maximum(second_moment - new_mean**2, 0.0)


def moment_map_jacobian(
    mean: ArrayLike,
    variance: ArrayLike,
    omega: ArrayLike = 0.0,
    tau: ArrayLike = 1.0,
    *,
    alpha: float = ALPHA,
    scale: float = SCALE,
) -> FloatArray:
    """Jacobian of `moment_map` with respect to mean and variance.

    Parameters
    ----------
    mean, variance, omega, tau : array-like
        As in `moment_map`; they broadcast.
    alpha, scale : float, default=1.6733, 1.0507
        Parameters of the activation.

    Returns
    -------
    jacobian : ndarray of shape (..., 2, 2)
        Rows: new mean, new variance. Columns: derivative by mean, by variance.

    Raises
    ------
    ValueError
        If a variance of the net input is not positive.

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017, Theorem 1
       and its proof in appendix A3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_snn import moment_map_jacobian
    >>> print(f"{np.linalg.norm(moment_map_jacobian(0, 1), ord=2):.4f}")
    0.7877
    """
    m, v = _net_input_moments(mean, variance, omega, tau)
    e0, e1, e2, gauss = _gaussian_integrals(m, v)
    new_mean, _ = moment_map(mean, variance, omega, tau, alpha=alpha, scale=scale)
    # For z ~ N(m, v): d/dm E f(z) = E f'(z) and d/dv E f(z) = E f''(z) / 2, where f''
    # has a jump of f' at 0 weighted by the density there, gauss / (2 * v).
    mean_by_m = scale / 2 * (2 - e0 + alpha * e1)
    mean_by_v = scale / 4 * (alpha * e1 + (1 - alpha) * gauss / v)
    second_by_m = scale**2 * (m * (2 - e0) + gauss + alpha**2 * (e2 - e1))
    second_by_v = scale**2 / 2 * (2 - e0 + alpha**2 * (2 * e2 - e1))
    columns = [
        np.stack([by, second_by - 2 * new_mean * by], axis=-1) * chain[..., None]
        for by, second_by, chain in (
            (mean_by_m, second_by_m, np.asarray(omega, dtype=float)),
            (mean_by_v, second_by_v, np.asarray(tau, dtype=float)),
        )
    ]
    return np.stack(columns, axis=-1)


def _within(values: ArrayLike, interval: Interval) -> NDArray[np.bool_]:
    low, high = interval
    values = np.asarray(values, dtype=float)
    return (low <= values) & (values <= high)


def _net_input_moments(
    mean: ArrayLike, variance: ArrayLike, omega: ArrayLike, tau: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    mean, variance, omega, tau = np.broadcast_arrays(
        *(np.asarray(value, dtype=float) for value in (mean, variance, omega, tau))
    )
    v = variance * tau
    if not np.all(v > 0):
        raise ValueError(f"variance * tau must be positive, got {np.min(v)}")
    return mean * omega, v


def _gaussian_integrals(
    m: FloatArray, v: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """E0, E1, E2 and G: twice the integrals of 1, e^z, e^2z below 0, and the density.

    Each is written for z ~ N(m, v), with exp(x**2) * erfc(x) in one function where
    its factors would overflow.
    """
    root = np.sqrt(2 * v)
    bell = np.exp(-((m / root) ** 2))

    def below_zero(k: int) -> FloatArray:
        x = (m + k * v) / root
        scaled = bell * erfcx(np.maximum(x, 0.0))
        plain = np.exp(np.minimum(k * m + k * k * v / 2, 0.0)) * erfc(x)
        return np.where(x > 0, scaled, plain)

    return below_zero(0), below_zero(1), below_zero(2), root / math.sqrt(math.pi) * bell
