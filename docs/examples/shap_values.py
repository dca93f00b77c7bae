"""
SHAP values with DeepExplainer
==============================

``modules_`` holds the trained networks as plain torch modules of layers that shap
knows, so its ``DeepExplainer`` attributes each prediction to the inputs. The modules
see what the preprocessor makes of a row, and answer in log-odds. Needs ``pip install
shap``.
"""

import matplotlib.pyplot as plt
import numpy as np
import shap
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sklearn_snn import SNNClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# ``n_bins=1`` leaves out the piecewise linear encoding, a first module of ours that
# shap has no rule for; what remains are ``Linear``, ``SELU`` and ``AlphaDropout``.
model = SNNClassifier(n_bins=1, random_state=0).fit(X_train, y_train)
print(f"accuracy: {model.score(X_test, y_test):.3f}")
print(model.modules_[0])


# %%
# The mean of the members' explanations explains the mean of their outputs.
def as_inputs(rows):
    """What the networks see of a table."""
    return torch.from_numpy(model.preprocessor_.transform(rows))


background = as_inputs(X_train.sample(60, random_state=0))
rows = as_inputs(X_test)
values, expected = [], []
for module in model.modules_:
    explainer = shap.DeepExplainer(module, background)
    values.append(explainer.shap_values(rows)[..., 0])
    expected.append(explainer.expected_value)
explanation = shap.Explanation(
    np.mean(values, axis=0),
    base_values=np.mean(expected),
    data=X_test.to_numpy(),
    feature_names=model.preprocessor_.get_feature_names_out(),
)

# %%
# Columns from most to least important; each dot is a tumour, right is towards benign.
shap.plots.beeswarm(explanation, max_display=12, show=False)
plt.tight_layout()
plt.show()
