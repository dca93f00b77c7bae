"""The searches: scikit-learn's results, with networks trained side by side."""

import os
import pickle
import time
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array
from scipy.stats import loguniform, randint
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingRandomSearchCV,
    KFold,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.fixes import parse_version
from watching import Trained, clock_of_readings

from sklearn_snn import (
    SNNClassifier,
    SNNGridSearchCV,
    SNNHalvingRandomSearchCV,
    SNNRandomizedSearchCV,
    SNNRegressor,
    _tasks,
    masked_scorer,
    search_space,
)
from sklearn_snn import _training as training
from sklearn_snn._tasks import train_requests

SMALL = dict(
    depth=1,
    width=8,
    max_iter=4,
    batch_size=16,
    random_state=0,
    n_estimators=1,
    n_bins=1,
)
EXACT = SMALL | dict(dtype="float64")
RATES = {"learning_rate_init": [1e-3, 1e-2, 0.1]}


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X[::2], y[::2]


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:90], y[:90]


def pipeline(**parameters):
    network = SNNClassifier(**EXACT | parameters)
    return Pipeline([("scale", StandardScaler()), ("net", network)])


def assert_same_results(ours, theirs, atol=1e-9):
    """Everything but times, which nobody can promise."""
    mine, reference = ours.cv_results_, theirs.cv_results_
    assert list(mine) == list(reference)
    for name, expected in reference.items():
        if name == "params":
            assert list(mine[name]) == list(expected)
        elif name.startswith("param_"):
            assert [str(one) for one in mine[name]] == [str(one) for one in expected]
        elif "_time" not in name:
            assert_allclose(mine[name], expected, atol=atol, rtol=0, err_msg=name)
    for name in ("best_params_", "best_index_", "n_splits_", "multimetric_"):
        assert hasattr(ours, name) == hasattr(theirs, name)
        assert getattr(ours, name, None) == getattr(theirs, name, None)


def assert_equals_grid_search(estimator, grid, X, y, atol=1e-9, params=(), **options):
    """Both searches of the same; the stacked one is returned."""
    options = {"cv": 3} | options
    theirs = GridSearchCV(estimator, grid, **options).fit(X, y, **dict(params))
    ours = SNNGridSearchCV(estimator, grid, **options).fit(X, y, **dict(params))
    assert_same_results(ours, theirs, atol)
    if options.get("refit", True):
        assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-7)
        assert ours.refit_time_ > 0
    return ours


@pytest.fixture
def trained(monkeypatch):
    spy = Trained()
    monkeypatch.setattr("sklearn_snn._tasks.fit_networks", spy)
    return spy


# The results of scikit-learn's searches


@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-9), ("float32", 1e-3)])
def test_log_losses_after_30_epochs_are_those_of_grid_search(iris, dtype, atol):
    model = SNNClassifier(**SMALL | dict(max_iter=30, dtype=dtype))
    grid = {"learning_rate_init": [1e-3, 1e-2, 0.1], "dropout": [0.0, 0.1]}
    search = assert_equals_grid_search(
        model, grid, *iris, atol=atol, scoring="neg_log_loss", refit=False, cv=2
    )
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0.1
    assert len(set(search.cv_results_["rank_test_score"])) == 6


CANDIDATES = {
    "batch sizes": {"batch_size": [8, 16, "auto"]},
    "shapes": [
        {"depth": [1, 2], "layer_form": ["conic"]},
        {"width": [4, 8], "solver": ["adamw", "sgd"], "weight_decay": [0.0, 0.1]},
    ],
    "members": {"n_estimators": [1, 3], "early_stopping": [True, "joint", False]},
    "folds": {"n_estimators": [2], "cv": [2, KFold(3)], "refit": [True, False]},
    "stopping": {
        "early_stopping": [True],
        "scoring": ["loss", "accuracy", None],
        "n_iter_no_change": [1, 2],
        "max_iter": [2, 9],
    },
    "schedules": {"learning_rate": ["cosine", "constant"], "max_iter": [3, 6]},
    "data": {
        "preprocessor": ["auto", None, MinMaxScaler()],
        "class_weight": [None, "balanced", {0: 5, 1: 1, 2: 1}],
    },
    "held out": {"oof_score": [True, False], "preprocessor": [SelectKBest(k=2)]},
    "precision": {"dtype": ["float64"], "label_smoothing": [0.0, 0.1]},
    "seeds": {"random_state": [0, 1, np.random.RandomState(0)]},
}


@pytest.mark.parametrize("name", CANDIDATES)
def test_whatever_candidates_differ_in(iris, name):
    X, y = iris
    assert_equals_grid_search(
        SNNClassifier(**EXACT), CANDIDATES[name], X, y, scoring="neg_log_loss"
    )


def test_candidates_of_a_regressor(diabetes):
    X, y = diabetes
    losses = ["squared_error", "absolute_error", "huber", "poisson"]
    grid = [
        {"loss": losses, "early_stopping": [True, False]},
        {"loss": ["quantile"], "quantile": [0.1, 0.9]},
    ]
    model = SNNRegressor(**EXACT)
    assert_equals_grid_search(model, grid, X, y, scoring="neg_mean_absolute_error")
    several = np.column_stack([y, -y])
    assert_equals_grid_search(model, {"depth": [1, 2]}, X, several)


def test_candidates_of_a_pipeline(iris):
    steps = {  # no two alike but for rounding, which would decide their ranks
        "scale": [Normalizer(), "passthrough", PowerTransformer()],
        "net__depth": [1, 2],
        "net__preprocessor": [None, "auto"],
    }
    assert_equals_grid_search(pipeline(), steps, *iris, scoring="neg_log_loss")


def test_candidates_that_replace_the_network(iris):
    networks = [SNNClassifier(**EXACT), SNNClassifier(**EXACT | dict(width=4))]
    assert_equals_grid_search(pipeline(), {"net": networks}, *iris)


def test_candidates_of_nested_pipelines(iris):
    model = Pipeline([("choose", SelectKBest()), ("inner", pipeline())])
    grid = {
        "choose__k": [1, 3],
        "inner__scale__with_mean": [True, False],
        "inner__net__learning_rate_init": [1e-3, 1e-2],
    }
    search = assert_equals_grid_search(model, grid, *iris, scoring="neg_log_loss")
    assert type(search.best_estimator_["inner"]["net"]) is SNNClassifier


def balanced(estimator, X, y):
    return {"loss": -log_loss(y, estimator.predict_proba(X)), "n": float(len(y))}


def last_of_pipeline(estimator, X, y):
    """What a scorer may do with a pipeline."""
    assert isinstance(estimator, Pipeline)
    assert len(estimator) == 2
    return estimator[-1].score(estimator[:-1].transform(X), y)


