"""What a method adds to a blend of CatBoost and LightGBM.

Weights are chosen on predictions out of five folds; the models that are blended are
fitted to all training rows.
"""

import numpy as np
from scipy.optimize import minimize
from sklearn.model_selection import KFold, StratifiedKFold

from benchmarks.defaults.jobs import materials
from benchmarks.metrics import SMALLEST, predict, score
from benchmarks.models import METHODS

OTHERS = ["catboost", "lightgbm"]
N_FOLDS = 5


def measure(job):
    """Scores of the blend without and with the method, as a dict."""
    rows, setting = materials(job)
    names = [*OTHERS, job.method]
    predicted = [both_predictions(METHODS[name], rows, setting) for name in names]
    out_of_fold, of_test = map(np.stack, zip(*predicted, strict=True))
    scores, weights = {}, {}
    for which, n_models in {"without": len(OTHERS), "with": len(names)}.items():
        loss = squared_error if setting.is_regression else cross_entropy
        weights[which] = best_weights(out_of_fold[:n_models], rows.y, loss)
        blended = np.tensordot(weights[which], of_test[:n_models], axes=1)
        scores[which] = score(rows.y_test, blended)
    rounded = {which: some.round(4).tolist() for which, some in weights.items()}
    return {"scores": scores, "weights": rounded}


def both_predictions(method, rows, setting):
    """Predictions of training rows out of their folds, and of test rows."""
    model = method.make(setting).fit(rows.X, rows.y)
    of_test = predict(model, rows.X_test)
    out_of_fold = np.zeros((len(rows.X), *of_test.shape[1:]))
    splitter = KFold if setting.is_regression else StratifiedKFold
    folds = splitter(N_FOLDS, shuffle=True, random_state=setting.seed)
    for train, held_out in folds.split(rows.X, rows.y):
        # Made anew, since CatBoost with a list of columns cannot be cloned.
        model = method.make(setting).fit(rows.X.iloc[train], rows.y[train])
        predicted = predict(model, rows.X.iloc[held_out])
        if setting.is_regression:
            out_of_fold[held_out] = predicted
        else:  # Some folds may lack a class.
            out_of_fold[np.ix_(held_out, model.classes_)] = predicted
    return out_of_fold, of_test


def best_weights(predictions, y, loss):
    """Non-negative weights of models that sum to 1 and give their blend the least loss.

    Shape
    -----
    predictions : (n_models, n_samples) or (n_models, n_samples, n_classes)
    returns : (n_models,)
    """
    n_models = len(predictions)
    found = minimize(
        lambda weights: loss(y, np.tensordot(weights, predictions, axes=1)),
        np.full(n_models, 1 / n_models),
        method="SLSQP",
        bounds=[(0, 1)] * n_models,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-12},  # small losses differ by less than the default
    )
    return found.x


def squared_error(y, prediction):
    """Mean squared error over the variance, so that the unit does not matter."""
    return np.mean((y - prediction) ** 2) / np.var(y)


def cross_entropy(y, proba):
    """Log-loss of labels 0, 1, ..."""
    return -np.mean(np.log(np.maximum(proba[np.arange(len(y)), y], SMALLEST)))
