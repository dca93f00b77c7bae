"""Protocols, statistics and reports of HTRU2, Tox21 and figure 1, on made data."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import stats
from scipy.sparse import csr_matrix, save_npz
from sklearn.metrics import roc_auc_score

from benchmarks.lines import append
from benchmarks.paper import (
    compounds,
    figure1,
    htru2,
    report_figure1,
    report_htru2,
    report_tox21,
    tox21,
    trials,
)
from benchmarks.paper.auc import (
    auc,
    corrected_resampled,
    delong,
    dense_ranks,
    label_string,
    labels_of,
    mean_of_other_rows,
    mean_of_same_rows,
)
from benchmarks.paper.loop import Network


def scored(n=200, seed=0):
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 3 == 0).astype(float)
    first = y + rng.normal(size=n)
    return y, np.round(first, 1), first + rng.normal(size=n)  # the first has ties


# Areas ------------------------------------------------------------------------------


def test_an_area_is_that_of_scikit_learn_also_of_ranks():
    y, tied, untied = scored()
    for scores in (tied, untied):
        assert_allclose(auc(y, scores).area, roc_auc_score(y, scores))
        assert_allclose(auc(y, dense_ranks(scores)).area, roc_auc_score(y, scores))


def test_delong_is_what_its_definition_says():
    y, *both = scored()
    # Every positive row against every negative one: 1, 1/2 or 0.
    wins = [
        (np.sign(s[y == 1][:, None] - s[y == 0][None]) + 1) / 2
        for s in map(np.array, both)
    ]
    of_positive = np.cov([win.mean(axis=1) for win in wins])
    of_negative = np.cov([win.mean(axis=0) for win in wins])
    covariance = of_positive / (y == 1).sum() + of_negative / (y == 0).sum()
    ours, theirs = (auc(y, s) for s in both)
    assert_allclose(np.sum(ours.influence**2), covariance[0, 0])
    assert_allclose(np.sum(ours.influence * theirs.influence), covariance[0, 1])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    difference = delong(ours, theirs)
    assert_allclose(difference.high - difference.mean, 1.959964 * np.sqrt(variance))
    z = (ours.area - theirs.area) / np.sqrt(variance)
    assert_allclose(difference.p, 2 * stats.norm.sf(abs(z)))


def test_labels_that_are_missing_do_not_count():
    y, scores, _ = scored()
    y[::4] = np.nan
    known = ~np.isnan(y)
    area = auc(y, scores)
    assert_allclose(area.area, roc_auc_score(y[known], scores[known]))
    assert not area.influence[~known].any()
    assert np.isnan(auc(np.zeros(5), np.arange(5)).area)
    assert_allclose(labels_of(label_string(y)), y)


def test_a_mean_over_folds_has_the_variance_of_independent_parts():
    folds = [auc(*scored(seed=seed)[:2]) for seed in range(3)]
    together = mean_of_other_rows(folds)
    variances = [np.sum(one.influence**2) for one in folds]
    assert_allclose(np.sum(together.influence**2), np.sum(variances) / 9)
    assert_allclose(together.area, np.mean([one.area for one in folds]))


def test_a_mean_over_equal_labels_is_no_surer_than_one():
    one = auc(*scored()[:2])
    unknown = auc(np.zeros(200), np.arange(200))
    assert_allclose(mean_of_same_rows([one, one, unknown]).influence, one.influence)


def test_the_corrected_t_test_without_overlap_is_the_ordinary_one():
    values = np.random.default_rng(0).normal(0.5, 1, 10)
    ordinary = stats.ttest_1samp(values, 0)
    ours = corrected_resampled(values, 0)
    low, high = ordinary.confidence_interval()
    assert_allclose([ours.p, ours.low, ours.high], [ordinary.pvalue, low, high])
    wider = corrected_resampled(values, 1 / 9)
    ratio = (wider.high - wider.low) / (ours.high - ours.low)
    assert_allclose(ratio, np.sqrt((1 / 10 + 1 / 9) / (1 / 10)))
    with pytest.raises(ValueError, match="at least two splits, got 1"):
        corrected_resampled([0.1], 0)


# HTRU2 ------------------------------------------------------------------------------


def made_candidates(n=300):
    rng = np.random.default_rng(0)
    y = (np.arange(n) % 6 == 0).astype(int)
    return rng.normal(size=(n, 4)) + y[:, None], y


def test_each_row_is_tested_once_and_validated_once():
    X, y = made_candidates()
    X[:, 0] = np.arange(len(y))  # to know rows by
    tested, validated = [], []
    for fold in range(htru2.N_FOLDS):
        rows = htru2.split_rows(X, y, fold)
        parts = [rows.X[:, 0], rows.X_val[:, 0], rows.X_test[:, 0]]
        assert sorted(np.concatenate(parts)) == list(range(len(y)))
        tested.append(parts[2])
        validated.append(parts[1])
    assert sorted(np.concatenate(tested)) == list(range(len(y)))
    # Fold k - 1 validates, the last one for the first.
    for fold in range(htru2.N_FOLDS):
        assert_allclose(validated[fold], tested[fold - 1])


def test_tuning_rows_are_some_of_the_training_rows(monkeypatch):
    monkeypatch.setattr(htru2, "N_TUNING", 60)
    rows = htru2.split_rows(*made_candidates(), 0)
    part = rows.part(seed=0)
    assert 55 <= len(part.y) <= 65
    assert_allclose(part.y.mean(), rows.y.mean(), atol=0.03)
    assert {tuple(row) for row in part.X} <= {tuple(row) for row in rows.X}
    assert part.X_val is rows.X_val


def test_scales_are_those_of_the_training_rows():
    rows = htru2.split_rows(*made_candidates(), 0)
    scaled = rows.scaled()
    assert_allclose(scaled.X.mean(axis=0), 0, atol=1e-12)
    assert_allclose(
        scaled.X_test, (rows.X_test - rows.X.mean(axis=0)) / rows.X.std(axis=0)
    )


@pytest.mark.parametrize("name", ["naive_bayes", "svm", "snn_one", "relu_paper"])
def test_methods_find_pulsars(name, monkeypatch):
    monkeypatch.setattr(htru2.PAPER, "max_iter", 6)
    rows = htru2.split_rows(*made_candidates(), 1)
    score, _ = htru2.METHODS[name](rows, seed=1)
    assert roc_auc_score(rows.y_test, score) > 0.7


def test_every_kind_of_network_has_as_many_candidates():
    counts = {
        kind: len(tox21.depth_candidates(kind, 2, 0)) for kind in ["snn", *tox21.OTHERS]
    }
    assert set(counts.values()) == {4}


# Tox21 ------------------------------------------------------------------------------


@pytest.fixture
def made_compounds(tmp_path, monkeypatch):
    """A small challenge, whose first six columns decide about all assays."""
    rng = np.random.default_rng(0)
    n = 330
    counts = rng.poisson(0.7, size=(n, 6)).astype(np.uint8)
    counts = np.hstack([counts, np.zeros((n, 2), np.uint8)])
    labels = (counts[:, :1] + rng.normal(0, 0.3, (n, 12)) > 1).astype(float)
    labels[rng.random(labels.shape) < 0.3] = np.nan
    split = np.repeat(["train", "leaderboard", "score"], [240, 50, 40])
    labels[split == "score"] = np.nan
    smiles = np.array([f"C{i // 2}" for i in range(n)], dtype=object)
    smiles[:3] = None
    table = pd.DataFrame(labels, columns=compounds.TASKS).astype("Int8")
    table = table.assign(split=split, canonical_smiles=smiles)
    path = tmp_path / "tox21"
    path.mkdir()
    table.to_parquet(path / "tox21_challenge.parquet")
    save_npz(path / "ecfp4_count_2048.npz", csr_matrix(counts))
    save_npz(path / "maccs_167.npz", csr_matrix(counts[:, :3] > 0).astype(np.uint8))
    described = pd.DataFrame({"Ipc": 10.0 ** rng.integers(0, 40, n), "MolWt": 1.0})
    described["Phi"] = rng.normal(size=n)
    described.loc[[5, 9], "Phi"] = [np.inf, np.nan]
    described.to_parquet(path / "rdkit_descriptors.parquet")
    monkeypatch.setattr("benchmarks.data.FOLDER", tmp_path)
    return compounds.read_splits()


def test_compounds_are_read_by_split(made_compounds):
    sizes = {name: len(part) for name, part in made_compounds.items()}
    assert sizes == {"train": 240, "leaderboard": 50, "score": 40}
    X = made_compounds["train"].X
    assert np.isfinite(X["Ipc"]).all()
    assert X["Ipc"].max() < 100
    assert X["Phi"].isna().sum() == 2
    assert len(set(made_compounds["train"].group[:3])) == 3  # without SMILES, alone


def test_samples_of_a_compound_stay_together(made_compounds):
    training = made_compounds["train"]
    tested = []
    for fold in range(compounds.N_FOLDS):
        rows = tox21.split_rows(made_compounds, fold)
        parts = rows.train, rows.validation, rows.test[tox21.HELD_OUT]
        groups = [set(part.group) for part in parts]
        assert not any(a & b for a, b in [groups[:2], groups[1:], groups[::2]])
        assert sum(map(len, parts)) == len(training)
        tested += list(parts[2].X.index)
    assert sorted(tested) == list(range(len(training)))


def test_columns_that_hardly_vary_are_left_out(made_compounds):
    X = tox21.split_rows(made_compounds, 0).train.X
    left_out = {"ecfp4_6", "ecfp4_7", "MolWt"}
    assert set(made_compounds["train"].X) - set(X) == left_out


@pytest.mark.parametrize(
    ("method", "depth"),
    [("snn_members", 2), ("batch_norm_paper", 2), ("random_forest", None)],
)
def test_a_fit_is_tested_on_all_that_has_labels(
    made_compounds, monkeypatch, method, depth
):
    monkeypatch.setattr(tox21.SGD, "max_iter", 8)
    forest = tox21.METHODS["random_forest"].func
    monkeypatch.setitem(
        tox21.METHODS,
        "random_forest",
        lambda rows, seed: forest(tox21.forest, {"min_samples_leaf": [3]}, rows, seed),
    )
    line = tox21.measure({"method": method, "depth": depth, "fold": 0})
    assert np.mean(line["auc"]["fold"]) > 0.6
    assert line["auc"]["score"] == [None] * 12
    assert list(line["order"]) == ["leaderboard"]
    order = line["order"]["leaderboard"]
    for labels, ranks, area in zip(
        order["labels"], order["ranks"], line["auc"]["leaderboard"], strict=True
    ):
        assert_allclose(auc(labels_of(labels), ranks).area, area, atol=1e-6)


def test_the_final_test_is_evaluated_where_its_labels_are(made_compounds):
    final = made_compounds["score"]
    final.y = np.tile([0.0, 1.0], (40, 6))
    final.y[::2] = 1 - final.y[::2]
    rows = tox21.split_rows(made_compounds, 0)
    assert len(tox21.areas(rows.test["score"].y, final.y)) == 12
    line = tox_line("snn_members", 2, 0, 0.8)
    assert "were not there" in report_tox21.report([line])
    line["auc"]["score"] = [0.75] * 12
    line["order"]["score"] = line["order"]["leaderboard"]
    text = report_tox21.report([line])
    assert "| snn_members | 75.0 (1) |" in text
    assert "were not there" not in text


# Figure 1 ---------------------------------------------------------------------------


def test_a_curve_and_its_moments():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 20))
    target = (X[:, 0] > 0).astype(int)
    network = Network(kind="snn", depth=3, width=200, learning_rate=0.05)
    line = figure1.follow(network, X, target, max_iter=6)
    assert len(line["loss_curve"]) == 6
    assert line["loss_curve"][-1] < line["loss_curve"][0]
    assert list(line["moments"]) == [0, 1, 2, 4, 6]
    means, variances = np.transpose(line["moments"][0])
    assert_allclose(means, 0, atol=0.1)  # as drawn
    assert_allclose(variances, 1, atol=0.25)


def test_moments_are_those_of_plain_layers():
    network = Network(kind="snn", depth=2, width=5)
    training = figure1.Training(n_outputs=2, loss=None)
    module = figure1.make_module([network], 4, training)
    X = torch.randn(1, 50, 4, generator=torch.Generator().manual_seed(0))
    found = figure1.layer_moments(module, X)
    x = X[0]
    for (mean, variance), block in zip(found, module.hidden, strict=True):
        x = torch.selu(x @ block[0].weight[0] + block[0].bias[0])
        assert_allclose(mean, x.mean().item(), rtol=1e-3)
        assert_allclose(variance, x.var(dim=0, correction=0).mean().item(), rtol=1e-3)


def test_what_is_not_finite_is_null():
    assert figure1.shortened([1 / 3, float("inf"), float("nan")]) == [
        0.33333,
        None,
        None,
    ]


# Jobs and reports -------------------------------------------------------------------

MACHINE = {"cpu": "", "cores": 1, "date": "2026-01-01", "versions": {}, "error": None}


def test_what_has_a_line_is_not_done_again(tmp_path):
    jobs = trials.all_jobs("htru2", ["naive_bayes"])
    assert len(jobs) == htru2.N_FOLDS
    assert trials.left_to_do(jobs, [jobs[3] | {"error": None}]) == jobs[:3] + jobs[4:]
    failed = [jobs[0] | {"error": "MemoryError"}]
    assert trials.left_to_do(jobs, failed) == jobs[1:]
    assert trials.left_to_do(jobs, failed, retry=True) == jobs
    with pytest.raises(SystemExit, match="no method c45 in htru2"):
        trials.all_jobs("htru2", ["c45"])


def test_experiments_on_several_tables_can_be_run_on_some():
    jobs = trials.all_jobs("figure1", ["snn"], ["digits"])
    assert {(job["table"], job["method"]) for job in jobs} == {("digits", "snn")}
    assert 0 < len(jobs) < len(trials.all_jobs("figure1", ["snn"]))
    with pytest.raises(SystemExit, match="no table iris in figure1; there are digits,"):
        trials.all_jobs("figure1", sets=["iris"])
    with pytest.raises(SystemExit, match="no table iris in htru2; there are none"):
        trials.all_jobs("htru2", sets=["iris"])


def test_suites_of_tables_can_be_run_alone(monkeypatch):
    suites = {"a": "uci", "b": "uci", "c": "tabular"}
    jobs = [{"method": "selu", "suite": suites[one], "table": one} for one in suites]
    made = trials.Trial(lambda: jobs, None)
    monkeypatch.setitem(trials.TRIALS, "cores", made)
    wanted = trials.all_jobs("cores", sets=["tabular", "a"])
    assert [job["table"] for job in wanted] == ["a", "c"]


def test_depths_and_sets_are_jobs_of_their_own():
    sweep = trials.all_jobs("tox21", ["snn_members"])
    assert [job["depth"] for job in sweep[:7]] == tox21.DEPTHS
    assert len(sweep) == 7 * compounds.N_FOLDS
    assert len(trials.all_jobs("figure1")) == 2 * 3 * 3 * 2
    for name in trials.TRIALS:
        jobs = [tuple(job.items()) for job in trials.all_jobs(name)]
        assert len(set(jobs)) == len(jobs)


def htru_line(method, fold, noise, seconds=1.0):
    y, scores, _ = scored(seed=fold)
    scores = scores + np.random.default_rng(fold + 10).normal(0, noise, len(y))
    return MACHINE | {
        "method": method,
        "fold": fold,
        "auc": roc_auc_score(y, scores),
        "labels": label_string(y),
        "ranks": dense_ranks(scores),
        "n_train": 1600,
        "n_test": 200,
        "seconds": seconds,
        "chosen": {"depth": 4} if method == "relu_paper" else {},
    }


def test_the_page_about_htru2():
    lines = [htru_line("snn_members", fold, 0) for fold in range(4)]
    lines += [htru_line("relu_paper", fold, 2) for fold in range(4)]
    lines += [htru_line("svm", 0, 0), MACHINE | lines[0] | {"fold": 9, "error": "late"}]
    text = report_htru2.report(lines)
    areas = np.array([line["auc"] for line in lines[:8]]).reshape(2, 4)
    mean = f"{areas[1].mean():.4f} ± {areas[1].std(ddof=1):.4f}"
    assert f"| relu_paper | 4 | {mean} | .9791 ± .010 | +" in text
    expected = corrected_resampled(areas[0] - areas[1], 1 / 8)
    assert f"{expected.mean:+.4f} ({expected.low:+.4f} to" in text
    assert "| 4.0 | 1.0 |" in text
    assert text.index("| relu_paper") < text.index("| svm")  # it was run on one fold
    assert "Failed: snn_members on fold 9: late." in text


def tox_line(method, depth, fold, area):
    y, scores, _ = scored(60, seed=fold)
    return MACHINE | {
        "method": method,
        "depth": depth,
        "fold": fold,
        "auc": {
            "fold": [area] * 11 + [None],
            "leaderboard": [area - 0.1] * 12,
            "score": [None] * 12,
        },
        "order": {
            "leaderboard": {
                "labels": [label_string(y)] * 12,
                "ranks": [dense_ranks(scores + area)] * 12,
            }
        },
        "seconds": 10.0,
        "chosen": {},
    }


def test_the_page_about_tox21(tmp_path):
    lines = [
        tox_line("snn_members", depth, fold, 0.85 - depth / 1000 + fold / 100)
        for depth, fold in product([8, 32], range(5))
    ]
    lines += [tox_line("random_forest", None, fold, 0.8) for fold in range(5)]
    text = report_tox21.report(lines)
    row = "| snn_members | - | - | - | - | 86.2 ± 1.6 | - | 83.8 ± 1.6 |"
    assert row in text
    assert "`snn_members` changes by -2.4 points on 5 folds" in text
    assert "| random_forest | - | 80.0 ± 0.0 | 70.0 ± 0.0 | +0.0620 (" in text
    assert "| snn | 83.7 | 84.4 |" in text
    pytest.importorskip("matplotlib", reason="it is an extra, for pictures")
    report_tox21.depth_curves(lines, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def curve_line(method, depth, curve, stopped_by="max_iter"):
    layers = [[0.0, 1.0 + depth / 100], [0.1, None if None in curve else 1.5]]
    return MACHINE | {
        "table": "digits",
        "learning_rate": 0.01,
        "depth": depth,
        "method": method,
        "loss_curve": curve,
        "stopped_by": stopped_by,
        "moments": {"0": layers, "4": layers},
    }


def test_the_page_about_figure_1(tmp_path):
    lines = [
        curve_line("snn", 8, [1.0, 0.5, 0.25, 0.125]),
        curve_line("batch_norm", 8, [1.0, 0.5, 0.4, 0.2]),
        curve_line("snn", 16, [2.0, None], "diverged"),
        curve_line("batch_norm", 16, [1.0, 0.9, 0.8, 0.7]),
    ]
    text = report_figure1.report(lines)
    assert "| digits | 0.01 | 8 | snn | 4 | 1 | 0.125 | 0.693 | 1.5 | 1.5 |" in text
    assert "2 (diverged)" in text
    assert "lower loss at the end in 1" in text
    assert_allclose(report_figure1.jumps([1, 1, np.e, 1]), 1)
    pytest.importorskip("matplotlib", reason="it is an extra, for pictures")
    report_figure1.curves_and_moments(lines, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_compressed_lines_are_read(tmp_path):
    import gzip

    from benchmarks.lines import read_lines, read_with_compressed

    path, compressed = tmp_path / "lines.jsonl", tmp_path / "lines.jsonl.gz"
    append({"a": 1}, path)
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_lines(compressed) == [{"a": 1}]
    path.unlink()
    assert read_with_compressed(path) == [{"a": 1}]
    append({"a": 2}, path)
    assert read_with_compressed(path) == [{"a": 1}, {"a": 2}]
