"""What scikit-learn and its neighbours do with the estimators has an effect."""

import copy
import io
import os
import pickle
import subprocess
import sys
import tempfile

import cloudpickle
import imblearn.pipeline
import joblib
import numpy as np
import optuna
import optuna_integration
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.impute import SimpleImputer
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_snn import (
    SNNClassifier,
    SNNRegressor,
    _planning,
    load,
    masked_scorer,
    save,
)

TINY = dict(
    depth=2,
    width=16,
    max_iter=10,
    learning_rate_init=0.01,
    random_state=0,
    n_estimators=1,
    n_bins=1,
)


@pytest.fixture
def classes():
    """200 rows to train on and 100 to test on, of 3 noisy classes."""
    X, y = make_classification(
        300, 6, n_informative=4, n_classes=3, flip_y=0.05, random_state=0
    )
    return (
        X[:200],
        np.array(["a", "b", "c"])[y[:200]],
        X[200:],
        np.array([*"abc"])[y[200:]],
    )


@pytest.fixture
def rare():
    """Two noisy classes, one of which has a tenth of the rows."""
    X, y = make_classification(300, 6, weights=[0.9], flip_y=0.05, random_state=1)
    return X[:200], y[:200], X[200:], y[200:]


@pytest.fixture
def numbers():
    """Targets that depend on the first two of four columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = 10 + 3 * X[:, 0] + X[:, 1] ** 2 + rng.normal(scale=0.3, size=300)
    return X[:200], y[:200], X[200:], y[200:]


def beats_dummy(model, X, y, X_test, y_test, by=0.2):
    is_number = np.asarray(y).dtype.kind == "f"
    dummy = DummyRegressor() if is_number else DummyClassifier()
    return model.score(X_test, y_test) > dummy.fit(X, y).score(X_test, y_test) + by


def have_equal_weights(one, other):
    return all(
        np.array_equal(a, b)
        for ours, theirs in zip(one.networks_, other.networks_, strict=True)
        for a, b in zip(ours.weights, theirs.weights, strict=True)
    )


# Pipelines ----------------------------------------------------------------------


def test_a_pipeline_scales_what_the_network_sees(classes):
    X, y, X_test, y_test = classes
    X, X_test = 1e4 * X + 1e6, 1e4 * X_test + 1e6
    model = SNNClassifier(preprocessor=None, **TINY)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    assert beats_dummy(pipeline, X, y, X_test, y_test)
    by_hand = clone(model).fit(pipeline[0].transform(X), y)
    assert have_equal_weights(pipeline[-1], by_hand)


@pytest.mark.parametrize("inside", [False, True], ids=["pipeline", "preprocessor"])
def test_strings_and_missing_values_are_learned_from(inside):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "colour": rng.choice(["red", "green", "blue"], 300),
            "size": np.where(rng.random(300) < 0.2, np.nan, rng.normal(size=300)),
            "noise": rng.normal(size=300),
        }
    )
    y = np.where((frame["colour"] == "red") ^ frame["size"].isna(), "yes", "no")
    encoder = make_column_transformer(
        (OneHotEncoder(), ["colour"]),
        (
            make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
    )
    parameters = TINY | dict(max_iter=20)
    if inside:
        model = SNNClassifier(preprocessor=encoder, **parameters)
    else:
        model = make_pipeline(encoder, SNNClassifier(**parameters))
    model.fit(frame[:200], y[:200])
    assert model.score(frame[200:], y[200:]) > 0.9
    without = frame.assign(colour="green")
    assert model.score(without[200:], y[200:]) < 0.8


# Searches -----------------------------------------------------------------------


def test_a_grid_search_finds_the_same_on_one_process_and_on_two(classes):
    X, y, X_test, y_test = classes
    grid = {"depth": [1, 3], "dropout": [0.0, 0.5]}
    one, two = (
        GridSearchCV(
            SNNClassifier(**TINY), grid, cv=3, scoring="neg_log_loss", n_jobs=n_jobs
        ).fit(X, y)
        for n_jobs in (1, 2)
    )
    for name in ("split0", "split1", "split2", "mean"):
        scores = one.cv_results_[f"{name}_test_score"]
        assert_array_equal(scores, two.cv_results_[f"{name}_test_score"])
        assert len(set(scores)) == 4
    assert one.best_params_ == two.best_params_
    assert one.best_estimator_.n_layers_ == one.best_params_["depth"] + 2
    assert_array_equal(one.predict_proba(X_test), two.predict_proba(X_test))
    assert beats_dummy(one.best_estimator_, X, y, X_test, y_test)


def test_a_halving_search_takes_epochs_for_its_resource(classes):
    X, y, *_ = classes
    search = HalvingGridSearchCV(
        SNNClassifier(**TINY),
        {"learning_rate_init": [1e-6, 1e-5, 1e-4, 1e-2]},
        resource="max_iter",
        min_resources=4,
        max_resources=16,
        factor=2,
        cv=3,
        scoring="neg_log_loss",
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [4, 8, 16]
    assert search.best_params_ == {"learning_rate_init": 1e-2, "max_iter": 16}
    assert search.best_estimator_.n_iter_ == 16


def test_masked_scorer_lets_a_search_choose_despite_missing_labels(numbers):
    X = numbers[0]
    y = (X[:, :2] > 0).astype(float)
    y[np.random.default_rng(0).random(y.shape) < 0.3] = np.nan
    search = GridSearchCV(
        SNNClassifier(**TINY),
        {"learning_rate_init": [1e-7, 1e-2]},
        scoring=masked_scorer("roc_auc"),
        cv=KFold(3),
    ).fit(X, y)
    assert search.best_params_ == {"learning_rate_init": 1e-2}
    assert search.best_score_ > 0.95
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.filterwarnings("ignore:.*is experimental")
@pytest.mark.filterwarnings("ignore:`optuna.terminator` module has been deprecated")
@pytest.mark.parametrize("enable_pruning", [False, True])
def test_optuna_searches(classes, enable_pruning):
    X, y, X_test, y_test = classes
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = optuna_integration.OptunaSearchCV(
        SNNClassifier(learning_rate="constant", **TINY),
        {"dropout": optuna.distributions.FloatDistribution(0.0, 0.3)},
        cv=3,
        n_trials=3,
        random_state=0,
        enable_pruning=enable_pruning,
        max_iter=5,
        error_score="raise",
    ).fit(X, y)
    assert len({trial.params["dropout"] for trial in search.trials_}) == 3
    assert search.best_estimator_.dropout == search.best_params_["dropout"]
    assert beats_dummy(search, X, y, X_test, y_test)
    reported = [len(trial.intermediate_values) for trial in search.trials_]
    assert max(reported) == (5 if enable_pruning else 0)


# Meta-estimators ----------------------------------------------------------------


def test_bagged_networks_are_trained_on_their_own_draws(classes):
    X, y, X_test, y_test = classes
    bagging = BaggingClassifier(SNNClassifier(**TINY), n_estimators=3, random_state=0)
    bagging.fit(X, y)
    assert beats_dummy(bagging, X, y, X_test, y_test)
    codes = np.searchsorted(bagging.classes_, y)
    draws = zip(bagging.estimators_samples_, bagging.estimators_, strict=True)
    for rows, member in draws:
        times_drawn = np.bincount(rows, minlength=len(X))
        alone = clone(member).fit(X, codes, sample_weight=times_drawn)
        assert have_equal_weights(member, alone)


def test_adaboost_weights_the_rows_of_later_networks(classes):
    X, y, X_test, y_test = classes
    boosted = AdaBoostClassifier(SNNClassifier(**TINY), n_estimators=3, random_state=0)
    boosted.fit(X, y)
    assert beats_dummy(boosted, X, y, X_test, y_test)
    first, second, *_ = boosted.estimators_
    alone = [clone(model).fit(X, y) for model in (first, second)]
    # The first one's weights are all equal.
    assert_allclose(first.predict_proba(X), alone[0].predict_proba(X), atol=1e-3)
    change = np.abs(second.predict_proba(X) - alone[1].predict_proba(X))
    assert change.max() > 0.05


def test_stacking_trusts_the_network_more_than_a_dummy(classes):
    X, y, X_test, y_test = classes
    y, y_test = y == "c", y_test == "c"
    members = [
        ("network", SNNClassifier(**TINY)),
        ("dummy", DummyClassifier(strategy="uniform", random_state=0)),
    ]
    stack = StackingClassifier(members, LogisticRegression(), cv=3).fit(X, y)
    trust, distrust = np.abs(stack.final_estimator_.coef_[0])
    assert trust > 1 > distrust
    assert stack.stack_method_ == ["predict_proba"] * 2
    dummy = DummyClassifier().fit(X, y)
    losses = [log_loss(y_test, one.predict_proba(X_test)) for one in (stack, dummy)]
    assert losses[0] < 0.8 * losses[1]


def test_voting_averages_a_network_with_a_line(numbers):
    X, y, X_test, y_test = numbers
    weight = np.random.default_rng(0).random(len(y))
    members = [("network", SNNRegressor(**TINY)), ("line", LinearRegression())]
    voting = VotingRegressor(members).fit(X, y, sample_weight=weight)
    alone = SNNRegressor(**TINY).fit(X, y, sample_weight=weight)
    assert have_equal_weights(voting.named_estimators_["network"], alone)
    line = LinearRegression().fit(X, y, sample_weight=weight)
    mean = (alone.predict(X_test) + line.predict(X_test)) / 2
    assert_allclose(voting.predict(X_test), mean)
    assert beats_dummy(voting, X, y, X_test, y_test)


def test_calibration_repairs_timid_probabilities(classes):
    X, y, X_test, y_test = classes
    timid = SNNClassifier(label_smoothing=0.9, **TINY)
    calibrated = CalibratedClassifierCV(timid, cv=3).fit(X, y)
    before = log_loss(y_test, timid.fit(X, y).predict_proba(X_test))
    after = log_loss(y_test, calibrated.predict_proba(X_test))
    assert after < before - 0.03


def test_a_tuned_threshold_finds_more_of_a_rare_class(rare):
    X, y, X_test, y_test = rare
    model = SNNClassifier(**TINY)
    tuned = TunedThresholdClassifierCV(model, cv=3).fit(X, y)
    assert tuned.best_threshold_ < 0.4
    plain = model.fit(X, y)
    scores = [
        balanced_accuracy_score(y_test, one.predict(X_test)) for one in (tuned, plain)
    ]
    assert scores[0] > scores[1]


def test_a_classifier_chain_passes_labels_on(numbers):
    X, _, X_test, _ = numbers
    coin = np.random.default_rng(0).integers(2, size=len(X))
    y = np.column_stack([coin, coin])
    chain = ClassifierChain(SNNClassifier(**TINY)).fit(X, y)
    assert [model.n_features_in_ for model in chain.estimators_] == [4, 5]
    first, second = chain.predict(X_test).T
    # Nothing is known of the coin, but that the second label repeats the first.
    assert np.mean(first == second) > 0.95
    assert 0.05 < first.mean() < 0.95


def test_multioutput_regressor_fits_each_column_as_if_alone(numbers):
    X, y, X_test, y_test = numbers
    targets = np.column_stack([y, -1000 * X[:, 2]])
    both = MultiOutputRegressor(SNNRegressor(**TINY)).fit(X, targets)
    assert both.score(X_test, np.column_stack([y_test, -1000 * X_test[:, 2]])) > 0.8
    for column, member in zip(targets.T, both.estimators_, strict=True):
        assert have_equal_weights(member, SNNRegressor(**TINY).fit(X, column))


def test_one_vs_rest_has_a_binary_network_for_each_class(classes):
    X, y, X_test, y_test = classes
    rest = OneVsRestClassifier(SNNClassifier(**TINY)).fit(X, y)
    assert [member.n_outputs_ for member in rest.estimators_] == [1, 1, 1]
    assert_array_equal(rest.classes_, ["a", "b", "c"])
    assert beats_dummy(rest, X, y, X_test, y_test)


def test_a_target_is_transformed_there_and_back(numbers):
    X, y, X_test, y_test = numbers
    model = TransformedTargetRegressor(
        SNNRegressor(**TINY), func=np.log, inverse_func=np.exp
    )
    model.fit(X, np.exp(y))
    by_hand = SNNRegressor(**TINY).fit(X, y)
    assert_allclose(np.log(model.predict(X_test)), by_hand.predict(X_test), rtol=1e-6)
    assert by_hand.score(X_test, y_test) > 0.8


# Incremental learning -----------------------------------------------------------


def test_learning_curves_go_on_from_the_rows_before(classes):
    X, y, *_ = classes
    model = SNNClassifier(learning_rate="constant", **TINY)
    sizes, scores, _ = learning_curve(
        model, X, y, train_sizes=[20, 60, 100], cv=2, exploit_incremental_learning=True
    )
    train, _ = next(StratifiedKFold(2).split(X, y))
    alone = clone(model)
    for rows, score in zip(np.split(train, sizes[:-1]), scores[:, 0], strict=True):
        alone.partial_fit(X[rows], y[rows], classes=["a", "b", "c"])
        seen = train[: train.tolist().index(rows[-1]) + 1]
        assert alone.score(X[seen], y[seen]) == score


def test_one_vs_rest_and_many_outputs_learn_by_the_chunk(classes):
    X, y, X_test, y_test = classes
    labels = np.column_stack([y == "a", y == "b"]).astype(int)
    rest = OneVsRestClassifier(SNNClassifier(**TINY))
    many = MultiOutputClassifier(SNNClassifier(**TINY))
    for _ in range(15):
        for rows in np.array_split(np.arange(len(X)), 4):
            rest.partial_fit(X[rows], y[rows], classes=["a", "b", "c"])
            many.partial_fit(X[rows], labels[rows], classes=[np.array([0, 1])] * 2)
    assert beats_dummy(rest, X, y, X_test, y_test)
    for label, member in zip("ab", many.estimators_, strict=True):
        assert member.networks_[0].n_iter == 60
        assert member.score(X_test, y_test == label) > 0.75


def test_optuna_prunes_a_trial_that_falls_behind(classes):
    X, y, X_test, y_test = classes
    study = optuna.create_study(
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=2)
    )

    def objective(trial):
        rate = trial.suggest_float("learning_rate_init", 1e-6, 1e-1, log=True)
        model = SNNClassifier(**TINY | dict(learning_rate_init=rate))
        for epoch in range(10):
            model.partial_fit(X, y, classes=["a", "b", "c"])
            loss = log_loss(y_test, model.predict_proba(X_test))
            trial.report(loss, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    for rate in (1e-2, 2e-2, 1e-6):
        study.enqueue_trial({"learning_rate_init": rate})
    study.optimize(objective, n_trials=3)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert len(study.trials[2].intermediate_values) == 3


# Inspection ---------------------------------------------------------------------


def test_permutation_importance_finds_the_informative_columns(numbers):
    X, y, X_test, y_test = numbers
    model = SNNRegressor(**TINY | dict(max_iter=20)).fit(X, y)
    importance = permutation_importance(
        model, X_test, y_test, n_repeats=3, random_state=0
    ).importances_mean
    assert importance[0] > importance[1] > 0.1 > importance[2:].max()


def test_partial_dependence_shows_slope_and_curve(numbers):
    X, y, *_ = numbers
    model = SNNRegressor(**TINY | dict(max_iter=20)).fit(X, y)
    line = partial_dependence(model, X, [0], grid_resolution=9)["average"][0]
    curve = partial_dependence(model, X, [1], grid_resolution=9)["average"][0]
    assert (np.diff(line) > 0).all()
    assert curve[[0, -1]].min() > curve[4] + 0.5


def test_inspection_in_two_processes_finds_what_one_does(numbers):
    X, y, X_test, y_test = numbers
    model = SNNRegressor(**TINY).fit(X, y)
    one, two = (
        permutation_importance(
            model, X_test, y_test, n_repeats=3, random_state=0, n_jobs=n_jobs
        ).importances
        for n_jobs in (1, 2)
    )
    assert_array_equal(one, two)
    assert one[0].min() > one[2:].max()


# Metadata routing ---------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("requested", [False, True])
def test_sample_weight_reaches_the_network_if_requested(classes, requested):
    X, y, *_ = classes
    weight = np.random.default_rng(0).random(len(y))
    model = SNNClassifier(**TINY).set_fit_request(sample_weight=requested)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = make_pipeline(scaler, model)
    if requested:
        pipeline.fit(X, y, sample_weight=weight)
    else:
        pipeline.fit(X, y)
    table = pipeline[0].transform(X)
    weighted = SNNClassifier(**TINY).fit(table, y, sample_weight=weight)
    assert have_equal_weights(pipeline[-1], weighted) == requested


@pytest.mark.usefixtures("routing")
def test_cross_validation_hands_each_fold_its_weights(classes):
    X, y, *_ = classes
    weight = (np.arange(len(y)) % 3 > 0).astype(float)
    model = SNNClassifier(**TINY).set_fit_request(sample_weight=True)
    model.set_score_request(sample_weight=True)
    folds = KFold(2)
    scores = cross_validate(
        model,
        X,
        y,
        cv=folds,
        params={"sample_weight": weight},
        return_estimator=True,
        error_score="raise",
    )
    for i, (train, test) in enumerate(folds.split(X)):
        alone = SNNClassifier(**TINY).fit(X[train], y[train], weight[train])
        assert have_equal_weights(scores["estimator"][i], alone)
        score = alone.score(X[test], y[test], sample_weight=weight[test])
        assert scores["test_score"][i] == score


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("search", [False, True], ids=["pipeline", "search"])
def test_a_pipeline_transforms_the_validation_rows_too(classes, search):
    X, y, X_val, y_val = classes
    X, X_val = 1000 * X + 5000, 1000 * X_val + 5000
    model = SNNClassifier(preprocessor=None, **TINY)
    pipeline = make_pipeline(
        StandardScaler(),
        model.set_fit_request(X_val=True, y_val=True),
        transform_input=["X_val"],
    )
    if search:
        pipeline = GridSearchCV(pipeline, {"snnclassifier__depth": [1]}, cv=2)
    pipeline.fit(X, y, X_val=X_val, y_val=y_val)
    fitted = pipeline.best_estimator_[-1] if search else pipeline[-1]
    assert len(fitted.validation_scores_) == fitted.n_iter_
    assert fitted.best_validation_score_ == max(fitted.validation_scores_)
    loss = log_loss(y_val, pipeline.predict_proba(X_val))
    assert_allclose(fitted.best_validation_score_, -loss, rtol=1e-5)


def test_validation_scores_are_the_scorers_own(classes):
    X, y, X_val, y_val = classes
    weight = np.random.default_rng(0).random(len(y_val))
    model = SNNClassifier(scoring="accuracy", **TINY)
    model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    score = model.score(X_val, y_val, sample_weight=weight)
    assert_allclose(model.best_validation_score_, score)
    assert score != pytest.approx(model.score(X_val, y_val), abs=1e-9)


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_scoring_none_validates_by_the_estimators_own_score(classes, numbers, make):
    X, y, X_val, y_val = classes if make is SNNClassifier else numbers
    model = make(scoring=None, **TINY).fit(X, y, X_val=X_val, y_val=y_val)
    assert_allclose(model.best_validation_score_, model.score(X_val, y_val), rtol=1e-6)


# Copies and files ---------------------------------------------------------------


def through_bytes(dumps, loads):
    return lambda model: loads(dumps(model))


def through_file(dump, load, **options):
    def through(model):
        with tempfile.TemporaryDirectory() as folder:
            dump(model, os.path.join(folder, "model"))
            twin = load(os.path.join(folder, "model"), **options)
            # Pages of a file stay readable when it is gone, but not on Windows.
            return copy.deepcopy(twin) if options else twin

    return through


COPIES = {
    "pickle": through_bytes(pickle.dumps, pickle.loads),
    "cloudpickle": through_bytes(cloudpickle.dumps, cloudpickle.loads),
    "deepcopy": copy.deepcopy,
    "joblib": through_file(joblib.dump, joblib.load),
    "joblib, memory-mapped": through_file(joblib.dump, joblib.load, mmap_mode="r"),
    "save": through_file(save, load),
}


@pytest.mark.parametrize("through", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_copy_predicts_the_same_to_the_bit(classes, through, warm_start):
    X, y, X_test, _ = classes
    model = SNNClassifier(warm_start=warm_start, **TINY | dict(n_estimators=2)).fit(
        X, y
    )
    model.predict(X)
    twin = through(model)
    assert twin is not model
    assert_array_equal(twin.predict_proba(X_test), model.predict_proba(X_test))
    assert twin.get_params() == model.get_params()
    assert twin.loss_curve_ == model.loss_curve_
    if warm_start:  # what is needed to go on comes along
        both = (one.set_params(max_iter=12).fit(X, y) for one in (twin, model))
        assert have_equal_weights(*both)


class RecordingUnpickler(pickle.Unpickler):
    """Knows what was imported for a pickle."""

    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.packages = set()

    def find_class(self, module, name):
        self.packages.add(module.split(".")[0])
        return super().find_class(module, name)


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
@pytest.mark.parametrize("protocol", [2, 5])
@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_a_pickle_is_of_numpy_and_our_own_types_only(make, protocol, dumps):
    """No torch, which has devices, and no scikit-learn, which warns of its versions."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"city": [f"city {i}" for i in rng.integers(0, 90, 200)]})
    X["size"], X["day"] = rng.normal(size=200), pd.date_range("2020", periods=200)
    y = rng.permutation(200) % 2
    shared = TINY | dict(n_estimators=2, max_iter=3, n_bins=4)
    fitted = make(oof_score=True, **shared).fit(X, y)
    first = dict(classes=[0, 1]) if make is SNNClassifier else {}
    for model in (fitted, make(**shared).partial_fit(X, y, **first)):
        assert len(model.modules_) == 2  # made for us, not kept
        recording = RecordingUnpickler(dumps(model, protocol=protocol))
        twin = recording.load()
        assert "sklearn_snn" in recording.packages
        plain = {"sklearn_snn", "numpy", "_codecs", "builtins", "copyreg", "copy_reg"}
        assert recording.packages <= plain | {"__builtin__"}
        assert_array_equal(twin.predict(X), model.predict(X))


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_what_a_gpu_trained_predicts_where_there_is_none(
    classes, make, monkeypatch, tmp_path
):
    """The CPU stands in for the GPU that is there in training."""
    X, _, X_test, _ = classes
    y = np.arange(len(X)) % 2
    with monkeypatch.context() as patched:
        patched.setattr(_planning, "resolve_device", lambda *_, **__: "cpu")
        model = make(device="cuda:7", **TINY).fit(X, y)
        expected = model.predict(X_test)
    with pytest.raises(ValueError, match="sees no such device"):
        clone(model).fit(X, y)
    save(model, tmp_path / "model.skops")
    for twin in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model.skops")):
        assert twin.device == "cuda:7"
        assert_array_equal(twin.predict(X_test), expected)
        assert {p.device.type for m in twin.modules_ for p in m.parameters()} == {"cpu"}


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_a_pickle_loads_without_torch(classes, numbers, make, tmp_path):
    X, y, X_test, _ = classes if make is SNNClassifier else numbers
    model = make(**TINY).fit(X, y)
    expected = model.predict(X_test)
    assert len(model.modules_) == 1  # made for us, not kept
    data = pickle.dumps(model)
    assert b"torch" not in data
    (tmp_path / "model.pickle").write_bytes(data)
    np.save(tmp_path / "X.npy", X_test)
    script = (
        "import pickle, sys, numpy as np\n"
        "model = pickle.load(open('model.pickle', 'rb'))\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
        "np.save('predictions.npy', model.predict(np.load('X.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    assert_array_equal(np.load(tmp_path / "predictions.npy"), expected)


def test_cloudpickle_carries_a_scorer_that_has_no_name(classes):
    X, y, X_test, y_test = classes
    rows = dict(X_val=X_test, y_val=y_test)
    scoring = lambda model, X, y: -log_loss(y, model.predict_proba(X))  # noqa: E731
    model = SNNClassifier(scoring=scoring, **TINY).fit(X, y, **rows)
    twin = pickle.loads(cloudpickle.dumps(model))
    assert_array_equal(twin.predict_proba(X_test), model.predict_proba(X_test))
    assert twin.fit(X, y, **rows).validation_scores_ == model.validation_scores_


def test_weights_may_stay_on_disk(numbers, tmp_path):
    X, y, X_test, _ = numbers
    model = SNNRegressor(warm_start=True, **TINY).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(twin.networks_[0].weights[0], np.memmap)
    assert_array_equal(twin.predict(X_test), model.predict(X_test))
    assert len(twin.modules_) == 1
    both = (one.set_params(max_iter=12).fit(X, y) for one in (twin, model))
    assert have_equal_weights(*both)


# Neighbours ---------------------------------------------------------------------


def test_oversampling_in_an_imbalanced_learn_pipeline_finds_a_rare_class(rare):
    X, y, X_test, y_test = rare
    network = SNNClassifier(**TINY)
    pipeline = imblearn.pipeline.make_pipeline(
        imblearn.over_sampling.RandomOverSampler(random_state=0), network
    )
    scores = cross_val_score(pipeline, X, y, scoring="balanced_accuracy", cv=3)
    assert scores.mean() > 0.65
    recalls = [
        recall_score(y_test, model.fit(X, y).predict(X_test))
        for model in (network, pipeline)
    ]
    assert recalls[1] > recalls[0]


SCRIPT = """
def train(X, y):
    model = MLPClassifier(
        hidden_layer_sizes=(16, 16),
        random_state=0,
        max_iter=20,
        batch_size=32,
        learning_rate_init=0.01,
        shared,
        verbose=False,
    )
    model.fit(X, y)
    assert len(model.loss_curve_) == model.n_iter_ <= 20
    return model
"""

SHARED = [
    "early_stopping=False",
    "early_stopping=True, validation_fraction=0.2, n_iter_no_change=5, tol=1e-4",
    "warm_start=True, learning_rate='constant'",
    "batch_size='auto'",
]


def train(script, X, y):
    names = {"MLPClassifier": MLPClassifier, "SNNClassifier": SNNClassifier}
    exec(script, names)
    return names["train"](X, y)


@pytest.mark.parametrize("shared", SHARED)
def test_a_script_for_mlpclassifier_works_with_another_class_name(classes, shared):
    X, y, X_test, y_test = classes
    script = SCRIPT.replace("shared", shared)
    if "batch_size" in shared:
        script = script.replace("batch_size=32,", "", 1)
    ours = script.replace("MLPClassifier", "SNNClassifier").replace(
        "hidden_layer_sizes=(16, 16)", "depth=2, width=16"
    )
    if "early_stopping=True" in shared:
        mlp = train(script, X, y)
    else:
        with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
            mlp = train(script, X, y)
    snn = train(ours, X, y)
    assert snn.score(X_test, y_test) > mlp.score(X_test, y_test) - 0.05
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(snn, name) == getattr(mlp, name)
    if "early_stopping" in shared:  # whose default is another
        for name in ("validation_scores_", "best_validation_score_"):
            assert (getattr(snn, name) is None) == (getattr(mlp, name) is None)


# scikit-learn's callbacks -------------------------------------------------------

needs_callbacks = pytest.mark.skipif(
    not hasattr(SNNClassifier, "set_callbacks"),
    reason="scikit-learn has callbacks from 1.9 on",
)


class StopAfter:
    """Stops every network after some epochs, and remembers what it saw."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, **kwargs):
        self.events.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context, **kwargs):
        self.events.append(f"{context.task_name} ends")
        return context.task_name == "epoch" and context.task_id + 1 >= self.n_epochs


@needs_callbacks
def test_whoever_ends_training_in_the_epoch_that_diverged_is_told_of_it(classes):
    X, y, *_ = classes
    model = SNNClassifier(**TINY | dict(learning_rate_init=1e20))
    with pytest.raises(ValueError, match="Training diverged"):
        model.set_callbacks(StopAfter(n_epochs=1)).fit(X, y)


@pytest.fixture
def callback():
    return pytest.importorskip(
        "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
    )


@pytest.fixture
def monitor(callback):
    return callback.ScoringMonitor(scoring="accuracy")


def epochs(monitor):
    logs = monitor.get_logs().data_as_pandas
    return logs[logs["task_name"] == "epoch"]


def test_scoring_monitor_scores_the_training_rows_after_each_epoch(classes, monitor):
    X, y, *_ = classes
    model = SNNClassifier(**TINY).set_callbacks(monitor).fit(X, y)
    logged = epochs(monitor)["accuracy"]
    assert len(logged) == model.n_iter_ == 10
    assert logged.iloc[-1] == model.score(X, y)
    assert logged.iloc[-1] > logged.iloc[0]


def test_scoring_monitor_weights_rows_as_the_fit_does(classes, monitor):
    X, y, *_ = classes
    weight = np.random.default_rng(0).random(len(y))
    model = SNNClassifier(**TINY).set_callbacks(monitor).fit(X, y, weight)
    assert epochs(monitor)["accuracy"].iloc[-1] == model.score(X, y, weight)
    assert model.score(X, y, weight) != model.score(X, y)


def test_scoring_monitor_scores_partial_fit(classes, monitor):
    X, y, *_ = classes
    model = SNNClassifier(**TINY).set_callbacks(monitor)
    for _ in range(3):
        model.partial_fit(X, y, classes=["a", "b", "c"])
        (logged,) = epochs(monitor)["accuracy"]
        assert logged == model.score(X, y)


def test_scoring_monitor_works_inside_a_pipeline(classes, monitor):
    X, y, *_ = classes
    model = SNNClassifier(**TINY).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    logged = epochs(monitor)["accuracy"]
    assert len(logged) == 10
    assert logged.iloc[-1] == pipeline.score(X, y)


def test_scoring_monitor_works_inside_a_grid_search(classes, monitor):
    X, y, *_ = classes
    model = SNNClassifier(**TINY).set_callbacks(monitor)
    search = GridSearchCV(model, {"max_iter": [3, 5]}, cv=2, return_train_score=True)
    search.fit(X, y)
    runs = epochs(monitor).groupby("parent_task_id_path")["accuracy"]
    assert sorted(runs.size()) == sorted([3, 3, 5, 5, search.best_params_["max_iter"]])
    last = runs.last().tolist()
    results = search.cv_results_
    for fold in (0, 1):
        assert set(results[f"split{fold}_train_score"]) <= set(last)
    assert search.best_estimator_.score(X, y) in last


@needs_callbacks
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_a_callback_that_returns_true_stops_training(numbers, in_pipeline):
    X, y, *_ = numbers
    stop = StopAfter(3)
    model = SNNRegressor(**TINY | dict(n_estimators=2)).set_callbacks(stop)
    outer = make_pipeline(StandardScaler(), model) if in_pipeline else model
    outer.fit(X, y)
    assert model.n_iter_ == 3
    assert all(network.n_iter == 3 for network in model.networks_)
    assert stop.events == [
        "setup",
        "fit begins",
        *(["epoch begins", "epoch ends"] * 3),
        "fit ends",
        "teardown",
    ]


@needs_callbacks
def test_a_callback_stops_every_network_of_a_search(classes):
    X, y, *_ = classes
    model = SNNClassifier(**TINY).set_callbacks(StopAfter(2))
    search = GridSearchCV(model, {"depth": [1, 2]}, cv=2).fit(X, y)
    assert search.best_estimator_.n_iter_ == 2


@needs_callbacks
def test_callbacks_are_torn_down_where_training_fails(numbers):
    X, y, *_ = numbers
    stop = StopAfter(3)
    model = SNNRegressor(**TINY).set_callbacks(stop)
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.full_like(X, np.inf), y)
    model.fit(X, y)
    assert stop.events.count("setup") == stop.events.count("teardown") == 1


@pytest.mark.parametrize("place", ["alone", "pipeline", "search"])
def test_progress_bar_shows_epochs(classes, place, capsys, callback):
    X, y, *_ = classes
    model = SNNClassifier(**TINY)
    if place == "pipeline":
        model = make_pipeline(StandardScaler(), model)
    elif place == "search":
        model = GridSearchCV(model, {"depth": [1]}, cv=2)
    model.set_callbacks(callback.ProgressBar()).fit(X, y)
    shown = capsys.readouterr().out
    assert "SNNClassifier" in shown
    assert "100%" in shown


def test_scikit_learns_callbacks_are_not_a_parameter(numbers):
    X, y, *_ = numbers
    with pytest.raises(TypeError, match="set_callbacks"):
        SNNRegressor(callbacks=[StopAfter(3)], **TINY).fit(X, y)


@pytest.mark.parametrize("callback", [3, "early_stopping", ("mine", print)])
def test_what_is_no_callback_is_refused(numbers, callback):
    X, y, *_ = numbers
    with pytest.raises(TypeError, match=r"callbacks must be of skorch.*, got "):
        SNNRegressor(callbacks=[callback], **TINY).fit(X, y)


def test_scoring_monitor_scores_members_whose_targets_have_scales_of_their_own(
    callback,
):
    monitor = callback.ScoringMonitor(scoring="r2")
    X = np.random.default_rng(0).standard_normal((120, 3))
    y = X[:, 0] + 50 * (np.arange(120) // 30)  # means differ from fold to fold
    model = SNNRegressor(**TINY | dict(n_estimators=4, cv=KFold(4), oof_score=True))
    model.set_params(early_stopping=False).set_callbacks(monitor).fit(X, y)
    assert epochs(monitor)["r2"].iloc[-1] == pytest.approx(model.score(X, y))


def test_callbacks_predict_with_the_networks_that_have_begun(monitor):
    """Those of folds with other levels have other sizes, and are trained later."""
    level = np.arange(60) // 2 % 29
    y = np.where(level % 2, "a", "b")
    model = SNNClassifier(
        preprocessor=OneHotEncoder(handle_unknown="ignore"),
        **TINY | dict(n_estimators=3, cv=KFold(3), oof_score=True),
    )
    model.set_params(early_stopping=False).set_callbacks(monitor)
    model.fit(level[:, np.newaxis], y)
    assert len({len(one.weights[0]) for one in model.networks_}) > 1
    logged = epochs(monitor)["accuracy"]
    assert logged.iloc[-1] == model.score(level[:, np.newaxis], y)
