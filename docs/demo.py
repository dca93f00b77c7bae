"""Self-normalizing networks next to scikit-learn's own estimators.

On breast cancer, a grid search chooses `depth` and `dropout` of an `SNNClassifier`; on
diabetes, an `SNNRegressor` is as it comes. Prints the test scores of all models on the
same splits, and draws the loss curves of both networks.

Run it with ``python docs/demo.py [figure.png]``.
"""

import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from sklearn_snn import (
    LossCurveDisplay,
    SNNClassifier,
    SNNGridSearchCV,
    SNNRegressor,
)

GRID = {"depth": [2, 4], "dropout": [0.0, 0.05]}


def make_classifiers():
    """Classifiers to compare, by name."""
    snn = SNNClassifier(random_state=0)
    mlp = make_pipeline(StandardScaler(), MLPClassifier(max_iter=1000, random_state=0))
    return {
        "SNNClassifier (searched)": SNNGridSearchCV(snn, GRID, cv=3),
        "MLPClassifier": mlp,
        "HistGradientBoostingClassifier": HistGradientBoostingClassifier(
            random_state=0
        ),
    }


def make_regressors():
    """Regressors to compare, by name."""
    mlp = MLPRegressor(max_iter=5000, early_stopping=True, random_state=0)
    return {
        "SNNRegressor": SNNRegressor(random_state=0),
        "MLPRegressor": make_pipeline(StandardScaler(), mlp),
        "HistGradientBoostingRegressor": HistGradientBoostingRegressor(random_state=0),
    }


def compare(models, data, metric, bar):
    """Fit all models; returns one row of name, test score and seconds for each."""
    X_train, X_test, y_train, y_test = data
    rows = []
    for name, model in models.items():
        bar.set_description(name)
        start = time.perf_counter()
        model.fit(X_train, y_train)
        seconds = time.perf_counter() - start
        rows.append((name, metric(y_test, model.predict(X_test)), seconds))
        bar.update()
    return rows


def print_table(title, rows):
    """Print the rows of `compare`, best score first."""
    print(f"\n{title:<44}{'test score':>10}{'fit time':>12}")
    for name, score, seconds in sorted(rows, key=lambda row: -row[1]):
        print(f"  {name:<42}{score:>10.3f}{seconds:>10.1f} s")


def draw_curves(networks, path):
    """Draw the losses of fitted networks during training, one panel each."""
    figure, axes = plt.subplots(1, len(networks), figsize=(10, 4), layout="constrained")
    for ax, (title, network) in zip(axes, networks.items(), strict=True):
        LossCurveDisplay.from_estimator(network, ax=ax)
        ax.set_title(title)
    figure.savefig(path)


def main(path="demo_loss_curves.png"):
    """Run the demo; the curves are saved at `path`."""
    X, y = load_breast_cancer(return_X_y=True)
    cancer = train_test_split(X, y, stratify=y, random_state=0)
    diabetes = train_test_split(*load_diabetes(return_X_y=True), random_state=0)

    classifiers, regressors = make_classifiers(), make_regressors()
    with tqdm(total=len(classifiers) + len(regressors), unit="model") as bar:
        cancer_rows = compare(classifiers, cancer, accuracy_score, bar)
        diabetes_rows = compare(regressors, diabetes, r2_score, bar)
        bar.set_description("done")

    search = classifiers["SNNClassifier (searched)"]
    print_table("Breast cancer, accuracy", cancer_rows)
    print("  found:", ", ".join(f"{k}={v}" for k, v in search.best_params_.items()))
    print_table("Diabetes, R2", diabetes_rows)

    networks = {
        "SNNClassifier, breast cancer": search.best_estimator_,
        "SNNRegressor, diabetes": regressors["SNNRegressor"],
    }
    draw_curves(networks, path)
    print(f"\nLoss curves: {Path(path).resolve()}")


if __name__ == "__main__":
    plt.switch_backend("agg")
    main(*sys.argv[1:2])
