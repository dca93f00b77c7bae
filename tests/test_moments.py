from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)
from torch import nn

from sklearn_snn import (
    SNN,
    SNNClassifier,
    SNNRegressor,
    activation_moments,
    moment_map,
)
from sklearn_snn import _activations as activations_module

SMALL = dict(depth=3, width=32, n_estimators=3, max_iter=6, random_state=0)
#: A step size at which networks stay as they were drawn.
UNTRAINED = dict(learning_rate_init=1e-20, max_iter=1)


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(return_X_y=True)


@pytest.fixture(scope="module")
def model(cancer):
    return SNNClassifier(dropout=0.05, **SMALL).fit(*cancer)


def hooked(module, x):
    """What each SELU returns, as torch's own hooks see it."""
    outputs = []
    hooks = [
        layer.register_forward_hook(lambda *arguments: outputs.append(arguments[-1]))
        for layer in module
        if isinstance(layer, nn.SELU)
    ]
    module(x)
    for hook in hooks:
        hook.remove()
    return outputs


def seen(model, X):
    return torch.from_numpy(model.preprocessor_.transform(X))


def assert_same_layers(layers, modules, x):
    of_networks = [hooked(module, x) for module in modules]
    assert len(layers) == len(of_networks[0])
    for layer, outputs in zip(layers, zip(*of_networks, strict=True), strict=True):
        outputs = [output.detach().numpy().astype(float) for output in outputs]
        expected = [output.mean(axis=0) for output in outputs]
        assert_allclose(layer.mean, expected, rtol=1e-5, atol=1e-6)
        expected = [output.var(axis=0) for output in outputs]
        assert_allclose(layer.variance, expected, rtol=1e-5, atol=1e-6)


def test_trained_moments_are_those_that_hooks_see(model, cancer):
    moments = activation_moments(model, cancer[0])
    assert_same_layers(moments.trained, model.modules_, seen(model, cancer[0]))


def test_initial_moments_are_those_of_a_fit_that_does_not_move(model, cancer):
    still = SNNClassifier(**SMALL | UNTRAINED).fit(*cancer)
    moments = activation_moments(model, cancer[0])
    assert_same_layers(moments.initial, still.modules_, seen(still, cancer[0]))


@pytest.mark.parametrize("options", [dict(refit=True), dict(oof_score=True)])
def test_networks_in_other_roles_are_drawn_from_their_seeds(options, cancer):
    moments = [
        activation_moments(SNNClassifier(**SMALL | last).fit(*cancer), cancer[0])
        for last in (options, options | UNTRAINED)
    ]
    assert_allclose(moments[0].initial[2].variance, moments[1].trained[2].variance)


def test_moments_of_the_inputs_are_those_of_the_table(model, cancer):
    x = seen(model, cancer[0])
    x = model.modules_[0][0](x).numpy().astype(float)
    inputs = activation_moments(model, cancer[0]).inputs
    assert_allclose(inputs.mean, [x.mean(axis=0)] * 3, atol=1e-6)
    assert_allclose(inputs.variance, [x.var(axis=0)] * 3, rtol=1e-5)
    assert_allclose(inputs.overall, (x.mean(), x.var()), rtol=1e-5, atol=1e-6)
    assert len(inputs.names) == x.shape[1]


def test_omega_and_tau_are_sums_over_the_weights_of_a_unit(model, cancer):
    moments = activation_moments(model, cancer[0])
    for layer, weights in zip(
        moments.trained,
        zip(*(one.weights[0:-2:2] for one in model.networks_), strict=True),
        strict=True,
    ):
        weights = np.array(weights, dtype=float)
        assert_allclose(layer.omega, weights.sum(axis=1))
        assert_allclose(layer.tau, (weights**2).sum(axis=1))


