"""
Quantile regression
===================

With ``loss="quantile"`` the regressor predicts the value that a given share of the
targets stays below. Three fits draw a median with a band around it that is wide where
the data are noisy.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import mean_pinball_loss

from sklearn_snn import SNNRegressor

# %%
# The noise grows to the right.
rng = np.random.default_rng(0)
x = rng.uniform(0, 10, 1_500)
y = np.sin(x) + rng.normal(0, 0.2 + 0.08 * x)
X = x.reshape(-1, 1)
x_new = np.linspace(0, 10, 300)
X_new = x_new.reshape(-1, 1)

# %%
predicted = {}
for quantile in (0.05, 0.5, 0.95):
    model = SNNRegressor(loss="quantile", quantile=quantile, random_state=0).fit(X, y)
    below = np.mean(y < model.predict(X))
    loss = mean_pinball_loss(y, model.predict(X), alpha=quantile)
    print(f"quantile {quantile}: {below:.1%} of rows below, pinball loss {loss:.3f}")
    predicted[quantile] = model.predict(X_new)

# %%
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(x, y, ".", color="0.7", markersize=3)
ax.fill_between(x_new, predicted[0.05], predicted[0.95], alpha=0.3, label="5 to 95 %")
ax.plot(x_new, predicted[0.5], label="median")
ax.set(xlabel="x", ylabel="y")
ax.legend()
plt.show()
