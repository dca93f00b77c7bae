"""What benchmarks compute from predictions and results; the peers are not needed."""

import importlib
import json
import os
import subprocess
import sys
import time
from functools import partial
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from benchmarks import children, gpu, report_experiments
from benchmarks.defaults import tuned
from benchmarks.defaults.__main__ import chosen_tables
from benchmarks.defaults.blend import best_weights, cross_entropy, squared_error
from benchmarks.defaults.calibration import reliability
from benchmarks.defaults.jobs import Job, identity, left_to_do
from benchmarks.defaults.rows import draw
from benchmarks.lines import append, read_lines
from benchmarks.metrics import SMALLEST, predict, score
from benchmarks.models import METHODS, MissingAsLevel, Setting, StringsAsCategories
from benchmarks.ranking import (
    bootstrap_interval,
    geometric_mean,
    normalised_errors,
    ranks,
    wins_ties_losses,
)
from benchmarks.report import is_met, speed_row
from benchmarks.report_defaults import fit_seconds, frame, report
from benchmarks.timing import Pair, Side, measure, reported
from benchmarks.tuning import tune, tune_together
from sklearn_snn import SNNClassifier, SNNRegressor, search_space

BENCHMARKS = Path(gpu.__file__).parent
COMMANDS = sorted(
    path
    for path in BENCHMARKS.rglob("*.py")
    if '__name__ == "__main__"' in path.read_text()
)
JOB = Job("adult", 0, "snn", full=False, threads=1, alone=False)


def random_proba(n_samples, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n_samples) % n_classes)
    return y, rng.dirichlet(np.ones(n_classes), n_samples)


# Metrics ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 4])
def test_scores_are_those_of_scikit_learn(n_classes):
    y, proba = random_proba(200, n_classes)
    scores = score(y, proba)
    auc_of = proba[:, 1] if n_classes == 2 else proba
    assert_allclose(scores["auc"], roc_auc_score(y, auc_of, multi_class="ovr"))
    assert_allclose(scores["log_loss"], log_loss(y, proba))
    assert_allclose(scores["error_rate"], np.mean(proba.argmax(axis=1) != y))
    if n_classes == 2:
        assert_allclose(scores["brier"], brier_score_loss(y, proba[:, 1]))
    else:
        assert_allclose(scores["brier"], np.mean((proba - np.eye(4)[y]) ** 2) * 4)


def test_only_two_classes_have_an_average_precision():
    assert "average_precision" in score(*random_proba(50, 2))
    assert "average_precision" not in score(*random_proba(50, 3))


def test_classes_without_test_rows_do_not_count():
    y, proba = random_proba(100, 2)
    wider = np.column_stack([proba, np.zeros(100)])
    assert_allclose(score(y, wider)["auc"], score(y, proba)["auc"])


def test_certainty_that_is_wrong_does_not_cost_infinity():
    loss = score(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))["log_loss"]
    assert_allclose(loss, -np.log(SMALLEST) / 2, rtol=1e-6)


def test_predicting_the_mean_has_an_rmse_of_one():
    y = np.random.default_rng(0).normal(5, 3, 100)
    assert_allclose(score(y, np.full(100, y.mean()))["rmse"], 1)


def test_reliability_counts_each_prediction_once():
    sums = reliability(*random_proba(300, 3))
    assert sum(sums["count"]) == 900
    assert_allclose([sum(sums["predicted"]), sum(sums["true"])], 300, atol=1e-2)


# Ranking ----------------------------------------------------------------------------

ERRORS = pd.DataFrame(
    {"a": [1.0, 4.0], "b": [2.0, 2.0], "c": [3.0, np.inf]},
    index=pd.Index(["first", "second"], name="table"),
)


def test_ranks():
    assert ranks(ERRORS).to_numpy().tolist() == [[1, 2, 3], [2, 1, 3]]


def test_normalised_errors_are_0_at_the_best_and_1_from_the_median_on():
    assert normalised_errors(ERRORS).to_numpy().tolist() == [[0, 1, 1], [1, 0, 1]]


def test_equal_errors_are_all_the_best():
    equal = pd.DataFrame([[0.5, 0.5, 0.5]])
    assert normalised_errors(equal).to_numpy().tolist() == [[0, 0, 0]]


def test_an_interval_holds_the_mean():
    values = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "same": 1.0})
    bounds = bootstrap_interval(values, n_draws=500)
    assert 0 < bounds.low["a"] < 1.5 < bounds.high["a"] < 3
    assert bounds.loc["same"].tolist() == [1, 1]