def test_a_unit_is_in_the_domain_of_theorem_1_or_not(cancer):
    """With the numbers of the paper."""
    model = SNNClassifier(**SMALL | dict(width=400)).fit(*cancer)
    moments = activation_moments(model, cancer[0])
    for state in ("initial", "trained"):
        below = moments.inputs
        for layer in getattr(moments, state):
            for network in range(3):
                mean = below.mean[network].mean()
                variance = below.variance[network].mean()
                expected = (abs(mean) <= 0.1) & (0.8 <= variance <= 1.5)
                expected &= abs(layer.omega[network]) <= 0.1
                expected &= (layer.tau[network] >= 0.95) & (layer.tau[network] <= 1.1)
                assert_array_equal(layer.in_domain[network], expected)
            below = layer
    first = moments.initial[0]
    assert 0 < first.share_in_domain == first.in_domain.sum() / (3 * 400) < 1


def test_gradient_norms_are_those_of_the_jacobians(model, cancer):
    """The exact mean over directions, where the library draws some."""
    X = cancer[0]
    moments = activation_moments(model, X)
    module, n_units = model.modules_[1], model.width
    with torch.enable_grad():
        *layers, last = hooked(module, seen(model, X))
    squares = np.zeros(2)
    for unit in range(n_units):
        gradients = torch.autograd.grad(last[:, unit].sum(), layers, retain_graph=True)
        squares += [gradient.square().sum().item() for gradient in gradients]
    expected = np.sqrt(squares / (n_units * len(X)))
    norms = [layer.gradient_norm[1] for layer in moments.trained]
    assert_allclose(norms[:2], expected, rtol=0.05)
    assert_allclose(norms[2], 1)


