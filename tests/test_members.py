"""Several networks in one estimator: who sees which rows, and what they say."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    make_multilabel_classification,
)
from sklearn.feature_selection import SelectFpr
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedKFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from watching import Trained, flat

from sklearn_snn import (
    SNNClassifier,
    SNNGridSearchCV,
    SNNRegressor,
    TabularPreprocessor,
)
from sklearn_snn import _training as training
from sklearn_snn._losses import BinaryCrossEntropy, SquaredError
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingSet

SMALL = dict(
    depth=1,
    width=8,
    max_iter=5,
    batch_size=32,
    random_state=0,
    n_estimators=1,
    n_bins=1,
)
EXACT = SMALL | dict(dtype="float64")


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X)[:200, :6], y[:200]


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def target_encoder():
    """The same in every fit, as scikit-learn says it before and from 1.9 on."""
    if TargetEncoder().random_state is None:
        return TargetEncoder(random_state=0)
    return TargetEncoder(cv=KFold(5))


class Seeded(np.random.RandomState):
    """Draws one seed, whoever asks."""

    def __init__(self, seed):
        super().__init__(0)
        self.only = seed

    def randint(self, high, size):
        return np.full(size, self.only)


class MemberByHand(BaseEstimator):
    """Fits one lone network a call, with the seed of one member after the other."""

    def __init__(self, model, seeds):
        self.model, self.seeds = model, seeds

    def __sklearn_clone__(self):
        return self

    def fit(self, X, y):
        alone = dict(n_estimators=1, oof_score=False, cv=None, preprocessor=None)
        self.fitted_ = clone(self.model).set_params(**alone)
        self.fitted_.random_state = Seeded(self.seeds.pop(0))
        self.fitted_.fit(X, y)
        self.classes_ = getattr(self.fitted_, "classes_", None)
        return self

    def predict(self, X):
        return self.fitted_.predict(X)

    def predict_proba(self, X):
        return self.fitted_.predict_proba(X)


class ClassifierByHand(ClassifierMixin, MemberByHand):
    pass


class RegressorByHand(RegressorMixin, MemberByHand):
    pass


def by_hand(model, X, y, cv, steps=()):
    """scikit-learn's cross-validated predictions of the same networks."""
    is_classifier = isinstance(model, SNNClassifier)
    cls = ClassifierByHand if is_classifier else RegressorByHand
    lone = cls(model, [network.seed for network in model.networks_])
    return cross_val_predict(
        make_pipeline(*steps, lone),
        X,
        y,
        cv=cv,
        method="predict_proba" if is_classifier else "predict",
    )


def assert_same_networks(first, second, **tolerance):
    for a, b in zip(first, second, strict=True):
        assert_allclose(flat(a), flat(b), **tolerance)


def last_argmax(values):
    return len(values) - int(np.argmax(values[::-1])) - 1


# Predictions of rows that were not seen


def test_held_out_predictions_are_those_of_cross_val_predict(cancer, iris):
    folds = StratifiedKFold(4, shuffle=True, random_state=1)
    for X, y in (cancer, iris):
        model = SNNClassifier(
            cv=folds,
            oof_score=True,
            early_stopping=False,
            preprocessor=StandardScaler(),
            **EXACT | dict(n_estimators=4),
        ).fit(X, y)
        expected = by_hand(model, X, y, folds, [StandardScaler()])
        assert_allclose(model.oof_decision_function_, expected, atol=1e-6)
        assert model.oof_decision_function_.dtype == np.float64
        assert model.oof_decision_function_.shape == (len(y), len(np.unique(y)))
        assert_allclose(
            model.oof_score_,
            accuracy_score(y, model.classes_[expected.argmax(axis=1)]),
        )
        for i, (_, held_out) in enumerate(folds.split(X, y)):
            assert_allclose(
                model.predict_members(X)[i, held_out], expected[held_out], rtol=1e-9
            )


def test_held_out_predictions_of_a_regressor():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:120], np.column_stack([y[:120], -np.sqrt(y[:120])])
    # Both halves have the same targets, and thus the same scale as the whole.
    order = np.random.default_rng(0).permutation(60)
    y[60:] = y[:60][order]
    parameters = dict(n_estimators=2, cv=KFold(2), oof_score=True, preprocessor=None)
    for target in (y, y[:, 0]):
        model = SNNRegressor(**EXACT | parameters).fit(X, target)
        model.set_params(early_stopping=False).fit(X, target)
        expected = by_hand(model, X, target, KFold(2))
        assert model.oof_prediction_.shape == target.shape
        assert model.oof_prediction_.dtype == np.float64
        assert_allclose(model.oof_prediction_, expected, rtol=1e-5)
        assert_allclose(model.oof_score_, r2_score(target, expected), rtol=1e-6)
        assert not hasattr(model, "oof_decision_function_")


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson"])
def test_the_scale_of_the_target_is_that_of_the_rows_a_member_has_seen(loss):
    X, y = load_diabetes(return_X_y=True)
    order = np.argsort(y[:120])  # folds whose targets differ as much as they can
    X, y = X[order], y[order]
    model = SNNRegressor(
        loss=loss,
        cv=KFold(2),
        oof_score=True,
        early_stopping=False,
        preprocessor=None,
        **EXACT | dict(n_estimators=2),
    ).fit(X, y)
    expected = by_hand(model, X, y, KFold(2))
    assert_allclose(model.oof_prediction_, expected, rtol=1e-5)


def test_balanced_classes_are_those_of_the_rows_a_member_has_seen(cancer):
    X, y = cancer
    order = np.argsort(y, kind="stable")
    order[[0, -1]] = order[[-1, 0]]  # a row of the other class in each half
    X, y = X[order], y[order]
    model = SNNClassifier(
        class_weight="balanced",
        cv=KFold(2),
        oof_score=True,
        early_stopping=False,
        preprocessor=None,
        **EXACT | dict(n_estimators=2),
    ).fit(X, y)
    expected = by_hand(model, X, y, KFold(2))
    assert_allclose(model.oof_decision_function_, expected, atol=1e-6)


def test_balanced_classes_count_rows_as_often_as_they_weigh(cancer):
    X, y = cancer
    counts = 1 + 2 * y
    settings = dict(class_weight="balanced", preprocessor=None, early_stopping=False)
    model = SNNClassifier(**settings, **EXACT | dict(batch_size=len(y)))
    weighed = clone(model).fit(X, y, sample_weight=counts)
    model.set_params(batch_size=int(counts.sum()))
    repeated = clone(model).fit(X.repeat(counts, 0), y.repeat(counts))
    assert_allclose(weighed.predict_proba(X), repeated.predict_proba(X), atol=1e-6)