@pytest.mark.parametrize(
    ("scoring", "refit"),
    [
        (None, True),
        ("roc_auc_ovr", True),
        (["accuracy", "neg_log_loss"], "neg_log_loss"),
        (["accuracy", "neg_log_loss"], False),
        ({"a": "accuracy", "b": make_scorer(log_loss, response_method="predict_proba",
                                           greater_is_better=False)}, "b"),
        (balanced, "loss"),
        (last_of_pipeline, True),
        ("accuracy", lambda results: 2),
        (("accuracy",), lambda results: results["mean_test_accuracy"].argmin()),
    ],
)  # fmt: skip
def test_scoring_and_refit_are_scikit_learns(iris, scoring, refit):
    grid = {"net__learning_rate_init": [1e-3, 1e-2, 0.1]}
    assert_equals_grid_search(
        pipeline(), grid, *iris, scoring=scoring, refit=refit, return_train_score=True
    )


def test_scorers_see_an_estimator_of_its_class(iris):
    seen = []

    def scorer(estimator, X, y):
        seen.append((isinstance(estimator, SNNClassifier), estimator.n_iter_))
        return estimator.score(X, y)

    SNNGridSearchCV(SNNClassifier(**SMALL), RATES, scoring=scorer, cv=2).fit(*iris)
    assert seen == [(True, 4)] * 6


def refitted(estimator, X, y):
    return cross_val_score(clone(estimator), X, y, cv=2).mean()


def pickled(estimator, X, y):
    again = pickle.loads(pickle.dumps(estimator))
    assert type(again) is SNNClassifier
    return again.score(X, y)


@pytest.mark.parametrize("scoring", [refitted, pickled])
def test_scorers_may_clone_and_keep_what_they_see(iris, scoring):
    grid = {"depth": [1, 2], "learning_rate_init": [1e-3, 0.1]}
    model = SNNClassifier(**EXACT | dict(batch_size=4))
    assert_equals_grid_search(model, grid, *iris, scoring=scoring)


class Picky(StratifiedKFold):
    """A splitter that wants to be told something beside groups."""

    __metadata_request__split = {"taste": True}

    def split(self, X, y=None, groups=None, taste=None):
        assert taste == "good"
        return super().split(X, y)

    def get_n_splits(self, X=None, y=None, groups=None, taste=None):
        return super().get_n_splits(X, y)


def test_splitters_may_be_told_anything(iris):
    with sklearn.config_context(enable_metadata_routing=True):
        assert_equals_grid_search(
            SNNClassifier(**EXACT),
            RATES,
            *iris,
            params={"taste": "good"},
            cv=Picky(2),
        )


def test_a_choice_by_time_finds_times_that_add_up(iris):
    def fastest(results):
        return int(results["mean_fit_time"].argmin())

    model, grid = SNNClassifier(**SMALL), {"max_iter": [40, 1], "depth": [3]}
    start = time.perf_counter()
    search = SNNGridSearchCV(model, grid, refit=fastest, cv=2).fit(*iris)
    elapsed = time.perf_counter() - start
    times = search.cv_results_["mean_fit_time"]
    assert search.best_params_["max_iter"] == 1
    assert_allclose(times[0] / times[1], 40, rtol=1e-6)  # shared out by epochs
    assert 0 < times.sum() * 2 < elapsed


def test_fit_parameters_are_split_with_the_rows(iris):
    X, y = iris
    rng = np.random.default_rng(0)
    weight, groups = rng.random(len(y)), np.arange(len(y)) % 7
    search = assert_equals_grid_search(
        SNNClassifier(**EXACT),
        RATES,
        X,
        y,
        scoring="neg_log_loss",
        cv=GroupKFold(3),
        params=dict(sample_weight=weight, groups=groups),
    )
    plain = SNNGridSearchCV(search.estimator, RATES, cv=3, scoring="neg_log_loss")
    assert plain.fit(X, y).best_score_ != search.best_score_
    assert_equals_grid_search(
        pipeline(),
        {"net__depth": [1, 2]},
        X,
        y,
        params={"net__sample_weight": weight, "scale__sample_weight": weight},
    )


def test_validation_rows_go_through_a_search(iris):
    X, y = iris
    model = SNNClassifier(n_iter_no_change=1, **EXACT | dict(max_iter=9))
    rows = dict(X_val=X[::5], y_val=y[::5])
    search = assert_equals_grid_search(
        model, RATES, X, y, params=rows, scoring="neg_log_loss"
    )
    assert search.best_estimator_.validation_scores_ is not None


def test_metadata_routing(iris):
    X, y = iris
    weight, groups = np.linspace(0, 1, len(y)), np.arange(len(y)) % 7
    with sklearn.config_context(enable_metadata_routing=True):
        model = SNNClassifier(**EXACT, early_stopping=True)
        model.set_fit_request(sample_weight=True, groups=True)
        model.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model)
        cases = [(model, RATES), (pipeline, {"snnclassifier__depth": [1, 2]})]
        if parse_version(sklearn.__version__) < parse_version("1.7"):
            del cases[1]  # its own GridSearchCV cannot tell Pipeline.score of weights
        for one, grid in cases:
            assert_equals_grid_search(
                one,
                grid,
                X,
                y,
                cv=GroupKFold(3),
                params=dict(sample_weight=weight, groups=groups),
            )


def test_data_frames_lists_and_sparse_tables(iris):
    import pandas as pd

    X, y = iris
    model = SNNClassifier(**EXACT)
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(len(y))[::-1])
    names = np.array(["red", "green", "blue"])[y]
    search = assert_equals_grid_search(
        model, RATES, frame, pd.Series(y, index=frame.index)
    )
    assert_array_equal(search.feature_names_in_, list("abcd"))
    assert search.n_features_in_ == 4
    assert_allclose(search.predict_proba(frame).sum(axis=1), 1)
    for table in (X.tolist(), coo_array(X)):
        theirs = GridSearchCV(model, RATES, cv=2).fit(table, names)
        ours = SNNGridSearchCV(model, RATES, cv=2).fit(table, names)
        assert_same_results(ours, theirs)
        assert_array_equal(ours.classes_, ["blue", "green", "red"])


