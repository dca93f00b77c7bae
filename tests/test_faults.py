"""Threads and processes that share an estimator."""

import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from sklearn_snn import SNNClassifier

SMALL = dict(depth=1, width=8, max_iter=4, n_estimators=2, random_state=0)
X, Y = load_breast_cancer(return_X_y=True)


def fitted_probabilities(model):
    return model.fit(X, Y).predict_proba(X)


def test_sixteen_threads_predict_on_one_estimator_as_one_does():
    model = SNNClassifier(**SMALL).fit(X, Y)
    expected = model.predict_proba(X)
    chunks = np.array_split(np.arange(len(X)), 40)
    n_threads = threading.active_count()

    def predict(number):
        rows = chunks[number % len(chunks)]
        return np.array_equal(model.predict_proba(X[rows]), expected[rows])

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(predict, range(640), timeout=120))
    assert len(answers) == 640
    assert all(answers)
    assert threading.active_count() == n_threads


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_fits_at_the_same_time_are_those_made_one_by_one(backend):
    models = [SNNClassifier(**SMALL).set_params(random_state=i) for i in range(4)]
    expected = [fitted_probabilities(clone(model)) for model in models]
    call = joblib.delayed(fitted_probabilities)
    with joblib.parallel_config(backend=backend):
        made = joblib.Parallel(n_jobs=4 if backend == "threading" else 2, timeout=120)(
            call(model) for model in models
        )
    for one, other in zip(made, expected, strict=True):
        assert_array_equal(one, other)