def test_a_tie_is_a_difference_within_its_standard_error():
    index = pd.MultiIndex.from_product(
        [["better", "tie", "worse"], [0, 1]], names=["table", "split"]
    )
    theirs = pd.Series(1.0, index=index)
    ours = theirs + [-0.2, -0.1, -0.1, 0.2, 0.1, 0.3]
    assert wins_ties_losses(ours, theirs) == (1, 1, 1)


def test_of_one_split_only_equal_errors_tie():
    index = pd.MultiIndex.from_tuples([("t", 0), ("u", 0)], names=["table", "split"])
    theirs = pd.Series([1.0, 1.0], index=index)
    assert wins_ties_losses(theirs - [1e-9, 0.0], theirs) == (1, 1, 0)


def test_geometric_mean():
    assert_allclose(geometric_mean([1, 4, 16]), 4)


# Jobs -------------------------------------------------------------------------------


def line(table="adult", split=0, method="snn", loss=0.5, **others):
    """A line of results."""
    job = {"full": False, "threads": 1, "alone": False}
    about = {"row": "odd", "task": "binary", "error": None, "versions": {}}
    costs = {"fit_seconds": 1.0, "cpu": "", "cores": 1, "date": "2026-01-01"}
    scores = {"scores": {"log_loss": loss, "error_rate": loss}}
    key = {"table": table, "split": split, "method": method}
    return key | job | about | costs | scores | others


def test_what_has_a_line_is_not_done_again():
    others = [Job("adult", split, "snn", False, 1, False) for split in (1, 2)]
    assert left_to_do([JOB, *others], [line(), line(split=2)]) == others[:1]


def test_more_threads_or_a_quiet_machine_is_another_job():
    for changed in [{"threads": 2}, {"alone": True}, {"full": True}, {"minutes": 10}]:
        assert left_to_do([JOB], [line(**changed)]) == [JOB]


def test_failures_are_done_again_only_if_asked_for():
    failed = [line(error="MemoryError")]
    assert left_to_do([JOB], failed) == []
    assert left_to_do([JOB], failed, retry=True) == [JOB]


def test_lines_are_read_as_written(tmp_path):
    path = tmp_path / "results" / "lines.jsonl"
    assert read_lines(path) == []
    append(line(), path)
    assert read_lines(path) == [line()]
    assert identity(json.loads(path.read_text())) == JOB


def test_a_line_that_a_kill_cut_short_does_not_count(tmp_path):
    path = tmp_path / "lines.jsonl"
    append(line(), path)
    with path.open("a") as file:
        file.write('{"table": "adu')
    assert read_lines(path) == [line()]
    append(line(split=1), path)
    assert read_lines(path) == [line(), line(split=1)]


def test_a_child_returns_a_result():
    assert children.run(divmod, 7, 2, time_limit=60) == (3, 1)


@pytest.mark.parametrize(
    ("call", "time_limit", "reason"),
    [
        ((divmod, 1, 0), 60, "ZeroDivisionError"),
        ((time.sleep, 60), 1, "not done in 1 seconds"),
        ((os._exit, 3), 60, "ended with 3"),
    ],
)
def test_a_child_that_fails_says_why(call, time_limit, reason):
    with pytest.raises(children.ChildError, match=reason):
        children.run(*call, time_limit=time_limit)


PARENT = """
import time
from benchmarks import children

def work():
    print("begun", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    children.run(work, time_limit=600)
"""


def test_a_child_ends_with_its_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": str(Path(children.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout.readline() == b"begun\n"
        parent.kill()
        parent.communicate(timeout=60)  # until nobody is left who could write


# Rows and models --------------------------------------------------------------------


def test_rows_are_drawn_by_class_where_each_class_has_two():
    rows, labels = np.arange(100), np.repeat([0, 1], [90, 10])
    drawn, others = draw(rows, labels, 50, seed=0)
    assert np.bincount(labels[drawn]).tolist() == [45, 5]
    assert sorted([*drawn, *others]) == rows.tolist()


def test_a_class_of_one_row_does_not_stop_the_drawing():
    drawn, _ = draw(np.arange(20), np.repeat([0, 1], [19, 1]), 10, seed=0)
    assert len(drawn) == 10


def test_all_rows_are_drawn_where_there_are_no_more():
    for n_rows in (None, 5, 6):
        drawn, others = draw(np.arange(5), np.zeros(5, int), n_rows, seed=0)
        assert drawn.tolist() == [0, 1, 2, 3, 4]
        assert len(others) == 0


