"""Figure 1 of the paper: training loss of deep networks, with and without batch norm.

As in the authors' script networks are as wide as their input, steps are plain gradient
descent of a constant size on batches of 128 rows, without dropout. The data are smaller
and epochs fewer than theirs (MNIST and CIFAR-10, 2000 epochs), so steps are larger.
"""

from itertools import product

import numpy as np
import torch
from sklearn.datasets import load_digits

from benchmarks.data import read, suite
from benchmarks.paper.loop import Data, Network, Training, make_module, train
from sklearn_snn import TabularPreprocessor
from sklearn_snn._losses import CrossEntropy

KINDS = ["snn", "batch_norm"]
DEPTHS = [8, 16, 32]
LEARNING_RATES = [0.01, 0.1, 0.001]
#: Epochs for each set, about 5,000 steps.
EPOCHS = {"digits": 350, "adult": 125}
#: Rows of adult that are trained on.
N_ADULT = 5_000
BATCH_SIZE = 128
#: Rows over which moments are taken.
N_OBSERVED = 512
#: Significant digits of what is written.
DIGITS = 5


def all_jobs():
    """All curves; the step size nearest to what both kinds like goes first."""
    return [
        {
            "table": table,
            "method": kind,
            "depth": depth,
            "learning_rate": learning_rate,
        }
        for learning_rate, table, depth, kind in product(
            LEARNING_RATES, EPOCHS, DEPTHS, KINDS
        )
    ]


def measure(job):
    """Training loss of each epoch, and moments of each layer after some of them."""
    X, target = TABLES[job["table"]]()
    network = Network(
        kind=job["method"],
        depth=job["depth"],
        width=X.shape[1],
        learning_rate=job["learning_rate"],
        weight_decay=0.0,
    )
    return follow(network, X, target, EPOCHS[job["table"]])


def follow(network, X, target, max_iter):
    """Train a network, and look at it again and again."""
    data = Data(torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(target).long())
    observed = data.X[None, :N_OBSERVED]
    moments = {}

    def observe(epoch, module):
        if is_observed(epoch, max_iter):
            moments[epoch] = layer_moments(module, observed)

    training = Training(
        n_outputs=int(target.max()) + 1,
        loss=CrossEntropy(),
        solver="sgd",
        schedule="constant",
        batch_size=BATCH_SIZE,
        max_iter=max_iter,
        early_stopping=False,
        zero_output=False,
        on_epoch=observe,
    )
    observe(0, make_module([network], X.shape[1], training))
    (trained,) = train([network], data, training)
    return {
        "n_train": len(X),
        "width": network.width,
        "stopped_by": trained.stopped_by,
        "loss_curve": shortened(trained.loss_curve),
        "moments": moments,
    }


def is_observed(epoch, max_iter):
    """Powers of 2, the start and the end."""
    return epoch in (0, max_iter) or epoch & (epoch - 1) == 0


def layer_moments(module, X):
    """Mean and variance of each hidden layer's units, averaged over them."""
    was_training = module.training
    module.eval()
    with torch.no_grad():
        moments = [
            [x.mean(dim=1).mean().item(), x.var(dim=1, correction=0).mean().item()]
            for x in module.activations(X)
        ]
    module.train(was_training)
    return shortened(moments)


def shortened(values):
    """Numbers of few digits, and None for what JSON has no number for."""
    if isinstance(values, list):
        return [shortened(value) for value in values]
    return float(f"{values:.{DIGITS}g}") if np.isfinite(values) else None


# Data -------------------------------------------------------------------------------


def digits():
    """Images of 8 x 8 pixels, of which those that never vary are left out."""
    X, y = load_digits(return_X_y=True)
    X = X[:, X.std(axis=0) > 0]
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def adult():
    """Some rows of the table, as the library's preprocessor scales and encodes them."""
    described = next(one for one in suite().itertuples() if one.name == "adult")
    X, y = read(described)
    rows = np.random.default_rng(0).permutation(len(X))[:N_ADULT]
    X = TabularPreprocessor(dtype="float32").fit_transform(X.iloc[rows])
    return X, np.unique(y.iloc[rows], return_inverse=True)[1]


TABLES = {"digits": digits, "adult": adult}
