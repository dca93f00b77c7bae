"""That all of training follows `device`, as far as can be told without a GPU.

Torch's device "meta" has shapes and no numbers: whatever the host would have to wait
for on a GPU is an error there, and so is arithmetic with tensors of another device.
"""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from watching import Made

from sklearn_snn import SNNClassifier, SNNRegressor, _planning
from sklearn_snn._clock import Clock
from sklearn_snn._devices import resolve_device
from sklearn_snn._interrupts import Interrupts
from sklearn_snn._losses import REGRESSION_LOSSES, BinaryCrossEntropy, CrossEntropy
from sklearn_snn._pieces import learn_pieces
from sklearn_snn._rows import LabelledRows
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingSet
from sklearn_snn._stack import Stack

META = torch.device("meta")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((100, 5)).astype(np.float32)
LABELS = np.where(RNG.random((100, 3)) < 0.3, np.nan, X[:, :3] > 0)
CLASSES = RNG.integers(3, size=100)
NUMBERS = np.abs(X[:, :3]).astype(float)
PIECES = learn_pieces(X, np.arange(5), n_bins=4, counts=np.full(100, 10.0))

LOSSES = {
    "softmax": (CrossEntropy(), CLASSES),
    "labels": (BinaryCrossEntropy(), LABELS),
    "weighted labels": (BinaryCrossEntropy(np.full((3, 2), 0.5)), LABELS),
    **{
        name: (loss(0.9) if name == "quantile" else loss(), NUMBERS)
        for name, loss in REGRESSION_LOSSES.items()
    },
}


