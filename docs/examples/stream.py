"""
A stream of chunks with partial_fit
===================================

``partial_fit`` trains for one epoch on the rows at hand and forgets none of the
optimizer's memory. Each chunk is predicted before it is learned from, so the curve is
honest; half way the world changes, and the network follows.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_snn import SNNClassifier


def chunks(n_chunks, n_rows=100):
    """Rows of two classes whose boundary turns half way."""
    rng = np.random.default_rng(0)
    for number in range(n_chunks):
        X = rng.normal(size=(n_rows, 10))
        direction = 1 if number < n_chunks // 2 else -1
        yield X, (X[:, 0] + direction * X[:, 1] * 2 > np.sin(X[:, 2])).astype(int)


# %%
# The first call says which classes there will ever be. The step size is constant.
model = SNNClassifier(n_estimators=1, learning_rate_init=5e-3, random_state=0)
accuracy = []
for X, y in chunks(80):
    if hasattr(model, "classes_"):
        accuracy.append(model.score(X, y))
    model.partial_fit(X, y, classes=[0, 1])
print(f"first ten chunks {np.mean(accuracy[:10]):.2f}", end=", ")
print(f"before the change {np.mean(accuracy[29:39]):.2f}", end=", ")
print(f"right after it {np.mean(accuracy[39:42]):.2f}", end=", ")
print(f"in the end {np.mean(accuracy[-10:]):.2f}")

# %%
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(range(1, 80), accuracy)
ax.axvline(40, color="0.5", linestyle="--")
ax.text(43, 0.35, "the world changes", color="0.3")
ax.set(xlabel="chunk", ylabel="accuracy before learning from it")
plt.show()
