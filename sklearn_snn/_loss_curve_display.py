"""The loss of networks, epoch by epoch."""

import numpy as np

from sklearn_snn._curves import held_curves
from sklearn_snn._fitted import fitted_network
from sklearn_snn._panels import (
    BLUE,
    GREY,
    ORANGE,
    legend_inside,
    new_axes,
    same_current_axes,
)


class LossCurveDisplay:
    """Training and validation loss, or score, after each epoch.

    Lines are means over the networks, bands reach from the lowest to the highest; a
    network that has stopped stays where it was. It is recommended to use
    `from_estimator`.

    Parameters
    ----------
    loss_curves : list of list of float
        Training loss of each network after each epoch.
    validation_scores : list of list of float or None, default=None
        Validation score of each network, greater is better.
    best_epochs : list of int or None, default=None
        Epoch, counted from 1, whose weights each network has kept.
    score_name : str, default="loss"
        ``"loss"`` says that scores are negative losses, and draws the losses beside
        those of training. Any other score gets an axis of its own.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the loss.
    score_ax_ : matplotlib Axes or None
        Axes of a score that is not a loss.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : list of matplotlib Line2D
        Mean of training and, if there is one, of validation.

    See Also
    --------
    activation_moments : What training does to the activations.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_snn import LossCurveDisplay, SNNRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SNNRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> len(display.lines_)  # training and validation
    2
    """

    def __init__(
        self,
        loss_curves,
        *,
        validation_scores=None,
        best_epochs=None,
        score_name="loss",
    ):
        self.loss_curves = loss_curves
        self.validation_scores = validation_scores
        self.best_epochs = best_epochs
        self.score_name = score_name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : SNNClassifier, SNNRegressor, or Pipeline or search of one
            Fitted. After a fit with `refit` the training loss is that of the networks
            on all rows, and the validation score the mean of those on the folds.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        TypeError
            If there is no network of this package in the estimator.
        NotFittedError
            If it is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        model, _ = fitted_network(estimator)
        networks = model.networks_
        scores, best_epochs = None, None
        if model.validation_scores_ is not None:
            of_networks = [network.validation_scores for network in networks]
            scores = of_networks if all(of_networks) else [model.validation_scores_]
            best_epochs = [network.best_epoch for network in networks]
        display = cls(
            [network.loss_curve for network in networks],
            validation_scores=scores,
            best_epochs=best_epochs,
            score_name=_name(model.scoring),
        )
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : LossCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        new_axes(self, ax)
        self.score_ax_, handles = None, []
        self.lines_ = [_draw(self.ax_, self.loss_curves, "training", BLUE, "-")]
        self.ax_.set(xlabel="epoch", ylabel="loss")
        if self.validation_scores is not None:
            self._draw_validation()
            handles = self._mark_best()
        # Epochs are whole, also where there are few of them.
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        # Scores rise and losses fall; the upper axes are drawn last.
        loc = "best" if self.score_ax_ is None else "center right"
        legend_inside(self.score_ax_ or self.ax_, [*self.lines_, *handles], loc)
        return self

    def _draw_validation(self):
        ax, curves = self.ax_, self.validation_scores
        if self.score_name == "loss":
            curves = [[-score for score in curve] for curve in curves]
            label = "validation"
        else:
            with same_current_axes(self.figure_):
                self.score_ax_ = ax = self.ax_.twinx()
            ax.set_ylabel(f"validation {self.score_name}", color=ORANGE)
            label = f"validation {self.score_name} (right)"
        self.lines_.append(_draw(ax, curves, label, ORANGE, "--"))

    def _mark_best(self):
        """A line at the epoch that is kept, or where each network has its own."""
        if self.best_epochs is None:
            return []
        epochs = sorted(set(self.best_epochs))
        label = f"best epoch: {epochs[0]}"
        if len(epochs) > 1:
            label = f"best epochs: {epochs[0]} to {epochs[-1]}"
        width = 1.0 if len(epochs) > 1 else 1.5
        return [
            self.ax_.axvline(
                epoch, color=GREY, linestyle=":", linewidth=width, label=label, zorder=0
            )
            for epoch in epochs
        ][:1]


def _name(scoring):
    """Name of a validation score."""
    if isinstance(scoring, str):
        return scoring.replace("_", " ")
    return getattr(scoring, "__name__", "score")


def _draw(ax, curves, label, colour, style):
    together = held_curves(curves)
    epochs = np.arange(1, together.shape[1] + 1)
    if len(curves) > 1:
        low, high = together.min(axis=0), together.max(axis=0)
        ax.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)
    (line,) = ax.plot(
        epochs, together.mean(axis=0), color=colour, linestyle=style, label=label
    )
    return line
