"""
A skorch callback watches training
==================================

With ``callbacks`` each network is trained as an ordinary skorch net, and callbacks see
it after every batch and epoch: skorch's own, or one of yours, like this one that
records how large the gradient is. Networks are then trained one by one, so that one is
enough here.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from skorch.callbacks import Callback, EpochScoring

from sklearn_snn import SNNClassifier


class GradientNorm(Callback):
    """Norm of the gradient of every batch."""

    def on_train_begin(self, net, **kwargs):
        self.norms_ = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        norms = [parameter.grad.norm() for _, parameter in named_parameters]
        self.norms_.append(float(sum(norm**2 for norm in norms)) ** 0.5)


# %%
# An eighth of the rows is held out, and skorch's ``EpochScoring`` scores it. To end
# training, a skorch callback raises ``KeyboardInterrupt``.
X, y = load_digits(return_X_y=True)
model = SNNClassifier(
    n_estimators=1,
    max_iter=30,
    early_stopping=True,
    callbacks=[GradientNorm(), EpochScoring("accuracy", lower_is_better=False)],
    random_state=0,
).fit(X, y)

# %%
# ``callbacks_`` has the copies that each network was trained with.
watcher, scoring = model.callbacks_[0]
print(f"accuracy of the best of {model.n_iter_} epochs: {scoring.best_score_:.3f}")
n_batches = len(watcher.norms_) / model.n_iter_
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
epochs = [batch / n_batches for batch in range(len(watcher.norms_))]
ax.plot(epochs, watcher.norms_, linewidth=0.5, label="norm of the gradient")
ax.plot(range(1, model.n_iter_ + 1), model.loss_curve_, label="training loss")
ax.set(xlabel="epoch", yscale="log")
ax.legend()
plt.show()
