"""What the estimators promise beyond scikit-learn's checks."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    make_multilabel_classification,
)
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, QuantileRegressor
from sklearn.metrics import (
    get_scorer,
    log_loss,
    mean_pinball_loss,
    mean_poisson_deviance,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    train_test_split,
)
from sklearn.multioutput import ClassifierChain
from sklearn.preprocessing import (
    FunctionTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from skorch.callbacks import EpochTimer
from watching import Made, clock_of_readings, weights

from sklearn_snn import SNNClassifier, SNNGridSearchCV, SNNRegressor, masked_scorer
from sklearn_snn._training import fit_networks

SMALL = dict(depth=2, width=16, max_iter=10, random_state=0, n_estimators=1, n_bins=1)
BOTH = [SNNClassifier(**SMALL), SNNRegressor(**SMALL)]


def name(estimator):
    return type(estimator).__name__


@pytest.fixture
def cancer():
    return load_breast_cancer(return_X_y=True)


@pytest.fixture
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture
def labels():
    """A multilabel target, whole and with a third of it not measured."""
    X, y = make_multilabel_classification(300, 10, n_classes=4, random_state=0)
    missing = y.astype(float)
    missing[np.random.default_rng(0).random(y.shape) < 1 / 3] = np.nan
    return X, y, missing


def assert_same_weights(first, second, **tolerance):
    for a, b in zip(weights(first), weights(second), strict=True):
        assert_allclose(a, b, **tolerance)


# The same again


@pytest.mark.parametrize("estimator", BOTH, ids=name)
@pytest.mark.parametrize("n_estimators", [1, 3])
def test_the_same_random_state_gives_the_same_bits(cancer, estimator, n_estimators):
    X, y = cancer
    estimator = clone(estimator).set_params(
        n_estimators=n_estimators, dropout=0.1, early_stopping=True
    )
    first = clone(estimator).fit(X, y)
    second = clone(estimator).fit(X, y, sample_weight=np.ones(len(y)))
    assert_array_equal(first._outputs(X), second._outputs(X))
    other = clone(estimator).set_params(random_state=1).fit(X, y)
    assert (first._outputs(X) != other._outputs(X)).any()


def test_no_random_state_takes_nothing_from_numpys_global_one(cancer):
    X, y = cancer
    outputs = []
    for _ in range(2):
        np.random.seed(0)
        before = np.random.get_state()[1].copy()
        outputs.append(SNNClassifier(**SMALL | dict(random_state=None)).fit(X, y))
        assert_array_equal(np.random.get_state()[1], before)
    assert (outputs[0].predict_proba(X) != outputs[1].predict_proba(X)).any()


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("estimator", BOTH, ids=name)
def test_zero_weight_is_absence(cancer, estimator, cv):
    X, y = cancer
    weight = np.arange(len(y)) % 3 != 0
    estimator = clone(estimator).set_params(cv=cv)
    with_zeros = clone(estimator).fit(X, y, sample_weight=weight)
    without = clone(estimator).fit(X[weight], y[weight])
    assert_allclose(with_zeros._outputs(X), without._outputs(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("estimator", BOTH, ids=name)
def test_zero_weight_is_absence_in_a_chunk(cancer, estimator):
    X, y = cancer
    known = {"classes": [0, 1]} if name(estimator) == "SNNClassifier" else {}
    kept, whole = np.arange(len(y)) % 3 != 0, slice(None)
    with_zeros, without, plain = (
        clone(estimator).partial_fit(X[rows], y[rows], sample_weight=weight, **known)
        for rows, weight in ((whole, kept), (kept, None), (whole, None))
    )
    assert_allclose(with_zeros._outputs(X), without._outputs(X), atol=1e-4)
    assert np.abs(with_zeros._outputs(X) - plain._outputs(X)).max() > 1e-3


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_zero_weight_is_absence_where_the_number_of_rows_decides(n_estimators):
    """On early stopping, and on stopping together, from 1,000 rows on."""
    X = np.random.default_rng(0).normal(size=(1100, 2))
    y, weight = X[:, 0], np.repeat([1.0, 0.0], [900, 200])
    model = SNNRegressor(**SMALL | dict(n_estimators=n_estimators))
    expected = clone(model).fit(X[:900], y[:900])
    weighted = clone(model).fit(X, y, weight)
    assert_array_equal(weighted.predict(X), expected.predict(X))
    assert weighted.best_validation_score_ == expected.best_validation_score_


def test_weights_move_the_model(diabetes):
    X, y = diabetes
    high = SNNRegressor(**SMALL).fit(X, y, sample_weight=np.where(y > 200, 10, 1))
    assert (
        high.predict(X).mean() > SNNRegressor(**SMALL).fit(X, y).predict(X).mean() + 20
    )


# Members


def test_members_are_averaged(cancer, diabetes):
    X, y = cancer
    model = SNNClassifier(**SMALL | dict(n_estimators=3)).fit(X, y)
    alone = [expit(one) for one in model._outputs(X)]
    assert len(model.networks_) == 3
    assert_allclose(model.predict_proba(X)[:, 1], np.mean(alone, axis=0)[:, 0])
    X, y = diabetes
    model = SNNRegressor(loss="poisson", **SMALL | dict(n_estimators=3)).fit(X, y)
    alone = np.exp(model._outputs(X) + model.target_location_)
    assert_allclose(model.predict(X), alone.mean(axis=0)[:, 0])


def test_members_hold_out_different_rows(cancer):
    X, y = cancer
    folds = list(KFold(3).split(X))
    model = SNNClassifier(
        cv=folds, scoring="neg_log_loss", **SMALL | dict(n_estimators=3)
    )
    model.fit(X, y)
    for i, (_, held_out) in enumerate(folds):
        proba = expit(model._outputs(X)[i, held_out])
        expected = -log_loss(y[held_out], proba)
        assert_allclose(model.networks_[i].best_score, expected, rtol=1e-5)
    scores = [network.best_score for network in model.networks_]
    assert_allclose(model.best_validation_score_, np.mean(scores))
    assert len(model.validation_scores_) == model.n_iter_ == len(model.loss_curve_)


@pytest.mark.parametrize("scoring", ["loss", "neg_log_loss"])
def test_weights_of_held_out_rows_count(cancer, scoring):
    X, y = cancer
    weight, folds = np.random.default_rng(0).random(len(y)), list(KFold(3).split(X))
    model = SNNClassifier(cv=folds, scoring=scoring, **SMALL | dict(n_estimators=3))
    model.set_params(early_stopping=True).fit(X, y, weight)
    for i, (_, held_out) in enumerate(folds):
        proba = model.predict_members(X)[i, held_out]
        expected = -log_loss(y[held_out], proba, sample_weight=weight[held_out])
        assert_allclose(model.networks_[i].best_score, expected, rtol=1e-5)


def test_cv_without_early_stopping_only_leaves_rows_out(cancer):
    X, y = cancer
    folds = list(KFold(3).split(X))
    model = SNNClassifier(cv=folds, early_stopping=False, **SMALL).fit(X, y)
    assert model.validation_scores_ is None
    rows = folds[0][0]
    by_hand = SNNClassifier(early_stopping=False, **SMALL | dict(preprocessor=None))
    scaled = model.preprocessor_.transform(X)
    by_hand.fit(scaled[rows], y[rows])
    assert_same_weights(model, by_hand, atol=1e-5)


def test_rows_given_to_validate_on_come_before_those_of_cv(cancer):
    X, y = cancer
    model = SNNClassifier(cv=3, **SMALL).fit(X, y, X_val=X[:50], y_val=y[:50])
    expected = -log_loss(y[:50], model.predict_proba(X[:50]))
    assert_allclose(model.best_validation_score_, expected, rtol=1e-5)


@pytest.mark.parametrize("cv", [None, GroupKFold(4)])
def test_groups_stay_together(cancer, cv):
    X, y = cancer
    groups = np.arange(len(y)) // 50
    model = SNNClassifier(cv=cv, early_stopping=True, **SMALL | dict(n_estimators=2))
    data = model._read(X, y, groups=groups)
    for rows, held_out, *_ in model._members(data, True):
        assert len(held_out)
        assert not set(groups[rows]) & set(groups[held_out])


def test_groups_may_be_a_column_of_a_table(cancer):
    X, y = cancer
    groups = np.arange(len(y)) // 50
    model = SNNClassifier(**SMALL | dict(n_estimators=2))
    flat = clone(model).fit(X, y, groups=groups)
    column = clone(model).fit(X, y, groups=groups[:, np.newaxis])
    assert_array_equal(column.predict_proba(X), flat.predict_proba(X))
    for wrong in ("group", groups[:5], np.column_stack([groups, groups])):
        with pytest.raises(ValueError, match="groups must have one entry for each"):
            model.fit(X, y, groups=wrong)


@pytest.mark.parametrize("estimator", BOTH, ids=name)
@pytest.mark.parametrize(("first", "then"), [("auto", None), (None, "auto")])
def test_a_preprocessor_that_is_set_later_does_not_change_predictions(
    cancer, estimator, first, then
):
    X, y = cancer
    X = StandardScaler().fit_transform(X)
    model = clone(estimator).set_params(preprocessor=first).fit(X, y)
    before = model.predict(X.astype(object))
    model.set_params(preprocessor=then)
    assert_array_equal(model.predict(X.astype(object)), before)
    model.set_params(warm_start=True, max_iter=12).fit(X.astype(object), y)
    assert model.n_iter_ == 12


# Losses


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_regression_losses_beat_the_mean_and_do_not_mind_the_scale(diabetes, loss):
    X, y = diabetes
    parameters = SMALL | dict(loss=loss, max_iter=30, dtype="float64")
    model = SNNRegressor(**parameters).fit(X, y)
    assert model.score(X, y) > 0.4
    scaled = SNNRegressor(**parameters).fit(X, 1e6 * y - 1e8)
    assert_allclose(scaled.predict(X), 1e6 * model.predict(X) - 1e8, rtol=1e-6)


def test_a_large_mean_of_the_target_costs_no_precision(diabetes):
    X, y = diabetes
    model = SNNRegressor(**SMALL).fit(X, y)
    far = SNNRegressor(**SMALL).fit(X, y + 1e8)
    assert_allclose(far.predict(X) - 1e8, model.predict(X), atol=0.1)


def test_huber_and_absolute_error_shrug_off_outliers(diabetes):
    X, y = diabetes
    wild = y.copy()
    wild[::20] = 1e5
    for loss in ("huber", "absolute_error"):
        model = SNNRegressor(loss=loss, **SMALL | dict(max_iter=30)).fit(X, wild)
        assert r2_score(y, model.predict(X)) > 0.2


def test_a_quantile_is_above_its_share_of_the_targets(diabetes):
    X, y = diabetes
    for quantile in (0.2, 0.9):
        model = SNNRegressor(
            loss="quantile", quantile=quantile, **SMALL | dict(max_iter=40)
        ).fit(X, y)
        assert abs((y < model.predict(X)).mean() - quantile) < 0.1
        linear = QuantileRegressor(quantile=quantile, alpha=0).fit(X, y)
        ours, theirs = (
            mean_pinball_loss(y, one.predict(X), alpha=quantile)
            for one in (model, linear)
        )
        assert ours < 1.05 * theirs
    with pytest.raises(ValueError, match="needs a quantile"):
        SNNRegressor(loss="quantile").fit(X, y)


def test_poisson_predicts_counts():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 3))
    y = rng.poisson(np.exp(X[:, 0] + 3)).astype(float)
    model = SNNRegressor(loss="poisson", **SMALL | dict(max_iter=40)).fit(X, y)
    assert model.out_activation_ == "exp"
    assert (model.predict(X) > 0).all()
    dummy = DummyRegressor().fit(X, y)
    assert mean_poisson_deviance(y, model.predict(X)) < 0.1 * mean_poisson_deviance(
        y, dummy.predict(X)
    )
    with pytest.raises(ValueError, match="non-negative y"):
        model.fit(X, y - 10)


# Labels


def test_several_labels_are_learned_at_once(labels):
    X, y, _ = labels
    model = SNNClassifier(**SMALL | dict(max_iter=40)).fit(X, y)
    assert_array_equal(model.classes_, [0, 1, 2, 3])
    assert model.predict_proba(X).shape == y.shape
    whole = roc_auc_score(y, model.predict_proba(X))
    linear = ClassifierChain(LogisticRegression(max_iter=1000)).fit(X, y)
    assert whole > roc_auc_score(y, linear.predict_proba(X)) - 0.02


def test_labels_that_were_not_measured_are_left_out(labels):
    X, y, missing = labels
    model = SNNClassifier(**SMALL | dict(max_iter=40)).fit(X, missing)
    whole = SNNClassifier(**SMALL | dict(max_iter=40)).fit(X, y)
    assert roc_auc_score(y, model.predict_proba(X)) > (
        roc_auc_score(y, whole.predict_proba(X)) - 0.03
    )
    known = ~np.isnan(missing)
    right = np.where(known, model.predict(X) == missing, True).all(axis=1)
    assert_allclose(model.score(X, missing), right[known.any(axis=1)].mean())


def test_masked_scorer_scores_what_was_measured(labels):
    X, y, missing = labels
    model = SNNClassifier(**SMALL).fit(X, missing)
    proba = model.predict_proba(X)
    expected = np.mean(
        [
            roc_auc_score(y[rows, j], proba[rows, j])
            for j, rows in enumerate(~np.isnan(missing.T))
        ]
    )
    assert_allclose(masked_scorer("roc_auc")(model, X, missing), expected)
    assert_allclose(masked_scorer(get_scorer("roc_auc"))(model, X, missing), expected)
    search = GridSearchCV(
        SNNClassifier(**SMALL),
        {"depth": [1, 2]},
        scoring=masked_scorer("roc_auc"),
        cv=KFold(2),
    ).fit(X, missing)
    assert 0.6 < search.best_score_ <= 1
    nothing = np.full_like(missing, np.nan)
    assert np.isnan(masked_scorer("accuracy")(model, X, nothing))


@pytest.mark.parametrize("dtype", ["Int64", object])
def test_labels_that_are_missing_in_a_frame_are_scored(labels, dtype):
    X, _, missing = labels
    frame = pd.DataFrame(missing).astype("Int64")
    if dtype is object:
        frame = frame.astype(object).where(frame.notna(), None)
    model = SNNClassifier(**SMALL).fit(X, frame)
    expected = masked_scorer("roc_auc")(model, X, missing)
    assert masked_scorer("roc_auc")(model, X, frame) == expected
    scores = [
        SNNGridSearchCV(
            SNNClassifier(**SMALL),
            {"depth": [1, 2]},
            cv=2,
            scoring=masked_scorer("roc_auc"),
        )
        .fit(X, y)
        .best_score_
        for y in (missing, frame)
    ]
    assert scores[0] == scores[1]


def test_masked_scorer_wants_a_column_for_each_label(cancer):
    X, y = cancer
    model = SNNClassifier(**SMALL).fit(X, y)
    for wrong in (y, y[:, np.newaxis]):
        with pytest.raises(ValueError, match=r"two or more labels.*got shape \(569"):
            masked_scorer("roc_auc")(model, X, wrong)


def test_masked_scorer_weighs_rows_and_skips_labels_of_one_class(labels):
    X, y, missing = labels
    model = SNNClassifier(**SMALL).fit(X, missing)
    missing[missing[:, 0] == 0, 0] = np.nan
    weight, proba = np.random.default_rng(0).random(len(y)), model.predict_proba(X)
    known = ~np.isnan(missing)
    expected = [
        roc_auc_score(y[rows, j], proba[rows, j], sample_weight=weight[rows])
        for j, rows in enumerate(known.T)
        if j > 0
    ]
    score = masked_scorer("roc_auc")(model, X, missing, sample_weight=weight)
    assert_allclose(score, np.mean(expected))


def test_class_weight_of_labels(labels):
    X, _, missing = labels
    parameters = SMALL | dict(max_iter=40)
    plain = SNNClassifier(**parameters).fit(X, missing)
    eager = SNNClassifier(class_weight={0: 1, 1: 20}, **parameters).fit(X, missing)
    assert eager.predict_proba(X).mean() > plain.predict_proba(X).mean() + 0.1
    balanced = SNNClassifier(class_weight="balanced", **parameters).fit(X, missing)
    rare = np.nanmean(missing, axis=0).argmin()
    assert balanced.predict_proba(X)[:, rare].mean() > (
        plain.predict_proba(X)[:, rare].mean()
    )
    with pytest.raises(ValueError, match="keys 0 and 1"):
        SNNClassifier(class_weight={"a": 1}).fit(X, missing)


def test_class_weight_multiplies_sample_weight(cancer):
    X, y = cancer
    X = StandardScaler().fit_transform(X)
    parameters = SMALL | dict(preprocessor=None)  # which sample weights would move
    by_class = SNNClassifier(class_weight={0: 3, 1: 0.5}, **parameters).fit(X, y)
    by_row = SNNClassifier(**parameters).fit(X, y, np.where(y, 0.5, 3))
    assert_allclose(by_class.loss_curve_, by_row.loss_curve_)
    plain = SNNClassifier(**parameters).fit(X, y)
    assert by_class.predict(X).mean() < plain.predict(X).mean()
    weight = np.random.default_rng(0).random(len(y)) + 0.1
    both = clone(by_class).fit(X, y, weight)
    product = SNNClassifier(**parameters).fit(X, y, weight * np.where(y, 0.5, 3))
    assert_allclose(both.loss_curve_, product.loss_curve_)


@pytest.mark.parametrize("labels", [[0, 1], ["a", "b"], [0, 1, 2]])
def test_rows_may_lack_a_class_that_has_a_weight(cancer, labels):
    X, y = cancer
    y = np.array(labels)[y]
    few = y == labels[0]
    model = SNNClassifier(class_weight={labels[1]: 5.0}, **SMALL)
    model.partial_fit(X, y, classes=labels).partial_fit(X[few], y[few])
    model.set_params(early_stopping=True).fit(X, y, X_val=X[few], y_val=y[few])
    model.set_params(warm_start=True, early_stopping=False, max_iter=12)
    model.fit(X[few], y[few])
    assert model.n_iter_ == 12
    with pytest.raises(ValueError, match="not in class_weight"):
        SNNClassifier(class_weight={"strange": 2.0}).fit(X, y)


def test_a_chunk_of_classes_without_weight_is_no_divergence(cancer):
    X, y = cancer
    model = SNNClassifier(class_weight={0: 0, 1: 0, 2: 1}, **SMALL)
    proba = model.partial_fit(X, y, classes=[0, 1, 2]).predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)


# Step size


def test_the_step_size_is_smaller_where_networks_are_deep(diabetes):
    def curve(**parameters):
        return SNNRegressor(**SMALL | parameters).fit(X, y).loss_curve_

    X, y = diabetes
    assert curve(depth=8) == curve(depth=8, learning_rate_init=3e-3)
    assert curve(depth=12) == curve(depth=12, learning_rate_init=2e-3)
    assert curve(depth=12) != curve(depth=12, learning_rate_init=3e-3)


def test_very_deep_networks_learn_with_steps_of_their_own():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    deep = dict(depth=32, width=32, n_estimators=2, max_iter=60, random_state=0)
    model = SNNClassifier(**deep).fit(X, y)
    assert model.score(X_test, y_test) > 0.9  # .76 with the steps of shallow networks


# Stopping


@pytest.mark.parametrize("estimator", BOTH, ids=name)
@pytest.mark.parametrize(("n", "stops"), [(999, False), (1000, True)])
def test_early_stopping_auto_begins_at_1000_rows(estimator, n, stops):
    X = np.random.default_rng(0).normal(size=(n, 2))
    model = clone(estimator).set_params(max_iter=1).fit(X, np.arange(n) % 2)
    assert (model.validation_scores_ is not None) == stops


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", None, "loss"])
def test_scoring_is_what_early_stopping_reads(cancer, scoring):
    X, y = cancer
    y = np.where(y, "good", "bad")
    model = SNNClassifier(scoring=scoring, **SMALL)
    model.fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    names = {None: "accuracy", "loss": "neg_log_loss"}
    scorer = get_scorer(names.get(scoring, scoring))
    expected = scorer(model, X[400:], y[400:])
    assert_allclose(model.best_validation_score_, expected, rtol=1e-5)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_validation_rows_weigh_what_they_should(diabetes):
    X, y = diabetes
    weight = np.linspace(0, 1, 100)
    model = SNNRegressor(scoring="r2", **SMALL).fit(
        X[100:], y[100:], X_val=X[:100], y_val=y[:100], sample_weight_val=weight
    )
    expected = r2_score(y[:100], model.predict(X[:100]), sample_weight=weight)
    assert_allclose(model.best_validation_score_, expected, rtol=1e-5)


def test_a_time_limit_warns_and_keeps_the_best(cancer, monkeypatch):
    X, y = cancer
    monkeypatch.setattr("sklearn_snn._clock.time", clock_of_readings(1e-3))
    model = SNNClassifier(
        time_limit=0.5,
        n_iter_no_change=10**6,
        learning_rate="constant",
        learning_rate_init=0.1,
        **SMALL | dict(max_iter=10**6),
    )
    with pytest.warns(ConvergenceWarning, match=r"time_limit=0.5 seconds"):
        model.fit(X[100:], y[100:], X_val=X[:100], y_val=y[:100])
    assert model.networks_[0].best_epoch < model.n_iter_
    expected = -log_loss(y[:100], model.predict_proba(X[:100]))
    assert_allclose(model.best_validation_score_, expected, rtol=1e-5)


def test_divergence_is_an_error_that_says_what_to_change(diabetes):
    X, y = diabetes
    model = SNNRegressor(solver="sgd", learning_rate_init=1e20, **SMALL)
    with pytest.raises(ValueError, match=r"learning_rate_init=1e\+20.*Lower"):
        model.fit(X, y)
    assert not [one for one in vars(model) if one.endswith("_")]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_failed_continuation_loses_nothing(diabetes, method):
    X, y = diabetes
    parameters = dict(solver="sgd", warm_start=True, learning_rate="constant")
    model = SNNRegressor(**SMALL, **parameters).fit(X, y)
    before, predictions = dict(vars(model)), model.predict(X)
    model.set_params(learning_rate_init=1e20, max_iter=20)
    with pytest.raises(ValueError, match="as it was before"):
        getattr(model, method)(X, y)
    assert_array_equal(model.predict(X), predictions)
    assert set(vars(model)) == set(before)
    assert model.n_iter_ == 10


# Going on


@pytest.mark.parametrize("estimator", BOTH, ids=name)
def test_partial_fits_are_epochs_at_a_constant_step_size(cancer, estimator):
    X, y = cancer
    classes = {"classes": [0, 1]} if name(estimator) == "SNNClassifier" else {}
    parts = clone(estimator).set_params(
        dropout=0.1, n_estimators=2, early_stopping=False
    )
    for _ in range(10):
        parts.partial_fit(X, y, **classes)
    whole = clone(parts).set_params(learning_rate="constant").fit(X, y)
    assert parts.n_iter_ == whole.n_iter_ == 10
    assert_array_equal(parts._outputs(X), whole._outputs(X))
    assert_allclose(parts.loss_curve_, whole.loss_curve_)


def test_what_is_constant_at_first_is_learned_later():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 2)) * 100 + 50
    y = X[:, 1] * 1000
    model = SNNRegressor(learning_rate_init=0.01, **SMALL)
    first = X[:50].copy()
    first[:, 1] = 7.0
    model.partial_fit(first, np.full(50, 3.0))
    assert_array_equal(model.preprocessor_.scaling_.slope > 0, [True, False])
    assert_allclose(model.predict(first), 3, atol=2)
    for _ in range(20):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.95


def test_warm_start_learns_what_was_constant_at_first(diabetes):
    X, y = diabetes
    options = SMALL | dict(warm_start=True, learning_rate="constant")
    model = SNNRegressor(**options).fit(X, np.ones(len(y)))
    assert_allclose(model.predict(X), 1)
    assert model.set_params(max_iter=60).fit(X, y).score(X, y) > 0.3
    model = SNNRegressor(**options).fit(0 * X, y)
    assert model.set_params(max_iter=60).fit(X, y).score(X, y) > 0.3


def test_counts_of_a_chunk_may_all_be_0():
    X = np.random.default_rng(0).normal(size=(200, 2))
    counts = np.floor(np.exp(X[:, 0]))
    model = SNNRegressor(loss="poisson", **SMALL).partial_fit(X, counts)
    before = model.predict(X).mean()
    for _ in range(20):
        model.partial_fit(X[:20], np.zeros(20))
    assert model.predict(X).mean() < before
    for data in (dict(y=-counts), dict(y=counts, X_val=X, y_val=-counts)):
        with pytest.raises(ValueError, match="requires non-negative y"):
            model.set_params(warm_start=True, early_stopping="auto").fit(X, **data)


def test_a_frozen_preprocessor_is_used_as_it_is(diabetes):
    X, y = diabetes
    scaler = StandardScaler().fit(X * 5)
    model = SNNRegressor(preprocessor=FrozenEstimator(scaler), **SMALL)
    model.partial_fit(X[:50], y[:50])
    assert_allclose(model.preprocessor_.transform(X), scaler.transform(X))


def test_partial_fit_wants_all_classes_first(cancer):
    X, y = cancer
    model = SNNClassifier(**SMALL)
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, y)
    model.partial_fit(X[y == 1], y[y == 1], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (len(y), 3)
    with pytest.raises(ValueError, match="not the same as"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"classes \[3\]"):
        model.partial_fit(X, y + 2)
    with pytest.raises(ValueError, match="balanced"):
        SNNClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        ([], ValueError, r"one at least and none of them missing, got \[\]"),
        ([0, np.nan], ValueError, "none of them missing, got"),
        (np.array(["a", None], dtype=object), ValueError, "none of them missing"),
        (np.array(["a", 1], dtype=object), TypeError, "labels of one type"),
        ([[0, 1], [1, 0]], ValueError, "1d array"),
    ],
)
def test_classes_must_be_labels(cancer, classes, error, message):
    X, y = cancer
    model = SNNClassifier(**SMALL)
    with pytest.raises(error, match=message):
        model.partial_fit(X, y, classes=classes)
    assert not hasattr(model, "classes_")
    model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(error, match=message):
        model.partial_fit(X, y, classes=classes)


@pytest.mark.parametrize("estimator", BOTH, ids=name)
@pytest.mark.parametrize("n_columns", [None, 2, 3])
def test_a_target_of_another_shape_does_not_fit_in(cancer, estimator, n_columns):
    X, y = cancer
    classes = {"classes": [0, 1]} if name(estimator) == "SNNClassifier" else {}
    first, other = y, np.column_stack([y, 1 - y])
    if n_columns is not None:
        first, classes = np.column_stack([y] * n_columns), {}
        other = np.column_stack([first, y])
    model = clone(estimator).partial_fit(X, first, **classes)
    wanted = r"\(n,\)" if n_columns is None else rf"\(n, {n_columns}\)"
    with pytest.raises(ValueError, match=f"y must have shape {wanted} as before"):
        model.partial_fit(X, other)


def test_several_labels_may_name_their_classes_in_each_partial_fit(cancer):
    X, _ = cancer
    labels = (X[:, :3] > np.median(X[:, :3], axis=0)).astype(int)
    model = SNNClassifier(**SMALL)
    for _ in range(2):
        model.partial_fit(X, labels, classes=[0, 1])
    assert model.n_iter_ == 2


def test_a_score_of_several_labels_checks_what_it_is_given(cancer):
    X, _ = cancer
    labels = (X[:, :3] > np.median(X[:, :3], axis=0)).astype(int)
    model = SNNClassifier(**SMALL).fit(X, labels)
    with pytest.raises(ValueError, match=r"y must have shape \(n, 3\)"):
        model.score(X, labels[:, :1])
    with pytest.raises(ValueError, match="Negative values"):
        model.score(X, labels, sample_weight=np.full(len(X), -1.0))
    with pytest.raises(ValueError, match="sample_weight"):
        model.score(X, labels, sample_weight=[1.0])


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf, None, "1"])
@pytest.mark.parametrize("n_labels", [1, 3])
def test_class_weights_are_finite_and_not_negative(cancer, weight, n_labels):
    X, _ = cancer
    labels = (X[:, :n_labels] > np.median(X[:, :n_labels], axis=0)).astype(int)
    labels = labels[:, 0] if n_labels == 1 else labels
    with pytest.raises(ValueError, match=f"got {weight!r} for class 1"):
        SNNClassifier(class_weight={0: 1.0, 1: weight}, **SMALL).fit(X, labels)
    nothing = SNNClassifier(class_weight={0: 0, 1: 0.0}, **SMALL)
    with pytest.raises(ValueError, match="class_weight must leave a class"):
        nothing.fit(X, labels)


def test_going_on_without_an_epoch_left_is_warned_of(cancer):
    X, y = cancer
    model = SNNClassifier(warm_start=True, early_stopping=False, **SMALL).fit(X, y)
    before = model.predict_proba(X)
    with pytest.warns(UserWarning, match="which all networks have reached"):
        model.fit(X[:50], y[:50])
    assert_array_equal(model.predict_proba(X), before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(n_estimators=SMALL["n_estimators"] + 1).fit(X, y)


def test_partial_fit_ignores_early_stopping(cancer):
    X, y = cancer
    model = SNNClassifier(early_stopping=True, **SMALL)
    model.partial_fit(X, y, classes=[0, 1])
    assert model.validation_scores_ is None


def test_warm_start_goes_on_to_max_iter(cancer):
    X, y = cancer
    parameters = SMALL | dict(learning_rate="constant", dropout=0.1)
    whole = SNNClassifier(**parameters).fit(X, y)
    warm = SNNClassifier(warm_start=True, **parameters | dict(max_iter=4)).fit(X, y)
    assert warm.n_iter_ == 4
    warm.set_params(max_iter=10).fit(X, y)
    assert warm.n_iter_ == 10
    assert_same_weights(warm, whole)
    with pytest.raises(ValueError, match="cannot go on training"):
        warm.set_params(width=8).fit(X, y)


class Doubled:
    """A preprocessor that is none of scikit-learn's, with no more than it needs."""

    def get_params(self, deep=True):
        return {}

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return 2 * X


