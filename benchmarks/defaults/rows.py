"""Which rows of a table are for training and which for testing."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.data import read

MAX_TRAIN, MAX_TEST = 10_000, 50_000


@dataclass
class Rows:
    """Features and targets of both parts; classes are integers from 0."""

    X: pd.DataFrame
    y: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray


def split_rows(described, split, *, max_train=MAX_TRAIN):
    """A split of 75/25 of a table, the training part cut to at most `max_train`."""
    is_regression = described.task == "regression"
    X, y = read(described)
    y = y.to_numpy(float) if is_regression else np.unique(y, return_inverse=True)[1]
    rows = np.arange(len(X))
    labels = np.zeros_like(rows) if is_regression else y
    train, test = draw(rows, labels, len(rows) * 3 // 4, split)
    train, _ = draw(train, labels, max_train, split)
    test, _ = draw(test, labels, MAX_TEST, split)
    if not is_regression:
        # No model can know a class without training rows: its test rows, a handful of
        # kddcup, are left out.
        test = test[np.isin(y[test], y[train])]
        y = np.searchsorted(np.unique(y[train]), y)
    return Rows(X.iloc[train], y[train], X.iloc[test], y[test])


def draw(rows, labels, n_rows, seed):
    """Some of the rows and the others; stratified if each class has two rows."""
    if n_rows is None or n_rows >= len(rows):
        return rows, rows[:0]
    labels = labels[rows]
    is_possible = np.bincount(labels)[np.unique(labels)].min() >= 2
    return train_test_split(
        rows,
        train_size=n_rows,
        random_state=seed,
        stratify=labels if is_possible else None,
    )
