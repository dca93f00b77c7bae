"""Models tuned for the same minutes: ours by its own search, others by Optuna.

The fit of the best parameters to all training rows comes on top, for all of them.
"""

from functools import partial

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from benchmarks import models
from benchmarks.defaults.jobs import materials
from benchmarks.defaults.rows import draw
from benchmarks.metrics import predict, score
from benchmarks.timing import timed


def measure(job):
    """Scores and seconds of a tuned model, as a dict."""
    rows, setting = materials(job)
    seconds, tuned = timed(lambda: METHODS[job.method](rows, setting, 60 * job.minutes))
    model, n_candidates = tuned
    return {
        "scores": score(rows.y_test, predict(model, rows.X_test)),
        "fit_seconds": round(seconds, 1),
        "n_candidates": n_candidates,
    }


def search_snn(rows, setting, seconds):
    """The default and the best four that successive halving finds."""
    from benchmarks.tuning import tune_together  # not before the fork: it imports torch

    splitter = setting.choose(StratifiedKFold, KFold)
    together, n_candidates = tune_together(
        models.snn(setting),
        rows.X,
        rows.y,
        cv=splitter(5, shuffle=True, random_state=setting.seed),
        scoring=setting.choose("neg_log_loss", "neg_root_mean_squared_error"),
        random_state=setting.seed,
        seconds=seconds,
    )
    return together.fit(rows.X, rows.y), n_candidates


def search_optuna(make, space, rows, setting, seconds):
    """Optuna's own sampler, from the default on, scored on a fifth of the rows."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    everything = np.arange(len(rows.X))
    labels = np.zeros_like(everything) if setting.is_regression else rows.y
    train, held_out = draw(everything, labels, len(everything) * 4 // 5, setting.seed)

    def objective(trial):
        model = make(setting, **parameters_of(trial, space))
        model.fit(rows.X.iloc[train], rows.y[train])
        scores = score(rows.y[held_out], predict(model, rows.X.iloc[held_out]))
        return scores["rmse" if setting.is_regression else "log_loss"]

    sampler = optuna.samplers.TPESampler(seed=setting.seed)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, timeout=seconds)
    best = make(setting, **parameters_of(study.best_trial, space))
    return best.fit(rows.X, rows.y), len(study.trials)


def parameters_of(trial, space):
    """Parameters of a trial, which are none for the first."""
    return {} if trial.number == 0 else space(trial)


def catboost_space(trial):
    """Much as in TabArena."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 5e-3, 0.1, log=True),
        "depth": trial.suggest_int("depth", 4, 8),
        "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1e-4, 5, log=True),
        "bagging_temperature": trial.suggest_float("bagging_temperature", 0, 1),
        "random_strength": trial.suggest_float("random_strength", 0, 5),
        "one_hot_max_size": trial.suggest_int("one_hot_max_size", 8, 100, log=True),
        "leaf_estimation_iterations": trial.suggest_int(
            "leaf_estimation_iterations", 1, 20, log=True
        ),
    }


HIDDEN_SIZES = {"3 of 256": [256] * 3, "5 of 64": [64] * 5, "1 of 512": [512]}


def realmlp_space(trial):
    """That of its paper (Holzmüller et al. 2024), stopped by what is reported."""
    return {
        "num_emb_type": trial.suggest_categorical(
            "num_emb_type", ["none", "pbld", "pl", "plr"]
        ),
        "add_front_scale": trial.suggest_categorical("add_front_scale", [True, False]),
        "lr": trial.suggest_float("lr", 2e-2, 3e-1, log=True),
        "p_drop": trial.suggest_categorical("p_drop", [0.0, 0.15, 0.3]),
        "wd": trial.suggest_categorical("wd", [0.0, 2e-2]),
        "plr_sigma": trial.suggest_float("plr_sigma", 0.05, 0.5, log=True),
        "act": trial.suggest_categorical("act", ["relu", "selu", "mish"]),
        "hidden_sizes": HIDDEN_SIZES[
            trial.suggest_categorical("hidden_sizes", list(HIDDEN_SIZES))
        ],
    }


#: By name; each is called with rows, a setting and seconds.
METHODS = {
    "snn": search_snn,
    "catboost": partial(search_optuna, models.catboost, catboost_space),
    "realmlp": partial(search_optuna, models.realmlp_log_loss, realmlp_space),
}