@pytest.mark.parametrize("estimator", BOTH, ids=name)
def test_a_preprocessor_need_not_know_of_tags(cancer, estimator):
    X, y = cancer
    X = StandardScaler().fit_transform(X)
    model = clone(estimator).set_params(preprocessor=Doubled()).fit(X, y)
    plain = clone(estimator).set_params(preprocessor=None).fit(2 * X, y)
    assert_array_equal(model.predict(X), plain.predict(2 * X))


def test_a_loss_that_is_set_later_does_not_change_predictions(diabetes):
    X, y = diabetes
    model = SNNRegressor(**SMALL, loss="poisson", warm_start=True).fit(X, y)
    before = model.predict(X)
    model.set_params(loss="squared_error")
    assert_array_equal(model.predict(X), before)
    with pytest.raises(ValueError, match="out_activation_='exp' cannot go on"):
        model.fit(X, y)
    assert_array_equal(model.predict(X), before)
    model.set_params(loss="poisson", max_iter=12).fit(X, y)
    assert model.n_iter_ == 12


def test_a_loss_of_the_same_link_may_go_on(diabetes):
    model = SNNRegressor(**SMALL, warm_start=True).fit(*diabetes)
    model.set_params(loss="absolute_error", max_iter=12).fit(*diabetes)
    assert model.n_iter_ == 12