def test_tables_are_chosen_by_row_or_name_and_sorted_by_size(tmp_path, monkeypatch):
    (tmp_path / "tabular").mkdir()
    (tmp_path / "tabular" / "SUITE.csv").write_text(
        "name,file,target,task,drop_columns,n_rows,n_features\n"
        "a,a.parquet,y,binary,,900,2\nb,b.parquet,y,regression,,10,3\n"
        "c,c.parquet,y,multiclass,,100,2\n"
    )
    monkeypatch.setattr("benchmarks.data.FOLDER", tmp_path)
    tasks = ["binary", "multiclass", "regression"]
    assert chosen_tables(["odd"], tasks) == ["c", "a"]
    assert chosen_tables(["b", "odd"], tasks) == ["b", "c", "a"]
    assert chosen_tables(["odd", "even"], ["regression"]) == ["b"]
    with pytest.raises(SystemExit, match="no tables \\['d'\\]"):
        chosen_tables(["d"], tasks)


X = pd.DataFrame({"level": ["u", "u", "v", None], "number": [1.0, 2.0, np.nan, 4.0]})


def test_rare_and_unseen_strings_become_missing():
    categories = StringsAsCategories(max_levels=1).fit(X)
    new = pd.DataFrame({"level": ["u", "v", "w", None], "number": 0.0})
    assert categories.transform(new)["level"].cat.codes.tolist() == [0, -1, -1, -1]
    assert categories.transform(new)["level"].cat.categories.tolist() == ["u"]


def test_missing_strings_become_a_level():
    filled = MissingAsLevel().fit_transform(X)
    assert filled["level"].tolist() == ["u", "u", "v", "nan"]
    assert filled["number"].isna().sum() == 1


@pytest.mark.parametrize("name", ["hist_gradient_boosting", "random_forest", "mlp"])
@pytest.mark.parametrize("is_regression", [True, False])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_peers_of_scikit_learn_take_raw_tables(name, is_regression):
    table = pd.concat([X] * 10, ignore_index=True)
    y = np.arange(len(table)) % 2
    setting = Setting(is_regression, table, seed=0, n_threads=1)
    model = METHODS[name].make(setting).fit(table, y)
    assert len(predict(model, table)) == len(y)
    assert np.ndim(predict(model, table)) == (1 if is_regression else 2)


# Blends -----------------------------------------------------------------------------


def test_weights_of_a_blend_for_squared_error():
    y, noise = np.random.default_rng(0).normal(size=(2, 500))
    noise -= y * (y @ noise) / (y @ y)  # so that halves of both cancel out exactly
    weights = best_weights(np.stack([y + noise, y - noise]), y, squared_error)
    assert_allclose(weights, [0.5, 0.5], atol=1e-4)


def test_a_worthless_model_has_no_weight_in_a_blend():
    y, noise = random_proba(300, 3)
    good = 0.9 * np.eye(3)[y] + 0.1 / 3
    weights = best_weights(np.stack([good, noise]), y, cross_entropy)
    assert_allclose(weights, [1, 0], atol=1e-6)


# Tuning -----------------------------------------------------------------------------


class FirstChoice:
    """A trial of Optuna that takes what comes first."""

    def suggest_float(self, name, low, high, **others):
        return low

    suggest_int = suggest_float

    def suggest_categorical(self, name, choices):
        return choices[0]


@pytest.mark.parametrize("name", ["catboost", "realmlp"])
def test_peers_take_the_parameters_of_their_spaces(name):
    make, space = tuned.METHODS[name].args
    parameters = space(FirstChoice())
    assert len(parameters) > 5
    signature(make).bind(None, **parameters)


# Reports ----------------------------------------------------------------------------


def test_a_later_line_and_one_of_a_quiet_machine_count():
    lines = [line(loss=0.1, alone=True), line(loss=0.2), line(loss=0.3)]
    assert frame(lines)["loss"].tolist() == [0.1]
    assert frame(lines[1:])["loss"].tolist() == [0.3]


def test_a_failure_is_an_infinite_error():
    assert frame([line(scores={}, error="MemoryError")])["loss"].tolist() == [np.inf]


def test_a_report_names_all_methods_and_failures():
    lines = [
        line(table, split, method, loss)
        for table in ("adult", "heloc")
        for split in (0, 1)
        for method, loss in {"snn": 0.2, "mlp": 0.3, "catboost": 0.25}.items()
    ]
    lines += [line(method="tabm"), line(method="realmlp", scores={}, error="too\nlong")]
    text = report(lines)
    assert "| snn | 1.00 (1.00 to 1.00) | 0.00 (0.00 to 0.00) |" in text
    assert "| catboost | 2 | 2 / 0 / 0 | 2 / 0 / 0 | 1.00 |" in text
    assert "left out here: realmlp, tabm." in text
    assert "| realmlp | adult | too | 1 |" in text
    assert "-5.0 points of error rate behind it (adult)" in text


