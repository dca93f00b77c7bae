import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from sklearn_snn import moment_map, moment_map_jacobian, selu_parameters
from sklearn_snn._selu import ALPHA, SCALE


def selu(x, alpha=ALPHA, scale=SCALE):
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def grid(mean, variance, omega, tau, n=9):
    axes = [np.linspace(*span, n) for span in (mean, variance, omega, tau)]
    return np.meshgrid(*axes)


def test_the_parameters_of_0_1_are_the_papers():
    assert_allclose(selu_parameters(), (ALPHA, SCALE), rtol=1e-14)
    closed_form = -np.sqrt(2 / np.pi) / (0.31731050786291415 * np.exp(0.5) - 1)
    assert_allclose(ALPHA, closed_form, rtol=1e-14)


def test_the_parameters_of_0_2():
    assert_allclose(selu_parameters(0, 2), (1.97126, 1.06071), atol=5e-6)


@pytest.mark.parametrize(
    ("mean", "variance"), [(0, 1), (0, 0.01), (0, 50), (0.3, 1), (-0.8, 2)]
)
def test_parameters_make_their_moments_a_fixed_point(mean, variance):
    alpha, scale = selu_parameters(mean, variance)
    after = moment_map(mean, variance, alpha=alpha, scale=scale)
    assert_allclose(after, (mean, variance), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("mean", "variance"), [(5, 1), (0, 0), (0, -1), (np.nan, 1)])
def test_a_fixed_point_that_cannot_be_is_an_error(mean, variance):
    with pytest.raises(ValueError, match=r"fixed point|variance positive"):
        selu_parameters(mean, variance)


@pytest.mark.parametrize(
    "point", [(0, 1, 0, 1), (0.1, 1.5, -0.1, 0.95), (1, 16, 0.1, 1.25), (-3, 2, 2, 3)]
)
def test_moment_map_is_the_integral_over_a_normal(point):
    mean, variance, omega, tau = point
    m, deviation = mean * omega, np.sqrt(variance * tau)

    def moment(power):
        def integrand(z):
            return selu(m + deviation * z) ** power * np.exp(-(z**2) / 2)

        parts = [(-12, -m / deviation), (-m / deviation, 12)]
        total = sum(quad(integrand, *part, epsabs=1e-13)[0] for part in parts)
        return total / np.sqrt(2 * np.pi)

    expected = moment(1), moment(2) - moment(1) ** 2
    assert_allclose(moment_map(*point), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("point", [(0, 1, 0, 1), (0.3, 1.2, 0.4, 0.9), (-1, 5, 1, 1.2)])
def test_jacobian_is_the_derivative_of_the_map(point):
    mean, variance, *weights = point
    step = 1e-6

    def derivative(d_mean, d_variance):
        after = moment_map(mean + d_mean, variance + d_variance, *weights)
        before = moment_map(mean - d_mean, variance - d_variance, *weights)
        return (np.array(after) - before) / (2 * step)

    expected = np.stack([derivative(step, 0), derivative(0, step)], axis=-1)
    assert_allclose(moment_map_jacobian(*point), expected, rtol=1e-7, atol=1e-8)


def test_jacobian_at_the_fixed_point_is_the_papers():
    jacobian = moment_map_jacobian(0, 1)
    assert_allclose(jacobian, [[0, 0.088834], [0, 0.782648]], atol=1e-6)
    assert_allclose(np.linalg.norm(jacobian, ord=2), 0.7877, atol=5e-5)


def test_theorem_1_the_map_contracts_and_stays_in_its_domain():
    domain = grid((-0.1, 0.1), (0.8, 1.5), (-0.1, 0.1), (0.95, 1.1))
    norms = np.linalg.norm(moment_map_jacobian(*domain), ord=2, axis=(-2, -1))
    assert norms.max() < 1
    assert_allclose(norms.max(), 0.898, atol=1e-3)
    mean, variance = moment_map(*domain)
    published = 5e-6  # to so many digits
    assert mean.min() >= -0.03106 - published
    assert mean.max() <= 0.06773 + published
    assert 0.80009 <= variance.min()
    assert variance.max() <= 1.48617


def test_theorem_2_large_variances_shrink():
    domain = grid((-1, 1), (3, 16), (-0.1, 0.1), (0.8, 1.25))
    assert (domain[1] - moment_map(*domain)[1]).min() >= 0.119


@pytest.mark.parametrize(
    ("highest", "tau", "least"),
    [(0.16, (0.8, 1.25), 0.0077), (0.24, (0.9, 1.25), 0.011)],
)
def test_theorem_3_small_variances_grow(highest, tau, least):
    domain = grid((-0.1, 0.1), (0.02, highest), (-0.1, 0.1), tau)
    assert (moment_map(*domain)[1] - domain[1]).min() >= least - 5e-5


@pytest.mark.parametrize(
    ("start", "n_layers", "end"),
    [
        ((0.1, 1.5), 8, (0.0066, 1.0576)),
        ((0.1, 1.5), 16, (0.0009, 1.0079)),
        ((0, 16), 16, (0.0063, 1.0545)),
        ((0, 0.02), 16, (-0.0128, 0.8839)),
        ((0, 0.02), 32, (-0.0003, 0.9975)),
    ],
)
def test_layer_after_layer_moments_approach_the_fixed_point(start, n_layers, end):
    moments = start
    for _ in range(n_layers):
        moments = moment_map(*moments)
    assert_allclose(moments, end, atol=5.1e-5)


def test_the_map_does_not_overflow():
    mean, variance = moment_map([-50, 50, 0, 700], [1, 4, 1e6, 1e-3], omega=1)
    assert np.isfinite(mean).all()
    assert (variance >= 0).all()


def test_a_variance_must_be_positive():
    with pytest.raises(ValueError, match="must be positive, got -1"):
        moment_map(0, [1, -1])