def train(data, loss, *, solver="adamw", mixed_precision=False, **parameters):
    """Train two networks for an epoch on the device; what was made by its steps."""
    specs = [
        NetworkSpec(
            layer_sizes=(data.n_inputs, 8, 8, 3),
            batch_size=32,
            seed=seed,
            max_epochs=2,
            learning_rate=0.01 * (seed + 1),
            rows=np.arange(90 - seed),
            **parameters,
        )
        for seed in range(2)
    ]
    options = TrainingOptions(
        solver=solver, device="meta", mixed_precision=mixed_precision
    )
    sets = [LabelledRows(data, torch.float32, META)]
    stack = Stack(specs, sets, loss, options, Clock(None, Interrupts()))
    with Made() as made:
        losses = [stack.step(batch) for batch in stack.training_batches()]
    assert [tuple(one.shape) for one in losses] == 3 * [(2,)]
    return made.tensors


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("solver", ["adamw", "sgd"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_step_waits_for_nothing_and_leaves_nothing_behind(name, solver, dropout):
    loss, target = LOSSES[name]
    is_classifier = name not in REGRESSION_LOSSES
    made = train(
        TrainingSet(X, target),
        loss,
        solver=solver,
        dropout=dropout,
        label_smoothing=0.1 * is_classifier,
    )
    assert len(made) > 100
    assert {one.device.type for one in made} == {"meta"}
    # Apple's GPUs have no float64.
    assert torch.float64 not in {one.dtype for one in made}


def test_mixed_precision_stays_on_the_device():
    loss, target = LOSSES["squared_error"]
    made = train(TrainingSet(X, target), loss, mixed_precision=True)
    assert {one.device.type for one in made} == {"meta"}
    assert torch.bfloat16 in {one.dtype for one in made}


def test_ramps_are_made_on_the_device(monkeypatch):
    data = TrainingSet(X, NUMBERS, pieces=PIECES)
    assert data.n_inputs > X.shape[1]
    for size in (2**23, 0):  # once, or in each batch
        monkeypatch.setattr("sklearn_snn._rows._ENCODED_SIZE", size)
        assert {one.device.type for one in train(data, LOSSES["huber"][0])} == {"meta"}


def test_sparse_rows_are_looked_up_by_the_host_and_trained_on_on_the_device():
    data = TrainingSet(csr_array(X), CLASSES, offset=X.mean(axis=0))
    made = train(data, LOSSES["softmax"][0])
    of_the_host = [one for one in made if one.device.type == "cpu"]
    assert not [one for one in of_the_host if one.is_floating_point()]
    assert len(made) - len(of_the_host) > 100


def test_the_device_does_notice_who_reads_it():
    """Otherwise the tests above would say nothing."""
    numbers = torch.ones(3, device=META)
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        numbers.cpu()
    with pytest.raises(RuntimeError, match="meta"):
        numbers.sum().item()
    with pytest.raises(RuntimeError, match=r"device|meta"):
        numbers + torch.ones(3)


@pytest.fixture
def pretended_gpu(monkeypatch):
    """Fits on "meta", of which the host is told that all numbers are 0, and true.

    Whoever computes with tensors of both fails.
    """

    def told(tensor):
        make = torch.ones if tensor.dtype == torch.bool else torch.zeros
        return make(tensor.shape, dtype=tensor.dtype)

    def reads(name):
        original = getattr(torch.Tensor, name)

        def read(tensor, *args, **parameters):
            is_far = tensor.device.type == "meta"
            return original(told(tensor) if is_far else tensor, *args, **parameters)

        monkeypatch.setattr(torch.Tensor, name, read)

    for name in ("cpu", "numpy", "item"):
        reads(name)
    autocast = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda _, **how: autocast("cpu", **how))
    monkeypatch.setattr(_planning, "resolve_device", lambda *_, **__: "meta")


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"n_estimators": 8, "early_stopping": "joint"},
        {"dropout": 0.1},
        {"solver": "sgd", "learning_rate": "constant"},
        {"scoring": None, "early_stopping": True},
        {"oof_score": True},
        {"refit": True},
        {"early_stopping": False},
        {"callbacks": [], "early_stopping": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_all_of_fit_is_on_the_device(pretended_gpu, make, parameters):
    wide = np.hstack([X, X, X])
    model = make(**{"n_estimators": 2, "max_iter": 3, "random_state": 0} | parameters)
    with Made() as made:
        model.fit(wide, CLASSES)
    # What is told to the host is there, and so is what it makes of it.
    floats = [one for one in made.tensors if one.is_floating_point()]
    far = sum(one.device.type == "meta" for one in floats)
    assert far > 0.7 * len(floats)
    assert len(model.predict(wide)) == 100
    model.set_params(warm_start=True, max_iter=5)
    if not (model.refit or model.oof_score):
        model.fit(wide, CLASSES)
    assert model.partial_fit(wide, CLASSES).n_iter_ > 3


def test_a_default_device_of_torch_changes_no_prediction():
    model = SNNClassifier(max_iter=2, random_state=0).fit(X, CLASSES)
    rows = torch.from_numpy(model.preprocessor_.transform(X))
    expected = model.predict_proba(X), model.modules_[0](rows)
    with torch.device("meta"):
        made = model.predict_proba(X), model.modules_[0](rows)
    assert_array_equal(made[0], expected[0])
    assert torch.equal(made[1], expected[1])


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_a_gpu_that_is_not_there_is_an_error_of_fit(make, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = make(device="cuda", max_iter=1)
    with pytest.raises(ValueError, match="device='cuda' was asked for, but torch sees"):
        model.fit(X, CLASSES)
    assert not hasattr(model, "networks_")
    model.set_params(device="auto").fit(X, CLASSES)
    assert len(model.predict(X)) == len(X)


@pytest.mark.parametrize("device", ["xpu", "meta", "mtia:1"])
def test_a_device_of_any_type_has_to_be_there(device):
    with pytest.raises(ValueError, match=f"device='{device}' was asked for, but"):
        SNNRegressor(device=device, max_iter=1).fit(X, NUMBERS)
    assert resolve_device(device, must_exist=False) == "cpu"


def test_a_device_of_any_type_is_taken_where_it_is(monkeypatch):
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 2)
    assert resolve_device("xpu:1", must_exist=True) == "xpu:1"
    assert resolve_device("xpu:2", must_exist=False) == "cpu"


def test_auto_takes_the_gpu_that_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("cuda", "cuda:1", "cpu"):
        assert resolve_device(name, must_exist=True) == name
    assert resolve_device("auto", must_exist=True) == "cuda"
    with pytest.raises(ValueError, match="device='cuda:2' was asked for"):
        resolve_device("cuda:2", must_exist=True)


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_mixed_precision_learns_as_much(make, monkeypatch):
    monkeypatch.setattr(_planning, "has_bfloat16", lambda device: True)
    X, y = make_classification(200, 10, n_informative=6, random_state=0)
    small = dict(width=32, max_iter=10, n_estimators=2, random_state=0)
    exact = make(**small).fit(X, y)
    mixed = make(mixed_precision=True, **small).fit(X, y)
    assert_allclose(mixed.score(X, y), exact.score(X, y), atol=0.03)
    weights = [model.networks_[0].weights[0] for model in (exact, mixed)]
    assert {one.dtype for one in weights} == {np.dtype("float32")}
    assert not np.array_equal(*weights)


def test_mixed_precision_without_units_for_it_is_float32(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    X, y = make_classification(100, random_state=0)
    model = SNNClassifier(max_iter=2, random_state=0)
    wanted = model.fit(X, y).predict_proba(X)
    model.set_params(mixed_precision=True)
    with pytest.warns(UserWarning, match="device='cpu' has no units for bfloat16"):
        model.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(model.predict_proba(X), wanted)


def test_mixed_precision_of_float64_is_refused():
    X, y = make_classification(100, random_state=0)
    model = SNNClassifier(dtype="float64", mixed_precision=True)
    with pytest.raises(ValueError, match="rounds the products that dtype='float64'"):
        model.fit(X, y)
