"""Private names of scikit-learn, and what its older versions lack.

The only file that imports either, so that a new release breaks one place.
"""

from sklearn.base import _fit_context
from sklearn.model_selection._search_successive_halving import HalvingRandomSearchCV
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


__all__ = [
    "CallbackSupportMixin",
    "HalvingRandomSearchCV",
    "HasMethods",
    "Interval",
    "StrOptions",
    "_check_feature_names_in",
    "_check_method_params",
    "_check_sample_weight",
    "_fit_context",
    "_get_feature_names",
    "_safe_indexing",
]
