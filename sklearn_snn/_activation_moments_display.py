"""Mean and variance of activations, layer by layer."""

import numpy as np

from sklearn_snn._moments import activation_moments
from sklearn_snn._panels import (
    GREY,
    STATES,
    divide,
    legend_above,
    new_axes,
    plain_numbers,
)
from sklearn_snn._selu import THEOREM_1

#: Quantiles of the units that bands reach from and to.
_LOW, _HIGH = 0.05, 0.95

_MAP = "map g"


class ActivationMomentsDisplay:
    """Mean and variance of each hidden layer's activations, drawn and trained.

    One panel a moment. Lines are means over the units of all networks, bands reach from
    the 5 % to the 95 % quantile of the units; layer 0 is what the networks see. Dots
    are where the map g of the theory takes the moments of layer 0; the grey line is its
    fixed point, mean 0 and variance 1, and the grey stripe the domain of Theorem 1. It
    is recommended to use `from_estimator`.

    Parameters
    ----------
    moments : ActivationMoments
        What `activation_moments` returns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes whose place the panels take.
    axes_ : ndarray of Axes of shape (2,)
        Panels of mean and variance.
    figure_ : matplotlib Figure
        Their figure.

    See Also
    --------
    activation_moments : The same in numbers, and in words.
    MomentMapDisplay : The map g, and the layers on it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_snn import ActivationMomentsDisplay, SNNRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SNNRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> display = ActivationMomentsDisplay.from_estimator(model, X)
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['mean', 'variance']
    """

    def __init__(self, moments):
        self.moments = moments

    @classmethod
    def from_estimator(cls, estimator, X, *, ax=None):
        """Let a fitted estimator see rows, and draw its moments.

        Parameters
        ----------
        estimator : SNNClassifier, SNNRegressor, or Pipeline or search of one
            Fitted.
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, at least 2.
        ax : matplotlib Axes or None, default=None
            Whose place the panels take; None makes a figure.

        Returns
        -------
        display : ActivationMomentsDisplay

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
        return cls(activation_moments(estimator, X)).plot(ax=ax)

    def plot(self, ax=None):
        """Draw mean and variance, side by side or one above the other.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Whose place the panels take; None makes a figure.

        Returns
        -------
        self : ActivationMomentsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` is not in a grid of axes, which it must be to be divided.
        """
        new_axes(self, ax)
        self.axes_ = divide(self.ax_, 2, ["as drawn", "trained", _MAP])
        for column, (panel, name) in enumerate(
            zip(self.axes_, ("mean", "variance"), strict=True)
        ):
            self._draw(panel, column, name)
        self.axes_[1].set_yscale("log")
        plain_numbers(self.axes_[1])
        legend_above(self.ax_, self.axes_[0].get_legend_handles_labels()[0])
        return self

    def _draw(self, panel, column, name):
        panel.axhspan(*getattr(THEOREM_1, name), color=GREY, alpha=0.2, linewidth=0)
        panel.axhline(column, color=GREY, linewidth=1)
        for state, style in STATES.items():
            values = self.moments.path(state)[:, column]
            numbers = np.arange(len(values))
            panel.plot(numbers, values, markersize=4, **style)
            units = [getattr(layer, name) for layer in getattr(self.moments, state)]
            low, high = np.array([np.quantile(one, (_LOW, _HIGH)) for one in units]).T
            colour = style["color"]
            panel.fill_between(
                numbers[1:], low, high, color=colour, alpha=0.15, linewidth=0
            )
        mapped = self.moments.mapped[:, column]
        panel.plot(mapped, color=GREY, linestyle="", marker=".", label=_MAP)
        panel.set(xlabel="hidden layer (0: input)", ylabel=name)
        panel.xaxis.get_major_locator().set_params(integer=True)
