"""The UCI sets, their statistics and page, and cores of networks, on made data."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm, wilcoxon
from sklearn.datasets import load_iris, make_classification, make_regression

from benchmarks.paper import grids, jobs, loop, members, report_uci121, uci
from benchmarks.paper.architectures import KINDS
from benchmarks.paper.comparison import (
    cliques,
    complete,
    critical_difference,
    mean_rank_table,
    paired,
    ranks,
)
from benchmarks.paper.cores import CORES, swapped
from benchmarks.paper.figure_uci121 import critical_difference_diagram
from benchmarks.paper.jobs import Job
from benchmarks.paper.methods import GROUPS, METHODS, log_loss
from benchmarks.paper.networks import NetworkClassifier
from sklearn_snn import (
    SNNClassifier,
    SNNRegressor,
    _prediction,
    _propagation,
    _records,
    _stack,
    _stacked_module,
)
from sklearn_snn._input_scales import RATE

MACHINE = {"cpu": "", "cores": 1, "date": "2026-01-01", "versions": {}, "error": None}


@pytest.fixture
def made_sets(tmp_path, monkeypatch):
    """Four sets: with folds, with a test file, one that is wrong, and a large one."""
    folder = tmp_path / "data" / "uci121"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)

    def write(name, n_samples, is_test, **more):
        X, y = make_classification(n_samples, 4, n_redundant=0, random_state=0)
        order = rng.permutation(n_samples)
        folds = {
            f"kfold{fold}_{part}_idx": rows
            for fold in range(4)
            for part, rows in {
                "train": np.roll(order, fold)[n_samples // 4 :],
                "test": np.roll(order, fold)[: n_samples // 4],
            }.items()
        }
        arrays = {"X": X, "X_raw": 10 * X + 3, "y": y, "is_test": is_test}
        np.savez(folder / f"{name}.npz", **arrays, **folds, **more)

    none, some = np.zeros(60, bool), np.arange(60) >= 40
    write("folds", 60, none)
    write("soybean", 400, np.arange(400) >= 350)
    true = {"X_true_test": np.ones((5, 4)), "y_true_test": np.zeros(5, int)}
    write("spect", 60, some, **true)
    write("large", 2_400, np.zeros(2_400, bool))
    monkeypatch.setattr(uci, "FOLDER", tmp_path / "data")
    monkeypatch.setattr("benchmarks.data.FOLDER", tmp_path / "data")
    uci.sizes.cache_clear()
    yield folder
    uci.sizes.cache_clear()


# Sets and jobs ----------------------------------------------------------------------


def test_folds_are_scaled_by_their_training_rows(made_sets):
    for fold in range(4):
        split = uci.read_split("folds", fold)
        assert (len(split.X), len(split.X_test)) == (45, 15)
        assert_allclose(split.X.mean(axis=0), 0, atol=1e-12)
        assert_allclose(split.X.std(axis=0), 1)
    assert not uci.has_test_file("folds")


def test_a_test_file_is_on_the_scale_of_the_training_file(made_sets):
    with np.load(made_sets / "soybean.npz") as arrays:
        raw, y = arrays["X_raw"], arrays["y"]
    kept = np.delete(np.arange(350), uci.ARTEFACT["soybean"])
    split = uci.read_split("soybean")
    mean, deviation = raw[kept].mean(axis=0), raw[kept].std(axis=0)
    assert_allclose(split.X, (raw[kept] - mean) / deviation)
    assert_allclose(split.X_test, (raw[350:] - mean) / deviation)
    assert_array_equal(split.y, y[kept])


def test_sets_whose_rows_are_wrong_come_twice(made_sets):
    assert "spect:true" in uci.sizes()
    assert len(uci.read_split("spect").X_test) == 20
    true = uci.read_split("spect:true")
    assert (len(true.X), len(true.X_test)) == (40, 5)


def test_parameters_are_chosen_on_part_of_a_large_set(made_sets, monkeypatch):
    monkeypatch.setattr(uci, "N_TUNING", 1_000)
    split = uci.read_split("large")
    part = split.part(seed=0)
    assert split.is_large
    assert len(part.X) == len(part.y) == 1_000
    pairs = set(map(tuple, np.column_stack([split.X, split.y])))
    assert set(map(tuple, np.column_stack([part.X, part.y]))) <= pairs
    small = uci.read_split("folds")
    assert small.part(seed=0) is small


def test_small_sets_and_cheap_methods_come_first(made_sets):
    names = ["hist_gradient_boosting", "snn_one", "svm"]
    wanted = jobs.all_jobs(["four_folds"], None, names, "reduced")
    assert len(set(wanted)) == len(wanted)
    # Sets with a test file have one split; "large" has four, as "folds" has.
    assert len(wanted) == 3 * (4 + 1 + 2 + 4)
    assert [job.table for job in wanted[-12:]] == ["large"] * 12
    first = wanted[0]
    assert (first.method, first.fold) == ("snn_one", 0)
    assert GROUPS.index("library") < GROUPS.index("classical") < GROUPS.index("tuned")
    with pytest.raises(SystemExit, match="There is no set iris"):
        jobs.all_jobs(["single"], ["iris"], names, "reduced")


def test_a_job_with_a_line_is_done(made_sets):
    wanted = jobs.all_jobs(["single"], ["small"], ["svm"], "reduced")
    lines = [jobs.line_of(wanted[0], {}, None), jobs.line_of(wanted[1], {}, "killed")]
    assert jobs.left_to_do(wanted, lines) == wanted[2:]
    assert jobs.left_to_do(wanted, lines, retry=True) == wanted[1:]
    assert jobs.identity(lines[0]) == wanted[0]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_predicts_a_set(method, made_sets, monkeypatch):
    monkeypatch.setattr(members, "N_CANDIDATES", 2)
    monkeypatch.setitem(
        grids.GRIDS,
        "reduced",
        lambda kind: ([2], [8], ["rectangular"], [0.0], [0.1]),
    )
    line = jobs.measure(Job("folds", 0, method))
    assert (line["n_train"], line["n_test"]) == (45, 15)
    assert line["accuracy"] * 15 == round(line["accuracy"] * 15, 9)
    assert line["accuracy"] > 0.5
    assert (line["log_loss"] is None) == (method == "svm")


# Networks of other kinds in the library's recipe --------------------------------------


# With ten columns and more, inputs have scales.
@pytest.mark.parametrize("n_columns", [8, 16])
def test_members_of_our_kind_are_those_of_the_library(n_columns):
    X, y = make_classification(
        900, n_columns, n_informative=5, n_redundant=2, flip_y=0.1, random_state=0
    )
    split = SimpleNamespace(X=X[:600], y=y[:600], X_test=X[600:])
    losses, epochs = [], []
    for seed in range(3):
        model, proba = members.fit_default("snn", split, seed)
        ours = SNNClassifier(random_state=seed).fit(split.X, split.y)
        for one in (proba, ours.predict_proba(split.X_test)):
            losses.append(log_loss(y[600:], ours.classes_, one))
        epochs.append([len(one.loss_curve) for one in model.networks_])
        epochs.append([one.n_iter for one in ours.networks_])
    assert_allclose(np.mean(losses[::2]), np.mean(losses[1::2]), rtol=0.05)
    assert_allclose(np.mean(epochs[::2]), np.mean(epochs[1::2]), rtol=0.15)
    assert len({n for of_fit in epochs[::2] for n in of_fit}) > 1  # each on its own


@pytest.mark.parametrize("kind", KINDS)
def test_scales_of_inputs_that_say_nothing_fade(kind):
    X, y = make_classification(
        300, 12, n_informative=3, n_redundant=0, shuffle=False, random_state=0
    )
    model = NetworkClassifier(kind, 2, 16, max_iter=60, scales_inputs=True).fit(X, y)
    networks = [one.network for one in model.networks_]
    module = loop.make_module(networks, 12, model.training_)
    assert_allclose(RATE * module.scales.detach(), 1, rtol=1e-6)
    module.load([one.state for one in model.networks_])
    scales = RATE * module.scales.detach().abs().mean(dim=(0, 1)).numpy()
    assert scales[3:].max() < 0.7 * scales[:3].min()


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_confined_to_the_first_columns(kind):
    X, y = make_classification(200, 6, n_redundant=0, random_state=0)
    model = NetworkClassifier(kind, 2, 8, max_iter=3, n_plain=4, n_estimators=4)
    before = model.fit(X, y).predict_members(X)
    after = model.predict_members(np.hstack([X[:, :4], X[::-1, 4:]]))
    assert_array_equal(after[3], before[3])
    for changed, unchanged in zip(after[:3], before[:3], strict=True):
        assert np.abs(changed - unchanged).max() > 0.01


def test_deep_networks_of_any_kind_take_the_steps_of_the_librarys():
    X, y = make_classification(60, 4, n_redundant=0, random_state=0)
    for depth, step_size in [(8, 3e-3), (16, 1.5e-3)]:
        model = NetworkClassifier("relu", depth, 4, max_iter=1, n_estimators=1)
        (trained,) = model.fit(X, y).networks_
        assert trained.network.learning_rate == step_size


@pytest.mark.parametrize("kind", ["batch_norm", "residual"])
def test_statistics_of_batches_are_those_of_the_averaged_weights(kind):
    X, y = make_classification(200, 6, random_state=0)
    model = NetworkClassifier(
        kind, 2, 8, max_iter=5, batch_size=16, n_estimators=1, early_stopping=False
    ).fit(X, y)
    (trained,) = model.networks_
    module = loop.make_module([trained.network], 6, model.training_)
    module.load([trained.state])
    of_rows = [buffer.clone() for buffer in module.buffers()]
    module.learn_statistics(torch.from_numpy(X.astype(np.float32))[None])
    for wanted, buffer in zip(module.buffers(), of_rows, strict=True):
        assert_allclose(buffer, wanted, rtol=1e-4, atol=1e-5)


def test_a_class_that_was_not_learned_costs_much_but_not_infinity():
    proba = np.array([[0.25, 0.75], [0.5, 0.5]])
    loss = log_loss(np.array([3, 1]), np.array([1, 3]), proba)
    assert_allclose(loss, -(np.log(0.75) + np.log(0.5)) / 2)
    unknown = log_loss(np.array([2, 9]), np.array([1, 3]), proba)
    assert 10 < unknown < np.inf


# Statistics -------------------------------------------------------------------------


def series(values):
    return pd.Series(values, [f"set{i}" for i in range(len(values))], dtype=float)


def test_paired_differences():
    rng = np.random.default_rng(0)
    ours = series(rng.normal(size=30))
    theirs = ours - np.r_[np.zeros(5), rng.normal(0.5, 1, size=25)]
    found = paired(ours, theirs)
    difference = ours - theirs
    assert_allclose(found.mean, difference.mean())
    assert_allclose(found.p, wilcoxon(difference).pvalue)
    assert (found.wins, found.ties) == ((difference > 0).sum(), 5)
    assert found.wins + found.ties + found.losses == found.n == 30
    half = norm.ppf(0.975) * difference.std() / np.sqrt(30)
    bounds = [found.mean - half, found.mean + half]
    assert_allclose([found.low, found.high], bounds, atol=0.1)
    assert paired(ours, ours).p == 1
    assert paired(ours, series([])).n == 0


def test_the_critical_difference_of_two_methods_is_that_of_a_sign_test():
    # Demsar's table 5: 1.960 for two methods, 2.728 for five.
    for n_methods, q in {2: 1.960, 5: 2.728}.items():
        expected = q * np.sqrt(n_methods * (n_methods + 1) / (6 * 20))
        assert_allclose(critical_difference(n_methods, 20), expected, rtol=1e-3)


def test_cliques_are_the_longest_runs_of_equals():
    mean_ranks = pd.Series({"a": 1.0, "b": 1.5, "c": 2.2, "d": 4.0})
    assert cliques(mean_ranks, 1.0) == [["a", "b"], ["b", "c"]]
    assert cliques(mean_ranks, 1.3) == [["a", "b", "c"]]
    assert cliques(mean_ranks, 0.1) == []


def test_ranks_share_ties_and_gaps_leave_out_sets():
    accuracy = pd.DataFrame(
        {"a": [0.9, 0.8, 0.7], "b": [0.9, 0.9, np.nan], "c": [0.1, np.nan, np.nan]}
    )
    assert_array_equal(ranks(accuracy).loc[0], [1.5, 1.5, 3])
    whole = complete(accuracy)
    assert whole.shape == (2, 2)
    assert list(whole) == ["a", "b"]
    assert_allclose(mean_rank_table(whole)["rank"], [1.25, 1.75])


# Page -------------------------------------------------------------------------------


def line(table, method, accuracy, fold=0, **chosen):
    return MACHINE | {
        "table": table,
        "fold": fold,
        "method": method,
        "grid": "reduced",
        "n_train": 45,
        "n_test": 15,
        "seed": fold,
        "accuracy": accuracy,
        "log_loss": 0.1,
        "seconds": 2.0,
        "chosen": chosen,
        "threads": 1,
    }


@pytest.fixture
def published(made_sets):
    """The paper's tables, of five made sets: "a" at position 1, and so on."""
    names = list("abcde")
    folder = made_sets.parent / ".." / "paper"
    folder.mkdir()
    columns = dict.fromkeys(report_uci121.COLUMNS.values(), 0.6)
    paper = pd.DataFrame({"name": names, "N": [50, 60, 70, 80, 5000], **columns})
    paper.to_csv(folder / "uci121_paper_accuracy.csv", index=False)
    others = pd.DataFrame(
        {"name": names, "rf": [0.9] * 5, "gappy": [1.0] + [np.nan] * 4}
    )
    others.to_csv(folder / "fernandez_delgado_results.csv", index=False)
    for name in names:
        (made_sets / f"{name}.npz").write_bytes((made_sets / "folds.npz").read_bytes())
    return names


