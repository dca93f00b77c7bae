"""
Several labels, many of them missing
====================================

In assays and questionnaires most rows have some of their labels only. NaN in a
two-dimensional ``y`` stands for a label that was not measured: the loss and
``masked_scorer`` leave it out, and the rows still help the labels that they have.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import train_test_split

from sklearn_snn import SNNClassifier, masked_scorer

X, y = make_multilabel_classification(1_200, n_classes=6, n_labels=3, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
roc_auc = masked_scorer("roc_auc")
settings = {"n_estimators": 4, "max_iter": 40, "random_state": 0}

# %%
# Two ways with labels that are missing at random: let the network leave them out, or
# keep the rows that are complete, of which soon hardly any remain.
rng = np.random.default_rng(0)
shares = [0.0, 0.2, 0.4, 0.6, 0.8]
masked, complete = [], []
for share in shares:
    y_known = np.where(rng.random(y_train.shape) < share, np.nan, y_train)
    model = SNNClassifier(**settings).fit(X_train, y_known)
    masked.append(roc_auc(model, X_test, y_test))
    rows = ~np.isnan(y_known).any(axis=1)
    print(f"{share:.0%} missing: {rows.sum()} of {len(rows)} rows are complete")
    score = np.nan
    if rows.sum() > 20:
        model = SNNClassifier(**settings).fit(X_train[rows], y_known[rows])
        score = roc_auc(model, X_test, y_test)
    complete.append(score)

# %%
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.plot(shares, masked, "o-", label="NaN for missing labels")
ax.plot(shares, complete, "s--", label="complete rows only")
ax.set(xlabel="share of labels missing", ylabel="ROC AUC on new rows")
ax.legend()
plt.show()