def test_networks_that_join_leave_those_that_are_done_as_they_are(diabetes):
    model = SNNRegressor(**SMALL | dict(warm_start=True, learning_rate="constant"))
    first = model.set_params(n_estimators=2).fit(*diabetes).networks_
    model.set_params(n_estimators=4).fit(*diabetes)
    assert [network.n_iter for network in model.networks_] == [10] * 4
    for old, new in zip(first, model.networks_, strict=False):
        for before, after in zip(old.weights, new.weights, strict=True):
            assert_array_equal(before, after)


def test_warm_start_never_gets_worse_on_the_rows_it_is_validated_on(cancer):
    X, y = cancer
    model = SNNClassifier(warm_start=True, early_stopping=True, **SMALL).fit(X, y)
    first = model.best_validation_score_
    # An epoch of steps so large that they can only do harm.
    model.set_params(max_iter=11, learning_rate_init=5.0, learning_rate="constant")
    model.fit(X, y)
    assert model.validation_scores_[-1] < first
    assert model.best_validation_score_ == pytest.approx(first)
    (network,) = model.networks_
    scores = network.validation_scores
    assert scores[network.best_epoch - 1] == pytest.approx(network.best_score)


@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState(0)])
@pytest.mark.parametrize("numbers", [(1, 8, 1), (8, 1, 8)])
def test_warm_start_validates_networks_on_the_rows_they_never_saw(
    cancer, monkeypatch, random_state, numbers
):
    X, y = cancer
    held_out = []

    def fit(specs, *args, **kwargs):
        held_out.append([set(spec.validation_rows) for spec in specs])
        return fit_networks(specs, *args, **kwargs)

    monkeypatch.setattr("sklearn_snn._base.fit_networks", fit)
    model = SNNClassifier(warm_start=True, early_stopping=True, random_state=0)
    model.set_params(**SMALL | dict(random_state=random_state))
    for i, number in enumerate(numbers):
        model.set_params(n_estimators=number, max_iter=3 * (i + 1)).fit(X, y)
    assert [one[0] for one in held_out] == [held_out[0][0]] * 3
    clone(model).fit(X, y)
    has_number = isinstance(random_state, int) and numbers[-1] == numbers[0]
    assert (held_out[3][0] == held_out[0][0]) == has_number


