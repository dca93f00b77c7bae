"""
Are the probabilities right?
============================

The mean of eight networks, each stopped by its log-loss, is usually calibrated as it
comes: of the rows that get a probability of 0.8, about 80 % belong to the class. A
single network that is trained to the end is too sure of itself, and scikit-learn's
``CalibratedClassifierCV`` repairs most of it.
"""

import matplotlib.pyplot as plt
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sklearn_snn import SNNClassifier

X, y = make_classification(
    6_000, n_informative=5, n_redundant=0, flip_y=0.3, class_sep=0.6, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=1_000, stratify=y, random_state=0
)

# %%
alone = SNNClassifier(n_estimators=1, early_stopping=False, max_iter=20, random_state=0)
models = {
    "eight, stopped early": SNNClassifier(random_state=0),
    "one, to the end": alone,
    "one, repaired": CalibratedClassifierCV(alone, cv=5),
}

# %%
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for name, model in models.items():
    model.fit(X_train, y_train)
    loss = log_loss(y_test, model.predict_proba(X_test))
    print(f"{name:<22}log-loss on new rows {loss:.3f}")
    CalibrationDisplay.from_estimator(
        model, X_test, y_test, n_bins=8, strategy="quantile", name=name, ax=ax
    )
plt.show()
