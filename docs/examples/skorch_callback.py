"""
A skorch callback watches training
==================================

With ``callbacks`` each network is trained as an ordinary skorch net, and callbacks see
it after every batch and epoch: skorch's own, or one of yours, like this one that
records how large the gradient is, and stops when it is small. Networks are then trained
one by one, so that one is enough here.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from skorch.callbacks import Callback, EpochScoring

from sklearn_snn import SNNClassifier


class GradientNorm(Callback):
    """Mean norm of the gradient in each epoch; a small one ends training."""

    def __init__(self, enough=0.0):
        self.enough = enough

    def on_train_begin(self, net, **kwargs):
        self.norms_ = []

    def on_epoch_begin(self, net, **kwargs):
        self.of_batches_ = []

    def on_grad_computed(self, net, named_parameters, training=True, **kwargs):
        norms = [parameter.grad.norm() for _, parameter in named_parameters]
        self.of_batches_.append(float(sum(norm**2 for norm in norms)) ** 0.5)

    def on_epoch_end(self, net, **kwargs):
        self.norms_.append(sum(self.of_batches_) / len(self.of_batches_))
        if self.norms_[-1] < self.enough:
            raise KeyboardInterrupt  # how a skorch callback ends training


# %%
# ``validation_fraction`` of the rows is held out; skorch's ``EpochScoring`` scores
# them.
accuracy = EpochScoring("accuracy", name="accuracy", lower_is_better=False)
X, y = load_digits(return_X_y=True)
model = SNNClassifier(
    n_estimators=1,
    max_iter=60,
    early_stopping=True,
    callbacks=[GradientNorm(enough=0.02), accuracy],
    random_state=0,
).fit(X, y)
print(f"{model.n_iter_} epochs, stopped by {model.networks_[0].stopped_by}")

# %%
# ``callbacks_`` has the copies that each network was trained with.
watcher, scoring = model.callbacks_[0]
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(watcher.norms_, label="norm of the gradient")
ax.plot(model.loss_curve_, label="training loss")
ax.set(xlabel="epoch", yscale="log")
ax.legend()
plt.show()
