"""
Text as a sparse table
======================

A CSR matrix of word counts stays sparse: it is scaled in place, and only the rows of a
batch become dense. Here paragraphs of scikit-learn's own docstrings are sorted into the
modules that they are from.
"""

import inspect

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.utils.discovery import all_estimators

from sklearn_snn import SNNClassifier

# %%
# All paragraphs of a class are either trained or tested on.
MODULES = ["cluster", "ensemble", "linear_model", "preprocessing"]
texts, labels, groups = [], [], []
for name, estimator in all_estimators():
    module = estimator.__module__.split(".")[1]
    if module in MODULES:
        for text in inspect.getdoc(estimator).split("\n\n"):
            texts.append(text)
            labels.append(module)
            groups.append(name)
texts, labels = np.array(texts, dtype=object), np.array(labels)
splitter = GroupShuffleSplit(1, random_state=0)
train, test = next(splitter.split(texts, labels, groups))
print(f"{len(train)} paragraphs to train on; the first one:\n\n{texts[train[0]][:200]}")

# %%
model = make_pipeline(
    TfidfVectorizer(min_df=3, sublinear_tf=True),
    SNNClassifier(dropout=0.05, n_estimators=4, max_iter=30, random_state=0),
)
model.fit(texts[train], labels[train])
table = model[0].transform(texts[test])
print(f"{table.shape[1]} columns, {table.nnz / np.prod(table.shape):.1%} not zero")
print(f"accuracy: {model.score(texts[test], labels[test]):.2f}")

# %%
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
ConfusionMatrixDisplay.from_estimator(
    model,
    texts[test],
    labels[test],
    normalize="true",
    cmap="Blues",
    xticks_rotation=45,
    ax=ax,
)
plt.show()
