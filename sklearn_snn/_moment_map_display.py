"""The map of moments as a vector field, and where its theorems hold."""

import numpy as np

from sklearn_snn._moments import activation_moments
from sklearn_snn._panels import (
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    STATES,
    YELLOW,
    legend_inside,
    new_axes,
    plain_numbers,
)
from sklearn_snn._selu import THEOREM_1, THEOREM_2, THEOREM_3, moment_map

#: Domains that are drawn, by their theorem.
_THEOREMS = {
    "Theorem 1": ((THEOREM_1,), GREEN, "-"),
    "Theorem 2": ((THEOREM_2,), PURPLE, "--"),
    "Theorem 3": (THEOREM_3[::-1], YELLOW, "-."),
}
#: A variance from which the map does not come back.
_ENDLESS = 1e6
#: Of the field, across and up.
_N_ARROWS = 13, 15


class MomentMapDisplay:
    """Where one layer of SELU takes mean and variance: the map g of the theory.

    Arrows point from a mean and a variance to those after one layer; they are longer
    the further it takes them, but much less so. Boxes are the domains of the theorems
    of [1]_ that hold for these `omega` and `tau`: in that of Theorem 1 the map
    contracts, in those of Theorems 2 and 3 it decreases and increases the variance. It
    is recommended to use `from_map` or `from_estimator`.

    Parameters
    ----------
    omega : float, default=0.0
        Sum of a unit's weights.
    tau : float, default=1.0
        Sum of the squares of a unit's weights, positive.
    moments : ActivationMoments or None, default=None
        Networks whose layers are drawn as points on a path.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of mean and variance.
    figure_ : matplotlib Figure
        Their figure.
    arrows_ : matplotlib Quiver
        The vector field.

    See Also
    --------
    moment_map : The map.
    ActivationMomentsDisplay : Moments layer by layer.

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017, Theorems 1
       to 3 and figure 2.

    Examples
    --------
    >>> from sklearn_snn import MomentMapDisplay
    >>> display = MomentMapDisplay.from_map()
    >>> display.omega, display.tau
    (0.0, 1.0)
    """

    def __init__(self, omega=0.0, tau=1.0, *, moments=None):
        self.omega = omega
        self.tau = tau
        self.moments = moments

    @classmethod
    def from_map(cls, omega=0.0, tau=1.0, *, ax=None):
        """Draw the map for units with these sums of weights.

        Parameters
        ----------
        omega : float, default=0.0
            Sum of a unit's weights.
        tau : float, default=1.0
            Sum of the squares of a unit's weights, positive.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MomentMapDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `tau` is not positive.
        """
        return cls(omega, tau).plot(ax=ax)

    @classmethod
    def from_estimator(cls, estimator, X, *, ax=None):
        """Draw the map, and the layers of a fitted estimator as paths on it.

        Parameters
        ----------
        estimator : SNNClassifier, SNNRegressor, or Pipeline or search of one
            Fitted.
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, at least 2.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MomentMapDisplay

        Raises
        ------
        TypeError
            If there is no network of this package in the estimator.
        NotFittedError
            If it is not fitted.
        ImportError
            If matplotlib is not installed.
        ValueError
            If all rows are the same.
        """
        return cls(moments=activation_moments(estimator, X)).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : MomentMapDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `tau` is not positive.
        """
        if not self.tau > 0:
            raise ValueError(f"tau must be positive, got {self.tau}")
        new_axes(self, ax)
        mean_limits, variance_limits = self._limits()
        self.ax_.set(
            xlim=mean_limits,
            ylim=variance_limits,
            yscale="log",
            xlabel="mean",
            ylabel="variance",
        )
        plain_numbers(self.ax_)
        self._draw_arrows(mean_limits, variance_limits)
        self._draw_domains()
        self._draw_points()
        loc = "lower left" if self.moments is None else "lower right"
        legend_inside(self.ax_, self.ax_.lines, loc)
        return self

    def _draw_points(self):
        """The layers of networks, or the fixed point."""
        if self.moments is not None:
            for state, style in STATES.items():
                self.ax_.plot(*self.moments.path(state).T, markersize=4, **style)
        elif (point := _fixed_point(self.omega, self.tau)) is not None:
            self.ax_.plot(*point, "*", color=BLUE, markersize=10, label="fixed point")

    def _limits(self):
        """Room for the domains of the theorems, and for the paths."""
        points = [np.array([[-1.0, 0.02], [1.0, 16.0]])]
        if self.moments is not None:
            points += [self.moments.path(state) for state in STATES]
        low, high = np.min(np.vstack(points), axis=0), np.max(np.vstack(points), axis=0)
        margin = 0.08 * (high[0] - low[0])
        return (low[0] - margin, high[0] + margin), (low[1] / 1.5, high[1] * 1.5)

    def _draw_arrows(self, mean_limits, variance_limits):
        n_means, n_variances = _N_ARROWS
        # Between the limits, not on them.
        means = np.linspace(*mean_limits, n_means + 2)[1:-1]
        variances = np.geomspace(*variance_limits, n_variances + 2)[1:-1]
        mean, variance = np.meshgrid(means, variances)
        new_mean, new_variance = moment_map(mean, variance, self.omega, self.tau)
        # In units of the axes, of which the variance's is logarithmic.
        smallest = np.finfo(float).tiny  # large negative means leave no variance
        up = np.log(np.maximum(new_variance, smallest) / variance)
        across = new_mean - mean
        height = np.log(np.divide(*variance_limits[::-1]))
        length = np.hypot(across / np.ptp(mean_limits), up / height)
        # With angles="xy" vectors are derivatives in the plane, not steps.
        vector = np.array([across, variance * up])
        vector *= np.sqrt(length) / np.maximum(np.hypot(*vector), 1e-12)
        self.arrows_ = self.ax_.quiver(
            mean,
            variance,
            *vector,
            angles="xy",
            scale=12,
            scale_units="width",
            units="inches",
            width=0.018,
            color=GREY,
        )

    def _draw_domains(self):
        from matplotlib.patches import Rectangle

        for label, (domains, colour, style) in _THEOREMS.items():
            holding = [one for one in domains if one.has_weights(self.omega, self.tau)]
            if not holding:
                continue
            (left, right), (low, high) = holding[0][:2]
            look = dict(edgecolor=colour, linestyle=style, linewidth=1.8, fill=False)
            box = Rectangle((left, low), right - left, high - low, label=label, **look)
            self.ax_.add_patch(box)
            paper = dict(
                facecolor=self.ax_.get_facecolor(), alpha=0.8, linewidth=0, pad=1
            )
            # Those of Theorems 1 and 3 are too narrow for their name.
            self.ax_.annotate(
                label,
                (left if label == "Theorem 2" else right, high),
                xytext=(4, -3),
                textcoords="offset points",
                verticalalignment="top",
                fontsize="small",
                bbox=paper,
            )


def _fixed_point(omega, tau):
    """Where the map leads to, or None if to nowhere."""
    before, point = None, (0.0, 1.0)
    for _ in range(1000):
        before, point = point, moment_map(*point, omega, tau)
        if not 1 / _ENDLESS < point[1] < _ENDLESS:
            return None
    return tuple(map(float, point)) if np.allclose(before, point) else None
