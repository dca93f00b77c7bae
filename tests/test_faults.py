"""Threads and processes that share an estimator."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from sklearn_snn import SNNClassifier

SMALL = dict(depth=1, width=8, max_iter=4, n_estimators=2, random_state=0)
#: Of joblib, that come with it.
BACKENDS = ["threading", "loky", "multiprocessing"]
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


def test_fits_in_threads_are_those_made_one_by_one():
    models = [SNNClassifier(**SMALL).set_params(random_state=i) for i in range(4)]
    expected = [fitted_probabilities(clone(model)) for model in models]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(fitted_probabilities, models, timeout=120))
    for one, other in zip(made, expected, strict=True):
        assert_array_equal(one, other)


#: Of each way to share work out, whether predictions and fits that a parent sends are
#: its own to the bit; or what came instead.
SHARING = """
import json
import multiprocessing
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from sklearn_snn import SNNClassifier

PATIENCE = 60
X, y = load_breast_cancer(return_X_y=True)
large = dict(depth=2, width=256, batch_size=256, n_estimators=4, max_iter=2)
models = [SNNClassifier(**large, random_state=seed) for seed in range(2)]
fitted = [clone(model).fit(X, y) for model in models]
expected = [model.predict_proba(X) for model in fitted]


def pool(method):
    n_workers = 2 if method == "fork" else 1  # who has to import everything anew
    with multiprocessing.get_context(method).Pool(n_workers) as pool:
        waiting = [
            *[pool.apply_async(model.predict_proba, (X,)) for model in fitted],
            *[pool.apply_async(model.fit, (X, y)) for model in models],
        ]
        return [one.get(PATIENCE) for one in waiting]


def backend(name):
    calls = [
        *[joblib.delayed(model.predict_proba)(X) for model in fitted],
        *[joblib.delayed(model.fit)(X, y) for model in map(clone, models)],
    ]
    with joblib.parallel_config(backend=name):
        return joblib.Parallel(n_jobs=2, timeout=PATIENCE)(calls)


def cluster(name):
    from distributed import Client, LocalCluster

    workers = dict(n_workers=1, threads_per_worker=2, dashboard_address=None)
    with LocalCluster(processes=True, **workers) as cluster, Client(cluster) as client:
        waiting = [
            *[client.submit(model.predict_proba, X) for model in fitted],
            *[client.submit(model.fit, X, y) for model in models],
        ]
        return client.gather([one.result(PATIENCE) for one in waiting])


def answer(share, name):
    try:
        *made, one, other = share(name)
    except BaseException as error:
        return repr(error)
    made += [one.predict_proba(X), other.predict_proba(X)]
    return all(map(np.array_equal, made, 2 * expected))


if __name__ == "__main__":
    ways = dict.fromkeys(multiprocessing.get_all_start_methods(), pool)
    ways |= dict.fromkeys(["threading", "loky", "multiprocessing"], backend)
    ways["dask"] = cluster
    # A forked process inherits OpenMP's belief in threads that it does not have.
    n_threads = len(list(Path("/proc/self/task").glob("*")))
    answers = {name: answer(share, name) for name, share in ways.items()}
    print(json.dumps(answers | {"threads": n_threads}))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What came of each way to share work out, in a process with two threads."""
    script = tmp_path_factory.mktemp("sharing") / "share.py"
    script.write_text(SHARING)
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-W", "ignore", str(script)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "way",
    [*multiprocessing.get_all_start_methods(), *BACKENDS, "dask"],
)
def test_workers_of_a_parent_that_has_trained_do_as_it_does(answers, way):
    assert answers[way] is True
    if sys.platform == "linux":
        assert answers["threads"] > 1
