"""One network, chosen from a grid on a validation part of the training rows.

As appendix A4 of the paper has it: gradient descent, at most 100 epochs, stopped by the
validation curve smoothed over 10 of them. What it does not say is assumed: the curve is
the loss's, plain steps of 64 rows, no refit on the validation rows, and a network that
has not gained for 20 epochs is trained no further.
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from benchmarks.paper.grids import candidates
from benchmarks.paper.loop import Data, Network, Training, predict, train
from sklearn_snn._losses import CrossEntropy

VALIDATION_FRACTION = 0.2


@dataclass
class Chosen:
    """The network of the highest validation accuracy, and its test probabilities."""

    network: Network
    proba: np.ndarray
    validation_accuracy: float
    n_candidates: int
    n_diverged: int


def select(kind, grid, split, seed):
    """The best candidate of a kind on a split of a UCI set, and the classes."""
    data, classes = held_out(split.part(seed), seed)
    training = training_of(len(classes))
    trained = train(candidates(kind, grid, seed), data, training)
    accuracies = validation_accuracies(trained, data, training)
    best = max(range(len(trained)), key=lambda i: order(accuracies[i], trained[i]))
    network, winner = trained[best].network, [trained[best]]
    if split.is_large:  # which was compared with others on a part of the rows
        data, classes = held_out(split, seed)
        training = training_of(len(classes))
        winner = train([network], data, training)
    X_test = torch.as_tensor(split.X_test, dtype=torch.float32)
    raw = predict(winner, X_test, training)[0].astype(float)
    return Chosen(
        network=network,
        proba=training.loss.predict_proba(raw),
        validation_accuracy=accuracies[best],
        n_candidates=len(trained),
        n_diverged=sum(one.stopped_by == "diverged" for one in trained),
    ), classes


def training_of(n_classes):
    """How networks are trained."""
    return Training(
        n_outputs=n_classes,
        loss=CrossEntropy(),
        solver="sgd",
        schedule="constant",
        batch_size=64,
        max_iter=100,
        n_iter_no_change=20,
        smoothing=10,
        zero_output=False,
    )


def held_out(split, seed):
    """Training and validation rows as tensors, and the classes."""
    classes, target = np.unique(split.y, return_inverse=True)
    train_rows, held_out_rows = train_test_split(
        np.arange(len(target)),
        test_size=max(round(VALIDATION_FRACTION * len(target)), 1),
        random_state=seed,
        stratify=strata(target),
    )
    X = torch.as_tensor(split.X, dtype=torch.float32)
    target = torch.from_numpy(target)
    parts = [part[rows] for rows in (train_rows, held_out_rows) for part in (X, target)]
    return Data(*parts), classes


def strata(target):
    """Classes to stratify by, or None where they are too rare for it."""
    counts = np.bincount(target)
    n_held_out = round(VALIDATION_FRACTION * len(target))
    return target if counts.min() >= 2 and n_held_out >= len(counts) else None


def validation_accuracies(trained, data, training):
    """Share of the validation rows that each network has right."""
    stacks = {}
    for i, one in enumerate(trained):
        stacks.setdefault(one.network.stack, []).append(i)
    accuracies = np.zeros(len(trained))
    truth = data.target_val.numpy()
    for members in stacks.values():
        raw = predict([trained[i] for i in members], data.X_val, training)
        accuracies[members] = (raw.argmax(axis=-1) == truth).mean(axis=-1)
    return accuracies.tolist()


def order(accuracy, trained):
    """Higher is better; the paper's rule for ties: deeper, slower, more dropout."""
    network = trained.network
    is_sound = trained.stopped_by != "diverged" or trained.best_epoch > 0
    return (
        is_sound,
        accuracy,
        network.depth,
        -network.learning_rate,
        network.dropout,
    )
