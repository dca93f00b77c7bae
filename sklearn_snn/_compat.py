"""Private names of scikit-learn, and what its older versions lack.

The only file that imports either, so that a new release breaks one place.
"""

from contextlib import contextmanager
from functools import cached_property

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_method_params,
    _check_sample_weight,
    _get_feature_names,
)

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class _NoContext:
        """Stands in for a callback context: nobody listens."""

        def subcontext(self, **kwargs):
            return self

        def call_on_fit_task_begin(self, **kwargs):
            return False

        def call_on_fit_task_end(self, **kwargs):
            return False

    class CallbackSupportMixin:
        """Stands in for scikit-learn's, without `set_callbacks`."""

        def _init_callback_context(self, **kwargs):
            return _NoContext()


class ScorerNames(StrOptions):
    """Names of scikit-learn's scorers, which are slow to import, or another one.

    Parameters
    ----------
    *others : str
        Names that are allowed as well.
    """

    def __init__(self, *others):
        super().__init__(set(others))
        self._others = vars(self).pop("options")

    @cached_property
    def options(self):
        """All names."""
        from sklearn.metrics import get_scorer_names

        return {*self._others, *get_scorer_names()}


def halving_random_search_cv():
    """scikit-learn's class, whose module is slow to import."""
    from sklearn.model_selection._search_successive_halving import HalvingRandomSearchCV

    return HalvingRandomSearchCV


def base_search_cv():
    """The base class of scikit-learn's searches, which is slow to import, too."""
    from sklearn.model_selection._search import BaseSearchCV

    return BaseSearchCV


@contextmanager
def lend_callbacks(lender, borrower):
    """Have an estimator fit with the callbacks and the context that another was given.

    Parameters
    ----------
    lender, borrower : estimator instance
        Whose callbacks, and who fits.
    """
    names = {"_skl_callbacks", "_parent_callback_ctx"} & set(vars(lender))
    kept = {name: vars(borrower)[name] for name in names & set(vars(borrower))}
    mine = [*kept.get("_skl_callbacks", []), *vars(lender).get("_skl_callbacks", [])]
    vars(borrower).update({name: vars(lender)[name] for name in names})
    if "_skl_callbacks" in names:
        borrower._skl_callbacks = mine
    try:
        yield
    finally:
        for name in names:
            delattr(borrower, name)
        vars(borrower).update(kept)


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "ScorerNames",
    "StrOptions",
    "_check_feature_names_in",
    "_check_method_params",
    "_check_sample_weight",
    "_fit_context",
    "_get_feature_names",
    "_safe_indexing",
    "base_search_cv",
    "halving_random_search_cv",
    "lend_callbacks",
]