def test_splits_that_are_drawn_anew_are_scored_on_rows_that_were_held_out(iris):
    X, y = iris
    index = np.arange(len(y), dtype=float)[:, np.newaxis]
    kept = {}

    class Remembers(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            self.seen_ = set(X[:, 0])
            return self

        def transform(self, X):
            return X[:, 1:]

    def unseen(estimator, X, y):
        kept[frozenset(X[:, 0])] = estimator[0].seen_
        return estimator.score(X, y)

    for cls, options in (
        (SNNGridSearchCV, dict(param_grid={"snnclassifier__depth": [1, 2]})),
        (
            SNNRandomizedSearchCV,
            dict(param_distributions={"snnclassifier__depth": [1, 2]}, n_iter=2),
        ),
    ):
        kept.clear()
        model = make_pipeline(Remembers(), SNNClassifier(**SMALL))
        splitter = KFold(3, shuffle=True, random_state=None)
        cls(model, **options, cv=splitter, scoring=unseen, refit=False).fit(
            np.hstack([index, X]), y
        )
        assert len(kept) == 3  # both candidates had the same splits
        for scored, fitted in kept.items():
            assert not scored & fitted
            assert len(scored | fitted) == len(y)


def test_a_splitter_that_is_used_up_is_a_list(iris):
    X, y = iris
    splits = list(StratifiedKFold(3).split(X, y))
    search = SNNGridSearchCV(SNNClassifier(**EXACT), RATES, cv=iter(splits)).fit(X, y)
    theirs = GridSearchCV(SNNClassifier(**EXACT), RATES, cv=splits).fit(X, y)
    assert_same_results(search, theirs)


def test_no_random_state_is_a_fresh_one_for_each_network(iris):
    X, y = iris
    model = SNNClassifier(**SMALL | dict(random_state=None))
    search = SNNGridSearchCV(model, {"tol": [0.0, 1e-9]}, cv=2, scoring="neg_log_loss")
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first, second = (search.fit(X, y).cv_results_["split0_test_score"] for _ in "ab")
    assert len({*first, *second}) == 4
    assert search.best_estimator_.random_state is None
    assert_array_equal(np.random.get_state()[1], before)


def test_random_search_is_scikit_learns(iris):
    space = {
        "net__learning_rate_init": loguniform(1e-4, 1e-1),
        "net__depth": randint(1, 3),
        "scale__with_std": [True, False],
    }
    options = dict(n_iter=7, random_state=3, cv=3, scoring="neg_log_loss")
    theirs = RandomizedSearchCV(pipeline(), space, **options).fit(*iris)
    ours = SNNRandomizedSearchCV(pipeline(), space, **options).fit(*iris)
    assert_same_results(ours, theirs)


def test_labels_that_were_not_measured():
    X, y = make_multilabel_classification(120, 6, n_classes=3, random_state=0)
    y = y.astype(float)
    y[np.random.default_rng(0).random(y.shape) < 0.3] = np.nan
    model, splits = SNNClassifier(**EXACT), KFold(3)
    for scoring in (None, masked_scorer("roc_auc")):
        theirs = GridSearchCV(model, RATES, cv=splits, scoring=scoring).fit(X, y)
        ours = SNNGridSearchCV(model, RATES, cv=3, scoring=scoring).fit(X, y)
        assert_same_results(ours, theirs)
    halving = SNNHalvingRandomSearchCV(model, RATES, n_candidates=3, cv=3)
    assert halving.fit(X, y).best_score_ > 0


# Candidates that fail


def test_a_candidate_that_cannot_be_fitted_gets_the_error_score(iris):
    model = SNNClassifier(**EXACT)
    grid = {"depth": [1, 0], "dropout": [0.0, 2.0]}
    results = []
    for cls in (GridSearchCV, SNNGridSearchCV):
        with (
            pytest.warns(FitFailedWarning, match=r"6 fits failed") as caught,
            pytest.warns(UserWarning, match="non-finite"),
        ):
            results.append(cls(model, grid, cv=2).fit(*iris))
        text = "".join(str(one.message) for one in caught)
        assert "'depth' parameter of SNNClassifier must be an int" in text
        assert "'dropout' parameter of SNNClassifier must be a float" in text
    theirs, ours = results
    assert_same_results(ours, theirs)
    with pytest.warns(FitFailedWarning):
        search = SNNGridSearchCV(model, grid, cv=2, error_score=-1.0).fit(*iris)
    assert_array_equal(search.cv_results_["mean_test_score"][1:], -1)


def test_a_network_that_diverges_fails_alone(diabetes):
    X, y = diabetes
    model = SNNRegressor(solver="sgd", **EXACT)
    grid = {"learning_rate_init": [1e-3, 1e20]}
    with (
        pytest.warns(FitFailedWarning, match=r"Training diverged.*1e\+20"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = SNNGridSearchCV(model, grid, cv=2).fit(X, y)
    alone = cross_val_score(
        clone(model).set_params(learning_rate_init=1e-3), X, y, cv=2
    )
    assert_allclose(search.cv_results_["mean_test_score"], [alone.mean(), np.nan])


def test_a_validation_score_that_fails_fails_its_candidate_alone(iris):
    X, y = iris

    def broken(estimator, X, y):
        raise RuntimeError("no score today")

    model = SNNClassifier(early_stopping=True, **EXACT)
    grid, scores = {"scoring": ["accuracy", broken]}, []
    for cls in (GridSearchCV, SNNGridSearchCV):
        with (
            pytest.warns(FitFailedWarning, match="no score today"),
            pytest.warns(UserWarning, match="non-finite"),
        ):
            scores.append(cls(model, grid, cv=2).fit(X, y).cv_results_)
    theirs, ours = (one["mean_test_score"] for one in scores)
    assert_allclose(ours, theirs)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_stack_that_fails_fails_its_candidates_alone(iris, monkeypatch, n_jobs):
    def fit_networks(specs, sets, **options):
        if specs[0].layer_sizes[1] == 9:
            raise MemoryError("no room")
        return training.fit_networks(specs, sets, **options)

    monkeypatch.setattr("sklearn_snn._tasks.fit_networks", fit_networks)
    grid = {"width": [8, 9]}
    search = SNNGridSearchCV(SNNClassifier(**SMALL), grid, cv=2, n_jobs=n_jobs)
    # Threads see what was patched.
    with parallel_config(backend="threading"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One or more of the test scores")
        with pytest.warns(FitFailedWarning, match="no room"):
            search.fit(*iris)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    with parallel_config(backend="threading"), pytest.raises(MemoryError):
        search.set_params(error_score="raise").fit(*iris)


def test_a_later_round_that_fails_leaves_the_other_candidates(iris, monkeypatch):
    stacks = []

    def fit_networks(specs, sets, **options):
        stacks.append(specs)
        if len(stacks) > 1:  # the refit on all rows
            raise MemoryError("no room")
        return training.fit_networks(specs, sets, **options)

    monkeypatch.setattr("sklearn_snn._tasks.fit_networks", fit_networks)
    model = SNNClassifier(**SMALL | {"early_stopping": True})
    search = SNNGridSearchCV(model, {"refit": [False, True]}, cv=2, refit=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One or more of the test scores")
        with pytest.warns(FitFailedWarning, match="no room"):
            search.fit(*iris)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]


def test_a_step_that_cannot_be_fitted_fails_its_candidates(iris):
    upside_down = MinMaxScaler(feature_range=(1, 0))
    grid = {"net__depth": [1, 2], "scale": [StandardScaler(), upside_down]}
    with (
        pytest.warns(FitFailedWarning, match="Minimum of desired feature range"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = SNNGridSearchCV(pipeline(), grid, cv=2).fit(*iris)
    failed = np.isnan(search.cv_results_["mean_test_score"])
    assert_array_equal(failed, [False, True, False, True])


def test_the_error_itself_can_be_asked_for(iris):
    search = SNNGridSearchCV(
        SNNClassifier(**SMALL), {"depth": [1, 0]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="The 'depth' parameter of SNNClassifier"):
        search.fit(*iris)
    assert not [name for name in vars(search) if name.endswith("_")]


def test_it_is_an_error_if_all_fail(iris):
    search = SNNGridSearchCV(SNNClassifier(**SMALL), {"depth": [0, -1]}, cv=2)
    with pytest.raises(ValueError, match="All the 4 fits failed"):
        search.fit(*iris)


def test_unknown_parameters_are_an_error(iris):
    search = SNNGridSearchCV(SNNClassifier(**SMALL), {"breadth": [3]}, cv=2)
    with pytest.raises(ValueError, match="Invalid parameter 'breadth'"):
        search.fit(*iris)


@pytest.mark.parametrize(
    "cls", [SNNGridSearchCV, SNNRandomizedSearchCV, SNNHalvingRandomSearchCV]
)
def test_other_estimators_are_for_scikit_learns_searches(iris, cls):
    for other in (LogisticRegression(), make_pipeline(SNNClassifier(), RobustScaler())):
        with pytest.raises(TypeError, match=type(other).__name__):
            cls(other, {"C": [1.0]}).fit(*iris)


def test_another_last_step_in_a_candidate_says_what_came(iris):
    grid = {"net": [SNNClassifier(**SMALL), LogisticRegression()]}
    search = SNNGridSearchCV(pipeline(), grid, cv=2, error_score="raise")
    with pytest.raises(TypeError, match="LogisticRegression"):
        search.fit(*iris)


def test_skorch_callbacks_are_for_scikit_learns_searches(iris):
    from skorch.callbacks import EpochTimer

    model = SNNClassifier(callbacks=[EpochTimer()], **SMALL)
    search = SNNGridSearchCV(model, RATES, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="use scikit-learn's GridSearchCV"):
        search.fit(*iris)


class LogarithmicRegressor(SNNRegressor):
    def fit(self, X, y):
        return super().fit(X, np.log1p(y))


def test_estimators_with_a_fit_of_their_own_are_for_scikit_learns_searches(iris):
    model = LogarithmicRegressor(**SMALL)
    search = SNNGridSearchCV(model, RATES, cv=2, error_score="raise")
    with pytest.raises(TypeError, match="without the fit of LogarithmicRegressor"):
        search.fit(*iris)


class MeanOfOne(SNNClassifier):
    def predict(self, X):
        return super().predict(X)


def test_other_methods_of_an_estimator_may_be_its_own(iris):
    search = SNNGridSearchCV(MeanOfOne(**SMALL), RATES, cv=2).fit(*iris)
    assert isinstance(search.best_estimator_, MeanOfOne)


def test_values_that_are_equal_but_not_the_same_are_candidates_of_their_own(iris):
    X, y = iris
    X = X.round()
    grid = {"categorical_features": [(0, 1, 1, 0), (False, True, True, False)]}
    model = SNNClassifier(**SMALL)
    search = SNNGridSearchCV(model, grid, cv=2, scoring="neg_log_loss").fit(X, y)
    expected = GridSearchCV(model, grid, cv=2, scoring="neg_log_loss").fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] != scores[1]
    assert_allclose(scores, expected.cv_results_["mean_test_score"], rtol=1e-5)


@pytest.mark.parametrize(
    "params", [{"n_candidates": 0}, {"max_resources": 0}, {"factor": "3"}]
)
def test_parameters_are_validated_before_anything_is_made_of_them(iris, params):
    search = SNNHalvingRandomSearchCV(SNNClassifier(**SMALL), RATES, **params)
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of"):
        search.fit(*iris)


# What is trained


def test_networks_that_share_sizes_are_one_stack(iris, trained):
    grid = RATES | {"depth": [1, 2], "dropout": [0.0, 0.1]}
    model = SNNClassifier(early_stopping=True, **SMALL | dict(n_estimators=2))
    SNNGridSearchCV(model, grid, cv=3, refit=False).fit(*iris)
    assert trained.sizes == [3 * 2 * 3 * 2] * 2
    for specs, _ in trained:
        assert len({spec.layer_sizes for spec in specs}) == 1


def test_other_settings_of_the_loss_or_the_solver_are_other_stacks(iris, trained):
    grid = {"solver": ["adamw", "sgd"], "label_smoothing": [0.0, 0.1]}
    SNNGridSearchCV(SNNClassifier(**SMALL), grid, cv=2, refit=False).fit(*iris)
    assert trained.sizes == [4, 4]  # smoothing may differ in a stack


def test_a_stack_holds_no_more_than_it_may(iris, trained, monkeypatch):
    model = SNNClassifier(early_stopping="joint", **SMALL | dict(n_estimators=3))
    spec_size = 5 * (5 * 8 + 9 * 3) + 4 * 16 * (4 + 8 + 3)
    monkeypatch.setattr("sklearn_snn._grouping.STACK_SIZE", 7 * spec_size)
    whole = SNNGridSearchCV(model, RATES, cv=2, refit=False).fit(*iris)
    assert sum(trained.sizes) == 18
    assert max(trained.sizes) <= 7
    for specs, _ in trained:  # those who stop together stay together
        teams = [spec.team for spec in specs]
        assert all(teams.count(team) == 3 for team in teams)
    monkeypatch.undo()
    again = SNNGridSearchCV(model, RATES, cv=2, refit=False).fit(*iris)
    assert_allclose(
        whole.cv_results_["mean_test_score"], again.cv_results_["mean_test_score"]
    )


class Counted(TransformerMixin, BaseEstimator):
    """Counts how often it is fitted."""

    fits: list = []

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, X, y=None):
        self.fits.append(self.scale)
        self.is_fitted_ = True
        return self

    def transform(self, X):
        return X * self.scale


def test_other_steps_are_fitted_once_a_fold_and_setting(iris):
    model = make_pipeline(Counted(), SNNClassifier(**SMALL))
    grid = {
        "counted__scale": [1.0, 2.0],
        "snnclassifier__depth": [1, 2],
        "snnclassifier__learning_rate_init": [1e-3, 1e-2],
    }
    Counted.fits.clear()
    SNNGridSearchCV(model, grid, cv=3, refit=False).fit(*iris)
    assert sorted(Counted.fits) == [1.0] * 3 + [2.0] * 3
    Counted.fits.clear()
    halving = SNNHalvingRandomSearchCV(model, grid, n_candidates=8, cv=3, refit=False)
    halving.fit(*iris)
    assert len(halving.n_candidates_) == 2
    assert sorted(Counted.fits) == [1.0] * 3 + [2.0] * 3


def test_a_preprocessor_of_a_network_is_fitted_once_a_fold_and_setting(iris):
    model = SNNClassifier(preprocessor=Counted(), **SMALL)
    Counted.fits.clear()
    SNNGridSearchCV(model, RATES, cv=3, refit=False).fit(*iris)
    assert Counted.fits == [1.0] * 3


# Halving


def halve(model, space, iris, **options):
    options = dict(n_candidates=9, min_resources=1, cv=2, random_state=0) | options
    return SNNHalvingRandomSearchCV(model, space, **options).fit(*iris)


SPACE = {"learning_rate_init": loguniform(1e-4, 0.1)}


@pytest.mark.parametrize("early_stopping", [False, True, "joint"])
def test_halving_is_scikit_learns_where_fewer_epochs_are_the_beginning_of_more(
    iris, early_stopping
):
    """As they are at a constant step size."""
    parameters = dict(max_iter=9, learning_rate="constant", n_estimators=2)
    model = SNNClassifier(
        early_stopping=early_stopping, n_iter_no_change=2, **EXACT | parameters
    )
    options = dict(
        n_candidates=9,
        min_resources=1,
        resource="max_iter",
        cv=2,
        random_state=0,
        scoring="neg_log_loss",
        factor=3,
    )
    theirs = HalvingRandomSearchCV(model, SPACE, max_resources=9, **options).fit(*iris)
    ours = SNNHalvingRandomSearchCV(model, SPACE, **options).fit(*iris)
    assert_same_results(ours, theirs)
    for name in (
        "n_candidates_",
        "n_resources_",
        "n_remaining_candidates_",
        "max_resources_",
        "min_resources_",
        "n_iterations_",
        "n_possible_iterations_",
        "n_required_iterations_",
        "best_score_",
    ):
        assert_allclose(getattr(ours, name), getattr(theirs, name), err_msg=name)
    assert ours.n_candidates_ == [9, 3, 1]
    assert ours.n_resources_ == [1, 3, 9]
    X, _ = iris
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)


def test_halving_by_default_takes_as_many_as_get_to_max_iter(iris):
    model = SNNClassifier(**SMALL | dict(max_iter=20))
    search = SNNHalvingRandomSearchCV(model, SPACE, cv=2, random_state=0).fit(*iris)
    assert search.n_resources_ == [2, 6, 18]
    assert search.n_candidates_ == [10, 4, 2]


@pytest.mark.parametrize(
    ("space", "options", "n_candidates", "n_resources"),
    [
        ({"depth": [1, 2]}, {}, [2], [20]),
        ({"depth": [1, 2], "width": [4, 8]}, {}, [4, 2], [6, 18]),
        (SPACE, {"n_candidates": 2}, [2], [20]),
        ({"depth": [1, 2, 3]}, {"factor": 2.5}, [3, 2], [6, 15]),
        (SPACE, {"n_candidates": 2, "min_resources": 3}, [2], [3]),
    ],
)
@pytest.mark.filterwarnings("ignore:The total space of parameters")
def test_few_candidates_are_trained_to_the_end(
    iris, space, options, n_candidates, n_resources
):
    model = SNNClassifier(**SMALL | dict(max_iter=20))
    search = SNNHalvingRandomSearchCV(model, space, cv=2, random_state=0, **options)
    search.fit(*iris)
    assert search.n_candidates_ == n_candidates
    assert search.n_resources_ == n_resources
    assert search.best_estimator_.max_iter == n_resources[-1]


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_labels_may_be_the_only_column_of_a_frame(iris):
    X, y = iris
    named = pd.DataFrame({"kind": np.array(["a", "b", "c"])[y]})
    search = SNNGridSearchCV(SNNClassifier(**SMALL), {"depth": [1, 2]}, cv=2)
    search.fit(X, named)
    assert search.classes_.tolist() == ["a", "b", "c"]


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_epochs_of_another_step_are_a_resource_like_others(iris):
    chosen = SelectFromModel(LogisticRegression())
    model = make_pipeline(chosen, SNNClassifier(**SMALL))
    search = SNNHalvingRandomSearchCV(
        model,
        {"snnclassifier__depth": [1, 2, 3]},
        resource="selectfrommodel__estimator__max_iter",
        min_resources=10,
        max_resources=90,
        n_candidates=3,
        cv=2,
        random_state=0,
    ).fit(*iris)
    assert search.n_resources_ == [10, 30]
    assert search.best_params_["selectfrommodel__estimator__max_iter"] == 30


def test_survivors_go_on_instead_of_starting_again(iris, trained):
    model = SNNClassifier(**SMALL | dict(max_iter=9))
    search = halve(model, SPACE, iris)
    assert search.n_resources_ == [1, 3, 9]
    assert trained.n_epochs == 2 * (9 * 1 + 3 * (3 - 1) + 1 * (9 - 3))


@pytest.mark.parametrize(
    "changes",
    [
        dict(dropout=0.1),
        dict(early_stopping=True, n_iter_no_change=3, n_estimators=2),
        dict(early_stopping="joint", n_iter_no_change=3, n_estimators=2),
        dict(early_stopping=True, refit=True, n_iter_no_change=3),
        dict(oof_score=True, n_estimators=3, cv=3, preprocessor=StandardScaler()),
        dict(solver="sgd", learning_rate="constant"),
    ],
)
def test_whoever_gets_to_the_end_is_trained_as_without_a_pause(iris, changes):
    X, y = iris
    model = SNNClassifier(**EXACT | dict(max_iter=9) | changes)
    search = halve(model, SPACE, iris, scoring="neg_log_loss")
    best = clone(model).set_params(**search.best_params_)
    assert best.max_iter == 9
    alone = cross_val_score(best, X, y, cv=2, scoring="neg_log_loss")
    assert_allclose(search.best_score_, alone.mean(), rtol=1e-9)
    whole = best.fit(X, y)
    assert_allclose(search.predict_proba(X), whole.predict_proba(X), rtol=1e-9)
    assert search.best_estimator_.n_iter_ == whole.n_iter_


def test_a_pipeline_is_halved_on_the_epochs_of_its_network(iris, trained):
    X, y = iris
    space = {
        "net__learning_rate_init": loguniform(1e-4, 0.1),
        "scale__with_std": [True, False],
    }
    search = halve(pipeline(max_iter=20), space, iris, min_resources="smallest")
    assert search.n_resources_ == [2, 6, 18]
    assert search.best_params_["net__max_iter"] == 18
    assert trained.n_epochs == 2 * (9 * 2 + 3 * 4 + 1 * 12)
    best = pipeline().set_params(**search.best_params_)
    assert_allclose(search.best_score_, cross_val_score(best, X, y, cv=2).mean())
    named = halve(pipeline(max_iter=20), space, iris, resource="net__max_iter")
    assert named.max_resources_ == 20


@pytest.mark.parametrize("verbose", [0, 1])
def test_halving_may_eliminate_aggressively(iris, trained, verbose):
    model = SNNClassifier(**SMALL | dict(max_iter=9))
    search = halve(
        model,
        SPACE,
        iris,
        min_resources=3,
        aggressive_elimination=True,
        verbose=verbose,
    )
    assert search.n_resources_ == [3, 3, 9]
    assert search.n_candidates_ == [9, 3, 1]
    assert trained.n_epochs == 2 * (9 * 3 + 0 + 1 * 6)


@pytest.mark.parametrize("n_candidates", [2, 4, 10])
def test_aggressive_survivors_are_trained_as_without_a_pause(iris, n_candidates):
    """Also where more epochs are possible than candidates require iterations."""
    X, y = iris
    model = SNNClassifier(**EXACT | dict(max_iter=27))
    search = halve(
        model,
        SPACE,
        iris,
        n_candidates=n_candidates,
        aggressive_elimination=True,
        scoring="neg_log_loss",
    )
    assert search.n_resources_[-1] == 27
    best = clone(model).set_params(**search.best_params_)
    alone = cross_val_score(best, X, y, cv=2, scoring="neg_log_loss")
    (score,) = search.cv_results_["mean_test_score"][
        [one == search.best_params_ for one in search.cv_results_["params"]]
    ][-1:]
    assert_allclose(score, alone.mean(), rtol=1e-9)


def test_halving_on_rows_or_other_parameters_is_scikit_learns(iris):
    model = SNNClassifier(**EXACT | dict(batch_size=4))
    for options in (
        dict(resource="n_samples", min_resources=25),
        dict(resource="width", max_resources=8, min_resources=2, factor=2),
    ):
        options = dict(n_candidates=4, cv=2, random_state=0) | options
        theirs = HalvingRandomSearchCV(model, SPACE, **options).fit(*iris)
        ours = SNNHalvingRandomSearchCV(model, SPACE, **options).fit(*iris)
        assert_same_results(ours, theirs)
        assert ours.n_resources_ == theirs.n_resources_


def test_a_network_that_has_stopped_is_not_trained_further(iris, trained):
    model = SNNClassifier(
        early_stopping=True,
        n_iter_no_change=1,
        learning_rate="constant",
        **EXACT | dict(max_iter=27, n_estimators=4),
    )
    # Steps so large that some soon get worse.
    space = {"learning_rate_init": [0.03, 0.05, 0.07]}
    search = halve(model, space, iris, n_candidates=3, min_resources=9)
    last_rung = [
        spec for specs, _ in trained for spec in specs if spec.stop_epoch == 27
    ]
    assert 0 < len(last_rung) < 2 * 4
    assert all(spec.resume.stopped_by == "max_iter" for spec in last_rung)
    best = clone(model).set_params(**search.best_params_)
    assert_allclose(search.best_score_, cross_val_score(best, *iris, cv=2).mean())


def test_epochs_cannot_be_searched_and_halved_at_once(iris):
    space = {"max_iter": [3, 4, 5], "depth": [1, 2]}
    with pytest.raises(ValueError, match="Cannot use parameter max_iter as the resour"):
        halve(SNNClassifier(**SMALL), space, iris, n_candidates=3)


# Time


SEARCHES = {
    "grid": lambda model, **options: SNNGridSearchCV(model, RATES, **options),
    "random": lambda model, **options: SNNRandomizedSearchCV(
        model, RATES, n_iter=3, **options
    ),
    "halving": lambda model, **options: SNNHalvingRandomSearchCV(
        model, RATES, n_candidates=3, min_resources=10_000, **options
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_all_candidates_are_trained_within_a_time_limit(iris, name, monkeypatch):
    time = clock_of_readings(1e-3)
    monkeypatch.setattr("sklearn_snn._candidates.time", time)
    monkeypatch.setattr("sklearn_snn._clock.time", time)
    model = SNNClassifier(**SMALL | dict(max_iter=30_000))
    search = SEARCHES[name](model, cv=2, refit=False, time_limit=1.0)
    with pytest.warns(ConvergenceWarning, match=r"time_limit=1\.0 seconds") as caught:
        search.fit(*iris)
    assert 0.5 < time.monotonic() < 1.1
    assert len(caught) == (2 if name == "halving" else 1)  # one an iteration
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores.max() > 0.8  # the schedule ended in time


def test_time_is_shared_out_by_work_and_fits_keep_limits_of_their_own(monkeypatch):
    def task(work, own=None, n_fits=1):
        options = SimpleNamespace(time_limit=own)
        owners = [(number, 0) for number in range(n_fits)]
        request = SimpleNamespace(options=options)
        return SimpleNamespace(work=work, owners=owners, request=request)

    monkeypatch.setattr(_tasks, "_work", lambda task: task.work)
    tasks = [task(6.0), task(3.0), task(1.0)]
    assert _tasks._limits(tasks, 1, None) == [None] * 3
    assert_allclose(_tasks._limits(tasks, 1, 20.0), [12, 6, 2])
    # The second worker has the two that are smaller.
    assert_allclose(_tasks._limits(tasks, 2, 12.0), [12, 6, 2])
    bounded = [task(6.0, own=0.5, n_fits=2), task(4.0, own=30.0)]
    assert _tasks._limits(bounded, 1, None) == [1, 30]
    assert_allclose(_tasks._limits(bounded, 1, 20.0), [1, 8])


def test_a_limit_that_is_not_reached_changes_nothing(iris):
    model = SNNClassifier(**EXACT)
    free = SNNGridSearchCV(model, RATES, cv=2).fit(*iris)
    limited = SNNGridSearchCV(model, RATES, cv=2, time_limit=1e6).fit(*iris)
    assert_same_results(limited, free)


def test_a_time_limit_is_positive(iris):
    search = SNNGridSearchCV(SNNClassifier(**SMALL), RATES, time_limit=0)
    with pytest.raises(ValueError, match="'time_limit' parameter"):
        search.fit(*iris)


@pytest.mark.parametrize("raises", [True, False])
def test_ctrl_c_ends_a_search_and_leaves_it_as_it_was(iris, monkeypatch, raises):
    search = SNNGridSearchCV(SNNClassifier(**SMALL), RATES, cv=2)
    search.fit(*iris)
    before = dict(vars(search))

    def interrupted(specs, sets, **options):
        if raises:
            raise KeyboardInterrupt
        networks = training.fit_networks(specs, sets, **options)
        return [replace(network, stopped_by="interrupt") for network in networks]

    monkeypatch.setattr("sklearn_snn._tasks.fit_networks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*iris)
    assert vars(search) == before


# Where it is trained


@pytest.fixture
def pids(tmp_path):
    """A validation score that writes down in which process it is called."""
    path = tmp_path / "pids"

    def score(estimator, X, y):
        with open(path, "a") as file:
            file.write(f"{os.getpid()}\n")
        return estimator.score(X, y)

    score.read = lambda: {int(line) for line in path.read_text().split()}
    return score


def teams(pids, **parameters):
    """Networks that leave a trace where they are trained."""
    score = lambda estimator, X, y: pids(estimator, X, y)  # noqa: E731
    return SNNClassifier(
        early_stopping=True, scoring=score, **EXACT | dict(n_estimators=2) | parameters
    )


GRID = RATES | {"depth": [1, 2]}


def test_two_processes_find_what_one_does(iris, pids):
    one = SNNGridSearchCV(teams(pids), GRID, cv=2, refit=False).fit(*iris)
    assert pids.read() == {os.getpid()}
    two = SNNGridSearchCV(teams(pids), GRID, cv=2, refit=False, n_jobs=2).fit(*iris)
    assert_same_results(two, one)
    assert len(pids.read()) > 1
    with parallel_config(backend="threading", n_jobs=2):
        threads = SNNGridSearchCV(teams(pids), GRID, cv=2, refit=False).fit(*iris)
    assert_same_results(threads, one)


def test_halving_goes_on_in_other_processes(iris):
    model = SNNClassifier(**EXACT | dict(max_iter=9))
    assert_same_results(halve(model, SPACE, iris, n_jobs=2), halve(model, SPACE, iris))


@pytest.mark.parametrize(("width", "sizes"), [(8, [6]), (512, [3, 3])])
def test_as_many_stacks_as_workers_unless_they_are_small(iris, trained, width, sizes):
    model = SNNClassifier(**SMALL | dict(width=width, depth=2, batch_size=32))
    with parallel_config(backend="threading"):
        search = SNNGridSearchCV(model, RATES, cv=2, n_jobs=2, refit=False)
        search.fit(*iris)
    assert trained.sizes == sizes


@pytest.mark.filterwarnings("ignore:.*scipy.sparse:DeprecationWarning")
def test_a_dask_cluster_finds_what_one_process_does(iris, pids):
    from distributed import Client, LocalCluster

    alone = SNNGridSearchCV(teams(pids), GRID, cv=2).fit(*iris)
    assert pids.read() == {os.getpid()}
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        workers = set(client.run(os.getpid).values())
        with parallel_config(backend="dask"):
            search = SNNGridSearchCV(teams(pids), GRID, cv=2, refit=False).fit(*iris)
            halving = halve(teams(pids), SPACE, iris, n_candidates=3, refit=False)
    assert_same_results(search, alone)
    assert_same_results(halving, halve(teams(pids), SPACE, iris, n_candidates=3))
    assert pids.read() - {os.getpid()} == workers
    assert len(workers) == 2


# The search as an object


def test_what_a_search_holds_is_plain(iris):
    X, y = iris
    for estimator in (SNNClassifier(**SMALL), pipeline()):
        grid = {name: [1] for name in estimator.get_params() if name.endswith("depth")}
        before = repr(estimator)
        search = SNNGridSearchCV(estimator, grid, cv=2).fit(X, y)
        assert search.estimator is estimator
        assert repr(estimator) == before
        assert not hasattr(estimator, "n_features_in_")
        assert type(search.best_estimator_) is type(estimator)
        held = pickle.dumps(search)
        for private in (b"LookUp", b"_StandIn", b"Trainer", b"_candidates", b"deque"):
            assert private not in held
        again = pickle.loads(held)
        assert_array_equal(again.predict_proba(X), search.predict_proba(X))
        assert again.score(X, y) == search.score(X, y)
        assert set(vars(search)) - set(vars(clone(search))) == {
            name
            for name in vars(GridSearchCV(estimator, grid, cv=2).fit(X, y))
            if name.endswith("_")
        }


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_has_scikit_learns_parameters(name):
    search = SEARCHES[name](SNNClassifier(), time_limit=5.0)
    base = type(search).__bases__[1]
    theirs = {key: value.default for key, value in _parameters(base).items()}
    ours = {key: value.default for key, value in _parameters(type(search)).items()}
    assert ours.pop("time_limit") is None
    if name == "halving":  # on epochs, of which the first few are enough
        assert theirs | dict(resource="max_iter") == ours
    else:
        assert str(ours) == str(theirs)
    assert clone(search).get_params().keys() == search.get_params().keys()
    assert clone(search).time_limit == 5


def _parameters(cls):
    import inspect

    return inspect.signature(cls).parameters


def test_a_search_can_be_fitted_again(iris):
    X, y = iris
    search = SNNGridSearchCV(SNNClassifier(**EXACT), RATES, cv=2)
    first = clone(search).fit(X, y)
    search.fit(X[:60, :2], y[:60] > 0).fit(X, y)
    assert_same_results(search, first)
    assert search.n_features_in_ == 4


def test_a_fit_that_fails_leaves_a_search_as_it_was(iris):
    X, y = iris
    search = SNNGridSearchCV(SNNClassifier(**SMALL), RATES, cv=2).fit(X, y)
    before = dict(vars(search))
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        search.fit(X * np.inf, y)
    assert vars(search) == before


def test_silence_is_silent_and_verbose_counts_networks(iris, capsys):
    model = SNNClassifier(early_stopping=True, **SMALL | dict(n_estimators=2))
    SNNGridSearchCV(model, RATES, cv=2).fit(*iris)
    assert capsys.readouterr() == ("", "")
    SNNGridSearchCV(model, RATES, cv=2, verbose=1).fit(*iris)
    shown = capsys.readouterr()
    line = "Fitting 2 folds for each of 3 candidates, totalling 6 fits"
    assert shown.out.splitlines() == [line]
    assert "SNNGridSearchCV: network 12 of 12, 00:00 left" in shown.err


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_count_of_every_iteration_gets_to_its_end(iris, capsys, n_jobs):
    model = SNNClassifier(
        early_stopping=True,
        refit=True,
        n_iter_no_change=2,
        **SMALL | dict(n_estimators=3, max_iter=27),
    )
    with parallel_config(backend="threading"):
        halve(model, SPACE, iris, min_resources=3, verbose=1, n_jobs=n_jobs)
    shown = capsys.readouterr().err
    for total in (54, 18, 6):
        # The folds, and all rows.
        assert shown.count(f"network {total} of {total}, 00:00 left") == 2


# Callbacks of scikit-learn


class Events:
    """Remembers which tasks ended."""

    def __init__(self):
        self.ended = []

    def setup(self, estimator, context):
        self.ended.append("setup")

    def teardown(self, estimator, context):
        self.ended.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.ended.append((type(estimator).__name__, context.task_name))


class PropagatedEvents(Events):
    """Wants to be told of the inner fits, too."""

    max_propagation_depth = None


@pytest.fixture
def callback():
    return pytest.importorskip(
        "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
    )


def test_callbacks_of_a_search_are_told_of_its_tasks(iris, callback):
    events = Events()
    search = SNNGridSearchCV(SNNClassifier(**SMALL), RATES, cv=2)
    search.set_callbacks(events).fit(*iris)
    tasks = [one[1] for one in events.ended if isinstance(one, tuple)]
    assert tasks.count("candidate-split-evaluation") == 6
    assert tasks.count("refit-with-best-params") == 1
    assert events.ended[0] == "setup"
    assert events.ended[-1] == "teardown"


@pytest.mark.parametrize("estimator", [SNNClassifier(**SMALL), pipeline()])
def test_callbacks_that_follow_the_inner_fits_do_not_break_a_search(
    iris, callback, estimator, capsys
):
    prefix = "net__" if isinstance(estimator, Pipeline) else ""
    events, grid = PropagatedEvents(), {f"{prefix}depth": [1, 2]}
    search = SNNGridSearchCV(estimator, grid, cv=2)
    search.set_callbacks(events, callback.ProgressBar()).fit(*iris)
    assert events.ended.count("setup") == events.ended.count("teardown") == 1
    assert "100%" in capsys.readouterr().out
    plain = SNNGridSearchCV(estimator, grid, cv=2).fit(*iris)
    assert_allclose(search.best_score_, plain.best_score_)
    assert not hasattr(search.best_estimator_, "_skl_callbacks")


def test_a_monitor_of_a_search_does_not_break_it(iris, callback):
    monitor = callback.ScoringMonitor(scoring="accuracy")
    search = SNNGridSearchCV(SNNClassifier(**SMALL), RATES, cv=2)
    assert search.set_callbacks(monitor).fit(*iris).best_score_ > 0


def test_a_monitor_of_the_estimator_sees_the_best_candidate_alone(iris, callback):
    model = SNNClassifier(**SMALL)
    model.set_callbacks(callback.ScoringMonitor(scoring="accuracy"))
    search = SNNGridSearchCV(model, RATES, cv=2)
    with pytest.warns(UserWarning, match="not told of candidates"):
        assert search.fit(*iris).best_score_ > 0


# Spaces


def test_the_papers_grid():
    grid = ParameterGrid(search_space("paper"))
    assert len(grid) == 216
    searched = {
        tuple(one[name] for name in ("width", "depth", "learning_rate_init", "dropout"))
        + (one["layer_form"],)
        for one in grid
    }
    assert searched == {
        (units, layers, rate, dropout, form)
        for units in (256, 512, 1024)
        for layers in (2, 3, 4, 8, 16, 32)
        for rate in (0.01, 0.1, 1)
        for dropout in (0, 0.05)
        for form in ("rectangular", "conic")
    }
    assert {one["solver"] for one in grid} == {"sgd"}
    for one in grid:
        SNNClassifier(**one)._validate_params()


@pytest.mark.parametrize("n_samples", [None, 1, 1000, 1001, 10**6])
def test_candidates_for_tables_are_valid(n_samples):
    space = search_space("tabular", n_samples=n_samples)
    for one in ParameterSampler(space, 50, random_state=0):
        for cls in (SNNClassifier, SNNRegressor):
            cls(**one)._validate_params()


def test_larger_tables_get_wider_networks():
    widths = [search_space("tabular", n_samples=n)["width"] for n in (100, 5000, 10**5)]
    assert widths == sorted(widths)
    assert widths[0] != widths[1] != widths[2]
    assert search_space("tabular")["width"] == widths[1]


@pytest.mark.parametrize("name", ["paper", "tabular"])
def test_optuna_gets_the_same_space(name):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ours = search_space(name, prefix="net__")
    theirs = search_space(name, library="optuna", prefix="net__")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        asked = study.ask(theirs).params
        assert set(asked) == set(ours)
        for key, value in asked.items():
            if isinstance(ours[key], list):
                assert value in ours[key]
            else:
                assert 0 < ours[key].cdf(value) < 1
        pipeline().set_params(**asked)["net"]._validate_params()


def test_a_space_is_the_users_to_change():
    search_space("paper")["depth"].append(64)
    assert 64 not in search_space("paper")["depth"]


def test_a_space_can_be_searched(iris):
    space = search_space("tabular", n_samples=75, prefix="net__")
    space["net__width"] = [4, 8]
    search = SNNRandomizedSearchCV(pipeline(max_iter=2), space, n_iter=4, cv=2)
    assert set(search.fit(*iris).best_params_) == set(space)


def test_spaces_that_are_not_there():
    with pytest.raises(ValueError, match="'paper' or 'tabular', got 'image'"):
        search_space("image")
    with pytest.raises(ValueError, match="'sklearn' or 'optuna', got 'ray'"):
        search_space("paper", library="ray")
    with pytest.raises(ValueError, match="n_samples must be at least 1, got 0"):
        search_space("tabular", n_samples=0)


def test_optuna_is_only_needed_where_it_is_asked_for(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "optuna.distributions", None)
    assert search_space("tabular")
    with pytest.raises(ImportError, match="pip install optuna"):
        search_space("tabular", library="optuna")


@pytest.mark.parametrize("halves", [False, True])
def test_networks_that_are_refitted_get_their_share_of_the_time(
    iris, monkeypatch, halves
):
    limits = []

    def spy(*args, time_limit, **rest):
        limits.append(round(time_limit))
        return train_requests(*args, time_limit=time_limit, **rest)

    monkeypatch.setattr("sklearn_snn._candidates.train_requests", spy)
    model = SNNClassifier(refit=True, **SMALL | dict(n_estimators=2, max_iter=9))
    common = dict(cv=2, refit=False, time_limit=1200)
    if halves:
        search = SNNHalvingRandomSearchCV(
            model, RATES, n_candidates=3, min_resources=3, random_state=0, **common
        )
    else:
        search = SNNGridSearchCV(model, RATES, **common)
    search.fit(*iris)
    # Two rounds, or two of each of two iterations, of what is left.
    expected = [300, 400, 600, 1200] if halves else [600, 1200]
    assert_allclose(limits, expected, rtol=0.05)
