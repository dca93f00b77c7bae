"""
Prediction intervals that keep their promise
============================================

MAPIE wraps any regressor and widens its predictions to intervals that hold 90 % of new
targets, whatever the model is like, as long as new rows are drawn like the old ones.
Cross-conformal intervals use every row both to train and to calibrate. Needs ``pip
install mapie``.
"""

import matplotlib.pyplot as plt
import numpy as np
from mapie.regression import CrossConformalRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from sklearn_snn import SNNRegressor

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0)

# %%
# Five fits of a small ensemble: MAPIE clones the estimator for each of its folds.
conformal = CrossConformalRegressor(
    SNNRegressor(n_estimators=4, max_iter=60, random_state=0),
    confidence_level=0.9,
    cv=5,
)
conformal.fit_conformalize(X_train, y_train)
predicted, intervals = conformal.predict_interval(X_test)
low, high = intervals[:, :, 0].T
is_inside = (low <= y_test) & (y_test <= high)
print(f"{is_inside.mean():.0%} of new targets are in their intervals of 90 %")

# %%
order = np.argsort(predicted)
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.fill_between(np.arange(len(order)), low[order], high[order], alpha=0.25)
ax.plot(predicted[order], label="predicted")
ax.plot(y_test[order], ".", color="0.3", label="measured")
ax.set(xlabel="new rows, sorted by prediction", ylabel="progression of the disease")
ax.legend()
plt.show()