def test_balanced_classes_count_the_weights_of_the_rows_a_member_has_seen(cancer):
    X, y = cancer
    counts = 1 + 2 * y
    settings = EXACT | dict(preprocessor=None, cv=KFold(2), oof_score=True)
    model = SNNClassifier(early_stopping=False, **settings)
    by_hand = counts / np.bincount(y[100:], counts[100:])[y]  # of the second half
    expected = clone(model).fit(X, y, sample_weight=by_hand)
    model.set_params(class_weight="balanced").fit(X, y, sample_weight=counts)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-6)


def test_balanced_labels_count_rows_as_often_as_they_weigh():
    X, y = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    counts = 1 + 2 * y[:, 0]
    settings = dict(class_weight="balanced", preprocessor=None, early_stopping=False)
    settings |= EXACT | dict(max_iter=30, learning_rate_init=0.01)
    model = SNNClassifier(**settings).set_params(batch_size=60)
    weighed = clone(model).fit(X, y, sample_weight=counts)
    model.set_params(batch_size=int(counts.sum()))
    repeated = clone(model).fit(X.repeat(counts, 0), y.repeat(counts, 0))
    assert_allclose(weighed.predict_proba(X), repeated.predict_proba(X), atol=1e-6)


def test_held_out_predictions_with_early_stopping_are_of_the_stopped_networks(cancer):
    X, y = cancer
    folds = list(KFold(3).split(X))
    model = SNNClassifier(
        cv=folds, oof_score=True, n_iter_no_change=2, **EXACT | dict(n_estimators=3)
    ).fit(X, y)
    assert model.validation_scores_ is not None  # oof_score has stopping "auto" stop
    scaled = model.preprocessor_.transform(X)
    for i, (rows, held_out) in enumerate(folds):
        lone = SNNClassifier(n_iter_no_change=2, **EXACT | dict(preprocessor=None))
        lone.random_state = Seeded(model.networks_[i].seed)
        lone.fit(scaled[rows], y[rows], X_val=scaled[held_out], y_val=y[held_out])
        assert_allclose(
            model.oof_decision_function_[held_out],
            lone.predict_proba(scaled[held_out]),
            atol=1e-6,
        )


def test_members_that_see_the_same_rows_are_averaged(cancer):
    X, y = cancer
    folds = list(KFold(2).split(X))
    model = SNNClassifier(cv=folds, oof_score=True, **EXACT | dict(n_estimators=5)).fit(
        X, y
    )
    members = model.predict_members(X)
    for fold, who in ((0, [0, 2, 4]), (1, [1, 3])):
        held_out = folds[fold][1]
        assert_allclose(
            model.oof_decision_function_[held_out],
            members[who][:, held_out].mean(axis=0),
            atol=1e-6,
        )
    assert len({network.seed for network in model.networks_}) == 5


def test_repeated_splits_are_averaged(cancer):
    X, y = cancer
    splits = list(RepeatedKFold(n_splits=3, n_repeats=2, random_state=0).split(X))
    model = SNNClassifier(
        cv=splits, oof_score=True, **EXACT | dict(n_estimators=6)
    ).fit(X, y)
    members, total = model.predict_members(X), np.zeros((len(y), 2))
    for i, (_, held_out) in enumerate(splits):
        total[held_out] += members[i, held_out] / 2
    assert_allclose(model.oof_decision_function_, total, atol=1e-6)


def test_rows_that_nobody_leaves_out_are_nan(cancer):
    X, y = cancer
    one = SNNClassifier(oof_score=True, validation_fraction=0.1, **SMALL).fit(X, y)
    known = ~np.isnan(one.oof_decision_function_).any(axis=1)
    assert known.sum() == 20
    expected = one.predict_proba(X[known])
    assert_allclose(one.oof_decision_function_[known], expected, atol=1e-6)
    assert_allclose(one.oof_score_, one.score(X[known], y[known]))
    splits = [(np.arange(100), np.arange(150, 200)), (np.arange(50), np.arange(150))]
    two = SNNClassifier(cv=splits, oof_score=True, **SMALL | dict(n_estimators=1)).fit(
        X, y
    )
    known = ~np.isnan(two.oof_decision_function_).any(axis=1)
    assert_array_equal(np.flatnonzero(known), np.arange(150, 200))


@pytest.mark.parametrize("estimator", [SNNClassifier, SNNRegressor])
def test_by_default_every_row_is_held_out_once(cancer, fits, estimator):
    X, y = cancer
    model = estimator(oof_score=True, max_iter=2).fit(X, y)
    (specs, _), *_ = fits  # they may be trained again
    assert len(specs) > 1
    held_out = np.concatenate([spec.validation_rows for spec in specs])
    assert_array_equal(np.sort(held_out), np.arange(len(y)))
    is_classifier = estimator is SNNClassifier
    name = "oof_decision_function_" if is_classifier else "oof_prediction_"
    assert np.isfinite(getattr(model, name)).all()


def test_rows_of_weight_0_are_predicted_where_the_users_splits_say_so(cancer):
    X, y = cancer
    weight = (np.arange(len(y)) % 3).astype(float)
    folds = list(KFold(2).split(X))
    model = SNNClassifier(cv=folds, oof_score=True, **EXACT | dict(n_estimators=2))
    model.fit(X, y, sample_weight=weight)
    proba = model.oof_decision_function_
    assert np.isfinite(proba).all()
    expected = accuracy_score(y, proba.argmax(axis=1), sample_weight=weight)
    assert_allclose(model.oof_score_, expected)
    for i, (_, held_out) in enumerate(folds):
        by_member = model.predict_members(X)[i, held_out]
        assert_allclose(proba[held_out], by_member, atol=1e-6)
    default = SNNClassifier(oof_score=True, **EXACT | dict(n_estimators=10))
    default.fit(X, y, sample_weight=weight)
    unknown = np.isnan(default.oof_decision_function_).any(axis=1)
    assert_array_equal(unknown, weight == 0)  # our splits are of rows that count


