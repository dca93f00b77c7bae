"""
Optuna gives up on bad trials early
===================================

``partial_fit`` trains for one epoch, so an Optuna trial can report after each of them
and be pruned when it falls behind. ``search_space(..., library="optuna")`` has the
distributions. Needs ``pip install optuna``.
"""

import matplotlib.pyplot as plt
import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sklearn_snn import SNNClassifier, search_space

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=0)
space = search_space("tabular", n_samples=len(X_train), library="optuna")


# %%
# One network a trial; what is found suits eight of them as well.
def train(trial):
    """State and loss of a trial after fifteen epochs, or when it is pruned."""
    model = SNNClassifier(n_estimators=1, random_state=0, **trial.params)
    for epoch in range(15):
        model.partial_fit(X_train, y_train, classes=np.arange(10))
        loss = log_loss(y_val, model.predict_proba(X_val))
        trial.report(loss, epoch)
        if trial.should_prune():
            return {"state": optuna.trial.TrialState.PRUNED}
    return {"values": loss}


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
)
for _ in range(20):
    trial = study.ask(space)
    study.tell(trial, **train(trial))
states = [trial.state.name for trial in study.trials]
print(f"{states.count('PRUNED')} of {len(states)} trials were pruned")
print(f"best loss {study.best_value:.3f} with {study.best_params}")

# %%
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for trial in study.trials:
    values = trial.intermediate_values
    is_pruned = trial.state.name == "PRUNED"
    ax.plot(values.keys(), values.values(), color="0.7" if is_pruned else "#0072B2")
    ax.plot(*list(values.items())[-1], "x" if is_pruned else "o", color="0.3")
ax.set(yscale="log", xlabel="epoch", ylabel="validation loss (grey: pruned)")
plt.show()
