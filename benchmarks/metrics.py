"""How good predictions are; less is better, but for AUC and average precision."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

#: Probabilities are clipped there, so that a forest's zeros do not cost infinity. It is
#: float32's resolution: nobody gains from predicting in float64.
SMALLEST = 1e-7


def predict(model, X):
    """Probabilities of a classifier, predictions of a regressor."""
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


def score(y, predicted):
    """Scores of what `predict` gave, by name."""
    scores = classification_scores if np.ndim(predicted) == 2 else regression_scores
    return scores(y, predicted)


def classification_scores(y, proba):
    """Scores of probabilities of the classes 0, 1, ... of which `y` holds some."""
    classes = np.arange(proba.shape[1])
    proba = np.clip(np.asarray(proba, float), SMALLEST, 1)
    proba /= proba.sum(axis=1, keepdims=True)
    scores = {
        "error_rate": np.mean(proba.argmax(axis=1) != y),
        "log_loss": log_loss(y, proba, labels=classes),
        "auc": one_against_rest_auc(y, proba),
        "brier": brier_score_loss(y, proba, labels=classes),
    }
    if len(classes) == 2:
        scores["average_precision"] = average_precision_score(y, proba[:, 1])
    return {name: float(score) for name, score in scores.items()}


def one_against_rest_auc(y, proba):
    """Mean over the classes that `y` holds; of two classes both give the same."""
    present = np.unique(y)
    if len(present) == 1:
        return np.nan
    return np.mean([roc_auc_score(y == label, proba[:, label]) for label in present])


def regression_scores(y, prediction):
    """Root of the mean squared error over the deviation of the targets it is of."""
    error = np.sqrt(np.mean((np.asarray(y, float) - prediction) ** 2))
    return {"rmse": float(error / np.std(y))}