def made_lines(names):
    gains = {"snn_members": 0.1, "snn_paper": 0.0, "relu_paper": -0.05, "svm": 0.05}
    return [
        line(name, method, 0.7 + gain + 0.01 * i, fold, depth=4)
        for i, name in enumerate(names)
        for method, gain in gains.items()
        for fold in range(4)
    ]


def cells(page, start):
    """Cells of the first row of a page that starts so."""
    row = next(row for row in page.splitlines() if row.startswith(f"| {start} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_page_about_the_uci_sets(published, monkeypatch):
    monkeypatch.setattr(uci, "UNSOUND", [*uci.UNSOUND, "c"])
    lines = made_lines(published)
    failed = line("a", "svm", None, fold=9) | {"error": "MemoryError"}
    page = report_uci121.report([*lines, failed])
    # Of sets a to e, b and d are at even positions: .7 + .1 + .02 less .6.
    assert cells(page, "snn_members | sound, even")[2:4] == [
        "2",
        "+22.00% (+21.00% to +23.00%)",
    ]
    assert cells(page, "snn_members | sound, even")[-1] == "yes"
    # Of the networks, each with its best budget, ours is first on all sets.
    assert cells(page, "snn_members | 1.00 (1.00 to 1.00)")[2:] == ["-", "-"]
    assert cells(page, "relu_paper | 2.00 (2.00 to 2.00)")[2].startswith("+1.00")
    assert "as well as networks**, until the following" in page
    assert "run, too: relu_members." in page
    relu = [line(name, "relu_members", 0.5, depth=4) for name in published]
    assert "as well as networks" not in report_uci121.report([*lines, *relu])
    means = cells(page, "snn_members | SNN, default members")
    assert means[2:5] == ["0.8200", "0.8150", "0.8400"]
    assert "Not run on enough sets yet: " in page
    # Set "c" with .82 is not sound, which does not change a mean of .8 to .84.
    assert "| rf | published | 0.9000 | 0.9000 |" in page
    assert "gappy" not in page
    assert "| snn_members | ours | 0.8200 | 0.8200 |" in page
    assert cells(page, "all | rf | 5")[3].startswith("-8.00% (-9.")
    assert cells(page, "sound | rf | 4")[3].startswith("-8.00% (-9.")
    assert "Failed: svm on a, fold 9: MemoryError." in page
    assert cells(page, "a | 50")[3] == "0.700 / 0.600"


def test_default_members_are_ranked_on_all_sets_that_have_them(published):
    accuracy = {"snn_members": 0.7, "relu_members": 0.8, "snn_tuned": 0.9}
    lines = [
        line(name, method, value, depth=4)
        for name in published
        for method, value in accuracy.items()
        if method != "snn_tuned" or name in "abc"
    ]
    best, members = report_uci121.report(lines).split("## Ranks of networks")[1:3]
    assert "On 3 sets" in best
    assert "On 5 sets" in members
    assert cells(best, "snn_tuned | 1.00 (1.00 to 1.00)")
    row = cells(members, "relu_members | 1.00 (1.00 to 1.00)")
    assert row[2].startswith("-1.00 (-1.00 to -1.00)")
    assert "snn_tuned" not in members.split("##")[0]


def test_our_networks_tuned_as_others_are_compared_with_these(published):
    gains = {"snn_tuned": 0.0, "snn_random": 0.05, "relu_tuned": 0.02, "svm": 0.01}
    lines = [
        line(name, method, 0.7 + gain, depth=4)
        for name in published
        for method, gain in gains.items()
    ]
    page = report_uci121.report(lines)
    assert "snn_random | 1.00 (1.00 to 1.00)" in page
    assert "as well as networks" not in page
    _, by_our_search, as_others = page.split(" less others")
    assert cells(by_our_search, "relu_tuned")[2].startswith("-2.00%")
    assert cells(as_others, "relu_tuned")[2].startswith("+3.00%")
    assert cells(as_others, "svm")[2].startswith("+4.00%")
    # Of all, small, large, even and odd sets, of which "e" is large.
    page = report_uci121.report([*lines, line("e", "svm", 0.5, depth=4)])
    row = cells(page.split("snn_random less others")[1], "svm")
    small, large, even, odd = (float(cell.split("%")[0]) for cell in row[-4:])
    assert (small, large, even) == (4.0, 25.0, 4.0)
    assert odd == pytest.approx((4.0 + 4.0 + 25.0) / 3)
    assert "| snn_" not in by_our_search.split("###")[0]
    assert cells(page, "snn_random | sound, even")[-2:] == ["+4.0%", "yes"]


def test_networks_of_any_kind_can_be_tuned_alike(made_sets, monkeypatch):
    monkeypatch.setattr(members, "N_CANDIDATES", 3)
    split = uci.read_split("folds", 0)
    ours, other = (METHODS[name].fit(split, 0) for name in ("snn_random", "relu_tuned"))
    assert ours.proba.shape == other.proba.shape
    drawn = [
        {name: value for name, value in one.chosen.items() if name != "dropout"}
        for one in (ours, other)
    ]
    candidates = [
        {name: value for name, value in one.items() if name != "dropout"}
        for one in members.draw_candidates("snn", len(split.y), 0)
    ]
    assert all(one in candidates for one in drawn)


def test_the_page_of_one_method_is_no_error(published):
    page = report_uci121.report(made_lines(published)[:1])
    assert "snn_members" in page
    assert "Ranks of networks" not in page


def test_the_diagram_is_drawn(published, tmp_path):
    path = tmp_path / "ranks.png"
    critical_difference_diagram(made_lines(published), path)
    assert path.read_bytes().startswith(b"\x89PNG")


# Cores ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_a_core_is_what_autograd_makes_of_it(name, rate):
    core = CORES[name]
    torch.manual_seed(0)
    sizes = [(3, 5), (5, 5), (5, 2)]
    layers = [
        (torch.randn(2, n, m).double(), torch.randn(2, 1, m).double()) for n, m in sizes
    ]
    x = torch.randn(2, 7, 3).double()
    with swapped(core):
        kind = _stack.StackedAlphaDropout
        dropout = kind([rate, rate], torch.float64, torch.device("cpu"))
        generators = [np.random.Generator(np.random.SFC64(i)) for i in range(2)]
        masks = [one.clone() for one in dropout.draw(generators, 7, [5, 5])]
        given = (dropout, masks) if rate else ()
        raw, passed = _propagation.forward_pass(layers, x, *given)
        gradients = [(torch.empty_like(w), torch.empty_like(b)) for w, b in layers]
        _propagation.backward_pass(layers, passed, torch.ones_like(raw), gradients)

    wanted = [
        (w.clone().requires_grad_(), b.clone().requires_grad_()) for w, b in layers
    ]
    h = x
    for i, (weight, bias) in enumerate(wanted[:-1]):
        h = (core.activate or torch.selu)(h @ weight + bias)
        if rate:
            h = dropout(h, masks[i])
    expected = h @ wanted[-1][0] + wanted[-1][1]
    expected.sum().backward()
    assert_allclose(raw.numpy(), expected.detach().numpy())
    for pair, ours in zip(wanted, gradients, strict=True):
        for parameter, gradient in zip(pair, ours, strict=True):
            assert_allclose(gradient.numpy(), parameter.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", ["relu_dropout", "silu", "mish"])
def test_weights_begin_so_that_second_moments_stay(name):
    core = CORES[name]
    z = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0))
    assert_allclose(core.gain * core.activate(z).square().mean(), 1, rtol=0.01)
    if name == "relu_dropout":
        assert_allclose(core.gain, 2, rtol=1e-2)


@pytest.mark.parametrize("name", list(CORES))
def test_networks_of_a_core_are_validated_and_predict_with_it(name):
    X, y = make_regression(200, 4, noise=1.0, random_state=0)
    model = SNNRegressor(
        n_estimators=1, n_bins=1, max_iter=5, early_stopping=True, random_state=0
    )
    with swapped(CORES[name]):
        model.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
        predicted = model.predict(X)
    x = torch.from_numpy(model.preprocessor_.transform(X))
    weights = [torch.from_numpy(one) for one in model.networks_[0].weights]
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = (CORES[name].activate or torch.selu)(x @ weight + bias)
    by_hand = (x @ weights[-2] + weights[-1]).numpy()[:, 0]
    location, scale = y[:150].mean(), y[:150].std()
    assert_allclose(predicted, location + scale * by_hand, rtol=1e-3, atol=1e-2)
    # The loss is half the square, of the standardised target.
    errors = (predicted[150:] - y[150:]) / scale
    assert_allclose(model.best_validation_score_, -np.mean(errors**2) / 2, rtol=1e-3)


def test_a_core_is_taken_back_after_an_error():
    X, y = load_iris(return_X_y=True)
    names = [
        (_propagation, "forward_pass"),
        (_stacked_module, "backward_pass"),
        (_stack, "forward_pass"),
        (_prediction, "_raw"),
        (_records, "lecun_normal"),
        (_stack, "StackedAlphaDropout"),
    ]
    before = [getattr(*one) for one in names]
    small = {"max_iter": 2, "n_estimators": 1, "random_state": 0}

    def proba():
        return SNNClassifier(**small).fit(X, y).predict_proba(X)

    plain = proba()
    with swapped(CORES["silu"]):
        assert abs(proba() - plain).max() > 1e-3
    with pytest.raises(ZeroDivisionError), swapped(CORES["silu"]):
        1 / 0  # noqa: B018
    assert_array_equal(proba(), plain)
    assert before == [getattr(*one) for one in names]