def test_gradients_grow_by_theory_in_a_wide_network():
    """By sqrt(E selu'(z)^2) = 1.0352 a layer, as long as moments are 0 and 1."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 300)), rng.standard_normal(400)
    options = dict(depth=5, width=300, n_estimators=2, n_bins=1, random_state=0)
    model = SNNRegressor(**options, **UNTRAINED).fit(X, y)
    norms = [
        layer.gradient_norm.mean() for layer in activation_moments(model, X).initial
    ]
    assert_allclose(np.array(norms[:-1]) / norms[1:], np.sqrt(1.07157), rtol=0.03)


def test_mapped_is_the_map_applied_layer_after_layer(model, cancer):
    moments = activation_moments(model, cancer[0])
    path = moments.mapped
    assert path.shape == moments.path("trained").shape == (4, 2)
    assert_allclose(path[0], moments.path("initial")[0])
    for before, after in pairwise(path):
        assert_allclose(moment_map(*before), after)
    last = moments.trained[-1]
    expected = last.mean.mean(), last.variance.mean()
    assert_allclose(moments.path("trained")[-1], expected)


def test_blocks_of_rows_give_what_all_rows_give(model, cancer, monkeypatch):
    whole = activation_moments(model, cancer[0])
    n_inputs = len(whole.inputs.names)
    monkeypatch.setattr(activations_module, "_BLOCK_NUMBERS", 100 * n_inputs)
    parts = activation_moments(model, cancer[0])
    for layer, other in zip(whole.trained, parts.trained, strict=True):
        assert_allclose(layer.mean, other.mean, rtol=1e-5, atol=1e-6)
        assert_allclose(layer.variance, other.variance, rtol=1e-5)
        assert_allclose(layer.gradient_norm, other.gradient_norm, rtol=0.05)


def test_sparse_rows_are_centred_as_in_training(cancer):
    X, y = cancer
    model = SNNClassifier(**SMALL).fit(csr_array(X), y)
    moments = activation_moments(model, csr_array(X))
    assert_allclose(moments.inputs.mean, 0, atol=1e-5)
    assert_allclose(moments.inputs.variance, 1, rtol=1e-4)


def test_a_pipeline_and_a_search_show_the_network_in_them(cancer):
    X, y = cancer
    network = SNNClassifier(preprocessor=None, **SMALL)
    pipeline = make_pipeline(StandardScaler(), make_pipeline("passthrough", network))
    search = GridSearchCV(pipeline, {"pipeline__snnclassifier__width": [8]}, cv=2)
    moments = activation_moments(search.fit(X, y), X)
    assert_allclose(moments.inputs.mean, 0, atol=1e-5)
    assert moments.trained[0].mean.shape == (3, 8)


def test_steps_that_draw_rows_are_left_out_as_in_prediction(cancer):
    reason = "only the test extra brings imbalanced-learn"
    imblearn = pytest.importorskip("imblearn.pipeline", reason=reason)
    sampling = pytest.importorskip("imblearn.over_sampling", reason=reason)
    X, y = cancer
    network = SNNClassifier(preprocessor=None, **SMALL)
    steps = StandardScaler(), sampling.RandomOverSampler(random_state=0), network
    moments = activation_moments(imblearn.make_pipeline(*steps).fit(X, y), X)
    assert_allclose(moments.inputs.mean, 0, atol=1e-5)


class SometimesSquares(PolynomialFeatures):
    """Makes more columns of some rows than of others, as selections do."""

    def fit(self, X, y=None):
        self.degree = 2 if X[0, 0] > X[1, 0] else 1
        return super().fit(X)


def test_members_that_see_different_columns_are_side_by_side():
    X, y = load_diabetes(return_X_y=True)
    options = dict(oof_score=True, early_stopping=False)
    folds = [(np.arange(100), np.arange(100, 442)), (np.arange(1, 101), [0])]
    model = SNNRegressor(
        preprocessor=SometimesSquares(1),
        cv=folds,
        **options,
        **SMALL | {"n_estimators": 2},
    ).fit(X, y)
    inputs = activation_moments(model, X).inputs
    assert sorted(np.isfinite(inputs.mean).sum(axis=1)) == [11, 66]
    assert np.isfinite(inputs.overall).all()


def test_members_with_preprocessors_of_their_own_see_rows_through_them(cancer):
    y = cancer[1]
    X = pd.DataFrame(
        {"level": (np.arange(len(y)) % 9).astype(str), "x": cancer[0][:, 0]}
    )
    encoder = TargetEncoder()
    model = SNNClassifier(preprocessor=encoder, oof_score=True, **SMALL).fit(X, y)
    inputs = activation_moments(model, X).inputs
    expected = [one.transform(X).mean(axis=0) for one in model.member_preprocessors_]
    assert_allclose(inputs.mean, expected, rtol=1e-5)


def test_inputs_that_a_network_does_not_see_have_no_moments():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    model = SNNRegressor(**SMALL | dict(n_estimators=4)).fit(X, X[:, 0])
    inputs = activation_moments(model, X).inputs
    n_seen = [one.n_seen or len(inputs.names) for one in model.networks_]
    assert n_seen[3] == 3 < n_seen[0]  # the fourth has no pieces
    assert np.isfinite(inputs.mean).sum(axis=1).tolist() == n_seen


def test_inputs_have_names_where_members_have_different_columns(cancer):
    y = cancer[1][:120]
    level, large = (np.arange(120) // 20).astype(str), 50 * cancer[0][:120, 0]
    X = pd.DataFrame({"level": level, "large": large})
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encoder = make_column_transformer((one_hot, ["level"]), ("passthrough", ["large"]))
    folds = [(np.arange(40), np.arange(40, 120)), (np.arange(100), np.arange(100, 120))]
    model = SNNClassifier(
        preprocessor=encoder,
        cv=folds,
        oof_score=True,
        early_stopping=False,
        **SMALL | dict(n_estimators=2),
    ).fit(X, y)
    moments = activation_moments(model, X)
    assert len(moments.inputs.names) == moments.inputs.mean.shape[1] == 6
    assert "foremost in column 5" in " ".join(str(moments).split())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_torchs_modes_change_nothing(model, cancer, mode):
    with mode():
        inside = activation_moments(model, cancer[0])
    outside = activation_moments(model, cancer[0])
    for ours, expected in zip(inside.trained, outside.trained, strict=True):
        assert_array_equal(ours.gradient_norm, expected.gradient_norm)


# In words


def test_training_leaves_the_domain_and_the_words_say_so(cancer):
    X, y = cancer
    model = SNNClassifier(**SMALL | dict(learning_rate_init=0.03, max_iter=30)).fit(
        X, y
    )
    moments = activation_moments(model, X)
    assert moments.was_self_normalizing
    assert not moments.is_self_normalizing
    assert not moments.data_break_it
    words = str(moments)
    assert "As drawn: yes. Trained: no, from hidden layer 1 on" in words
    assert "Do the data break it? No" in words
    variance = moments.trained[2].variance.mean()
    (row,) = (line for line in words.splitlines() if line.startswith("3 "))
    assert row.split()[6] == f"{variance:.2f}"


def test_networks_that_hardly_move_are_still_self_normalizing(cancer):
    model = SNNClassifier(**SMALL | UNTRAINED).fit(*cancer)
    moments = activation_moments(model, cancer[0])
    assert moments.is_self_normalizing
    assert "As drawn: yes. Trained: yes." in str(moments)


@pytest.mark.filterwarnings("ignore:column .* of what the network sees")
@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (
            1.0,
            "Yes: the network sees mean 61.89 and variance 5.2e+04 instead of 0 and 1",
        ),
        (1e-3, "Yes: the network sees mean 0.06 and variance 0.05 instead"),
    ],
)
def test_data_that_are_not_scaled_break_it(cancer, factor, says):
    X, y = pd.DataFrame(cancer[0]).add_prefix("col") * factor, cancer[1]
    model = SNNClassifier(preprocessor=None, **SMALL | UNTRAINED).fit(X, y)
    moments = activation_moments(model, X)
    assert moments.data_break_it
    words = " ".join(str(moments).split())
    assert says in words
    largest = "foremost in col23, col3, col22"  # worst area, mean area, worst perimeter
    assert (largest in words) == (factor == 1.0)
    assert "preprocessor='auto'" in words


def test_data_that_theory_leads_back_do_not_break_it_for_good():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 100)), rng.standard_normal(400)
    options = dict(preprocessor=None, **SMALL | dict(width=300) | UNTRAINED)
    model = SNNRegressor(**options).fit(X, y)
    for factor, is_broken in ((1, False), (3, False), (0.4, False), (5, True)):
        moments = activation_moments(model, factor * X)
        assert moments.data_break_it == is_broken  # beyond a variance of 16
        assert ("Not for good" in str(moments)) == (factor in (3, 0.4))


def test_scaled_data_break_it_too_where_no_sum_of_them_is_normal():
    X, y = np.full((400, 1), -0.1005), np.arange(400.0)
    X[:4] = 9.95  # of mean 0 and variance 1
    model = SNNRegressor(preprocessor=None, **SMALL | UNTRAINED).fit(X, y)
    moments = activation_moments(model, X)
    assert moments.data_break_it
    assert "but sums of them are far" in " ".join(str(moments).split())


# Errors


def test_rows_that_are_all_the_same_are_an_error(model, cancer):
    with pytest.raises(ValueError, match="needs rows that differ"):
        activation_moments(model, cancer[0][:1])


def test_an_estimator_without_a_network_is_an_error(cancer):
    with pytest.raises(TypeError, match="wanted a fitted SNNClassifier"):
        activation_moments(StandardScaler().fit(cancer[0]), cancer[0])
    with pytest.raises(TypeError, match="wanted a fitted SNNClassifier"):
        activation_moments(SNN(3, 1), cancer[0])
    with pytest.raises(NotFittedError):
        activation_moments(SNNClassifier(), cancer[0])
    with pytest.raises(NotFittedError):
        activation_moments(GridSearchCV(SNNClassifier(), {"depth": [1]}), cancer[0])
    for wrapper in (CalibratedClassifierCV, TunedThresholdClassifierCV):
        with pytest.raises(TypeError, match="wanted a fitted SNNClassifier"):
            activation_moments(wrapper(SNNClassifier()), cancer[0])
