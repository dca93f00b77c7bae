"""Where memory is short: an error that says what takes less, and that is true."""

import gc
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.preprocessing import StandardScaler

from sklearn_snn import SNNClassifier, SNNGridSearchCV
from sklearn_snn._memory import advise_on_memory

TINY = dict(depth=1, width=8, n_estimators=1, max_iter=1, n_threads=1, random_state=0)


def table(n_samples, n_features):
    X = np.random.default_rng(0).normal(size=(n_samples, n_features))
    return X.astype(np.float32), X[:, 0] > 0


# Each is done twice in the same memory: first in vain, then with what the error
# advises, which is the last argument or among the parameters.


def fit(X, y, **parameters):
    model = SNNClassifier(**TINY | parameters, n_bins=1, early_stopping=False)
    model.fit(X, y)


def fit_out_of_fold(X, y, **parameters):
    SNNClassifier(**TINY | parameters, preprocessor=StandardScaler()).fit(X, y)


def search(X, y, **parameters):
    network = SNNClassifier(**TINY | parameters, n_bins=1, early_stopping=False)
    SNNGridSearchCV(network, {"dropout": [0.0]}, cv=2).fit(X, y)


def fit_in_chunks(X, y, n_rows=None):
    model = SNNClassifier(**TINY)
    if n_rows is None:
        model.fit(X, y)
    else:
        for start in range(0, 5 * n_rows, n_rows):
            chunk = slice(start, start + n_rows)
            model.partial_fit(X[chunk], y[chunk], classes=[False, True])


def predict_in_parts(X, y, n_rows=None):
    model = SNNClassifier(**TINY).fit(X[:200], y[:200])
    for start in range(0, len(X), n_rows or len(X)):
        model.predict(X[start : start + (n_rows or len(X))])


#: What is done; with which table; in how many megabytes beside it; with what
#: parameters; what the error advises; and the parameters of who does so.
CASES = {
    "a large step": (
        *(fit, (8_000, 5), 40, dict(depth=4, width=256, batch_size=8_000)),
        *("lower batch_size, n_estimators or width", dict(batch_size=250)),
    ),
    "large networks": (
        *(fit, (200, 5), 100, dict(depth=2, width=3000)),
        *("lower width, n_estimators or batch_size", dict(width=100)),
    ),
    "many networks": (
        *(fit, (200, 5), 60, dict(depth=3, width=256, n_estimators=200)),
        *("lower width, n_estimators or batch_size", dict(n_estimators=2)),
    ),
    "a search": (
        *(search, (16_000, 5), 30, dict(depth=4, width=256, batch_size=8_000)),
        *("lower batch_size, n_estimators or width", dict(batch_size=250)),
    ),
    "tables of folds": (
        *(fit_out_of_fold, (100_000, 20), 50, dict(n_estimators=8, oof_score=True)),
        *("lower n_estimators, or set oof_score=False", dict(oof_score=False)),
    ),
    "a table": (
        *(fit_in_chunks, (200_000, 40), 20, {}),
        *("pass them to partial_fit chunk by chunk", dict(n_rows=1000)),
    ),
    "predictions": (
        *(predict_in_parts, (200_000, 40), 20, {}),
        *("pass fewer of them at a time", dict(n_rows=10_000)),
    ),
}


def limit_memory(megabytes):
    """Allow so many more megabytes of address space than there are; None is any."""
    import resource  # not on Windows

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = hard
    if megabytes is not None:
        soft = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def outcomes(name):
    """Type and message of what is raised in little memory; without and with advice."""
    do, shape, megabytes, parameters, _, advised = CASES[name]
    X, y = table(*shape)
    gc.collect()
    limit_memory(megabytes)
    made = []
    try:
        for given in (parameters, parameters | advised):
            try:
                do(X, y, **given)
            except BaseException as error:
                made.append((type(error), str(error)))
            else:
                made.append((None, ""))
    finally:
        limit_memory(None)
    return made


def small_weights():
    """Weights of a fit that needs next to nothing."""
    return SNNClassifier(**TINY).fit(*table(200, 5)).networks_[0].weights


def warm_up():
    """Import and do once all that will be done."""
    for do in (fit, fit_out_of_fold, search, fit_in_chunks, predict_in_parts):
        do(*table(200, 5))


@pytest.fixture(scope="module")
def process():
    """One in which memory is taken by what is done, not by what is new to it."""
    with pytest.MonkeyPatch.context() as patched:
        # What is freed is not kept for later: a limit is what it says.
        patched.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            pool.submit(warm_up).result(120)
            yield pool


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")
@pytest.mark.parametrize("name", CASES)
def test_the_error_says_what_takes_less_and_it_does(process, name):
    in_vain, advised = process.submit(outcomes, name).result(120)
    assert in_vain[0] is MemoryError
    assert CASES[name][-2] in in_vain[1]
    assert advised == (None, "")
    # The process lives on, and computes what any other does.
    weights = process.submit(small_weights).result(120)
    for one, other in zip(weights, small_weights(), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    "message",
    [
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't "
        "allocate memory: you tried to allocate 40960000 bytes. Error code 12",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.",
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity",
        "MPS backend out of memory (MPS allocated: 4.00 GB, other allocations: 1 GB",
        "std::bad_alloc",
        "can't start new thread",
    ],
)
def test_what_is_said_of_memory_on_any_device_is_a_memory_error(message):
    with pytest.raises(MemoryError, match="to juggle; drop a ball") as caught:
        with advise_on_memory("juggle", "drop a ball"):
            raise RuntimeError(message)
    assert message in str(caught.value)
    assert str(caught.value.__cause__) == message


def test_other_errors_of_torch_stay_what_they_are():
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError) as caught, advise_on_memory("a", "b"):
        raise error
    assert caught.value is error
