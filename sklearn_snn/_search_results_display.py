"""The score of a search's candidates against each hyperparameter."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_snn._panels import (
    BLUE,
    GREY,
    ORANGE,
    divide,
    legend_above,
    letters_fit,
    new_axes,
)

#: Largest by smallest value from which on an axis is logarithmic.
_LOG_RATIO = 5
#: The same from which on there are enough powers of ten for ticks.
_DECADES_RATIO = 200
#: The same up to which three ticks a decade have room.
_DENSE_RATIO = 20
#: Values of a parameter up to which they are evenly spaced.
_MOST_LEVELS = 6
_CHOSEN = "chosen"
#: Inches of a panel.
_PANEL = 3.2, 2.6


class SearchResultsDisplay:
    """Score of each candidate of a search against each of its hyperparameters.

    One panel a parameter that has more than one value. Points are means over the
    splits, bars reach a standard deviation up and down; the candidate that the search
    has chosen is marked. Where a parameter has few values, they are evenly spaced, with
    a line at the mean of the candidates of each. In a search by halving, candidates
    that were dropped early are grey. It is recommended to use `from_estimator`.

    Parameters
    ----------
    candidates : list of dict of str -> object
        Parameters of each candidate.
    scores, spreads : array-like of shape (n_candidates,)
        Mean and standard deviation of the scores over the splits; NaN where fits have
        failed, which is left out.
    best_index : int or None, default=None
        Which candidate was chosen.
    iterations : array-like of int of shape (n_candidates,) or None, default=None
        Iteration of a search by halving in which the candidate was scored.
    score_name : str, default="score"
        Label of the scores.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes whose place the panels take.
    axes_ : ndarray of Axes of shape (n_parameters,)
        A panel for each parameter.
    parameters_ : list of str
        The parameters.
    figure_ : matplotlib Figure
        Their figure.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_snn import SearchResultsDisplay, SNNClassifier, SNNGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SNNClassifier(width=16, max_iter=20, random_state=0)
    >>> grid = {"depth": [1, 2], "learning_rate_init": [1e-3, 1e-2]}
    >>> search = SNNGridSearchCV(model, grid, cv=3).fit(X, y)
    >>> display = SearchResultsDisplay.from_estimator(search)
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['depth', 'learning_rate_init']
    """

    def __init__(
        self,
        candidates,
        scores,
        spreads,
        *,
        best_index=None,
        iterations=None,
        score_name="score",
    ):
        self.candidates = candidates
        self.scores = scores
        self.spreads = spreads
        self.best_index = best_index
        self.iterations = iterations
        self.score_name = score_name

    @classmethod
    def from_estimator(cls, search, *, metric=None, ax=None):
        """Draw the results of a finished search.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV, a halving search, or one of ours
            Fitted.
        metric : str or None, default=None
            Which of several metrics; None is the one that `refit` names, or the first.
        ax : matplotlib Axes or None, default=None
            Whose place the panels take; None makes a figure that is large enough.

        Returns
        -------
        display : SearchResultsDisplay

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ImportError
            If matplotlib is not installed.
        ValueError
            If the search has no such metric, all fits failed, or only one candidate
            was tried.
        """
        check_is_fitted(search, "cv_results_")
        results = search.cv_results_
        metric = _metric(search, results, metric)
        resource = getattr(search, "resource", None)
        display = cls(
            [_without(one, resource) for one in results["params"]],
            results[f"mean_test_{metric}"],
            results[f"std_test_{metric}"],
            best_index=getattr(search, "best_index_", None),
            iterations=results.get("iter"),
            score_name=_score_name(search, metric),
        )
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Draw a panel for each parameter.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Whose place the panels take; None makes a figure that is large enough.

        Returns
        -------
        self : SearchResultsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are no scores, no parameter has more than one value, or `ax` is
            not in a grid of axes, which it must be to be divided.
        """
        scores, spreads = np.asarray(self.scores), np.asarray(self.spreads)
        if not np.isfinite(scores).any():
            raise ValueError("no candidate has a score: all fits have failed")
        values = _columns(self.candidates)
        if not values:
            raise ValueError(
                "a parameter must have more than one value to be drawn, got "
                f"{self.candidates[0]}"
            )
        n_columns = min(len(values), 3)
        n_rows = -(-len(values) // n_columns)
        new_axes(self, ax, (_PANEL[0] * n_columns, _PANEL[1] * n_rows))
        self.parameters_ = list(values)
        labels = [*(look["label"] for _, look in self._looks()), _CHOSEN]
        aspect = _PANEL[0] / _PANEL[1]
        self.axes_ = divide(self.ax_, len(values), labels, aspect)
        for panel, (name, column) in zip(self.axes_, values.items(), strict=True):
            self._draw(panel, name, column, scores, spreads)
        self._label()
        return self

    def _draw(self, panel, name, column, scores, spreads):
        x, ticks = _positions(column)
        is_shown = np.isfinite(scores) & ~np.isnan(x)
        if ticks is not None:
            self._draw_levels(panel, x, ticks, is_shown, scores)
            x = _beside_each_other(x)
        for mask, look in self._looks():
            chosen = mask & is_shown
            points = x[chosen], scores[chosen], spreads[chosen]
            panel.errorbar(*points, fmt="o", markersize=4, elinewidth=1, **look)
        best = self.best_index
        if best is not None and is_shown[best]:
            star = dict(color=ORANGE, markersize=11, zorder=3, label=_CHOSEN)
            panel.plot(x[best], scores[best], "*", **star)
        if ticks is None and is_shown.any():
            _scale(panel.xaxis, x[is_shown])
        panel.set_xlabel(name.split("__")[-1])

    def _draw_levels(self, panel, x, ticks, is_shown, scores):
        """Values of a parameter that has few, and the mean score of each."""
        for level in range(len(ticks)):
            own = is_shown & (x == level)
            if own.any():
                ends = level - 0.35, level + 0.35
                panel.hlines(scores[own].mean(), *ends, color=GREY, linewidth=1)
        panel.set_xticks(range(len(ticks)), ticks)
        if not letters_fit(panel, ticks):
            for label in panel.get_xticklabels():
                label.set(rotation=25, ha="right", rotation_mode="anchor")
        panel.set_xlim(-0.6, len(ticks) - 0.4)

    def _looks(self):
        """Which candidates are drawn how."""
        if self.iterations is None:
            every = np.ones(len(self.candidates), dtype=bool)
            return [(every, dict(color=BLUE, alpha=0.7, label="candidate"))]
        iterations = np.asarray(self.iterations)
        last = iterations.max()
        return [
            (iterations < last, dict(color=GREY, alpha=0.4, label="dropped earlier")),
            (iterations == last, dict(color=BLUE, alpha=0.9, label="last iteration")),
        ]

    def _label(self):
        """Scores at the panels on the left; the legend once."""
        limits = np.array([panel.get_ylim() for panel in self.axes_])
        for panel in self.axes_:
            panel.set_ylim(limits[:, 0].min(), limits[:, 1].max())
            if panel.get_subplotspec().is_first_col():
                panel.set_ylabel(self.score_name)
            else:
                panel.tick_params(labelleft=False)
        legend_above(self.ax_, self.axes_[0].get_legend_handles_labels()[0])


def _metric(search, results, metric):
    start = "mean_test_"
    names = [name.removeprefix(start) for name in results if name.startswith(start)]
    if metric is None:
        refit = search.refit
        return refit if isinstance(refit, str) and refit in names else names[0]
    if metric not in names:
        raise ValueError(f"metric must be one of {names}, got {metric!r}")
    return metric


def _score_name(search, metric):
    if metric != "score":
        return metric.replace("_", " ")
    scoring = search.scoring
    return scoring.replace("_", " ") if isinstance(scoring, str) else "score"


def _without(params, resource):
    """Parameters but for what halving spends, perhaps a step's of a pipeline."""
    if resource is None:
        return params
    return {
        name: value
        for name, value in params.items()
        if name != resource and not name.endswith(f"__{resource}")
    }


def _columns(candidates):
    """Values of each parameter that has several; None where a candidate lacks it."""
    columns = {}
    for name in dict.fromkeys(name for one in candidates for name in one):
        column = [one[name] if name in one else _MISSING for one in candidates]
        if len({repr(value) for value in column if value is not _MISSING}) > 1:
            columns[name] = column
    return columns


#: Stands for a parameter that a candidate does not have.
_MISSING = object()


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def _positions(column):
    """Where values are on an axis, NaN where missing, and labels if they are few."""
    values = [value for value in column if value is not _MISSING]
    are_numbers = all(map(_is_number, values))
    if are_numbers and len(set(values)) > _MOST_LEVELS:
        x = [np.nan if value is _MISSING else float(value) for value in column]
        return np.array(x), None
    key = float if are_numbers else repr
    levels = {key(one): one for one in (sorted(values) if are_numbers else values)}
    places = {level: place for place, level in enumerate(levels)}
    x = [np.nan if value is _MISSING else places[key(value)] for value in column]
    return np.array(x, dtype=float), _different([_text(one) for one in levels.values()])


def _different(labels):
    """Labels, with a number at those that more than one value has."""
    return [
        f"{label} ({labels[: i + 1].count(label)})"
        if labels.count(label) > 1
        else label
        for i, label in enumerate(labels)
    ]


def _text(value):
    """A value in few letters."""
    if _is_number(value):
        return str(value) if isinstance(value, Integral) else f"{value:.3g}"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 16 else f"{text[:15]}…"


def _beside_each_other(x):
    """Equal positions a bit to the left and right of each other."""
    moved = x.copy()
    for level in np.unique(x[~np.isnan(x)]):
        (same,) = np.nonzero(x == level)
        if len(same) > 1:
            moved[same] += np.linspace(-0.25, 0.25, len(same))
    return moved


def _scale(axis, numbers):
    """A logarithmic axis where numbers are of several sizes; few ticks."""
    low, high = numbers.min(), numbers.max()
    if low <= 0 or high <= _LOG_RATIO * low:
        axis.get_major_locator().set_params(nbins=2)
        axis.set_major_formatter("{x:g}")
        return
    axis.axes.set_xscale("log")
    axis.set_minor_formatter("")  # or each half decade would be filled with words
    if high < _DECADES_RATIO * low:  # matplotlib would put labels on top of others
        steps = (1, 2, 5) if high < _DENSE_RATIO * low else (1, 3)
        decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high * 1.2))
        ticks = np.outer(decades, steps).ravel()
        axis.set_ticks(ticks[(ticks > low / 1.2) & (ticks < high * 1.2)])
        axis.set_major_formatter("{x:g}")
