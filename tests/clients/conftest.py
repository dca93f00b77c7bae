"""Data of the tests of clients: projects that use the estimators as their users do."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def numbers():
    """A frame of 200 rows whose target depends on two of its four columns."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd"))
    y = 10 + 3 * X["a"] + X["b"] + rng.normal(scale=0.3, size=200)
    return X, y.rename("target")


@pytest.fixture
def classes(numbers):
    """The same frame, and two classes."""
    X, y = numbers
    return X, (y > 10).astype(int)


#: Warnings that clients give of themselves or of others, by the module that gives them.
OF_CLIENTS = [
    # shap makes its colours in a way that matplotlib is going to deprecate.
    "ignore:.*:PendingDeprecationWarning:shap[.]plots.*",
    # shap hands torch's tensors to numpy functions, whose protocol has changed.
    "ignore:__array_wrap__ must accept:DeprecationWarning:shap[.]explainers.*",
    # feature-engine selects and drops columns in ways that pandas 3 deprecates.
    "ignore::DeprecationWarning:feature_engine.*",
    # MLflow's tables are declared in a way that SQLAlchemy 2.1 deprecates.
    "ignore:The ``noload`` loader strategy:DeprecationWarning",
    # MLflow would rather have types declared than inferred, of its own wrapper as well.
    "ignore:.*Any type hint is inferred:UserWarning",
]


def pytest_configure(config):
    for line in OF_CLIENTS:
        config.addinivalue_line("filterwarnings", line)
