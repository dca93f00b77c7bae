"""Self-normalizing networks for scikit-learn."""

from importlib import import_module
from typing import TYPE_CHECKING

from sklearn_snn._activation_moments_display import ActivationMomentsDisplay
from sklearn_snn._classifier import SNNClassifier
from sklearn_snn._loss_curve_display import LossCurveDisplay
from sklearn_snn._moment_map_display import MomentMapDisplay
from sklearn_snn._moments import activation_moments
from sklearn_snn._onnx import to_onnx
from sklearn_snn._preprocessing import TabularPreprocessor
from sklearn_snn._regressor import SNNRegressor
from sklearn_snn._scoring import masked_scorer
from sklearn_snn._search_results_display import SearchResultsDisplay
from sklearn_snn._search_space import search_space
from sklearn_snn._selu import moment_map, moment_map_jacobian, selu_parameters
from sklearn_snn._version import __version__

if TYPE_CHECKING:
    from sklearn_snn._modules import SNN
    from sklearn_snn._saving import load, save
    from sklearn_snn._search import (
        SNNGridSearchCV,
        SNNHalvingRandomSearchCV,
        SNNRandomizedSearchCV,
    )

__all__ = [
    "SNN",
    "ActivationMomentsDisplay",
    "LossCurveDisplay",
    "MomentMapDisplay",
    "SNNClassifier",
    "SNNGridSearchCV",
    "SNNHalvingRandomSearchCV",
    "SNNRandomizedSearchCV",
    "SNNRegressor",
    "SearchResultsDisplay",
    "TabularPreprocessor",
    "__version__",
    "activation_moments",
    "load",
    "masked_scorer",
    "moment_map",
    "moment_map_jacobian",
    "save",
    "search_space",
    "selu_parameters",
    "to_onnx",
]


#: Modules of names that are imported when they are asked for: they need torch, or
#: scikit-learn's model selection and metrics, which are slow to import.
_LATER = {
    "SNN": "_modules",
    "SNNGridSearchCV": "_search",
    "SNNHalvingRandomSearchCV": "_search",
    "SNNRandomizedSearchCV": "_search",
    "load": "_saving",
    "save": "_saving",
}


def __getattr__(name):
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
