"""Searches of scikit-learn's whose candidates are trained side by side."""

from collections.abc import Mapping
from math import ceil, floor, inf, log
from numbers import Real

import numpy as np
from sklearn.model_selection import GridSearchCV, ParameterGrid, RandomizedSearchCV

from sklearn_snn._candidates import Rung, last_step, parameter_prefix
from sklearn_snn._compat import Interval, halving_random_search_cv
from sklearn_snn._stacked_search import StackedSearch, describe

_TIME_LIMIT = {"time_limit": [Interval(Real, 0, None, closed="neither"), None]}

#: What those parameters may be in searches that can look at several metrics.
_SEVERAL_METRICS = {
    "scoring": "str, callable, list, tuple or dict",
    "refit": "bool, str or callable",
}


def _n_settings(space):
    """How many settings a space has; infinite where some are drawn."""
    spaces = [space] if isinstance(space, Mapping) else space
    if any(hasattr(one, "rvs") for part in spaces for one in part.values()):
        return inf
    return len(ParameterGrid(space))


@describe(cv=None, return_train_score=False, **_SEVERAL_METRICS)
class SNNGridSearchCV(StackedSearch, GridSearchCV):
    """Exhaustive search that trains the networks of all candidates side by side.

    `sklearn.model_selection.GridSearchCV` with one difference: networks of all
    candidates, splits and members that have equal layer sizes and batch size are
    trained as one stack. Scores are those of `GridSearchCV` up to rounding.

    Parameters
    ----------
    {estimator}
    param_grid : dict or list of dict
        Names of parameters and lists of values to try.
    {middle}
    pre_dispatch : int or str, default="2*n_jobs"
        For compatibility; scoring is done one by one.
    {end}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    SNNRandomizedSearchCV : Tries a number of random candidates.
    SNNHalvingRandomSearchCV : Stops training those that fall behind.
    search_space : Parameters that are worth trying.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_snn import SNNClassifier, SNNGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SNNClassifier(width=16, max_iter=20, random_state=0)
    >>> grid = {"depth": [1, 2], "learning_rate_init": [1e-3, 1e-2]}
    >>> search = SNNGridSearchCV(model, grid, cv=3).fit(X, y)
    >>> search.best_params_["learning_rate_init"]
    0.01
    """

    _parameter_constraints = GridSearchCV._parameter_constraints | _TIME_LIMIT

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
        time_limit=None,
    ):
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.time_limit = time_limit


@describe(cv=None, return_train_score=False, **_SEVERAL_METRICS)
class SNNRandomizedSearchCV(StackedSearch, RandomizedSearchCV):
    """Random search that trains the networks of all candidates side by side.

    `sklearn.model_selection.RandomizedSearchCV` with one difference: networks of all
    candidates, splits and members that have equal layer sizes and batch size are
    trained as one stack. Sizes are best drawn from short lists, so that many networks
    share them; what else is searched may be continuous.

    Parameters
    ----------
    {estimator}
    param_distributions : dict or list of dict
        Names of parameters and distributions, or lists of values, to draw from.
    n_iter : int, default=10
        Number of candidates, at least 1.
    {middle}
    pre_dispatch : int or str, default="2*n_jobs"
        For compatibility; scoring is done one by one.
    random_state : int, RandomState instance or None, default=None
        Draws the candidates.
    {end}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    SNNGridSearchCV : Tries all combinations.
    SNNHalvingRandomSearchCV : Stops training those that fall behind.
    search_space : Parameters that are worth trying.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_snn import SNNClassifier, SNNRandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SNNClassifier(width=16, max_iter=20, random_state=0)
    >>> space = {"depth": [1, 2], "learning_rate_init": loguniform(1e-4, 1e-1)}
    >>> search = SNNRandomizedSearchCV(model, space, n_iter=6, random_state=0)
    >>> print(search.fit(X, y).best_score_ > 0.9)
    True
    """

    _parameter_constraints = RandomizedSearchCV._parameter_constraints | _TIME_LIMIT

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
        time_limit=None,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.time_limit = time_limit


HalvingRandomSearchCV = halving_random_search_cv()


