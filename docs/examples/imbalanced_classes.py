"""
A rare class: weights or oversampling
=====================================

Where one row in thirty is of the class that matters, the default network finds half of
them, because it is trained to be right about probabilities. Weights of the classes,
oversampling by imbalanced-learn, or simply another threshold trade precision for
recall; here none of them ranks the rows better. Needs ``pip install imbalanced-learn``.
"""

import matplotlib.pyplot as plt
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.datasets import make_classification
from sklearn.metrics import PrecisionRecallDisplay, precision_score, recall_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from sklearn_snn import SNNClassifier

X, y = make_classification(
    4_000, n_informative=6, weights=[0.97], flip_y=0.01, random_state=1
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=0.5, stratify=y, random_state=0
)

# %%
# ``class_weight="balanced"`` makes both classes weigh the same in the loss. Rows that
# SMOTE makes up resemble rows of several folds: networks that are validated on them
# stop too late. So here they are trained for five epochs; early stopping keeps 6 to 11
# in the others.
settings = {"n_estimators": 4, "max_iter": 20, "random_state": 0}
snn = SNNClassifier(**settings)
brief = SNNClassifier(early_stopping=False, **settings | {"max_iter": 5})
models = {
    "as it comes": snn,
    "class_weight": SNNClassifier(class_weight="balanced", **settings),
    "SMOTE": make_pipeline(SMOTE(random_state=0), brief),
    "threshold": TunedThresholdClassifierCV(snn, scoring="balanced_accuracy", cv=3),
}

# %%
# The curves are all rankings; the dots are what ``predict`` answers.
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for (name, model), color in zip(
    models.items(), ["#0072B2", "#D55E00", "#009E73", "#CC79A7"], strict=True
):
    model.fit(X_train, y_train)
    predicted = model.predict(X_test)
    recall = recall_score(y_test, predicted)
    precision = precision_score(y_test, predicted)
    print(f"{name:<14}recall {recall:.2f}, precision {precision:.2f}")
    if name != "threshold":  # whose ranking is that of the first one
        PrecisionRecallDisplay.from_estimator(
            model, X_test, y_test, name=name, ax=ax, curve_kwargs={"color": color}
        )
    ax.plot(recall, precision, "o", markersize=10, color=color)
    ax.annotate(name, (recall, precision), (5, 8), textcoords="offset points")
plt.show()
