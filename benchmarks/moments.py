"""Do the default networks still normalise themselves, once they are trained?

Prints the mean and the variance of each hidden layer's activations over test rows of
two tables, averaged over units and networks, before and after training. At the fixed
point of the theory they are 0 and 1.

Run it with ``python -m benchmarks.moments`` (1 minute).
"""

import numpy as np
from sklearn.model_selection import train_test_split

from benchmarks.data import read, suite
from benchmarks.markdown import markdown_table
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier, SNNRegressor, activation_moments

TABLES = {"adult": SNNClassifier, "california_housing": SNNRegressor}


def main():
    """Print a markdown table."""
    command_line(__doc__).parse_args()
    described = {one.name: one for one in suite().itertuples()}
    header = ["table", "networks", "layer", "mean", "variance", "variance of units"]
    rows = []
    for name, estimator in TABLES.items():
        X, X_test, y, _ = train_test_split(
            *read(described[name]), train_size=10_000, test_size=5_000, random_state=0
        )
        moments = activation_moments(estimator(random_state=0).fit(X, y), X_test)
        for state, layers in {
            "drawn": moments.initial,
            "trained": moments.trained,
        }.items():
            for number, layer in enumerate(layers, start=1):
                rows.append([name, state, str(number), *cells(layer)])
    print(markdown_table(header, rows))


def cells(layer):
    """Moments of a hidden layer: mean, variance, range of the units' variances."""
    low, high = np.quantile(layer.variance, [0.05, 0.95])
    return (
        f"{layer.mean.mean():.2f}",
        f"{layer.variance.mean():.2f}",
        f"{low:.2f} to {high:.2f}",
    )


if __name__ == "__main__":
    main()
