"""A piecewise linear encoding of numbers beside themselves."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler
from watching import weights

from sklearn_snn import SNN, SNNClassifier, SNNRegressor, TabularPreprocessor
from sklearn_snn._activations import initial_module
from sklearn_snn._losses import SquaredError
from sklearn_snn._modules import PiecewiseLinearEncoding
from sklearn_snn._pieces import learn_pieces
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingSet
from sklearn_snn._training import fit_networks

SMALL = dict(
    depth=2,
    width=16,
    max_iter=8,
    batch_size=64,
    learning_rate_init=0.01,
    n_estimators=1,
    early_stopping=False,
    dropout=0.0,
    n_bins=16,
    random_state=0,
)
RNG = np.random.default_rng(0)
SMOOTH = RNG.lognormal(size=(1600, 2))


def learn(X, n_bins=16, weight=None):
    counts = np.ones(len(X)) if weight is None else weight
    return learn_pieces(X, np.arange(X.shape[1]), n_bins, counts)


def encoded(pieces, X):
    """The formula, by numpy."""
    ramps = pieces.slope * X[:, pieces.column] + pieces.shift
    return np.clip(ramps, pieces.low, pieces.high)


def ends(pieces):
    """Where the ramps of a lone column begin and end."""
    start = (pieces.low - pieces.shift) / pieces.slope
    return np.append(start, ((pieces.high - pieces.shift) / pieces.slope)[-1])


# What is learned ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pieces_have_mean_0_and_variance_1(dtype):
    X = SMOOTH.astype(dtype)
    pieces = learn(X)
    assert {values.dtype for values in pieces[1:]} == {np.dtype(dtype)}
    made = encoded(pieces, X)
    assert made.shape == (1600, 32)
    atol = 1e-3 if dtype == "float32" else 1e-9
    assert_allclose(made.mean(axis=0, dtype="float64"), 0, atol=atol)
    assert_allclose(made.var(axis=0, dtype="float64"), 1, atol=atol)


def test_precisions_agree():
    narrow, wide = learn(SMOOTH.astype("float32")), learn(SMOOTH)
    assert_array_equal(narrow.column, wide.column)
    for part, exact in zip(narrow[1:], wide[1:], strict=True):
        assert_allclose(part, exact, rtol=1e-3, atol=1e-3)


def test_weights_are_repetitions():
    X = np.round(SMOOTH[:300], 1)
    weight = np.arange(300) % 4
    repeated = learn(np.repeat(X, weight, axis=0))
    for ours, theirs in zip(learn(X, weight=weight), repeated, strict=True):
        assert_allclose(ours, theirs, rtol=1e-12)
    made = encoded(repeated, X)
    assert_allclose(np.average(made, axis=0, weights=weight), 0, atol=1e-9)
    assert_allclose(np.average(made**2, axis=0, weights=weight), 1, atol=1e-9)


def test_columns_of_one_or_two_values_have_no_pieces():
    n = np.arange(1200)
    X = np.column_stack([n * 0.0, n % 2, n % 3, n]).astype(float)
    assert_array_equal(np.bincount(learn(X).column), [0, 0, 2, 16])
    assert learn(X[:, :2]) is None
    only_two_count = np.where(n % 3 == 2, 0, 1)
    assert learn(X[:, [2]], weight=only_two_count) is None


@pytest.mark.parametrize(
    ("n_rows", "n_pieces"),
    [(99, 0), (100, 2), (749, 14), (800, 16), (10_199, 16), (19_200, 32), (60_000, 64)],
)
def test_columns_have_more_pieces_where_there_are_more_rows(n_rows, n_pieces):
    pieces = learn(np.arange(n_rows, dtype=float)[:, np.newaxis], n_bins=64)
    assert (0 if pieces is None else len(pieces.column)) == n_pieces


@pytest.mark.parametrize("n_bins", [2, 5, 16, 1000])
def test_n_bins_is_the_most_that_a_column_gets(n_bins):
    assert len(learn(SMOOTH[:, :1], n_bins).column) == min(n_bins, 16)
    assert learn(SMOOTH, 1) is None


@pytest.mark.parametrize(("n_rows", "most"), [(100, 2), (399, 7), (400, 8)])
def test_each_piece_of_a_column_has_fifty_rows_at_least(n_rows, most):
    assert len(learn(SMOOTH[:n_rows, :1]).column) == most
    assert learn(SMOOTH[:99]) is None


def test_a_column_that_is_mostly_zero_has_several_pieces():
    x = np.where(np.arange(2000) % 25 < 2, SMOOTH[:, :1].repeat(2)[:2000], 0.0)
    assert np.mean(x == 0) == 0.92
    pieces = learn(x[:, np.newaxis])
    assert len(pieces.column) >= 5
    assert ends(pieces)[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("n_columns", [64, 100, 300, 512])
def test_pieces_of_many_columns_are_1024_at_most(n_columns):
    X = RNG.standard_normal((800, n_columns))
    pieces = learn(X)
    assert 512 < len(pieces.column) <= 1024
    assert_array_equal(np.unique(pieces.column), np.arange(n_columns))
    assert learn(RNG.standard_normal((800, 513))) is None


def test_ends_are_quantiles():
    x = SMOOTH[:, :1]
    edges = ends(learn(x))
    shares = np.linspace(0, 1, 17)
    assert_allclose(edges, np.quantile(x, shares, method="inverted_cdf"), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The current default behavior:FutureWarning")
def test_ends_are_scikit_learns():
    x = SMOOTH[:, :1]
    binner = KBinsDiscretizer(16, strategy="quantile", encode="ordinal", subsample=None)
    theirs = binner.fit(x).bin_edges_[0]
    ranks = [np.searchsorted(np.sort(x[:, 0]), one) for one in (ends(learn(x)), theirs)]
    assert np.abs(ranks[0] - ranks[1]).max() <= 1  # between which two rows


def test_they_make_any_piecewise_linear_function_of_their_kinks():
    x = SMOOTH[:, :1]
    pieces = learn(x)
    edges = ends(pieces)
    target = np.interp(x[:, 0], edges, RNG.standard_normal(len(edges)))
    columns = np.column_stack([np.ones(len(x)), encoded(pieces, x)])
    coefficients, *_ = np.linalg.lstsq(columns, target)
    assert_allclose(columns @ coefficients, target, atol=1e-9)
    line, *_ = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), target)
    assert np.std(target - line[0] - line[1] * x[:, 0]) > 0.3


def test_a_piece_rises_within_its_bin_and_is_constant_elsewhere():
    x = SMOOTH[:, :1]
    pieces = learn(x)
    edges = ends(pieces)
    rise = np.diff(encoded(pieces, np.sort(np.append(x, edges))[:, np.newaxis]), axis=0)
    assert (rise >= -1e-9).all()
    assert (np.sum(rise > 1e-9, axis=1) <= 1).all()
    far = encoded(pieces, np.array([[-1e300], [1e300]]))
    assert_array_equal(far, [pieces.low, pieces.high])


def test_the_module_is_the_formula():
    pieces = learn(SMOOTH)
    module = PiecewiseLinearEncoding(pieces)
    assert not list(module.parameters())
    x = SMOOTH.reshape(4, 400, 2)
    made = module(torch.from_numpy(x)).numpy()
    assert_array_equal(made[..., :2], x)
    assert_allclose(made[..., 2:].reshape(1600, -1), encoded(pieces, SMOOTH))


# Estimators ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:200], y[:200]


@pytest.fixture(params=[SNNClassifier, SNNRegressor])
def make(request):
    return request.param


@pytest.mark.parametrize("early_stopping", [False, "joint"])
def test_training_is_that_on_a_table_with_more_columns(make, diabetes, early_stopping):
    X, y = diabetes
    y = y > 120 if make is SNNClassifier else y
    model = make(
        **SMALL | dict(n_estimators=3, early_stopping=early_stopping, dtype="float64")
    ).fit(X, y)
    table = model.preprocessor_.transform(X)
    table = np.hstack([table, encoded(model.pieces_, table)])
    by_hand = clone(model).set_params(preprocessor=None).fit(table, y)
    for ours, theirs in zip(weights(model), weights(by_hand), strict=True):
        assert_allclose(ours, theirs, rtol=1e-7, atol=1e-10)
    assert_allclose(model.predict(X), by_hand.predict(table), rtol=1e-7)


def test_rows_to_validate_on_get_the_same_pieces(diabetes):
    X, y = diabetes
    parameters = SMALL | dict(early_stopping=True, dtype="float64")
    model = SNNRegressor(**parameters).fit(X, y, X_val=X[:50] + 0.01, y_val=y[:50])

    def by_hand(X):
        table = model.preprocessor_.transform(X)
        return np.hstack([table, encoded(model.pieces_, table)])

    bare = SNNRegressor(**parameters | dict(preprocessor=None))
    bare.fit(by_hand(X), y, X_val=by_hand(X[:50] + 0.01), y_val=y[:50])
    assert_allclose(model.validation_scores_, bare.validation_scores_, rtol=1e-7)


def test_only_numbers_have_pieces(diabetes):
    X, y = diabetes
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    frame["b"] = np.where(np.arange(200) % 5 == 0, np.nan, frame["b"])
    frame["level"] = np.where(y > 120, "high", "low")
    frame["level"] = frame["level"].mask(np.arange(200) % 7 == 0, "other")
    model = SNNRegressor(**SMALL).fit(frame, y)
    names = model.preprocessor_.get_feature_names_out()
    assert set(names[np.unique(model.pieces_.column)]) == {"a", "b", "c"}
    assert "level_low" in names


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_modules_begin_with_the_encoding(diabetes, dtype):
    X, y = diabetes
    model = SNNRegressor(**SMALL | dict(n_estimators=2, dtype=dtype)).fit(X, y)
    x = torch.from_numpy(model.preprocessor_.transform(X))
    with torch.no_grad():
        made = [module(x).numpy()[:, 0] for module in model.modules_]
    rtol = 1e-4 if dtype == "float32" else 1e-9
    assert_allclose(np.mean(made, axis=0), model.predict(X), rtol=rtol)
    for module in model.modules_:
        assert isinstance(module[0], PiecewiseLinearEncoding)
        assert x.dtype == module[0].slope.dtype == getattr(torch, dtype)


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        (dict(n_bins=1), np.asarray),
        (dict(preprocessor=None), np.asarray),
        (dict(preprocessor=StandardScaler()), np.asarray),
        ({}, csr_array),
    ],
    ids=["n_bins=1", "None", "a transformer", "sparse"],
)
def test_where_there_are_no_pieces(make, diabetes, parameters, kind):
    X, y = diabetes
    y = y > 120 if make is SNNClassifier else y
    model = make(**SMALL | parameters).fit(kind(X), y)
    assert model.pieces_ is None
    assert len(model.networks_[0].weights[0]) == X.shape[1]
    assert isinstance(model.modules_[0][0], torch.nn.Linear)
    assert len(model.predict(kind(X))) == 200


def test_our_own_preprocessor_is_treated_like_auto(diabetes):
    X, y = diabetes
    auto = SNNRegressor(**SMALL).fit(X, y)
    given = SNNRegressor(preprocessor=TabularPreprocessor(), **SMALL).fit(X, y)
    for ours, theirs in zip(given.pieces_, auto.pieces_, strict=True):
        assert_array_equal(ours, theirs)
    assert_array_equal(given.predict(X), auto.predict(X))


def test_later_chunks_get_the_pieces_of_the_first(diabetes):
    X, y = diabetes
    model = SNNRegressor(**SMALL).partial_fit(X[:100], y[:100])
    first = model.pieces_
    for ours, theirs in zip(
        first, learn(model.preprocessor_.transform(X[:100])), strict=True
    ):
        assert_array_equal(ours, theirs)
    model.partial_fit(X[100:] * 3, y[100:])
    assert model.pieces_ is first


def test_a_warm_start_keeps_the_pieces_of_the_first_fit(diabetes):
    X, y = diabetes
    model = SNNRegressor(warm_start=True, **SMALL).fit(X, y)
    first = model.pieces_
    model.set_params(max_iter=12).fit(X[50:] * 2, y[50:])
    assert model.pieces_ is first
    assert model.n_iter_ == 12
    model.set_params(warm_start=False).fit(X[50:] * 2, y[50:])
    assert model.pieces_ is not first


@pytest.mark.parametrize("n_bins", [0, -3, 2.5, "auto", None])
def test_n_bins_is_a_number_of_at_least_1(make, diabetes, n_bins):
    X, y = diabetes
    with pytest.raises(ValueError, match="The 'n_bins' parameter"):
        make(**SMALL | dict(n_bins=n_bins)).fit(X, y > 120)


# Networks at the start ----------------------------------------------------------


@pytest.mark.parametrize("n_bins", [1, 16])
def test_a_network_first_predicts_the_mean_of_all_rows(diabetes, n_bins):
    X, y = diabetes
    start = SMALL | dict(max_iter=1, learning_rate_init=1e-12, n_bins=n_bins)
    regressor = SNNRegressor(**start).fit(X, y)
    assert_allclose(regressor.predict(X), y.mean(), rtol=1e-6)
    kind = np.digitize(y, [100, 200])
    counts = np.bincount(kind)
    classifier = SNNClassifier(**start).fit(X, kind)
    expected = np.tile(counts / counts.sum(), (len(X), 1))
    assert_allclose(classifier.predict_proba(X), expected, rtol=1e-6)
    classifier.set_params(class_weight="balanced").fit(X, kind)
    assert_allclose(classifier.predict_proba(X), 1 / 3, rtol=1e-6)
    labels = np.column_stack([kind == 0, kind > 0]).astype(float)
    labels[::3, 1] = np.nan
    measured = ~np.isnan(labels)
    counts = np.nansum(labels, axis=0), (measured & (labels == 0)).sum(axis=0)
    classifier.set_params(class_weight=None).fit(X, labels)
    expected = np.tile(counts[0] / sum(counts), (len(X), 1))
    assert_allclose(classifier.predict_proba(X), expected, rtol=1e-6)


def test_every_fourth_network_sees_plain_numbers_only(diabetes):
    X, y = diabetes
    settings = SMALL | dict(n_estimators=8, warm_start=True)
    model = SNNRegressor(**settings).fit(X, y)
    n_plain = model.preprocessor_.transform(X).shape[1]
    for n_epochs in (10, 12):  # and when they go on
        model.set_params(max_iter=n_epochs).fit(X, y)
        for i, network in enumerate(model.networks_):
            assert network.weights[0][:n_plain].all()
            assert network.weights[0][n_plain:].any() == (i not in (3, 7))
    drawn = initial_module(model.networks_[3], model.pieces_)[1].weight.detach().numpy()
    assert not drawn[:, n_plain:].any()
    assert_allclose(drawn[:, :n_plain].var(), 1 / n_plain, rtol=0.3)


def test_a_network_that_sees_plain_numbers_learns_as_without_pieces():
    X = SMOOTH.astype(np.float64)
    target = np.sin(X).sum(axis=1, keepdims=True)
    sets = [TrainingSet(X, target), TrainingSet(X, target, pieces=learn(X))]
    shared = dict(batch_size=64, seed=0, max_epochs=3, learning_rate=1e-2)
    specs = [
        NetworkSpec((data.n_inputs, 8, 1), training_set=i, n_seen=2, **shared)
        for i, data in enumerate(sets)
    ]
    options = TrainingOptions(dtype="float64")
    plain, half = fit_networks(specs, sets, loss=SquaredError(), options=options)
    assert_allclose(half.weights[0][:2], plain.weights[0], rtol=1e-9)
    assert not half.weights[0][2:].any()
    assert_allclose(half.weights[2], plain.weights[2], rtol=1e-9)
    assert_allclose(half.loss_curve, plain.loss_curve, rtol=1e-9)


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes])
def test_activations_of_encoded_rows_normalise_themselves(load):
    X, _ = load(return_X_y=True)
    table = TabularPreprocessor().fit_transform(X)
    x = torch.from_numpy(np.hstack([table, encoded(learn(table), table)])).float()
    torch.manual_seed(0)
    network = SNN(x.shape[1], 1, depth=8, width=256)
    with torch.no_grad():
        for layer in list(network)[:-1]:
            x = layer(x)
            if isinstance(layer, torch.nn.SELU):
                assert abs(x.mean()) < 0.15
                assert abs(x.var() - 1) < 0.25
