import builtins

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import rcParams
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_snn import (
    ActivationMomentsDisplay,
    LossCurveDisplay,
    MomentMapDisplay,
    SearchResultsDisplay,
    SNNClassifier,
    SNNGridSearchCV,
    SNNHalvingRandomSearchCV,
    activation_moments,
    moment_map,
)

SMALL = dict(depth=2, width=8, n_estimators=3, max_iter=6, random_state=0)


@pytest.fixture(autouse=True)
def _no_windows():
    before = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(return_X_y=True)


@pytest.fixture(scope="module")
def model(cancer):
    return SNNClassifier(early_stopping="joint", **SMALL).fit(*cancer)


@pytest.fixture(scope="module")
def search(cancer):
    grid = {"depth": [1, 2], "learning_rate_init": [1e-3, 1e-2, 1e-1]}
    return SNNGridSearchCV(SNNClassifier(**SMALL), grid, cv=2).fit(*cancer)


def draw_all(model, search, X, ax_of):
    return [
        LossCurveDisplay.from_estimator(model, ax=ax_of()),
        ActivationMomentsDisplay.from_estimator(model, X, ax=ax_of()),
        MomentMapDisplay.from_map(ax=ax_of()),
        MomentMapDisplay.from_estimator(model, X, ax=ax_of()),
        SearchResultsDisplay.from_estimator(search, ax=ax_of()),
    ]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# All displays


def test_displays_draw_where_they_are_told_and_change_nothing_else(
    model, search, cancer
):
    before = dict(rcParams)
    elsewhere, (ax, other) = plt.subplots(1, 2)
    plt.sca(other)
    figures = []

    def ax_of():
        figure = plt.Figure(figsize=(6, 4))
        figures.append(figure)
        return figure.subplots()

    displays = draw_all(model, search, cancer[0], ax_of)
    assert [display.figure_ for display in displays] == figures
    assert all(display.ax_.figure is display.figure_ for display in displays)
    # On a figure of pyplot's, the current axes stay current.
    ActivationMomentsDisplay.from_estimator(model, cancer[0], ax=ax)
    assert plt.gcf() is elsewhere
    assert plt.gca() is other
    assert plt.get_fignums() == [elsewhere.number]
    assert dict(rcParams) == before


def test_without_axes_each_display_makes_one_figure(model, search, cancer):
    displays = draw_all(model, search, cancer[0], lambda: None)
    assert [display.figure_.number for display in displays] == plt.get_fignums()


@pytest.mark.parametrize("size", [(10, 4), (3.5, 4)], ids=str)
@pytest.mark.parametrize("layout", ["constrained", None])
def test_labels_do_not_overlap(size, layout, model, search, cancer):
    def ax_of():
        return plt.subplots(figsize=size, layout=layout)[1]

    for display in draw_all(model, search, cancer[0], ax_of):
        display.figure_.canvas.draw()
        for ax in display.figure_.axes:
            for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
                assert_apart([one for one in labels if is_shown(one, ax)])
        panels = [ax for ax in display.figure_.axes if ax.axison]
        labels = [ax.xaxis.label for ax in panels]
        assert_apart([*labels, *display.ax_.texts, *legend_texts(display)])


def legend_texts(display):
    return list(display.ax_.get_legend().get_texts())


def is_shown(label, ax):
    """Ticks beyond the limits have labels that are not drawn."""
    x, y = label.get_position()
    low, high = ax.get_xlim() if label in ax.get_xticklabels() else ax.get_ylim()
    place = x if label in ax.get_xticklabels() else y
    return ax.axison and label.get_text() and low <= place <= high


def assert_apart(texts):
    texts = [one for one in texts if one.get_text()]
    boxes = [one.get_window_extent().padded(-1) for one in texts]
    for i, box in enumerate(boxes):
        covered = [j for j, other in enumerate(boxes) if j > i and box.overlaps(other)]
        assert not covered, (texts[i], [texts[j] for j in covered])


def test_panels_are_side_by_side_where_it_is_wide_and_stacked_where_narrow(
    model, cancer
):
    for size, is_wide in (((10, 4), True), ((3.5, 4), False)):
        _, ax = plt.subplots(figsize=size)
        display = ActivationMomentsDisplay.from_estimator(model, cancer[0], ax=ax)
        first, second = (panel.get_position() for panel in display.axes_)
        assert (second.x0 > first.x1) == is_wide
        assert (second.y1 < first.y0) == (not is_wide)