def test_epochs_that_were_not_validated_have_no_score(cancer):
    X, y = cancer
    model = SNNClassifier(warm_start=True, early_stopping=True, **SMALL)
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1])
    model.fit(X, y)
    assert len(model.validation_scores_) == len(model.loss_curve_) > 3
    assert_array_equal(np.flatnonzero(np.isnan(model.validation_scores_)), [0, 1, 2])


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), DictVectorizer()])
@pytest.mark.parametrize("cls", [SNNClassifier, SNNRegressor])
def test_rows_may_be_texts_or_dicts_for_a_transformer_that_takes_them(cls, vectorizer):
    X, y = ["a warm day", "a cold night"] * 30, [1, 0] * 30
    if isinstance(vectorizer, DictVectorizer):
        X = [dict.fromkeys(text.split(), 1) for text in X]
    model = cls(preprocessor=vectorizer, oof_score=True, **SMALL | dict(n_estimators=2))
    model.set_params(max_iter=40).fit(X, y)
    assert model.oof_score_ > 0.9
    assert model.score(X, y) > 0.9


def test_columns_that_nothing_makes_categories_of_are_warned_of(cancer):
    X, y = cancer
    model = SNNClassifier(categorical_features=[1], **SMALL)
    model.set_params(preprocessor=StandardScaler())
    with pytest.warns(UserWarning, match=r"categorical_features=\[1\] has no effect"):
        model.fit(X, y)


