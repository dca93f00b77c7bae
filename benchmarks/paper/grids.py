"""Candidates of a grid search: the paper's, and a reduced grid for two cores."""

from itertools import product

from benchmarks.paper.architectures import OTHER_SHAPE
from benchmarks.paper.loop import Network

#: Rates of the networks that the paper ran with dropout, appendix A4.
DROPOUT = {"snn": [0.0, 0.05], "relu": [0.0, 0.5], "highway": [0.0, 0.5]}
LEARNING_RATES = [0.01, 0.1, 1.0]


def candidates(kind, grid, seed):
    """The networks of a grid, "reduced" or "paper"."""
    return [
        Network(
            kind=kind,
            depth=depth,
            width=width,
            shape=shape,
            dropout=dropout,
            learning_rate=learning_rate,
            weight_decay=0.0,
            seed=seed,
        )
        for depth, width, shape, dropout, learning_rate in product(*GRIDS[grid](kind))
    ]


def reduced(kind):
    """24 candidates of any kind: two rates of dropout or, without it, two shapes."""
    shapes = ["rectangular"]
    if kind not in DROPOUT:
        shapes.append(OTHER_SHAPE[kind])
    return [2, 4, 8, 16], [64], shapes, DROPOUT.get(kind, [0.0]), LEARNING_RATES


def paper(kind):
    """Appendix A4: 216 candidates of an SNN, as many of ReLU, fewer of the others.

    The paper names no width of highway networks, which are given the smallest one.
    """
    depths, widths = [2, 3, 4, 8, 16, 32], [256, 512, 1024]
    if kind == "residual":
        depths = [2, 3, 4, 8, 16]
    if kind == "highway":
        widths = [256]
    shapes = [shape for shape in ["rectangular", OTHER_SHAPE[kind]] if shape]
    return depths, widths, shapes, DROPOUT.get(kind, [0.0]), LEARNING_RATES


GRIDS = {"reduced": reduced, "paper": paper}