def test_tables_of_a_measure_are_of_the_splits_that_ours_has():
    lines = [
        line(split=split, method=method, loss=loss)
        for split, ours in enumerate([0.4, 0.2])
        for method, loss in {"snn": ours, "mlp": 0.3}.items()
    ]
    lines += [
        line(split=2, method="mlp", loss=9.0),
        line(split=0, method="tabm", loss=0.1),
    ]
    text = report(lines)
    assert "1 tables, 2 splits" in text
    assert "| table | mlp | snn |\n| --- | --- | --- |\n| adult | **0.3000** |" in text


def test_seconds_are_those_of_a_quiet_machine_if_there_are_any():
    shared = [
        line(split=split, method=method, fit_seconds=seconds)
        for split in (0, 1)
        for method, seconds in {"snn": 8.0, "mlp": 1.0, "catboost": 2.0}.items()
    ]
    quiet = [
        line(method=method, fit_seconds=seconds, alone=True)
        for method, seconds in {"snn": 6.0, "catboost": 2.0}.items()
    ]
    text = report(shared)
    assert "| catboost | 1 | 0 / 1 / 0 | 0 / 1 / 0 | 4.00 |" in text
    text = report(shared + quiet)
    assert "| catboost | 1 | 0 / 1 / 0 | 0 / 1 / 0 | 3.00 |" in text
    assert "| mlp | 1 | 0 / 1 / 0 | 0 / 1 / 0 | - |" in text
    assert "### Seconds of a fit\n\n| table | catboost | snn |" in text
    seconds = fit_seconds(frame(shared + quiet))
    assert seconds.to_dict() == {"snn": 6.0, "catboost": 2.0}


def test_reports_of_a_blend_of_tuning_and_of_calibration():
    blended = {"with": {"rmse": 0.3}, "without": {"rmse": 0.4}}
    weights = {"with": [0.5, 0.2, 0.3]}
    text = report_experiments.report_blend([line(scores=blended, weights=weights)])
    assert "snn: +25.00% on average, better on 1 of 1 tables" in text
    assert "| adult | 0.4000 | 0.3000 | +25.00% | 0.30 |" in text
    lines = [line(minutes=10), line(minutes=10, method="catboost", loss=0.4)]
    text = report_experiments.report_tuned(lines)
    assert "| adult | 0.4000 | 0.5000 | catboost |" in text
    text = report_experiments.report_tuned([*lines, line(minutes=10, table="heloc")])
    assert "| heloc | - | 0.5000 | - |" in text
    lines = [line(method="as it is", loss=0.5), line(method="temperature", loss=0.4)]
    assert "calibrated: 1.250" in report_experiments.report_calibration(lines)


def test_a_report_of_depths_compares_with_the_defaults():
    shallow = {name: dict(table=name, depth=3, step_size="auto") for name in "abc"}
    lines = [line(**about, loss=0.4) for about in shallow.values()]
    deep = [("a", 0.4), ("b", 0.8), ("c", 1.6)]
    lines += [line(**shallow[name] | dict(depth=32), loss=loss) for name, loss in deep]
    lines.append(line(**shallow["a"] | dict(depth=32, step_size=0.003), loss=2.0))
    text = report_experiments.report_depths(lines)
    assert "## 3 tables at odd rows" in text
    assert "| 3 | 1.000, 1.00, 1.0 (a) | - |" in text
    assert "| 32 | 2.000, 2.00, 4.0 (c) | 5.000, 5.00, 5.0 (a) |" in text


# Speed ------------------------------------------------------------------------------


def pair(ratio_of, ours, reference, work=1):
    """A pair whose runs say themselves what they have cost."""
    return Pair(
        what="a pair",
        setting={},
        ratio_of=ratio_of,
        target=2.0,
        n_repeats=len(ours),
        cost=reported,
        ours=Side("ours", partial(next, iter(ours)), work),
        reference=Side("reference", partial(next, iter(reference))),
    )


@pytest.mark.parametrize(
    ("ratio_of", "ratio", "is_good"),
    [("speed", 3.0, True), ("time", 1 / 3, True), ("memory", 1 / 3, True)],
)
def test_a_ratio_is_the_median_of_those_of_neighbours(ratio_of, ratio, is_good):
    line = measure(pair(ratio_of, [1, 10, 2], [3, 20, 8]))
    assert_allclose(line["ratio"], ratio, atol=1e-4)
    assert is_met(line) == is_good
    assert not is_met(line | {"results": {"checks": {"equal": False}}})