# Data


def test_a_transformer_of_the_users_makes_the_table(cancer):
    X, y = cancer
    model = SNNClassifier(preprocessor=RobustScaler(), **SMALL).fit(X, y)
    by_hand = RobustScaler().fit(X)
    bare = SNNClassifier(preprocessor=None, **SMALL).fit(by_hand.transform(X), y)
    assert_array_equal(model.predict_proba(X), bare.predict_proba(by_hand.transform(X)))


def test_a_given_preprocessor_is_cloned_and_sees_weighted_training_rows(cancer):
    X, y = cancer
    given, weight = StandardScaler(), np.random.default_rng(0).random(len(y) - 99)
    model = SNNClassifier(preprocessor=given, **SMALL)
    model.fit(X[99:], y[99:], weight, X_val=X[:99], y_val=y[:99])
    assert not hasattr(given, "mean_")
    expected = np.average(X[99:], axis=0, weights=weight)
    assert_allclose(model.preprocessor_.mean_, expected)


class RowDropper(BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[1:]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_preprocessor_has_to_return_all_rows(cancer, early_stopping):
    X, y = StandardScaler().fit_transform(cancer[0]), cancer[1]
    params = SMALL | {"early_stopping": early_stopping}
    model = SNNClassifier(preprocessor=RowDropper(), **params)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y)
    model = SNNClassifier(preprocessor=FunctionTransformer(), **params).fit(X, y)
    model.preprocessor_.func = lambda X: X[1:]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.predict(X)


