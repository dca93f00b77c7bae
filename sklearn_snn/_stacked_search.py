"""What the searches have in common: training first, and scikit-learn's own `fit` then.

Only the training is ours. Then scikit-learn's own `fit` splits, scores and ranks, with
estimators that look up what has been trained.
"""

import warnings
from copy import copy

import numpy as np
from joblib import parallel_config
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from sklearn_snn._base import BaseSNN
from sklearn_snn._candidates import LookUp, Trainer, last_step
from sklearn_snn._links import LinkedEstimator
from sklearn_snn._masked_scorer import label_matrix

#: What the docstrings of the searches have in common.
_SHARED = {
    "estimator": """\
    estimator : SNNClassifier, SNNRegressor or Pipeline
        The network, or a pipeline that ends in one; its other steps are fitted once a
        split and setting.
""",
    "middle": """\
    scoring : {scoring}, default=None
        As in scikit-learn; None is the estimator's `score`. Where labels are missing,
        `masked_scorer`.
    n_jobs : int or None, default=None
        Stacks of networks that are trained at the same time, in processes, or wherever
        joblib's active backend has its workers:
        ``joblib.parallel_config(backend="dask")``.
    refit : {refit}, default=True
        As in scikit-learn: whether to fit the best candidate on all rows, and which it
        is.
    cv : int, cross-validation generator or iterable, default={cv}
        As in scikit-learn.
    verbose : int, default=0
        From 1 on scikit-learn's messages and a bar, or lines in a file, over networks.
""",
    "end": """\
    error_score : "raise" or numeric, default=nan
        Score of a candidate whose fit fails.
    return_train_score : bool, default={return_train_score}
        Whether to score on training rows too.
    time_limit : float or None, default=None
        Seconds for the training of the candidates, positive; the fit of the best one
        on all rows comes on top. Every candidate is trained, with a schedule that ends
        in time.
""",
    "attributes": """\
    cv_results_ : dict of ndarrays
        As in scikit-learn. ``mean_fit_time`` is a network's share of the time of its
        stack, by epochs; preprocessing is not in it.
    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_
        As in scikit-learn.
""",
}


def describe(**own):
    """Class decorator that fills what searches have in common into a docstring."""

    def fill(cls):
        for name, text in _SHARED.items():
            line = f"    {{{name}}}\n"
            cls.__doc__ = cls.__doc__.replace(line, text.format(**own))
        return cls

    return fill


class StackedSearch(LinkedEstimator):
    """What the searches have in common: a `fit` that trains first."""

    def fit(self, X, y=None, **params):
        """Search, and fit the best candidate on all rows.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets, without which there is an error; labels may be NaN where they were
            not measured.
        **params : dict of str -> object
            Passed to the `fit` of the estimator, the splitter and the scorers, as in
            scikit-learn.

        Returns
        -------
        self : estimator
            The fitted search.

        Raises
        ------
        TypeError
            If the estimator is neither one of this package nor a `Pipeline` that ends
            in one.
        ValueError
            If parameters or data are not as described, or all fits fail.
        MemoryError
            If memory runs out for each of the candidates.
        KeyboardInterrupt
            If Ctrl-C comes, which leaves the search as it was.
        """
        if not isinstance(last_step(self.estimator), BaseSNN):
            raise TypeError(
                f"{type(self).__name__} trains an SNNClassifier, an SNNRegressor or a "
                f"Pipeline that ends in one, got {self.estimator!r}; for others there "
                "are scikit-learn's own searches"
            )
        self._validate_params()
        if vars(last_step(self.estimator)).get("_skl_callbacks"):
            warnings.warn(
                "callbacks of the estimator are not told of candidates, but of the fit "
                "with refit=True; those that change how networks are trained need "
                f"scikit-learn's {type(self).__name__.removeprefix('SNN')}",
                UserWarning,
                stacklevel=2,
            )
        X, y = indexable(X, y)
        # What scikit-learn's fit sees of this search; the search itself stays as it is
        # until all is done.
        search = copy(self)
        search._trainer = Trainer(self, X, y)
        search.estimator = LookUp(self.estimator, search._trainer.outcomes)
        is_class = is_classifier(self.estimator)
        search.cv = check_cv(self.cv, _without_nan(y), classifier=is_class)
        self._settle(search)
        with parallel_config(backend="sequential"):
            super(StackedSearch, search).fit(X, y, **params)
        if self.refit:
            search.best_estimator_ = search.best_estimator_.estimator
        if self.scoring is None:
            search.scorer_ = check_scoring(self.estimator)
        for name, value in vars(search).items():
            if name.endswith("_") and not name.startswith("_"):
                setattr(self, name, value)
        return self

    def _settle(self, search):
        """Replace what scikit-learn's fit would not understand."""

    def _rung(self, n_candidates, results):
        """The iteration of a search by halving on epochs; None in other searches."""

    def _get_routed_params_for_fit(self, params):
        self._routed = super()._get_routed_params_for_fit(params)
        self._trainer.fit_params = self._routed.estimator.fit
        return self._routed

    def _run_search(self, evaluate_candidates, *, callback_ctx=None):
        def evaluate(candidates, cv=None, more_results=None, **rest):
            candidates, trainer = list(candidates), self._trainer
            split = (cv or self.cv).split
            splits = list(split(trainer.X, trainer.y, **self._routed.splitter.split))
            trainer.train(candidates, splits, self._rung(len(candidates), more_results))
            return evaluate_candidates(
                candidates, _MadeSplits(splits), more_results=more_results, **rest
            )

        # Versions of scikit-learn before 1.9 have no callbacks.
        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        super()._run_search(evaluate, **context)

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        for scores, seconds in zip(out, self._trainer.seconds, strict=True):
            scores["fit_time"] = seconds
        return super()._format_results(candidate_params, n_splits, out, more_results)


class _MadeSplits:
    """A splitter whose splits were made before, whatever it is passed."""

    def __init__(self, splits):
        self.splits = splits

    def split(self, *args, **params):
        return iter(self.splits)

    def get_n_splits(self, *args, **params):
        return len(self.splits)


def _without_nan(y):
    """A target in which scikit-learn can look for classes."""
    shape = np.shape(y)
    has_labels = len(shape) == 2 and shape[1] > 1
    if not has_labels or np.asarray(y).dtype.kind not in ("f", "O"):
        return y
    return np.nan_to_num(label_matrix(y))