def test_panels_need_the_place_of_a_subplot(model, cancer):
    ax = plt.figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match=r"must be one of plt\.subplots"):
        ActivationMomentsDisplay.from_estimator(model, cancer[0], ax=ax)


def test_without_matplotlib_the_error_names_the_extra(model, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'LossCurveDisplay.*"sklearn-snn\[plot\]"'):
        LossCurveDisplay.from_estimator(model)


# Loss curves


def test_loss_curves_are_the_networks_and_the_best_epoch_is_marked(model):
    display = LossCurveDisplay.from_estimator(model)
    training, validation = display.lines_
    assert_array_equal(training.get_xdata(), np.arange(1, model.n_iter_ + 1))
    assert_allclose(training.get_ydata(), model.loss_curve_)
    assert_allclose(validation.get_ydata(), -np.array(model.validation_scores_))
    assert display.score_ax_ is None
    best = model.networks_[0].best_epoch
    assert legend_of(display.ax_) == ["training", "validation", f"best epoch: {best}"]
    marked = [line.get_xdata()[0] for line in display.ax_.lines[2:]]
    assert marked == [best]


def test_the_band_reaches_from_the_lowest_to_the_highest_member():
    display = LossCurveDisplay([[4.0, 2.0, 1.0], [3.0, 2.5]]).plot()
    assert_allclose(display.lines_[0].get_ydata(), [3.5, 2.25, 1.75])
    (band,) = display.ax_.collections
    points = band.get_paths()[0].vertices
    for epoch, low, high in ((1, 3, 4), (2, 2, 2.5), (3, 1, 2.5)):
        here = points[points[:, 0] == epoch, 1]
        assert_allclose([here.min(), here.max()], [low, high])
    assert not LossCurveDisplay([[2.0, 1.0]]).plot().ax_.collections


def test_a_score_has_an_axis_of_its_own_and_members_their_own_best_epochs(cancer):
    options = dict(scoring="roc_auc", early_stopping=True, max_iter=12)
    model = SNNClassifier(**SMALL | options).fit(*cancer)
    display = LossCurveDisplay.from_estimator(make_pipeline(model))
    assert display.score_ax_.get_ylabel() == "validation roc auc"
    assert_allclose(display.lines_[1].get_ydata(), model.validation_scores_)
    assert display.lines_[1].axes is display.score_ax_
    epochs = sorted({network.best_epoch for network in model.networks_})
    assert len(epochs) > 1
    marked = [line.get_xdata()[0] for line in display.ax_.lines[1:]]
    assert marked == epochs
    shown = legend_of(display.score_ax_)
    assert shown[-1] == f"best epochs: {epochs[0]} to {epochs[-1]}"


def test_without_validation_there_is_training_only(cancer):
    model = SNNClassifier(early_stopping=False, **SMALL).fit(*cancer)
    display = LossCurveDisplay.from_estimator(model)
    assert legend_of(display.ax_) == ["training"]
    assert len(display.ax_.lines) == 1


def test_a_refit_shows_the_scores_that_decided_on_its_length(cancer):
    model = SNNClassifier(refit=True, **SMALL).fit(*cancer)
    display = LossCurveDisplay.from_estimator(model)
    assert_allclose(display.lines_[1].get_ydata(), -np.array(model.validation_scores_))
    folds = SNNClassifier(early_stopping="joint", **SMALL).fit(*cancer)
    assert model.n_iter_ == folds.networks_[0].best_epoch
    assert legend_of(display.ax_)[-1] == f"best epoch: {model.n_iter_}"


def test_curves_of_an_estimator_that_is_not_fitted_or_not_ours_are_an_error():
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(SNNClassifier())
    with pytest.raises(TypeError, match="wanted a fitted SNNClassifier"):
        LossCurveDisplay.from_estimator(LogisticRegression())


# Moments


