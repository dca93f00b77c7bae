"""shap explains the networks, and what they predict."""

import numpy as np
import pytest
import shap
import torch
from numpy.testing import assert_allclose

from sklearn_snn import SNNClassifier, SNNRegressor

SMALL = dict(depth=2, width=16, max_iter=10, n_estimators=2, n_bins=1, random_state=0)


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
@pytest.mark.parametrize("dropout", [0.0, 0.05])
def test_deep_explanations_add_up_to_what_the_network_says(numbers, make, dropout):
    X, y = numbers
    y = y > 10 if make is SNNClassifier else y
    model = make(dropout=dropout, learning_rate_init=0.01, **SMALL).fit(X, y)
    rows = torch.from_numpy(model.preprocessor_.transform(X))
    for module in model.modules_:
        explainer = shap.DeepExplainer(module, rows[:50])
        # shap checks the sums itself, to 1e-2 only.
        values = explainer.shap_values(rows[50:80], check_additivity=True)[..., 0]
        with torch.no_grad():
            outputs = module(rows[50:80])[:, 0].numpy()
        sums = values.sum(axis=1) + explainer.expected_value
        assert_allclose(sums, outputs, atol=1e-3)
        importance = np.abs(values).mean(axis=0)
        assert importance[0] > importance[1] > importance[2:].max()


def test_an_explainer_of_any_model_explains_probabilities(classes):
    X, y = classes
    model = SNNClassifier(**SMALL).fit(X, y)
    explainer = shap.Explainer(model.predict_proba, X[:20], seed=0)
    explanation = explainer(X[20:25])
    assert explanation.values.shape == (5, 4, 2)
    assert explanation.feature_names == list("abcd")
    sums = explanation.values.sum(axis=1) + explanation.base_values
    assert_allclose(sums, model.predict_proba(X[20:25]), atol=1e-6)
    # What speaks for one class speaks against the other.
    assert_allclose(explanation.values.sum(axis=2), 0, atol=1e-6)
