"""
Out-of-fold predictions from one fit
====================================

With ``oof_score=True`` each of the eight networks leaves out a fold of its own, so that
one fit gives a prediction of every training row by a network that never saw it: an
honest score without a test set, and the spread between members on new rows for free.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_friedman1
from sklearn.metrics import PredictionErrorDisplay
from sklearn.model_selection import train_test_split

from sklearn_snn import SNNRegressor

X, y = make_friedman1(3_300, noise=2.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=300, random_state=0
)
model = SNNRegressor(oof_score=True, random_state=0).fit(X_train, y_train)
print(f"R² out of fold {model.oof_score_:.2f}, on new rows", end=" ")
print(f"{model.score(X_test, y_test):.2f}, on rows it knows", end=" ")
print(f"{model.score(X_train, y_train):.2f}")

# %%
# On the left, what the folds say of the training rows. On the right, how far the eight
# members are apart on new rows: their standard deviation, which says how much a
# prediction depends on the draw of weights and rows, and nothing of the noise in the
# target.
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
PredictionErrorDisplay.from_predictions(
    y_train, model.oof_prediction_, kind="actual_vs_predicted", ax=left
)
left.set_title("out of fold")
members = model.predict_members(X_test[:60])
order = members.mean(axis=0).argsort()
right.errorbar(
    range(len(order)),
    members.mean(axis=0)[order],
    yerr=members.std(axis=0)[order],
    fmt=".",
    ecolor="0.7",
)
right.set(title="mean and spread of 8 members", xlabel="new rows, sorted")
plt.show()
