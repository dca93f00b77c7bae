"""
A search that trains all candidates at once
===========================================

``SNNRandomizedSearchCV`` is scikit-learn's search with one difference: networks of
equal sizes are trained side by side as one stack of matrices. With one network
per candidate, forty candidates on three folds are 120 networks in a handful of stacks.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sklearn_snn import (
    SearchResultsDisplay,
    SNNClassifier,
    SNNRandomizedSearchCV,
    search_space,
)

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The space that comes with the package, with fewer sizes than it has: the sizes decide
# how many networks share a stack.
space = search_space("tabular", n_samples=len(X_train))
space |= {"depth": [2, 3], "width": [32]}
search = SNNRandomizedSearchCV(
    SNNClassifier(n_estimators=1, max_iter=40, early_stopping=True, random_state=0),
    space,
    n_iter=40,
    cv=3,
    scoring="neg_log_loss",
    random_state=0,
)
search.fit(X_train, y_train)
results = pd.DataFrame(search.cv_results_)
columns = ["param_depth", "param_learning_rate_init", "mean_test_score"]
results.nsmallest(5, "rank_test_score")[columns]

# %%
# What is best suits the default of eight networks as well.
model = SNNClassifier(random_state=0, **search.best_params_).fit(X_train, y_train)
print(f"accuracy on new rows: {model.score(X_test, y_test):.3f}")

# %%
# Each hyperparameter's part in it; grey lines are means.
SearchResultsDisplay.from_estimator(search)
plt.show()