def test_labels_that_were_not_measured_have_predictions():
    X, y = make_multilabel_classification(150, 6, n_classes=3, random_state=0)
    y = y.astype(float)
    y[np.random.default_rng(0).random(y.shape) < 0.3] = np.nan
    y[:5] = np.nan
    model = SNNClassifier(cv=5, oof_score=True, **EXACT | dict(n_estimators=5)).fit(
        X, y
    )
    proba = model.oof_decision_function_
    assert proba.shape == y.shape
    assert np.isfinite(proba).all()
    known = ~np.isnan(y)
    right = np.where(known, (proba > 0.5) == y, True).all(axis=1)
    assert_allclose(model.oof_score_, right[known.any(axis=1)].mean())
    held_out = list(KFold(5).split(X))[3][1]
    by_member = model.predict_members(X)[3, held_out]
    assert_allclose(proba[held_out], by_member, atol=1e-6)


def test_nobody_predicts_a_row_of_a_group_that_it_has_seen(cancer, fits):
    X, y = cancer
    groups = np.arange(len(y)) // 10
    for cv in (None, GroupKFold(4)):
        fits.clear()
        model = SNNClassifier(cv=cv, oof_score=True, **SMALL | dict(n_estimators=4))
        model.fit(X, y, groups=groups)
        ((specs, _),) = fits
        members, total = model.predict_members(X), np.zeros((len(y), 2))
        count = np.zeros((len(y), 1))
        for i, spec in enumerate(specs):
            unseen = ~np.isin(groups, groups[spec.rows])
            total[unseen] += members[i, unseen]
            count[unseen] += 1
        with np.errstate(invalid="ignore"):
            expected = total / count
        assert_allclose(model.oof_decision_function_, expected, atol=1e-6)
        assert np.isnan(expected).any() == (cv is None)  # 4 of 10 folds


def test_rows_given_to_validate_on_are_not_those_that_are_predicted(cancer):
    X, y = cancer
    folds = list(KFold(2).split(X[50:]))
    model = SNNClassifier(cv=folds, oof_score=True, **EXACT | dict(n_estimators=2))
    model.fit(X[50:], y[50:], X_val=X[:50], y_val=y[:50])
    held_out = folds[1][1]
    by_member = model.predict_members(X[50:])[1, held_out]
    assert_allclose(model.oof_decision_function_[held_out], by_member, atol=1e-6)
    proba = model.predict_members(X[:50])[1, np.arange(50), y[:50]]
    assert_allclose(model.networks_[1].best_score, np.log(proba).mean(), rtol=1e-9)


# Preprocessors in folds


@pytest.fixture(scope="module")
def names():
    """A category that says nothing, with two rows a name."""
    rng = np.random.default_rng(0)
    return rng.integers(200, size=(400, 1)).astype(str), rng.integers(2, size=400)


def test_a_target_encoding_shows_nobody_the_rows_to_be_predicted(names):
    X, y = names
    encoder, folds = target_encoder(), StratifiedKFold(4)
    model = SNNClassifier(
        cv=folds,
        oof_score=True,
        early_stopping=False,
        preprocessor=encoder,
        **EXACT | dict(n_estimators=4, max_iter=20, learning_rate_init=0.02),
    ).fit(X, y)
    proba = model.oof_decision_function_
    assert abs(roc_auc_score(y, proba[:, 1]) - 0.5) < 0.08
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.7  # which have seen it
    assert_allclose(proba, by_hand(model, X, y, folds, [encoder]), atol=1e-6)


def test_each_member_predicts_with_a_preprocessor_of_its_own(names):
    X, y = names
    model = SNNClassifier(
        cv=3,
        oof_score=True,
        preprocessor=target_encoder(),
        **SMALL | dict(n_estimators=3),
    ).fit(X, y)
    assert len(model.member_preprocessors_) == 3
    members = []
    for module, preprocessor in zip(
        model.modules_, model.member_preprocessors_, strict=True
    ):
        table = torch.from_numpy(preprocessor.transform(X).astype(np.float32))
        with torch.no_grad():
            members.append(expit(module(table).double().numpy()[:, 0]))
    assert_allclose(model.predict_members(X)[:, :, 1], members, rtol=1e-5)
    assert_allclose(model.predict_proba(X)[:, 1], np.mean(members, axis=0), rtol=1e-5)
    first, second = (one.encodings_[0] for one in model.member_preprocessors_[:2])
    assert not np.array_equal(first, second)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_members(X), model.predict_members(X))


def test_without_held_out_predictions_members_share_a_preprocessor(names):
    X, y = names
    model = SNNClassifier(
        cv=2, preprocessor=target_encoder(), **SMALL | dict(n_estimators=2)
    ).fit(X, y)
    assert model.member_preprocessors_ is None
    numbers = SNNClassifier(cv=2, oof_score=True, **SMALL | dict(n_estimators=2))
    assert numbers.fit(X.astype(float), y).member_preprocessors_ is None


def test_members_may_see_different_numbers_of_columns(iris):
    rng = np.random.default_rng(0)
    X, y = np.hstack([iris[0], rng.standard_normal((150, 40))]), iris[1]
    chooser, folds = SelectFpr(alpha=0.5), StratifiedKFold(5)
    model = SNNClassifier(
        cv=folds,
        oof_score=True,
        early_stopping=False,
        preprocessor=chooser,
        **EXACT | dict(n_estimators=5),
    ).fit(X, y)
    counts = [one.get_support().sum() for one in model.member_preprocessors_]
    assert [len(one.weights[0]) for one in model.networks_] == counts
    assert len(set(counts)) > 1
    expected = by_hand(model, X, y, folds, [chooser])
    assert_allclose(model.oof_decision_function_, expected, atol=1e-6)
    mean = np.mean(model.predict_members(X), axis=0)
    assert_allclose(model.predict_proba(X), mean)


def test_members_with_preprocessors_stop_and_score_like_lone_ones(names):
    X, y = names
    folds, encoder = list(StratifiedKFold(2).split(X, y)), target_encoder()
    model = SNNClassifier(
        cv=folds,
        oof_score=True,
        scoring="neg_log_loss",
        n_iter_no_change=2,
        early_stopping=True,
        preprocessor=encoder,
        **EXACT | dict(n_estimators=2),
    ).fit(X, y)
    for i, (rows, held_out) in enumerate(folds):
        lone = clone(model).set_params(n_estimators=1, cv=None, oof_score=False)
        lone.random_state = Seeded(model.networks_[i].seed)
        lone.fit(X[rows], y[rows], X_val=X[held_out], y_val=y[held_out])
        scores = model.networks_[i].validation_scores
        assert_allclose(scores, lone.validation_scores_, rtol=1e-9)