def test_moments_are_drawn_layer_by_layer(model, cancer):
    display = ActivationMomentsDisplay.from_estimator(model, cancer[0])
    moments = activation_moments(model, cancer[0])
    for column, (panel, name) in enumerate(
        zip(display.axes_, ("mean", "variance"), strict=True)
    ):
        lines = {line.get_label(): line for line in panel.lines}
        for label, state in (("as drawn", "initial"), ("trained", "trained")):
            layers = getattr(moments, state)
            expected = [getattr(layer, name).mean() for layer in layers]
            assert_allclose(lines[label].get_ydata()[1:], expected, rtol=1e-6)
        assert_allclose(lines["map g"].get_ydata(), moments.mapped[:, column])
        fixed = [
            line.get_ydata()[0] for line in panel.lines if len(line.get_xdata()) == 2
        ]
        assert column in fixed
        assert panel.get_ylabel() == name
    trained = display.axes_[1].collections[-1].get_paths()[0].vertices
    assert_allclose(trained[:, 0].min(), 1)
    last = trained[trained[:, 0] == 2, 1]
    expected = np.quantile(moments.trained[1].variance, [0.05, 0.95])
    assert_allclose([last.min(), last.max()], expected)


# The map


def test_arrows_point_where_the_map_leads():
    """On the screen, on which the variance's axis is logarithmic."""
    display = MomentMapDisplay.from_map(omega=0.05, tau=0.97)
    arrows, transform = display.arrows_, display.ax_.transData.transform
    display.figure_.canvas.draw()
    start = np.column_stack([arrows.X, arrows.Y])
    end = np.column_stack(moment_map(*start.T, 0.05, 0.97))
    expected = np.arctan2(*(transform(end) - transform(start)).T[::-1])
    vector = np.column_stack([arrows.U, arrows.V])
    step = 1e-6 / np.hypot(*vector.T)[:, np.newaxis]
    drawn = transform(start + step * vector) - transform(start)
    turned = np.angle(np.exp(1j * (np.arctan2(*drawn.T[::-1]) - expected)))
    assert_allclose(turned, 0, atol=1e-3)
    assert arrows.angles == "xy"


@pytest.mark.parametrize(
    ("omega", "tau", "theorems"),
    [(0, 1, [1, 2, 3]), (0.05, 1.2, [2, 3]), (0.5, 1, []), (0, 0.85, [2, 3])],
)
def test_domains_are_drawn_where_their_theorems_hold(omega, tau, theorems):
    display = MomentMapDisplay.from_map(omega, tau)
    boxes = {int(box.get_label()[8]): box.get_bbox() for box in display.ax_.patches}
    assert list(boxes) == theorems
    if 1 in theorems:
        assert_allclose(boxes[1].extents, [-0.1, 0.8, 0.1, 1.5])
    if 2 in theorems:
        assert_allclose(boxes[2].extents, [-1, 3, 1, 16])
        highest = 0.24 if tau >= 0.9 else 0.16
        assert_allclose(boxes[3].extents, [-0.1, 0.02, 0.1, highest])


def test_the_fixed_point_is_one():
    for omega, tau in ((0, 1), (0.5, 0.85), (-0.3, 1.1)):
        (star,) = MomentMapDisplay.from_map(omega, tau).ax_.lines
        (point,) = star.get_xydata()
        assert_allclose(moment_map(*point, omega, tau), point, atol=1e-5)
    assert_allclose(
        MomentMapDisplay.from_map().ax_.lines[0].get_xydata(), [[0, 1]], atol=1e-9
    )
    assert not MomentMapDisplay.from_map(0, 4).ax_.lines  # the variance explodes
    n_figures = len(plt.get_fignums())
    with pytest.raises(ValueError, match="tau must be positive, got 0"):
        MomentMapDisplay.from_map(tau=0)
    assert len(plt.get_fignums()) == n_figures
    for omega in (0, 0.2):  # or vanishes
        assert not MomentMapDisplay.from_map(omega, 0.4).ax_.lines


def test_layers_of_a_network_are_a_path_on_the_map(model, cancer):
    display = MomentMapDisplay.from_estimator(model, cancer[0])
    moments = activation_moments(model, cancer[0])
    for line, state in zip(display.ax_.lines, ("initial", "trained"), strict=True):
        assert_allclose(line.get_xydata(), moments.path(state), rtol=1e-6)


