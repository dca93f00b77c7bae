"""scikit-learn's own checks."""

import inspect

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from sklearn_snn import SNNClassifier, SNNRegressor, TabularPreprocessor

#: The part of training that rounding and chance leave no room in.
CERTAIN = dict(dtype="float64", batch_size=10_000, dropout=0.0)
EXACT = CERTAIN | dict(preprocessor=None, early_stopping=False, n_estimators=1)
DEFAULT_ESTIMATORS = [SNNClassifier(), SNNRegressor(), TabularPreprocessor()]
SHORT = dict(max_iter=30)  # as many as the scores of some checks need
ESTIMATORS = [
    SNNClassifier(**SHORT),
    SNNRegressor(**SHORT),
    TabularPreprocessor(),
    SNNClassifier(**EXACT),
    SNNRegressor(**EXACT),
]


def is_of_weights(check):
    return "sample_weight_equivalence" in check.func.__name__


@pytest.mark.filterwarnings("ignore:batch_size=10000 is larger than:UserWarning")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_checks(estimator, check):
    if is_of_weights(check) and isinstance(estimator, (SNNClassifier, SNNRegressor)):
        # A weight of 2 is one place in the batches, where a row that is there twice
        # has two.
        estimator = clone(estimator).set_params(**CERTAIN)
    check(estimator)


@pytest.mark.parametrize("estimator", DEFAULT_ESTIMATORS, ids=lambda one: str(one))
def test_feature_names_are_checked(estimator):
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", DEFAULT_ESTIMATORS[:2], ids=lambda one: str(one))
def test_parameters_are_checked(estimator):
    check_param_validation(type(estimator).__name__, estimator)


@pytest.mark.parametrize("cls", [SNNClassifier, SNNRegressor])
def test_every_parameter_has_a_range_and_a_description(cls):
    parameters = list(inspect.signature(cls).parameters)
    assert set(parameters) == set(cls._parameter_constraints)
    section = cls.__doc__.split("Attributes\n    ----------")[0]
    described = [
        line.split(" : ")[0].strip()
        for line in section.splitlines()
        if line.startswith("    ") and line[4:5].strip() and " : " in line
    ]
    assert sorted(described) == sorted(parameters)
    assert "{{" not in cls.__doc__
    for placeholder in ("network", "training", "stopping", "data", "attributes"):
        assert f"{{{placeholder}}}" not in cls.__doc__
    for name, parameter in inspect.signature(cls).parameters.items():
        if name != "loss":
            (line,) = [
                one for one in section.splitlines() if one.startswith(f"    {name} : ")
            ]
            stated = line.split("default=")[1].strip('"')
            default = parameter.default
            assert stated == str(default) or float(stated) == default
