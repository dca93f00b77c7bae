"""Draw the pictures of the README and of the docs into `docs/images`.

Run it with ``python docs/draw_pictures.py``.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import FancyBboxPatch
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn

from sklearn_snn import (
    SNN,
    ActivationMomentsDisplay,
    LossCurveDisplay,
    MomentMapDisplay,
    SearchResultsDisplay,
    SNNClassifier,
    SNNRandomizedSearchCV,
    SNNRegressor,
    activation_moments,
    moment_map,
    search_space,
)

IMAGES = Path(__file__).parent / "images"

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"  # told apart by everyone


def hidden_moments(activation, gain):
    """Mean and variance of each hidden layer's activations, 32 layers of 256 units."""
    torch.manual_seed(0)
    network = SNN(256, 1, depth=32, width=256)
    x = torch.randn(4000, 256)
    moments = []
    with torch.no_grad():
        for layer in list(network)[:-1]:
            if isinstance(layer, nn.Linear):
                x = activation(gain * layer(x))
                moments.append((x.mean().item(), x.var().item()))
    return moments


def draw_self_normalization(path):
    """Moments of activations from layer to layer, and the map that explains them."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8.2, 3.4), layout="constrained", width_ratios=(4, 3)
    )
    for name, activation, gain, color in (
        ("SELU, weights N(0, 1/n)", torch.selu, 1.0, BLUE),
        ("ReLU, weights N(0, 2/n)", torch.relu, 2**0.5, ORANGE),
        ("tanh, weights N(0, 1/n)", torch.tanh, 1.0, GREY),
    ):
        moments = hidden_moments(activation, gain)
        layers = range(1, len(moments) + 1)
        left.plot(layers, [v for _, v in moments], color=color, label=name)
        left.plot(layers, [m for m, _ in moments], color=color, linestyle=":")
    left.axhline(1, color="black", linewidth=0.5)
    left.axhline(0, color="black", linewidth=0.5)
    left.set(
        ylim=(-0.1, 1.9),
        xticks=(1, 8, 16, 24, 32),
        yticks=(0, 0.5, 1, 1.5),
        title="Activations of an untrained network",
        xlabel="hidden layer",
        ylabel="variance (line), mean (dots)",
    )
    left.legend(loc="upper right")
    for start in (0.02, 0.3, 3.0, 16.0):
        mean, variance, path_of_variance = 0.0, start, [start]
        for _ in range(16):
            mean, variance = moment_map(mean, variance)
            path_of_variance.append(variance)
        right.plot(path_of_variance, color=BLUE, marker=".", markersize=4)
    right.axhline(1, color="black", linewidth=0.5)
    right.set(
        title="The map g draws any variance to 1",
        xticks=range(0, 17, 4),
        xlabel="layers of SELU",
        ylabel="variance",
        yscale="log",
    )
    figure.savefig(path, dpi=145)


def draw_displays():
    """The pictures of `pictures.md`, one a display; prints the words beside them."""
    diabetes = load_diabetes(return_X_y=True)
    together = SNNRegressor(early_stopping="joint", random_state=0).fit(*diabetes)
    save(LossCurveDisplay.from_estimator(together), "loss_curve.png")
    print(activation_moments(SNNRegressor(random_state=0).fit(*diabetes), diabetes[0]))

    X, X_test, y, _ = train_test_split(
        *load_breast_cancer(return_X_y=True, as_frame=True), random_state=0
    )
    model = SNNClassifier(random_state=0).fit(X, y)
    print(activation_moments(model, X_test))
    save(ActivationMomentsDisplay.from_estimator(model, X_test), "moments.png")
    save(MomentMapDisplay.from_map(), "moment_map.png")
    save(MomentMapDisplay.from_estimator(model, X_test), "moment_map_layers.png")

    bare = SNNClassifier(preprocessor=None, random_state=0).fit(X, y)
    print(activation_moments(bare, X_test))

    network = SNNRegressor(
        n_estimators=1, batch_size=64, max_iter=40, early_stopping=True, random_state=0
    )
    space = search_space("tabular", n_samples=len(diabetes[0]))
    search = SNNRandomizedSearchCV(network, space, n_iter=20, cv=3, random_state=0)
    search.fit(*diabetes)
    save(SearchResultsDisplay.from_estimator(search), "search_results.png")


def save(display, name):
    """Save the figure of a display."""
    display.figure_.savefig(IMAGES / name, dpi=90)
    plt.close(display.figure_)


#: Boxes of the map: x, y, width, text, whether it is below the waist.
BOXES = {
    "table": (2.9, 4.2, 3.2, "DataFrame, array, CSR matrix", None),
    "search": (0.0, 3.0, 2.3, "_search · _candidates\nmany fits", False),
    "base": (2.9, 3.0, 3.2, "_classifier · _regressor\n_base · _ensemble", False),
    "plan": (6.7, 3.4, 2.7, "_planning · _members\n_encoding · _preprocessing", False),
    "rest": (6.7, 2.3, 2.7, "_scoring · _validation\n_progress · _parameters", False),
    "tasks": (0.0, 1.55, 2.3, "_tasks\nmany requests, joblib", False),
    "waist": (2.9, 1.55, 3.2, "_training: fit_networks\nspecs + sets → networks", None),
    "net": (0.0, 0.0, 2.3, "_net\nthe loop (skorch)", True),
    "stack": (2.9, 0.0, 3.2, "_stack\none step for all", True),
    "parts": (
        6.7,
        0.0,
        2.9,
        "_stacked_module · _propagation\n_losses · _optimizers\n_dropout · _batches",
        True,
    ),
}
ARROWS = [
    ("table", "base"),
    ("search", "base"),
    ("search", "tasks"),
    ("base", "plan"),
    ("base", "rest"),
    ("base", "waist"),
    ("tasks", "waist"),
    ("waist", "net"),
    ("net", "stack"),
    ("stack", "parts"),
]
HEIGHT = 0.8


def draw_map(path):
    """The files of the package: who calls whom, and where tensors begin."""
    figure, ax = plt.subplots(figsize=(10, 5.4), layout="constrained")
    for x, y, width, text, is_below in BOXES.values():
        color = {None: "#F2F2F2", False: "#D6E9F5", True: "#FBE3D3"}[is_below]
        box = FancyBboxPatch(
            (x, y), width, HEIGHT, boxstyle="round,pad=0.05", facecolor=color
        )
        ax.add_patch(box)
        ax.text(x + width / 2, y + HEIGHT / 2, text, ha="center", va="center")
    for start, end in ARROWS:
        ax.annotate("", **_arrow(BOXES[start], BOXES[end]))
    ax.axhline(1.2, color=GREY, linestyle="--", linewidth=1)
    ax.text(9.7, 1.28, "numpy, scikit-learn", ha="right", color=GREY)
    ax.text(9.7, 0.98, "tensors", ha="right", color=GREY)
    ax.set(xlim=(-0.2, 9.9), ylim=(-0.2, 5.2))
    ax.set_axis_off()
    figure.savefig(path, dpi=110)


def _arrow(start, end):
    """Ends of an arrow between the sides of two boxes that face each other."""
    x, y, width = start[:3]
    other_x, other_y, other_width = end[:3]
    if other_x > x + width:
        ends = (
            (x + width + 0.08, y + HEIGHT / 2),
            (other_x - 0.08, other_y + HEIGHT / 2),
        )
    else:
        ends = (
            (x + width / 2, y - 0.08),
            (
                other_x + other_width / 2,
                other_y + HEIGHT + 0.08,
            ),
        )
    return {"xytext": ends[0], "xy": ends[1], "arrowprops": {"arrowstyle": "->"}}


if __name__ == "__main__":
    plt.switch_backend("agg")
    IMAGES.mkdir(exist_ok=True)
    draw_self_normalization(IMAGES / "self_normalizing.png")
    draw_map(IMAGES / "map.png")
    draw_displays()