class WeightlessShortcut(StandardScaler):
    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)


def test_without_weights_a_preprocessor_is_passed_none(cancer):
    X, y = cancer
    model = SNNClassifier(preprocessor=WeightlessShortcut(), **SMALL).fit(X, y)
    expected = SNNClassifier(preprocessor=StandardScaler(), **SMALL).fit(X, y)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_a_lone_row_has_to_be_a_table_whatever_the_preprocessor(cancer):
    X, y = StandardScaler().fit_transform(cancer[0]), cancer[1]
    for preprocessor in ("auto", None, StandardScaler()):
        model = SNNClassifier(preprocessor=preprocessor, **SMALL).fit(X, y)
        with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
            model.predict(X[0])


def test_a_target_encoder_does_not_show_rows_their_own_target():
    rng = np.random.default_rng(0)
    names = rng.integers(200, size=(400, 1)).astype(str)  # two rows a name
    noise = rng.standard_normal(400)
    model = SNNRegressor(preprocessor=TargetEncoder(), **SMALL).fit(names, noise)
    leaking = FrozenEstimator(TargetEncoder().fit(names, noise))
    fooled = SNNRegressor(preprocessor=leaking, **SMALL).fit(names, noise)
    assert model.loss_curve_[-1] > 0.45  # half a variance: there is nothing to learn
    assert fooled.loss_curve_[-1] < 0.35


