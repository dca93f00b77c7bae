"""Write small files of fitted estimators, which every later version has to load.

Run ``python tests/write_fixtures.py`` for a release, and commit the new folder below
``tests/fixtures``. Folders of released versions are never written again; that of a
version in development is whenever what estimators hold has changed.
"""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_snn import SNNClassifier, SNNRegressor, __version__, save

FIXTURES = Path(__file__).parent / "fixtures"
N_SAMPLES, N_SHOWN = 200, 20


def main():
    """Write the files of the current version."""
    folder = FIXTURES / __version__
    folder.mkdir(parents=True, exist_ok=True)
    X, models = table(), fitted()
    shown = X[:N_SHOWN]
    for name, model in models.items():
        data = pickle.dumps(model, protocol=5)
        (folder / f"{name}.pickle").write_bytes(data)
        save(model, folder / f"{name}.skops")
    rows = {
        "X": json.loads(shown.to_json(orient="records", date_format="iso")),
        "expected": {
            name: predictions(model, shown).tolist() for name, model in models.items()
        },
    }
    (folder / "rows.json").write_text(json.dumps(rows, indent=1))


def table():
    """Columns of all kinds; one has levels enough for means of the target."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"number": rng.normal(size=N_SAMPLES).round(3)})
    X.loc[::5, "number"] = np.nan
    X["integer"] = rng.integers(-5, 5, N_SAMPLES)
    X["colour"] = rng.choice(["red", "green", None], N_SAMPLES)
    X["city"] = [f"city {i}" for i in rng.integers(0, 70, N_SAMPLES)]
    X["flag"] = rng.random(N_SAMPLES) > 0.5
    X["day"] = pd.date_range("2020-01-01", periods=N_SAMPLES)
    return X


def fitted():
    """Estimators whose attributes are as different as possible."""
    X, rng = table(), np.random.default_rng(1)
    tiny = dict(depth=1, width=4, n_estimators=2, max_iter=3, n_bins=3, random_state=0)
    numbers, y = X[["number", "integer"]], rng.gamma(2.0, size=N_SAMPLES)
    labels = np.where(rng.random((N_SAMPLES, 2)) < 0.2, np.nan, y[:, np.newaxis] > 2)
    return {
        "classifier": SNNClassifier(oof_score=True, **tiny).fit(
            X, np.where(y > 2, "large", "small")
        ),
        "multilabel": SNNClassifier(dropout=0.1, **tiny).fit(numbers, labels),
        "regressor": SNNRegressor(loss="poisson", dtype="float64", **tiny).fit(X, y),
        "chunks": SNNRegressor(**tiny).partial_fit(numbers, np.stack([y, -y], 1)),
    }


def predictions(model, X):
    """What an estimator says of the columns that it knows."""
    X = X[list(model.feature_names_in_)]
    return getattr(model, "predict_proba", model.predict)(X)


if __name__ == "__main__":
    main()
