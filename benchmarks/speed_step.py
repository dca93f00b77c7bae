"""Section `step` of the speed benchmarks: training steps of one network."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from benchmarks.baselines import CheapAlphaDropout, train_plain
from benchmarks.speed_search import train_stacked
from benchmarks.timing import Pair, Side
from sklearn_snn._devices import has_bfloat16
from sklearn_snn._layers import layer_sizes

N_FEATURES = 20

#: Width, depth, batch size and dropout, and how many times as fast as a plain loop.
AGAINST_PLAIN = [
    (256, 8, 32, 0.05, 2.0),
    (256, 8, 256, 0.05, 2.0),
    (256, 8, 1024, 0.05, 2.0),
    (64, 4, 32, 0.05, 3.0),
    (64, 4, 32, 0.0, 2.5),
    (256, 8, 32, 0.0, 1.0),
    (256, 8, 256, 0.0, 1.3),
    (256, 8, 1024, 0.0, 1.0),
]

#: The same against autograd with cheap masks: what the passes by hand have to bring.
AGAINST_CHEAP_MASKS = [
    (64, 4, 32, 0.05, 1.3),
    (256, 8, 256, 0.05, 1.3),
    (256, 8, 1024, 0.05, 1.3),
]

#: The same, and how many times as long as the matrix products alone.
AGAINST_LIMIT = [
    (256, 8, 1024, 0.05, 1.6),
    (256, 8, 1024, 0.0, 1.35),
    (256, 8, 256, 0.05, 1.8),
]


def pairs(quick) -> Iterator[Pair]:
    """All pairs of the section."""
    for *setting, target in AGAINST_PLAIN:
        yield against_loop("plain torch loop", nn.AlphaDropout, setting, target, quick)
    for *setting, target in AGAINST_CHEAP_MASKS:
        name = "torch loop with cheap masks"
        yield against_loop(name, CheapAlphaDropout, setting, target, quick)
    for *setting, target in AGAINST_LIMIT:
        yield against_limit(setting, target, quick)
    yield from reduced_precision(quick)


def against_loop(name, dropout_layer, setting, target, quick):
    """Steps of ours, and of a loop out of torch's own parts."""
    width, depth, batch_size, dropout = setting
    n_steps = number_of_steps(width, batch_size, quick)
    network = {"depth": depth, "width": width, "dropout": dropout}
    X, y = random_table(batch_size, n_steps)
    reference = partial(
        train_plain,
        X,
        y,
        n_epochs=1,
        batch_size=batch_size,
        dropout_layer=dropout_layer,
        **network,
    )
    return step_pair(name, reference, setting, n_steps, "speed", target, quick)


def against_limit(setting, target, quick):
    """Steps of ours, and the matrix products of as many."""
    width, depth, batch_size, _ = setting
    n_steps = number_of_steps(width, batch_size, quick)
    reference = partial(multiply, width, depth, batch_size, n_steps)
    name = "matrix products alone"
    return step_pair(name, reference, setting, n_steps, "time", target, quick)


def reduced_precision(quick):
    """Steps with products in bfloat16, and the products in float32 of as many.

    Where there are no units for bfloat16 they are not used, and nothing is measured.
    """
    if not has_bfloat16("cpu"):
        return
    width, depth, batch_size = 512, 8, 1024
    n_steps = 2 if quick else 20
    X, y = random_table(batch_size, n_steps)
    for dropout in (0.05, 0.0):
        ours = partial(
            train_stacked,
            *(X, y, 1, 1, batch_size),
            n_threads=None,
            mixed_precision=True,
            depth=depth,
            width=width,
            dropout=dropout,
        )
        reference = partial(multiply, width, depth, batch_size, n_steps)
        what = f"step with mixed precision, width {width}, depth {depth}"
        yield Pair(
            what=f"{what}, batch {batch_size}, dropout {dropout}, against products",
            setting={"width": width, "depth": depth, "batch_size": batch_size},
            ours=Side("steps, mixed precision", ours, work=n_steps),
            reference=Side("float32 matrix products alone", reference, work=n_steps),
            ratio_of="time",
            target=1.0,
            n_repeats=1 if quick else 7,
        )


def step_pair(name, reference, setting, n_steps, ratio_of, target, quick):
    """A pair of trainings of so many steps."""
    width, depth, batch_size, dropout = setting
    X, y = random_table(batch_size, n_steps)
    network = {"depth": depth, "width": width, "dropout": dropout}
    ours = partial(train_stacked, X, y, 1, 1, batch_size, n_threads=None, **network)
    what = f"step, width {width}, depth {depth}, batch {batch_size}, dropout {dropout}"
    return Pair(
        what=f"{what}, against {name}",
        setting={"n_features": N_FEATURES, "batch_size": batch_size, **network},
        ours=Side("steps", ours, work=n_steps),
        reference=Side(name, reference, work=n_steps),
        ratio_of=ratio_of,
        target=target,
        n_repeats=1 if quick else 7,
    )


def number_of_steps(width, batch_size, quick):
    """As many as take a second or so."""
    most = {32: 800, 256: 200, 1024: 60}[batch_size] * (256 // width)
    return max(most // 20, 2) if quick else most


def random_table(batch_size, n_steps):
    """Rows of as many batches, half of them of either class."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((batch_size * n_steps, N_FEATURES), dtype=np.float32)
    return X, (X[:, 0] > 0).astype(np.int64)


def multiply(width, depth, batch_size, n_steps):
    """The matrix products of training steps, and nothing else."""
    sizes = layer_sizes(N_FEATURES, 1, depth, width, "rectangular")
    layers = [
        (
            torch.randn(batch_size, fan_in),
            torch.randn(fan_in, fan_out),
            torch.empty(batch_size, fan_out),
        )
        for fan_in, fan_out in pairwise(sizes)
    ]
    grads = [(torch.empty_like(x), torch.empty_like(w)) for x, w, _ in layers]
    for _ in range(n_steps):
        for x, weight, out in layers:
            torch.mm(x, weight, out=out)
        for i, (x, weight, out) in reversed(list(enumerate(layers))):
            of_x, of_weight = grads[i]
            torch.mm(x.T, out, out=of_weight)
            if i > 0:  # nothing is behind the inputs
                torch.mm(out, weight.T, out=of_x)