def test_rows_of_weight_0_do_not_shift_the_users_splits(cancer):
    X, y = cancer
    weight = np.arange(len(y)) % 3 != 0
    splits = [(np.arange(300), np.arange(300, len(y)))]
    model = SNNClassifier(cv=splits, **SMALL).fit(X, y, sample_weight=weight)
    kept = np.flatnonzero(weight)
    same = [(np.flatnonzero(kept < 300), np.flatnonzero(kept >= 300))]
    without = SNNClassifier(cv=same, **SMALL).fit(X[weight], y[weight])
    assert_allclose(model.validation_scores_, without.validation_scores_, rtol=1e-4)


def test_categories_coded_as_numbers_become_indicators():
    import pandas as pd

    rng = np.random.default_rng(0)
    code = rng.integers(5, size=300)
    X = pd.DataFrame({"code": code, "noise": rng.standard_normal(300)})
    y = np.array([3.0, -1.0, 5.0, -4.0, 2.0])[code]
    as_number = SNNRegressor(**SMALL | dict(max_iter=5, random_state=1)).fit(X, y)
    by_type = X.astype({"code": "category"})
    fitted = [
        clone(as_number).fit(by_type, y),
        clone(as_number).set_params(categorical_features=["code"]).fit(X, y),
        clone(as_number).set_params(categorical_features=[0]).fit(X, y),
        clone(as_number).set_params(categorical_features=[True, False]).fit(X, y),
    ]
    for model in fitted:
        assert model.preprocessor_.transform(X).shape == (300, 6)
        assert_array_equal(model.predict(by_type), fitted[0].predict(by_type))
    assert fitted[0].score(by_type, y) > as_number.score(X, y) + 0.1
    for wrong, message in [(["nope"], "lacks"), ([7], "indices"), ([True], "mask")]:
        with pytest.raises(ValueError, match=message):
            clone(as_number).set_params(categorical_features=wrong).fit(X, y)