# Searches


def points_of(panel):
    """Positions and heights of candidates, and lengths of their bars."""
    found = []
    for container in panel.containers:
        line, _, (bars,) = container
        half = [np.ptp(part[:, 1]) / 2 for part in bars.get_segments()]
        found += zip(line.get_xdata(), line.get_ydata(), half, strict=True)
    return np.array(found)


def test_search_results_are_scores_against_each_parameter(search):
    display = SearchResultsDisplay.from_estimator(search)
    results = search.cv_results_
    assert display.parameters_ == ["depth", "learning_rate_init"]
    for panel, name in zip(display.axes_, display.parameters_, strict=True):
        x, score, spread = points_of(panel).T
        assert_allclose(score, results["mean_test_score"])
        assert_allclose(spread, results["std_test_score"], atol=1e-12)
        values = np.array(results[f"param_{name}"], dtype=float)
        ticks = [float(text.get_text()) for text in panel.get_xticklabels()]
        assert ticks == sorted(set(values))
        assert_allclose(np.array(ticks)[np.round(x).astype(int)], values)
        star = next(line for line in panel.lines if line.get_label() == "chosen")
        assert star.get_ydata()[0] == search.best_score_
    levels = display.axes_[0].collections
    means = [
        one.get_segments()[0][0, 1] for one in levels if len(one.get_segments()) == 1
    ]
    of_depth = np.array(results["param_depth"], dtype=int)
    expected = [
        results["mean_test_score"][of_depth == depth].mean() for depth in (1, 2)
    ]
    assert_allclose(means[:2], expected)


def test_halving_shows_who_was_dropped_and_not_the_epochs(cancer):
    space = {"learning_rate_init": loguniform(1e-4, 1e-1), "weight_decay": [0.0, 0.1]}
    model = SNNClassifier(**SMALL | dict(max_iter=9))
    search = SNNHalvingRandomSearchCV(
        model, space, n_candidates=9, min_resources=1, cv=2, random_state=0
    ).fit(*cancer)
    display = SearchResultsDisplay.from_estimator(search)
    assert display.parameters_ == ["learning_rate_init", "weight_decay"]
    panel = display.axes_[0]
    assert panel.get_xscale() == "log"
    numbers = [len(container[0].get_xdata()) for container in panel.containers]
    assert numbers == [9 + 3, 1]
    rates = search.cv_results_["param_learning_rate_init"].astype(float)
    assert_allclose(points_of(panel)[:, 0], rates)
    assert "dropped earlier" in legend_of(display.ax_)


@pytest.mark.parametrize(
    ("low", "high", "scale", "labels"),
    [
        (1e-3, 1e-2, "log", ["0.001", "0.002", "0.005", "0.01"]),
        (3e-3, 2e-2, "log", ["0.005", "0.01", "0.02"]),
        (110.0, 900.0, "log", ["100", "200", "500", "1000"]),
        (0.02, 0.5, "log", ["0.03", "0.1", "0.3"]),
        (1.0, 4.0, "linear", None),
        (-1.0, 10.0, "linear", None),
    ],
)
def test_numbers_of_several_sizes_are_on_a_logarithmic_axis(low, high, scale, labels):
    candidates = [{"rate": value} for value in np.linspace(low, high, 12)]
    display = SearchResultsDisplay(candidates, np.arange(12.0), np.zeros(12)).plot()
    panel = display.axes_[0]
    assert panel.get_xscale() == scale
    if labels is not None:
        display.figure_.canvas.draw()
        left, right = panel.get_xlim()
        shown = [
            tick.label1.get_text()
            for tick in panel.xaxis.get_major_ticks() + panel.xaxis.get_minor_ticks()
            if left <= tick.get_loc() <= right and tick.label1.get_text()
        ]
        assert shown == labels