def test_work_is_divided_by_and_memory_is_in_megabytes():
    assert measure(pair("time", [4], [1], work=2))["ratio"] == 2
    report = speed_row(measure(pair("memory", [30], [10])))
    assert report[1:6] == ["ours: 30 MB", "reference: 10 MB", "3.00x as much"] + [
        "at most 2.00",
        "**no**",
    ]


def test_a_device_is_compared_with_the_processor_where_there_is_one(
    tmp_path, monkeypatch
):
    small = gpu.Setting(200, 2, 8, 1, 64, 0.1)
    line = gpu.compared(small, "cpu")
    assert line["largest_difference"] == 0
    assert line["seconds"]["cpu"]["fit"] > 0
    arguments = ["gpu", "--device", "cuda:99", "--out", str(tmp_path / "lines")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match="run this where there is one"):
        gpu.main()


@pytest.mark.parametrize(
    ("gains", "is_better"), [((1, 1, 1), True), ((-1, -1, 30), False)]
)
def test_what_is_tuned_has_to_be_better_not_lucky(gains, is_better):
    X, y = make_classification(60, random_state=0)
    model = SNNClassifier(depth=1, width=4, max_iter=4, random_state=0)
    sizes = [19, 20, 21]

    def scoring(fitted, X, y):
        return (fitted.depth > model.depth) * gains[sizes.index(len(X))]

    best, n_candidates = tune(
        model,
        X,
        y,
        cv=[(np.arange(size, 60), np.arange(size)) for size in sizes],
        scoring=scoring,
        random_state=0,
        n_candidates=4,
    )
    assert n_candidates == 4
    assert set(best) <= set(model.get_params()) - {"max_iter"}
    assert best["depth"] > 1 if is_better else best == {}


# A second is enough to train them but for a busy machine.
@pytest.mark.filterwarnings("ignore:time_limit=1 seconds")
@pytest.mark.parametrize(("spent", "expected"), [(0.1, 20), (1.0, 9)])
def test_there_are_as_many_candidates_as_there_is_time_for(
    monkeypatch, spent, expected
):
    monkeypatch.setattr("benchmarks.tuning.timed", lambda call: (spent, call()))
    X, y = make_classification(60, random_state=0)
    model = SNNClassifier(depth=1, width=4, max_iter=4, random_state=0)
    same = {"cv": 2, "scoring": "neg_log_loss", "random_state": 0}
    _, n_candidates = tune(model, X, y, seconds=1, **same)
    assert n_candidates == expected


@pytest.mark.parametrize("make", [SNNClassifier, SNNRegressor])
def test_together_are_the_default_and_the_best_of_the_last_iteration(make):
    X, y = make_classification(60, random_state=0)
    parameters = {"depth": 1, "width": 4, "max_iter": 9, "learning_rate_init": 3e-3}
    model = make(**parameters, random_state=0)

    def scoring(fitted, X, y):
        return fitted.learning_rate_init

    together, n_candidates = tune_together(
        model, X, y, cv=2, scoring=scoring, random_state=0, n_candidates=60
    )
    assert n_candidates == 60
    default, *candidates = [estimator for _, estimator in together.estimators]
    assert default.get_params() == model.get_params()
    rates = [candidate.learning_rate_init for candidate in candidates]
    drawn = search_space("tabular", n_samples=60)["learning_rate_init"]
    assert len(rates) == 4
    assert sorted(rates, reverse=True) == rates
    assert rates[-1] > drawn.ppf(0.8)
    assert {candidate.max_iter for candidate in candidates} == {9}
    each = [estimator.fit(X, y) for _, estimator in together.estimators]
    method = "predict_proba" if make is SNNClassifier else "predict"
    mean = np.mean([getattr(one, method)(X) for one in each], axis=0)
    assert_allclose(getattr(together.fit(X, y), method)(X), mean, rtol=1e-5)


# Commands ---------------------------------------------------------------------------


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--hlep", 2)])
@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_commands_help_and_refuse_what_they_do_not_know(
    path, argument, code, monkeypatch, capsys
):
    parts = path.relative_to(BENCHMARKS.parent).with_suffix("").parts
    command = importlib.import_module(".".join(parts))
    monkeypatch.setattr(sys, "argv", [path.name, argument])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == code
    assert f"usage: {path.name}" in "".join(capsys.readouterr())
