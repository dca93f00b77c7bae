"""By what networks are judged while they train."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar

from sklearn_snn._evaluation import Evaluation, Outputs
from sklearn_snn._losses import (
    REGRESSION_LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    Quantile,
)

N_ROWS = [40, 25, 33]
#: Where halving the interval from 0.5 to 1 ends.
LEAST = 0.5 + 0.5 / 2**8


def evaluation(criterion, *, overfit=4.0, n_outputs=2):
    """Networks with fewer rows than others, and outputs far from the target."""
    rng = np.random.default_rng(0)
    shape = (3, max(N_ROWS), n_outputs)
    raw = rng.standard_normal(shape)
    noise = rng.standard_normal(shape)
    target = raw + noise
    if isinstance(criterion, CrossEntropy):
        target = target.argmax(-1)
    elif isinstance(criterion, BinaryCrossEntropy):
        target = (target > 0).astype(float)
        target[0, 3, 1] = np.nan
    elif criterion.activation == "exp":
        target = np.exp(target)
    raw *= overfit
    weight = np.zeros(shape[:2])
    for of_network, n_rows in zip(weight, N_ROWS, strict=True):
        of_network[:n_rows] = rng.random(n_rows)
        of_network /= of_network.sum()
    block = Outputs(*map(torch.from_numpy, (raw, target, weight)))
    return Evaluation(criterion, [block], lambda means: means[0].numpy()), block


def mean_loss(criterion, block, i, scale):
    raw, target, weight = (part[i : i + 1] for part in block)
    return float((criterion(raw * scale, target) * weight).sum())


LOSSES = [
    CrossEntropy(),
    BinaryCrossEntropy(),
    *(loss() for loss in REGRESSION_LOSSES.values() if loss is not Quantile),
    Quantile(0.3),
]


@pytest.mark.parametrize("criterion", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("overfit", [2.0, 12.0])
def test_outputs_of_a_team_are_scaled_as_is_best_for_its_loss(criterion, overfit):
    """But no further than to a half."""
    judged, block = evaluation(criterion, overfit=overfit)
    own = [-mean_loss(criterion, block, i, 1.0) for i in range(3)]
    assert_allclose(judged.scores(), own)

    def loss(scale):
        return np.mean([mean_loss(criterion, block, i, scale) for i in (0, 2)])

    best = minimize_scalar(loss, bounds=(LEAST, 1), method="bounded")
    assert best.x < (0.51 if overfit == 12 else 0.95)
    scores = judged.team_scores([[0, 2], [1]])
    assert_allclose(scores[[0, 2]], -best.fun, rtol=1e-3)
    lowest = min(best.fun, loss(LEAST))
    assert scores[0] == scores[2] <= -lowest + 1e-9 * lowest
    assert scores[1] == judged.scores()[1]


def test_outputs_that_are_not_too_large_stay_what_they_are():
    judged, _ = evaluation(CrossEntropy(), overfit=0.5)
    assert_allclose(judged.team_scores([[0, 1, 2]]), judged.scores().mean())


def test_a_network_that_diverges_is_no_matter_to_other_teams():
    judged, block = evaluation(CrossEntropy())
    before = judged.team_scores([[0, 2], [1]])
    block.raw[1] = np.nan
    after = judged.team_scores([[0, 2], [1]])
    assert_array_equal(after[[0, 2]], before[[0, 2]])
    assert np.isnan(after[1])
