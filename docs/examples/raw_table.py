"""
A table as it comes
===================

Strings, dates, missing values and an outlier go in as they are: the estimators scale
numbers, encode categories and mark what is missing by themselves. The network still
finds what each column has to do with the target, which partial dependence shows.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.inspection import PartialDependenceDisplay
from sklearn.model_selection import train_test_split

from sklearn_snn import SNNRegressor

# %%
# Rents of made-up flats, with all that makes tables unpleasant.
rng = np.random.default_rng(0)
n_flats = 800
flats = pd.DataFrame(
    {
        "area": rng.gamma(8, 10, n_flats),
        "city": rng.choice(["Bern", "Graz", "Lyon", None], n_flats),
        "built": pd.Timestamp("1950-01-01")
        + pd.to_timedelta(rng.integers(0, 25_000, n_flats), unit="D"),
        "balcony": rng.random(n_flats) < 0.4,
    }
)
rent = 8 * flats["area"] * np.where(flats["city"] == "Bern", 1.5, 1.0)
rent += np.where(flats["built"].dt.year > 2000, 150, 0) + rng.normal(0, 50, n_flats)
flats.loc[::9, "area"] = np.nan
flats.loc[1, "area"] = 9_999.0
flats.sample(5, random_state=1)

# %%
# Nothing is done to the table before it is given to the network.
train, test, rent_train, rent_test = train_test_split(flats, rent, random_state=0)
model = SNNRegressor(random_state=0).fit(train, rent_train)
print(f"R² on new rows: {model.score(test, rent_test):.2f}")

# %%
# Rents grow with the area, and those of Bern are higher.
fig, axes = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
known = test.dropna().query("area < 200")
PartialDependenceDisplay.from_estimator(
    model, known, ["area", "city"], categorical_features=["city"], ax=axes
)
plt.show()