# Stopping together


@pytest.fixture
def fits(monkeypatch):
    """What `fit` has trained: specs and networks, a pair for each round."""
    trained = Trained()
    monkeypatch.setattr("sklearn_snn._base.fit_networks", trained)
    return trained


NOISY = dict(
    n_iter_no_change=4,
    **EXACT | dict(n_estimators=3, learning_rate_init=0.02, width=32),
)


def noisy(n_rows=150, **parameters):
    """Networks that are soon overfitted, each at an epoch of its own."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 5))
    y = (X[:, 0] + rng.standard_normal(n_rows) > 0).astype(int)
    parameters = dict(max_iter=40, cv=KFold(3), preprocessor=None) | parameters
    return SNNClassifier(**NOISY | parameters), X, y


def lowest_loss_of_scaled_outputs(model, X, y):
    """Mean over networks of the log-loss on their folds, at the best scale up to 1."""
    folds = [held_out for _, held_out in model.cv.split(X)]
    raw = [
        logit(proba[held_out, 1])
        for proba, held_out in zip(model.predict_members(X), folds, strict=True)
    ]

    def loss(scale):
        return np.mean(
            [
                log_loss(y[held_out], expit(scale * outputs))
                for outputs, held_out in zip(raw, folds, strict=True)
            ]
        )

    scaled = minimize_scalar(loss, bounds=(0.5, 1), method="bounded", options=FINE)
    return min(loss(1.0), scaled.fun)


FINE = {"xatol": 1e-6}


def test_members_stop_jointly_by_their_mean_loss_as_if_they_were_less_sure():
    model, X, y = noisy(
        early_stopping="joint", learning_rate="constant", random_state=3
    )
    model.fit(X, y)
    # Fewer epochs at a constant step size are the beginning of more.
    fixed = clone(model).set_params(early_stopping=False)
    losses = np.array(
        [
            lowest_loss_of_scaled_outputs(fixed.set_params(max_iter=n).fit(X, y), X, y)
            for n in range(1, model.n_iter_ + 1)
        ]
    )
    lowest = losses.argmin() + 1
    assert {one.n_iter for one in model.networks_} == {lowest + 4}
    best = np.flatnonzero(losses <= 1.005 * losses.min())[-1] + 1
    assert {one.best_epoch for one in model.networks_} == {best}
    # Alone they would have been best some epochs before.
    curves = [network.validation_scores for network in model.networks_]
    mean = np.mean(curves, axis=0)
    assert last_argmax(mean) + 1 < lowest < best
    assert_same_networks(
        model.networks_, fixed.set_params(max_iter=best).fit(X, y).networks_, rtol=1e-9
    )
    assert_allclose(model.validation_scores_, mean)
    assert_allclose(model.best_validation_score_, mean[best - 1])
    for network, curve in zip(model.networks_, curves, strict=True):
        assert network.best_score == curve[best - 1]


def test_members_that_stop_alone_do_so_by_their_own_loss():
    model, X, y = noisy(early_stopping=True)
    model.fit(X, y)
    assert len({one.best_epoch for one in model.networks_}) > 1
    for network in model.networks_:
        assert network.best_epoch == last_argmax(network.validation_scores) + 1


def test_members_stop_jointly_by_the_mean_of_a_score():
    model, X, y = noisy(early_stopping="joint", scoring="roc_auc")
    model.fit(X, y)
    mean = np.mean([one.validation_scores for one in model.networks_], axis=0)
    best = last_argmax(mean) + 1
    assert {one.best_epoch for one in model.networks_} == {best}
    assert_allclose(model.best_validation_score_, mean.max())


def test_a_lone_network_is_no_team():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1200, 5))
    y = (X[:, 0] + rng.standard_normal(1200) > 0).astype(int)
    model = SNNClassifier(**SMALL | dict(width=64, max_iter=40)).fit(X, y)
    (network,) = model.networks_
    assert network.best_epoch == last_argmax(network.validation_scores) + 1
    assert model.n_iter_ == min(
        network.best_epoch + min(network.best_epoch + 8, 20), 40
    )


@pytest.mark.parametrize(
    ("n_rows", "oof_score", "equals"),
    [(150, False, True), (150, True, "joint"), (1000, False, "joint")],
)
def test_several_networks_stop_together_unless_rows_are_few(n_rows, oof_score, equals):
    model, X, y = noisy(n_rows, early_stopping="auto", oof_score=oof_score)
    auto = model.fit(X, y).networks_
    same = clone(model).set_params(early_stopping=equals).fit(X, y).networks_
    assert_same_networks(auto, same, rtol=0)
    other = {"joint": True, True: "joint"}[equals]
    other = clone(model).set_params(early_stopping=other).fit(X, y).networks_
    assert {one.best_epoch for one in auto} != {one.best_epoch for one in other}


def test_networks_with_callbacks_stop_each_on_its_own_by_default():
    model, X, y = noisy(early_stopping="auto", callbacks=[], oof_score=True)
    auto = model.fit(X, y).networks_
    alone = clone(model).set_params(early_stopping=True).fit(X, y).networks_
    assert_same_networks(auto, alone, rtol=0)
    assert len({one.best_epoch for one in auto}) > 1
    assert {one.stopped_by for one in auto} == {"early_stopping"}


def test_networks_of_different_sizes_stop_each_on_its_own_by_default(iris):
    rng = np.random.default_rng(0)
    X, y = np.hstack([iris[0], rng.standard_normal((150, 40))]), iris[1]
    model = SNNClassifier(
        cv=StratifiedKFold(5),
        oof_score=True,
        preprocessor=SelectFpr(alpha=0.1),
        **EXACT | dict(n_estimators=5),
    )
    auto = clone(model).fit(X, y)
    assert len({len(one.weights[0]) for one in auto.networks_}) > 1
    alone = clone(model).set_params(early_stopping=True).fit(X, y)
    assert_same_networks(auto.networks_, alone.networks_, rtol=0)
    with pytest.raises(ValueError, match="different numbers of columns in the folds"):
        model.set_params(early_stopping="joint").fit(X, y)


def test_a_lone_network_stops_jointly_as_it_does_alone():
    model, X, y = noisy(n_estimators=1, early_stopping="joint")
    joint = model.fit(X, y).networks_
    alone = clone(model).set_params(early_stopping=True).fit(X, y).networks_
    assert_same_networks(joint, alone, rtol=0)
    assert joint[0].best_epoch == alone[0].best_epoch


def test_tol_and_scoring_count_for_the_mean():
    model, X, y = noisy(early_stopping="joint", scoring="accuracy", tol=0.05)
    model.fit(X, y)
    mean, gained, best = np.asarray(model.validation_scores_), 0, -np.inf
    for epoch, score in enumerate(mean):
        if score >= best + 0.05:
            gained = epoch
        best = max(best, score)
    assert model.n_iter_ == gained + 1 + 4
    for i, (_, held_out) in enumerate(KFold(3).split(X)):
        share = accuracy_score(
            y[held_out], model.predict_members(X)[i, held_out].argmax(axis=1)
        )
        assert_allclose(model.networks_[i].best_score, share)


# All rows again


def test_refit_trains_on_all_rows_as_long_as_was_best():
    model, X, y = noisy(refit=True, early_stopping=True, learning_rate="constant")
    model.fit(X, y)
    folds = clone(model).set_params(refit=False, early_stopping="joint").fit(X, y)
    best = folds.networks_[0].best_epoch
    assert 1 < best < 36
    assert model.n_iter_ == len(model.loss_curve_) == best
    whole = clone(model).set_params(
        refit=False, early_stopping=False, cv=None, max_iter=best
    )
    whole.fit(X, y)
    assert_same_networks(model.networks_, whole.networks_, rtol=1e-9)
    assert_allclose(model.loss_curve_, whole.loss_curve_, rtol=1e-9)
    assert_allclose(model.validation_scores_, folds.validation_scores_)
    assert_allclose(model.best_validation_score_, folds.best_validation_score_)
    assert len(model.validation_scores_) == folds.n_iter_
    assert best <= folds.n_iter_ <= best + 4


def test_refit_keeps_to_the_schedule_of_max_iter():
    model, X, y = noisy(refit=True, early_stopping=True, learning_rate_init=0.01)
    model.fit(X, y)
    assert 1 < model.n_iter_ < 40
    specs = [
        NetworkSpec(
            layer_sizes=(5, 32, 1),
            batch_size=32,
            seed=network.seed,
            max_epochs=40,
            stop_epoch=model.n_iter_,
            learning_rate=0.01,
            weight_decay=model.weight_decay,
            dropout=model.dropout,
        )
        for network in model.networks_
    ]
    data = TrainingSet(X, y[:, np.newaxis].astype(float))
    options = TrainingOptions(dtype="float64")
    loss = BinaryCrossEntropy()
    expected = training.fit_networks(specs, [data], loss=loss, options=options)
    assert_same_networks(model.networks_, expected, rtol=1e-9)


def test_held_out_predictions_are_not_of_networks_that_saw_all_rows(names):
    X, y = names
    model = SNNClassifier(
        refit=True,
        cv=2,
        oof_score=True,
        preprocessor=target_encoder(),
        **EXACT | dict(n_estimators=2),
    ).fit(X, y)
    folds = clone(model).set_params(refit=False, early_stopping="joint").fit(X, y)
    assert_array_equal(model.oof_decision_function_, folds.oof_decision_function_)
    assert model.oof_score_ == folds.oof_score_
    assert model.member_preprocessors_ is None
    whole = target_encoder().fit(X, y)
    assert_allclose(model.preprocessor_.encodings_[0], whole.encodings_[0])
    with torch.no_grad():
        table = torch.from_numpy(model.preprocessor_.transform(X))
        members = [expit(module(table).numpy()[:, 0]) for module in model.modules_]
    assert_allclose(model.predict_members(X)[:, :, 1], members, rtol=1e-9)


@pytest.fixture
def many_levels():
    """A category of 90 levels that mean nothing, and one number that does."""
    rng = np.random.default_rng(0)
    levels = np.char.add("l", rng.permutation(np.arange(540) % 90).astype(str))
    frame = pd.DataFrame({"level": levels, "number": rng.normal(size=540)})
    return frame, rng.normal(size=540) + 0.3 * frame["number"].to_numpy()


@pytest.mark.parametrize("early_stopping", [False, True, "joint"])
@pytest.mark.parametrize("refit", [False, True])
def test_members_learn_means_of_the_target_on_their_own_rows(
    many_levels, early_stopping, refit
):
    X, y = many_levels
    parameters = dict(n_estimators=3, early_stopping=early_stopping, refit=refit)
    model = SNNRegressor(oof_score=True, **EXACT | dict(max_iter=20) | parameters)
    model.fit(X, y)
    assert len(model.preprocessor_.target_columns)
    assert model.oof_score_ < 0.15  # the number explains 0.08
    if refit and early_stopping:
        assert model.member_preprocessors_ is None
        return
    for own in model.member_preprocessors_:
        names = own.get_feature_names_out()
        assert_array_equal(names, model.preprocessor_.get_feature_names_out())
        differs = (own.transform(X) != model.preprocessor_.transform(X)).any(axis=0)
        assert_array_equal(differs & (names != "level_target"), False)


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_tables_are_transformed_once_for_all_members(many_levels, make, monkeypatch):
    X, y = many_levels
    parameters = SMALL | dict(n_estimators=4)
    model = make(early_stopping=True, **parameters).fit(X, y > np.median(y))
    pairs = zip(model.networks_, model.member_preprocessors_, strict=True)
    expected = [
        model._network_outputs([network], *model._transform(X, own))[0]
        for network, own in pairs
    ]
    calls, transform = [], TabularPreprocessor._transform
    monkeypatch.setattr(
        TabularPreprocessor,
        "_transform",
        lambda *args: calls.append(args) or transform(*args),
    )
    assert_array_equal(model._outputs(X), expected)
    assert len(calls) == 1


def test_each_row_is_predicted_as_if_its_target_were_unknown(many_levels):
    X, y = many_levels
    cv = KFold(3)
    model = SNNRegressor(
        cv=cv, oof_score=True, early_stopping=False, **EXACT | dict(n_estimators=3)
    ).fit(X, y)
    other = y.copy()
    last = next(cv.split(X))[1]
    other[last] = y[last][::-1]
    changed = clone(model).fit(X, other)
    assert_allclose(
        changed.oof_prediction_[last], model.oof_prediction_[last], rtol=1e-5
    )


def test_rows_to_validate_on_lend_nothing_to_means_of_the_target(many_levels):
    X, y = many_levels
    model = SNNRegressor(early_stopping=True, **EXACT | dict(n_estimators=3)).fit(X, y)
    assert len(model.member_preprocessors_) == 3
    given = SNNRegressor(early_stopping=True, **EXACT | dict(n_estimators=3))
    given.fit(X, y, X_val=X[:50], y_val=y[:50])
    assert given.member_preprocessors_ is None
    plain = SNNRegressor(early_stopping=False, **EXACT | dict(n_estimators=3))
    plain.fit(X, y)
    assert plain.member_preprocessors_ is None
    few = X.assign(level=X["level"].str[:2])
    fewer = SNNRegressor(early_stopping=True, oof_score=True, **EXACT).fit(few, y)
    assert fewer.member_preprocessors_ is None
    assert not len(fewer.preprocessor_.target_columns)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_training_goes_on_with_the_same_means_of_the_target(
    many_levels, early_stopping
):
    X, y = many_levels
    # Steps so large that the best epoch is in the first fit, if there is one.
    parameters = EXACT | dict(
        early_stopping=early_stopping,
        learning_rate="constant",
        learning_rate_init=0.03,
    )
    halfway = SNNRegressor(warm_start=True, **parameters).fit(X, y)
    halfway.set_params(max_iter=10).fit(X, y)
    parameters |= dict(max_iter=10, warm_start=True)
    at_once = SNNRegressor(**parameters).fit(X, y)
    assert_same_networks(halfway.networks_, at_once.networks_, rtol=1e-6)
    chunks = SNNRegressor(**EXACT).partial_fit(X[:300], y[:300])
    assert not len(chunks.preprocessor_.target_columns)
    assert np.isfinite(chunks.partial_fit(X[300:], y[300:]).predict(X)).all()


def test_labels_give_means_of_the_target_as_well(many_levels):
    X, y = many_levels
    columns = {
        1: (y > 0).astype(int),
        3: np.digitize(y, [-0.5, 0.5]).astype(str),
        2: np.column_stack([y > 0, np.where(y > 1, np.nan, y > -1)]).astype(float),
    }
    for n_columns, labels in columns.items():
        model = SNNClassifier(oof_score=True, **EXACT | dict(n_estimators=2)).fit(
            X, labels
        )
        (category,) = model.preprocessor_.categories_.values()
        assert category.targets.shape[1] == n_columns
        assert np.isfinite(model.predict_proba(X)).all()


def test_refit_does_nothing_without_early_stopping(cancer, fits):
    X, y = cancer
    plain = SNNClassifier(early_stopping=False, **SMALL | dict(n_estimators=2))
    plain.fit(X, y)
    model = clone(plain).set_params(refit=True).fit(X, y)
    assert len(fits) == 2  # one a fit
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


def test_both_rounds_of_refit_share_the_time_limit(cancer, fits):
    parameters = SMALL | dict(n_estimators=2, refit=True, time_limit=1000)
    SNNClassifier(**parameters).fit(*cancer)
    assert [options.time_limit for options in fits.options] == [500, 500]


def test_refit_of_a_lone_network(cancer, fits):
    X, y = cancer
    model = SNNClassifier(
        refit=True, early_stopping=True, validation_fraction=0.1, **SMALL
    ).fit(X, y)
    (held_out, again) = ([spec for spec, _ in zip(*one, strict=True)] for one in fits)
    assert len(held_out[0].validation_rows) == 20
    assert again[0].rows is None
    assert again[0].validation_rows is None
    assert again[0].seed == held_out[0].seed
    assert model.n_iter_ == fits[0][1][0].best_epoch


@pytest.mark.parametrize(
    ("parameters", "fit_params", "message"),
    [
        (dict(refit=True, warm_start=True), {}, "refit=True and warm_start=True"),
        (dict(oof_score=True, warm_start=True), {}, "oof_score=True and warm_start"),
        (dict(refit=True, early_stopping=True), "X_val", "has no use for X_val"),
        (dict(refit=True, callbacks=[]), {}, "callbacks do not allow"),
        (dict(early_stopping="joint", callbacks=[]), {}, "callbacks do not allow"),
    ],
)
def test_what_cannot_be_had_together_is_an_error(
    cancer, parameters, fit_params, message
):
    X, y = cancer
    validation = dict(X_val=X, y_val=y) if fit_params == "X_val" else {}
    model = SNNClassifier(**parameters, **SMALL)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **validation)
    assert not [name for name in vars(model) if name.endswith("_")]


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise AssertionError("read")


@pytest.mark.parametrize(
    ("parameters", "fit_params", "error", "message"),
    [
        (dict(checkpoint="folder", random_state=None), {}, ValueError, "checkpoint"),
        (dict(refit=True, warm_start=True), {}, ValueError, "warm_start"),
        (
            dict(early_stopping=False),
            dict(X_val=Unreadable(), y_val=Unreadable()),
            ValueError,
            "early_stopping is False",
        ),
        (dict(callbacks=["print"]), {}, TypeError, "callbacks must be of skorch"),
    ],
    ids=["checkpoint", "warm start", "X_val", "callbacks"],
)
def test_parameters_are_checked_before_the_table_is_read(
    parameters, fit_params, error, message
):
    with pytest.raises(error, match=message):
        SNNRegressor(**SMALL | parameters).fit(Unreadable(), Unreadable(), **fit_params)
    with pytest.raises(AssertionError, match="read"):
        SNNRegressor(**SMALL).fit(Unreadable(), Unreadable())


def test_callbacks_are_checked_before_a_chunk_is_read():
    with pytest.raises(TypeError, match="callbacks must be of skorch"):
        SNNRegressor(callbacks=["print"]).partial_fit(Unreadable(), Unreadable())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (dict(oof_score=True, warm_start=True), "oof_score=True and warm_start"),
        (dict(refit=True), "has no use for X_val"),
        (dict(early_stopping=False), "early_stopping is False"),
    ],
    ids=["warm start", "refit", "early stopping"],
)
def test_a_search_refuses_what_cannot_be_had_together(cancer, parameters, message):
    X, y = cancer
    model = SNNClassifier(**SMALL | parameters)
    search = SNNGridSearchCV(model, {"depth": [1]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match=message):
        search.fit(X, y, X_val=X, y_val=y)


# What there is of several networks


def test_the_record_of_several_networks():
    model, X, y = noisy(early_stopping=True)
    model.fit(X, y)
    lengths = [network.n_iter for network in model.networks_]
    assert len(set(lengths)) > 1
    assert model.n_iter_ == max(lengths)
    for name, curves in (
        ("loss_curve_", [one.loss_curve for one in model.networks_]),
        ("validation_scores_", [one.validation_scores for one in model.networks_]),
    ):
        mean = [
            np.mean([curve[min(epoch, len(curve) - 1)] for curve in curves])
            for epoch in range(model.n_iter_)
        ]
        assert_allclose(getattr(model, name), mean)
    best = [max(network.validation_scores) for network in model.networks_]
    assert_allclose(model.best_validation_score_, np.mean(best))
    model.set_params(early_stopping=False).fit(X, y)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert model.n_iter_ == len(model.loss_curve_) == 40


def test_predictions_of_members_have_the_shape_of_predictions(cancer, iris):
    X, y = iris
    several = np.column_stack([y == 0, y == 1, y == 2]).astype(float)
    for model, target in (
        (SNNClassifier, y),
        (SNNClassifier, y > 0),
        (SNNClassifier, several),
        (SNNRegressor, y.astype(float)),
        (SNNRegressor, several),
    ):
        parameters = SMALL | dict(n_estimators=3, early_stopping=False)
        fitted = model(**parameters).fit(X, target)
        members = fitted.predict_members(X)
        whole = getattr(fitted, "predict_proba", fitted.predict)(X)
        assert members.shape == (3, *whole.shape)
        assert_allclose(members.mean(axis=0), whole, rtol=1e-12)
        assert (members.std(axis=0) > 0).all()
        for i in range(3):
            lone = model(**SMALL | dict(random_state=Seeded(fitted.networks_[i].seed)))
            lone.fit(X, target)
            assert_allclose(lone.predict_members(X)[0], members[i], atol=1e-4)


def test_every_row_trains_all_members_but_one(cancer, fits):
    X, y = cancer
    parameters = SMALL | dict(n_estimators=10, validation_fraction=0.1)
    SNNClassifier(early_stopping=True, **parameters).fit(X, y)
    ((specs, _),) = fits
    seen = np.bincount(np.concatenate([spec.rows for spec in specs]))
    assert_array_equal(seen, 9)
    held_out = np.bincount(np.concatenate([spec.validation_rows for spec in specs]))
    assert_array_equal(held_out, 1)
    for spec in specs:
        assert not set(spec.rows) & set(spec.validation_rows)
        assert abs(y[spec.validation_rows].mean() - y.mean()) < 0.06  # stratified


def test_parameters_of_members_are_scikit_learns():
    parameters = dict(n_estimators=3, cv=4, oof_score=True, refit=True)
    model = SNNRegressor(early_stopping="joint", **parameters)
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert parameters.items() <= copied.get_params().items()
    assert "oof_score=True" in repr(model)


def test_partial_fit_after_members_with_preprocessors(names):
    X, y = names
    model = SNNClassifier(
        cv=2,
        oof_score=True,
        preprocessor=target_encoder(),
        **SMALL | dict(n_estimators=2),
    ).fit(X, y)
    model.partial_fit(X, y)
    with torch.no_grad():
        table = model.preprocessor_.transform(X).astype(np.float32)
        said = [
            expit(module(torch.from_numpy(table)).double().numpy()[:, 0])
            for module in model.modules_
        ]
    assert_allclose(model.predict_members(X)[:, :, 1], said, rtol=1e-5)


# Below the estimators: teams, pauses

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((120, 5))
TARGET = (ROWS[:, :1] + RNG.standard_normal((120, 1)) > 0).astype(float)


def spec(**parameters):
    defaults = dict(
        layer_sizes=(5, 16, 1),
        batch_size=32,
        seed=0,
        max_epochs=12,
        learning_rate=0.05,
        rows=np.arange(80),
        validation_rows=np.arange(80, 120),
    )
    return NetworkSpec(**defaults | parameters)


def fit(specs, target=TARGET, loss=None, **options):
    return training.fit_networks(
        specs,
        [TrainingSet(ROWS, target)],
        loss=loss or BinaryCrossEntropy(),
        options=TrainingOptions(**dict(dtype="float64") | options),
    )


def deep(**parameters):
    """A network that diverges at a step size of 3 but not of 0.3."""
    return spec(**dict(layer_sizes=(5, 16, 16, 1), max_epochs=8) | parameters)


def test_a_team_of_which_one_diverges_starts_again_together():
    kw = dict(
        target=ROWS[:, :1], loss=SquaredError(), solver="sgd", learning_rate="constant"
    )
    diverging = deep(learning_rate=3.0, team="joint")
    steady = deep(learning_rate=0.05, team="joint", seed=1)
    bystander = deep(learning_rate=0.05, seed=1)
    team = fit([diverging, steady, bystander], **kw)
    tenth = [
        replace(one, learning_rate=one.learning_rate / 10)
        for one in (diverging, steady)
    ]
    assert_same_networks(team[:2], fit(tenth, **kw), rtol=1e-8)
    assert_same_networks(team[2:], fit([bystander], **kw), rtol=1e-8)
    assert {one.stopped_by for one in team} == {"max_iter"}
    assert {one.n_iter for one in team} == {8}


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_networks_that_start_again_are_told_of_like_others(cancer, n_estimators):
    X, _ = cancer
    model = SNNRegressor(
        solver="sgd",
        learning_rate="constant",
        learning_rate_init=1.0,
        **EXACT | dict(n_estimators=n_estimators),
    ).fit(X, X[:, 0])
    tenth = clone(model).set_params(learning_rate_init=0.1).fit(X, X[:, 0])
    assert_same_networks(model.networks_, tenth.networks_, rtol=1e-6)
    assert model.n_iter_ == 5


def test_a_team_of_which_one_diverges_twice_gives_up():
    specs = [
        spec(learning_rate=rate, team="joint", max_epochs=6) for rate in (1e12, 0.05)
    ]
    kw = dict(loss=SquaredError(), solver="sgd", learning_rate="constant")
    assert {one.stopped_by for one in fit(specs, **kw)} == {"diverged"}


@pytest.mark.parametrize("learning_rate", ["cosine", "constant"])
@pytest.mark.parametrize("solver", ["adamw", "sgd"])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("patience", [None, 2])
def test_a_pause_after_every_epoch_changes_no_bit(
    learning_rate, solver, joint, patience
):
    options = dict(
        learning_rate=learning_rate,
        solver=solver,
        n_iter_no_change=patience,
        keep_state=True,
    )
    specs = [
        spec(
            seed=seed,
            learning_rate=0.05 * (seed + 1),
            dropout=0.1,
            weight_decay=0.1,
            team="joint" if joint else None,
        )
        for seed in range(3 if joint else 1)
    ]
    whole, parts = fit(specs, **options), [None] * len(specs)
    for epoch in range(1, 13):
        if parts[0] is not None and parts[0].stopped_by == "early_stopping":
            break
        paused = [
            replace(one, stop_epoch=epoch, resume=part, continues=part is not None)
            for one, part in zip(specs, parts, strict=True)
        ]
        parts = fit(paused, **options)
        assert {part.n_iter for part in parts} == {epoch}
    for one, part in zip(whole, parts, strict=True):
        assert_array_equal(flat(one), flat(part))
        assert_array_equal(one.state.parameters, part.state.parameters)
        for name in (
            "n_iter",
            "loss_curve",
            "validation_scores",
            "best_epoch",
            "best_score",
            "stopped_by",
        ):
            assert getattr(one, name) == getattr(part, name), name
    stops_early = patience is not None and solver == "adamw"
    reason = "early_stopping" if stops_early else "max_iter"
    assert {one.stopped_by for one in whole} == {reason}


def test_a_network_that_started_again_goes_on_from_there():
    kw = dict(target=ROWS[:, :1], loss=SquaredError(), solver="sgd", keep_state=True)
    one = deep(learning_rate=3.0)
    (whole,) = fit([one], **kw)
    assert (whole.stopped_by, whole.state.has_restarted) == ("max_iter", True)
    (first,) = fit([replace(one, stop_epoch=4)], **kw)
    (rest,) = fit([replace(one, resume=first, continues=True)], **kw)
    assert_array_equal(flat(whole), flat(rest))
    assert rest.state.learning_rate == whole.state.learning_rate == 3.0 / 10


def test_rows_to_validate_on_are_on_the_scale_of_each_member():
    """Members of one fold size stop as lone networks on the same rows do."""
    X, y = load_diabetes(return_X_y=True)
    order = np.argsort(y)  # folds of very different targets
    X, y = X[order], y[order]
    settings = dict(
        width=8,
        depth=1,
        max_iter=30,
        n_iter_no_change=3,
        early_stopping=True,
        preprocessor=None,
        dtype="float64",
    )
    model = SNNRegressor(
        n_estimators=2, cv=KFold(2), oof_score=True, random_state=0, **settings
    ).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    for i, (rows, _) in enumerate(KFold(2).split(X[:300])):
        seed = model.networks_[i].seed
        alone = SNNRegressor(n_estimators=1, random_state=Seeded(seed), **settings)
        alone.fit(X[:300][rows], y[:300][rows], X_val=X[300:], y_val=y[300:])
        assert model.networks_[i].n_iter == alone.n_iter_
        assert_allclose(model.predict_members(X)[i], alone.predict(X), rtol=1e-9)


def planned(model, X, y, weight=None):
    """What a fit would train."""
    data = model._read(X, y, weight)
    stops = model._decide_to_stop(data)
    return model._request(data, model._members(data, stops), stops)


@pytest.mark.parametrize(("n", "size"), [(10, 10), (300, 16), (3000, 64), (10**5, 256)])
def test_automatic_batches_are_a_fiftieth_of_the_rows(n, size):
    X = np.random.default_rng(0).random((n, 1))
    model = SNNRegressor(n_estimators=1, early_stopping=False, n_bins=1)
    (spec,) = planned(model, X, X[:, 0]).specs
    assert spec.batch_size == size


def test_rows_that_a_split_repeats_are_repeated_whatever_the_weights():
    rng = np.random.default_rng(0)
    rows = rng.integers(20, size=100)
    split = rows, np.arange(100, 120)
    X, y, weight = rng.random((120, 3)), rng.random(120), np.ones(120)
    weight[20] = 0  # nothing to do with the split
    model = SNNRegressor(cv=[split], n_estimators=1, random_state=0)
    (spec,) = planned(model, X, y, weight).specs
    kept = np.delete(np.arange(120), 20)
    assert_array_equal(kept[spec.rows], rows)


@pytest.mark.parametrize("weight", [None, np.r_[0.0, np.ones(299)]])
def test_members_of_one_split_share_its_table(weight):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"level": (np.arange(300) % 150).astype(str)})
    model = SNNRegressor(n_estimators=16, random_state=0)
    request = planned(model, X, rng.random(300), weight)
    assert len(request.training_sets) == 1 + 8
    sets = [spec.training_set for spec in request.specs]
    assert sets == [*range(1, 9), *range(1, 9)]


def test_folds_share_the_table_but_for_means_of_the_target(many_levels):
    X, y = many_levels
    request = planned(SNNRegressor(n_estimators=3, early_stopping=True), X, y)
    whole, *folds = request.training_sets
    assert len(folds) == 3
    for spec, data in zip(request.specs, folds, strict=True):
        assert data.X is whole.X
        columns, values = data.own
        made = whole.X.copy()
        made[:, columns] = values
        ours = TabularPreprocessor().fit(X, y)
        seen, unseen = X.iloc[spec.rows], X.iloc[spec.validation_rows]
        expected = ours._refit_transform(seen, y[spec.rows])
        assert_allclose(made[spec.rows], expected, atol=1e-5)
        assert_allclose(made[spec.validation_rows], ours.transform(unseen), atol=1e-5)


def test_a_preprocessor_is_fitted_once_for_members_that_share_a_split(cancer):
    class Counted(StandardScaler):
        n_rows = []

        def fit(self, X, y=None, sample_weight=None):
            self.n_rows.append(len(X))
            return super().fit(X, y, sample_weight)

    folds = list(KFold(2).split(cancer[0]))
    parameters = SMALL | dict(n_estimators=6, cv=folds, preprocessor=Counted())
    SNNClassifier(oof_score=True, **parameters).fit(*cancer)
    n_samples = len(cancer[0])
    halves = [len(train) for train, _ in folds]
    assert sorted(Counted.n_rows) == [*sorted(halves), n_samples]
