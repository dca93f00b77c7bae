"""Self-normalizing networks for scikit-learn."""

from importlib import import_module
from typing import TYPE_CHECKING

from sklearn_snn._version import __version__

if TYPE_CHECKING:
    from sklearn_snn._activation_moments_display import ActivationMomentsDisplay
    from sklearn_snn._classifier import SNNClassifier
    from sklearn_snn._loss_curve_display import LossCurveDisplay
    from sklearn_snn._masked_scorer import masked_scorer
    from sklearn_snn._modules import SNN
    from sklearn_snn._moment_map_display import MomentMapDisplay
    from sklearn_snn._moments import activation_moments
    from sklearn_snn._onnx import to_onnx
    from sklearn_snn._preprocessing import TabularPreprocessor
    from sklearn_snn._regressor import SNNRegressor
    from sklearn_snn._saving import load, save
    from sklearn_snn._search import (
        SNNGridSearchCV,
        SNNHalvingRandomSearchCV,
        SNNRandomizedSearchCV,
    )
    from sklearn_snn._search_results_display import SearchResultsDisplay
    from sklearn_snn._search_space import search_space
    from sklearn_snn._selu import moment_map, moment_map_jacobian, selu_parameters

#: Where public names are. They are imported when they are asked for: what one of them
#: needs (torch, scikit-learn's callbacks, model selection) is slow to import.
_MODULES = {
    "ActivationMomentsDisplay": "_activation_moments_display",
    "LossCurveDisplay": "_loss_curve_display",
    "MomentMapDisplay": "_moment_map_display",
    "SNN": "_modules",
    "SNNClassifier": "_classifier",
    "SNNGridSearchCV": "_search",
    "SNNHalvingRandomSearchCV": "_search",
    "SNNRandomizedSearchCV": "_search",
    "SNNRegressor": "_regressor",
    "SearchResultsDisplay": "_search_results_display",
    "TabularPreprocessor": "_preprocessing",
    "activation_moments": "_moments",
    "load": "_saving",
    "masked_scorer": "_masked_scorer",
    "moment_map": "_selu",
    "moment_map_jacobian": "_selu",
    "save": "_saving",
    "search_space": "_search_space",
    "selu_parameters": "_selu",
    "to_onnx": "_onnx",
}

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


def __getattr__(name):
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