@describe(
    cv=5,
    return_train_score=True,
    scoring="str or callable",
    refit="bool or callable",
)
class SNNHalvingRandomSearchCV(StackedSearch, HalvingRandomSearchCV):
    """Successive halving whose survivors go on training instead of starting again.

    `sklearn.model_selection.HalvingRandomSearchCV` on epochs: all candidates are
    trained side by side for a few epochs of their schedule, the best third stays in
    the stack and goes on, and so forth. Those who get to the end have been trained as
    an undisturbed fit trains.

    Parameters
    ----------
    {estimator}
    param_distributions : dict or list of dict
        Names of parameters and distributions, or lists of values, to draw from.
    n_candidates : "exhaust" or int, default="exhaust"
        Number of candidates at the start, at least 1; ``"exhaust"`` takes as many as
        let the last iteration use `max_resources`.
    factor : float, default=3
        One candidate in so many is kept, with so many times the epochs.
    resource : str, default="max_iter"
        What grows: the network's epochs, ``"n_samples"``, or another parameter. Only
        with epochs do survivors go on.
    max_resources : "auto" or int, default="auto"
        Epochs at most; ``"auto"`` is the estimator's `max_iter`.
    min_resources : "exhaust", "smallest" or int, default="smallest"
        Epochs of the first iteration; ``"smallest"`` is a tenth of `max_resources`,
        or more where candidates are so few that the last iteration would end long
        before it; ``"exhaust"`` as many as let the last one use `max_resources`.
    aggressive_elimination : bool, default=False
        As in scikit-learn.
    {middle}
    random_state : int, RandomState instance or None, default=None
        Draws the candidates.
    {end}

    Attributes
    ----------
    {attributes}
    n_resources_, n_candidates_ : list of int
        Epochs and candidates of each iteration.
    n_remaining_candidates_, max_resources_, min_resources_, n_iterations_, \
n_possible_iterations_, n_required_iterations_
        As in scikit-learn.

    See Also
    --------
    SNNRandomizedSearchCV : Trains every candidate to the end.
    search_space : Parameters that are worth trying.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_snn import SNNClassifier, SNNHalvingRandomSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SNNClassifier(width=16, max_iter=27, random_state=0)
    >>> space = {"depth": [1, 2], "learning_rate_init": loguniform(1e-4, 1e-1)}
    >>> search = SNNHalvingRandomSearchCV(
    ...     model, space, n_candidates=9, min_resources=3, cv=3, random_state=0
    ... ).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([9, 3, 1], [3, 9, 27])
    """

    _parameter_constraints = HalvingRandomSearchCV._parameter_constraints | _TIME_LIMIT

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_candidates="exhaust",
        factor=3,
        resource="max_iter",
        max_resources="auto",
        min_resources="smallest",
        aggressive_elimination=False,
        cv=5,
        scoring=None,
        refit=True,
        error_score=np.nan,
        return_train_score=True,
        random_state=None,
        n_jobs=None,
        verbose=0,
        time_limit=None,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_candidates=n_candidates,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        self.time_limit = time_limit

    @property
    def _halves_epochs(self):
        return self.resource in ("max_iter", self._name_of_epochs)

    @property
    def _name_of_epochs(self):
        return parameter_prefix(self.estimator) + "max_iter"

    def _settle(self, search):
        if not self._halves_epochs:
            return
        search.resource = self._name_of_epochs
        if self.max_resources == "auto":
            search.max_resources = last_step(self.estimator).max_iter
        if self.min_resources == "smallest":
            search.min_resources = max(search.max_resources // 10, 1)
            self._settle_for_few(search)

    def _settle_for_few(self, search):
        """Have the last epochs used where candidates are too few to get there."""
        n_wanted, n_settings = self.n_candidates, _n_settings(self.param_distributions)
        growth = search.max_resources // search.min_resources
        if n_wanted == "exhaust":
            n_wanted = growth
        n_candidates = min(n_wanted, n_settings)
        n_halvings = floor(log(n_candidates, self.factor))
        if n_halvings < floor(log(growth, self.factor)):
            search.n_candidates = n_candidates
            growth = ceil(self.factor**n_halvings)
            search.min_resources = search.max_resources // growth

    def _rung(self, n_candidates, results):
        if not self._halves_epochs:
            return None
        iteration = results["iter"][0]
        if iteration == 0:
            # As scikit-learn counts them, which does not tell beforehand.
            n_required = 1 + floor(log(n_candidates, self.factor))
            ratio = self.max_resources_ // self.min_resources_
            n_possible = 1 + floor(log(ratio, self.factor))
            if self.aggressive_elimination:
                self._n_rungs, power = n_required, n_possible - 1
            else:
                self._n_rungs = min(n_required, n_possible)
                power = self._n_rungs - 1
            last = int(self.factor**power * self.min_resources_)
            self._n_epochs_in_all = min(last, self.max_resources_)
        return Rung(self.resource, self._n_epochs_in_all, self._n_rungs - iteration)