def test_scikit_learns_searches_and_odd_values_are_drawn(cancer):
    X, y = cancer
    grid = [
        {"C": [0.1, 1.0, None], "class_weight": [None, {0: 1, 1: 2}]},
        {"C": [10.0], "fit_intercept": [True, False]},
    ]
    scoring = {"accuracy": "accuracy", "loss": "neg_log_loss"}
    model = LogisticRegression(max_iter=1, tol=1e9, solver="liblinear")
    with pytest.warns(match="fits failed|non-finite"):
        search = GridSearchCV(model, grid, cv=2, scoring=scoring, refit="loss").fit(
            X, y
        )
    display = SearchResultsDisplay.from_estimator(search)
    assert display.score_name == "loss"
    assert display.parameters_ == ["C", "class_weight", "fit_intercept"]
    shown = [len(points_of(panel)) for panel in display.axes_]
    assert shown == [6, 4, 2]  # without failed fits, or candidates that lack it
    other = SearchResultsDisplay.from_estimator(search, metric="accuracy")
    assert_allclose(other.scores, search.cv_results_["mean_test_accuracy"])


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([8, 1000, 1004], ["8", "1000", "1004"]),
        ([0.012341, 0.5, 0.012342], ["0.0123 (1)", "0.0123 (2)", "0.5"]),
        (
            ["a name that is long", "b", "a name that is longer"],
            ["a name that is … (1)", "b", "a name that is … (2)"],
        ),
    ],
)
def test_different_values_are_different_levels(values, labels):
    candidates = [{"a": value} for value in values]
    display = SearchResultsDisplay(candidates, [0.1, 0.2, 0.3], np.zeros(3)).plot()
    (panel,) = display.axes_
    assert [label.get_text() for label in panel.get_xticklabels()] == labels
    assert len(np.unique(points_of(panel)[:, 0])) == 3


def test_epochs_that_a_pipeline_halves_are_not_drawn(cancer):
    model = make_pipeline(StandardScaler(), SNNClassifier(**SMALL | dict(max_iter=9)))
    space = {"snnclassifier__learning_rate_init": loguniform(1e-4, 1e-1)}
    search = SNNHalvingRandomSearchCV(
        model, space, n_candidates=4, min_resources=3, cv=2, random_state=0
    ).fit(*cancer)
    display = SearchResultsDisplay.from_estimator(search)
    assert display.parameters_ == ["snnclassifier__learning_rate_init"]


def test_results_that_cannot_be_drawn_are_errors(search):
    with pytest.raises(
        ValueError, match=r"metric must be one of \['score'\], got 'r2'"
    ):
        SearchResultsDisplay.from_estimator(search, metric="r2")
    with pytest.raises(NotFittedError):
        SearchResultsDisplay.from_estimator(GridSearchCV(SNNClassifier(), {}))
    with pytest.raises(ValueError, match="more than one value to be drawn, got"):
        SearchResultsDisplay([{"depth": 1}], [0.5], [0.1]).plot()
    with pytest.raises(ValueError, match="all fits have failed"):
        SearchResultsDisplay([{"a": 1}, {"a": 2}], [np.nan] * 2, [np.nan] * 2).plot()


def test_a_member_stopped_in_its_first_epoch_has_no_part_in_the_curve(cancer):
    from skorch.callbacks import Callback

    begun = []

    class StopSecond(Callback):
        def on_train_begin(self, net, **kwargs):
            begun.append(net)

        def on_batch_begin(self, net, **kwargs):
            if len(begun) == 2:
                raise KeyboardInterrupt

    model = SNNClassifier(
        n_estimators=3, max_iter=4, early_stopping=False, callbacks=[StopSecond()]
    ).fit(*cancer)
    curves = [network.loss_curve for network in model.networks_]
    assert [len(curve) for curve in curves] == [4, 0, 4]
    assert_allclose(model.loss_curve_, np.mean([curves[0], curves[2]], axis=0))
    (line,) = LossCurveDisplay.from_estimator(model).lines_
    assert_allclose(line.get_ydata(), model.loss_curve_)


def test_candidates_of_a_subgrid_that_failed_are_left_out():
    candidates = [{"a": i} for i in range(7)] + [{"b": 1}, {"b": 2}]
    scores = [np.nan] * 7 + [0.1, 0.2]
    display = SearchResultsDisplay(candidates, scores, [0.0] * 9).plot()
    assert display.parameters_ == ["a", "b"]


def test_arrows_are_drawn_where_no_variance_is_left():
    display = MomentMapDisplay.from_map(omega=-50.0, tau=1.0)
    assert np.isfinite([display.arrows_.U, display.arrows_.V]).all()
