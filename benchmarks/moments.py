"""Do the default networks still normalise themselves, once they are trained?

Prints the mean and the variance of each hidden layer's activations over test rows of
two tables, averaged over units and networks, before and after training. At the fixed
point of the theory they are 0 and 1.

Run it with ``python -m benchmarks.moments`` (2 minutes).
"""

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from benchmarks.data import read, suite
from benchmarks.markdown import markdown_table
from sklearn_snn import SNNClassifier, SNNRegressor

TABLES = {"adult": SNNClassifier, "california_housing": SNNRegressor}
#: A step size at which networks stay as they were drawn.
UNTRAINED = {"learning_rate_init": 1e-20, "max_iter": 1}


def main():
    """Print a markdown table."""
    described = {one.name: one for one in suite().itertuples()}
    header = ["table", "networks", "layer", "mean", "variance", "variance of units"]
    rows = []
    for name, estimator in TABLES.items():
        X, X_test, y, _ = train_test_split(
            *read(described[name]), train_size=10_000, test_size=5_000, random_state=0
        )
        for state, parameters in {"drawn": UNTRAINED, "trained": {}}.items():
            model = estimator(random_state=0, **parameters).fit(X, y)
            for layer, numbers in enumerate(layer_moments(model, X_test), start=1):
                rows.append([name, state, str(layer), *numbers])
    print(markdown_table(header, rows))


def layer_moments(model, X):
    """Moments of each hidden layer: mean, variance, range of the units' variances."""
    x = torch.from_numpy(model.preprocessor_.transform(X))
    of_networks = [hidden_activations(module, x) for module in model.modules_]
    for activations in zip(*of_networks, strict=True):
        units = np.concatenate(activations, axis=1)
        variances = units.var(axis=0)
        low, high = np.quantile(variances, [0.05, 0.95])
        yield (
            f"{units.mean():.2f}",
            f"{variances.mean():.2f}",
            f"{low:.2f} to {high:.2f}",
        )


@torch.no_grad()
def hidden_activations(module, x):
    """What each SELU of a network returns, of shape (n_samples, width)."""
    activations = []
    for layer in module:
        x = layer(x)
        if isinstance(layer, torch.nn.SELU):
            activations.append(x.numpy())
    return activations


if __name__ == "__main__":
    main()
