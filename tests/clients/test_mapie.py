"""MAPIE's intervals and sets hold as many targets as they promise."""

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from mapie.regression import CrossConformalRegressor, SplitConformalRegressor

from sklearn_snn import SNNClassifier, SNNRegressor

SMALL = dict(depth=2, width=16, max_iter=15, n_estimators=1, n_bins=1, random_state=0)
N_TRAIN, N_KNOWN = 200, 600


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2600, 3))
    return X, X[:, 0] + rng.normal(size=len(X)) * (0.5 + (X[:, 1] > 0))


def test_split_conformal_intervals_cover_what_they_promise(rows):
    X, y = rows
    model = SNNRegressor(**SMALL).fit(X[:N_TRAIN], y[:N_TRAIN])
    conformal = SplitConformalRegressor(model, confidence_level=0.8, prefit=True)
    conformal.conformalize(X[N_TRAIN:N_KNOWN], y[N_TRAIN:N_KNOWN])
    predicted, intervals = conformal.predict_interval(X[N_KNOWN:])
    np.testing.assert_array_equal(predicted, model.predict(X[N_KNOWN:]))
    low, high = intervals[:, :, 0].T
    covered = np.mean((low <= y[N_KNOWN:]) & (y[N_KNOWN:] <= high))
    # 400 rows to learn from and 2,000 to test on: three deviations are 0.066.
    assert abs(covered - 0.8) < 0.066


def test_cross_conformal_intervals_refit_the_estimator_and_cover(rows):
    X, y = rows
    conformal = CrossConformalRegressor(
        SNNRegressor(**SMALL), confidence_level=0.8, cv=3
    )
    conformal.fit_conformalize(X[:N_TRAIN], y[:N_TRAIN])
    low, high = conformal.predict_interval(X[N_KNOWN:])[1][:, :, 0].T
    covered = np.mean((low <= y[N_KNOWN:]) & (y[N_KNOWN:] <= high))
    # Never much below; cross-conformal intervals are on the wide side.
    assert 0.71 < covered < 0.92
    assert np.median(high - low) < np.ptp(y)


def test_sets_of_classes_cover_what_they_promise(rows):
    X, y = rows
    y = np.digitize(y, [-0.5, 0.5])
    model = SNNClassifier(**SMALL).fit(X[:N_TRAIN], y[:N_TRAIN])
    conformal = SplitConformalClassifier(model, confidence_level=0.8, prefit=True)
    conformal.conformalize(X[N_TRAIN:N_KNOWN], y[N_TRAIN:N_KNOWN])
    sets = conformal.predict_set(X[N_KNOWN:])[1][:, :, 0]
    covered = sets[np.arange(len(sets)), y[N_KNOWN:]].mean()
    assert abs(covered - 0.8) < 0.066
    assert sets.sum(axis=1).mean() < 2.6  # of 3