# Looking inside


@pytest.mark.parametrize(
    "estimator",
    [
        *BOTH,
        SNNRegressor(loss="poisson", **SMALL),
        SNNClassifier(**SMALL | dict(width=7, depth=3)),
    ],
    ids=name,
)
def test_modules_are_the_networks_and_their_scales(diabetes, estimator):
    X, y = diabetes
    if name(estimator) == "SNNClassifier":
        y = np.digitize(y, [100, 200])
    model = clone(estimator).set_params(n_estimators=2, max_iter=3).fit(X, y)
    x = torch.from_numpy(model.preprocessor_.transform(X))
    with torch.no_grad():
        raw = np.stack([module(x).double().numpy() for module in model.modules_])
    if name(estimator) == "SNNClassifier":
        proba = np.exp(raw) / np.exp(raw).sum(axis=-1, keepdims=True)
        assert_allclose(proba.mean(axis=0), model.predict_proba(X), rtol=1e-4)
    else:
        link = np.exp if estimator.loss == "poisson" else np.asarray
        assert_allclose(link(raw).mean(axis=0)[:, 0], model.predict(X), rtol=1e-4)
    assert "modules_" not in vars(model)
    layers = {type(layer) for layer in model.modules_[0]}
    assert layers <= {torch.nn.Linear, torch.nn.SELU, torch.nn.AlphaDropout}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_attributes_of_an_earlier_fit_do_not_stay(diabetes, method):
    model = SNNRegressor(**SMALL | dict(oof_score=True, n_estimators=2))
    assert hasattr(model.fit(*diabetes), "oof_prediction_")
    getattr(model.set_params(oof_score=False), method)(*diabetes)
    assert not {"oof_score_", "oof_prediction_"} & set(vars(model))
    model = SNNRegressor(**SMALL, callbacks=[EpochTimer()]).fit(*diabetes)
    assert len(model.callbacks_) == 1
    assert not hasattr(model.set_params(callbacks=None).fit(*diabetes), "callbacks_")


def test_fitted_attributes(diabetes):
    X, y = diabetes
    model = SNNClassifier(**SMALL).fit(*load_iris(return_X_y=True))
    assert (model.n_layers_, model.n_outputs_, model.out_activation_) == (
        4,
        3,
        "softmax",
    )
    assert model.n_iter_ == len(model.loss_curve_) == 10
    assert model.best_validation_score_ is None
    model = SNNRegressor(layer_form="conic", **SMALL | dict(depth=3)).fit(
        X, np.column_stack([y, y, y, y])
    )
    shapes = [part.shape for part in model.networks_[0].weights[::2]]
    assert shapes == [(10, 16), (16, 10), (10, 6), (6, 4)]
    assert model.predict(X).shape == (len(y), 4)


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_a_default_fit_warns_of_nothing(cancer, make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(max_iter=2).fit(*cancer).predict(cancer[0])


def test_an_enormous_sparse_table_is_never_dense():
    """Its dense form would take 400 MB; see benchmarks for the real size."""
    import tracemalloc

    rng = np.random.default_rng(0)
    places = rng.integers(50_000, size=10**5), np.arange(0, 10**5 + 1, 50)
    X = csr_array((rng.random(10**5), *places), shape=(2000, 50_000))
    y = rng.integers(2, size=2000)
    model = SNNClassifier(**SMALL | dict(max_iter=1))
    tracemalloc.start()
    model.fit(X, y).predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    few = X[:, :10_000]
    with Made() as made:  # what torch takes is not traced
        model.fit(few, y).predict(few)
    assert max(one.numel() for one in made.tensors) < np.prod(few.shape) / 10
