"""feature-engine prepares what the networks see, and selects by asking them."""

import numpy as np
import pandas as pd
from feature_engine.creation import CyclicalFeatures
from feature_engine.encoding import OrdinalEncoder
from feature_engine.imputation import AddMissingIndicator, MeanMedianImputer
from feature_engine.selection import SelectByShuffling
from sklearn.pipeline import make_pipeline

from sklearn_snn import SNNClassifier, SNNRegressor

SMALL = dict(
    depth=2,
    width=16,
    max_iter=20,
    learning_rate_init=0.01,
    n_estimators=1,
    n_bins=1,
    random_state=0,
)


def test_a_network_learns_from_what_a_pipeline_of_it_makes():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"hour": rng.integers(24, size=300), "size": rng.random(300)})
    X["colour"] = rng.choice(["red", "green", "blue"], 300)
    X.loc[::4, "size"] = np.nan
    y = ((X["hour"] > 18) | (X["hour"] < 6)) ^ X["size"].isna()
    pipeline = make_pipeline(
        AddMissingIndicator(variables=["size"]),
        MeanMedianImputer(variables=["size"]),
        OrdinalEncoder(encoding_method="arbitrary", variables=["colour"]),
        CyclicalFeatures(variables=["hour"], drop_original=True),
        SNNClassifier(**SMALL),
    ).fit(X[:200], y[:200])
    assert set(pipeline[-1].feature_names_in_) == {
        *("size", "size_na", "colour", "hour_sin", "hour_cos")
    }
    assert pipeline.score(X[200:], y[200:]) > 0.9
    assert pipeline.score(X[200:].fillna({"size": 0.5}), y[200:]) < 0.9


def test_selection_by_shuffling_keeps_the_columns_that_matter(numbers):
    X, y = numbers
    selection = SelectByShuffling(
        SNNRegressor(**SMALL), scoring="r2", cv=2, threshold=0.02, random_state=0
    )
    assert list(selection.fit_transform(X, y)) == ["a", "b"]
    assert selection.performance_drifts_["a"] > selection.performance_drifts_["b"]
