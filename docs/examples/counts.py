"""
Counts, with the Poisson loss
=============================

Rare counts are hardly more than noise around a small rate. ``loss="poisson"`` learns
the rate with a log link, so that predictions are positive, and errors count by how
unlikely they are. The rows have weights: the time that each was observed.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import train_test_split

from sklearn_snn import SNNRegressor

# %%
# Claims of made-up drivers: more while young, and when driving much.
rng = np.random.default_rng(0)
n_drivers = 12_000
age = rng.uniform(18, 80, n_drivers)
mileage = rng.gamma(3, 5, n_drivers)
years = rng.uniform(0.2, 3, n_drivers)
rate = 0.01 * mileage * (1 + 4 * np.exp(-(age - 18) / 6))
claims = rng.poisson(rate * years)
X = np.column_stack([age, mileage])

# %%
# Claims a year, weighted by years, have the same likelihood as the claims themselves.
X_train, X_test, y_train, y_test, w_train, w_test, _, rate_test = train_test_split(
    X, claims / years, years, rate, test_size=0.5, random_state=0
)
settings = {"n_estimators": 4, "max_iter": 40, "random_state": 0}
for loss in ("poisson", "squared_error"):
    model = SNNRegressor(loss=loss, **settings).fit(X_train, y_train, w_train)
    predicted = model.predict(X_test).clip(min=1e-4)
    deviance = mean_poisson_deviance(y_test, predicted, sample_weight=w_test)
    print(
        f"{loss:<14}deviance {deviance:.3f}, lowest {model.predict(X_test).min():.3f}"
    )
truth = mean_poisson_deviance(y_test, rate_test, sample_weight=w_test)
print(f"true rates    deviance {truth:.3f}")

# %%
model = SNNRegressor(loss="poisson", **settings).fit(X_train, y_train, w_train)
ages = np.linspace(18, 80, 200)
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for miles, color in ((5, "#0072B2"), (15, "#D55E00"), (30, "#009E73")):
    rows = np.column_stack([ages, np.full_like(ages, miles)])
    ax.plot(ages, model.predict(rows), color=color, label=f"{miles} thousand km")
    true_rate = 0.01 * miles * (1 + 4 * np.exp(-(ages - 18) / 6))
    ax.plot(ages, true_rate, ":", color=color)
ax.set(xlabel="age", ylabel="claims a year (dotted: the truth)")
ax.legend()
plt.show()
