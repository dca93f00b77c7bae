"""Whether the networks of a fit would all do better without pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sklearn_snn._specs import FittedNetwork, TrainingRequest

#: Networks with and without pieces are better together than each kind, so that those
#: without are preferred only where their loss is below this share of the others'. On
#: the same held-out rows it was at most .84 where that lowers the error on new rows,
#: and at least .91 where it does not (21 tables, two splits).
_MUCH_LOWER = 0.87


def without_pieces(
    request: TrainingRequest, networks: Sequence[FittedNetwork], seconds: float
) -> TrainingRequest | None:
    """The same networks, all without pieces, if those that are so are much better.

    Pieces have kinks, which hurt where a target is a smooth function of the numbers
    and has little noise, as in simulations. Then the few networks that see none have a
    much lower loss on their held-out rows than the others, as far as losses on
    different rows can be compared; `smoother` compares them on the same.

    Parameters
    ----------
    request : TrainingRequest
        What has been trained.
    networks : sequence of FittedNetwork
        What came of it.
    seconds : float
        How long that took.

    Returns
    -------
    again : TrainingRequest or None
        None where pieces do no harm, or nothing tells: fewer than two networks see
        none, networks have not ended by themselves, or a score is not a positive loss.
    """
    specs = request.specs
    sees_none = np.array([spec.n_seen is not None for spec in specs])
    if sees_none.all() or sees_none.sum() < 2:
        return None
    if any(spec.score is not None or spec.resume is not None for spec in specs):
        return None
    losses = _losses(networks)
    if losses is None or not _is_much_lower(losses[sees_none], losses[~sees_none]):
        return None
    limit = request.options.time_limit
    if limit is not None:
        limit = max(limit - seconds, 1e-9)
    return request._replace(
        specs=[
            replace(spec, n_seen=request.training_sets[spec.training_set].X.shape[1])
            for spec in specs
        ],
        options=replace(request.options, time_limit=limit),
    )


def smoother(
    networks: Sequence[FittedNetwork], others: Sequence[FittedNetwork]
) -> Sequence[FittedNetwork]:
    """The others, which see no pieces, if their loss on the same rows is much lower.

    After Ctrl-C the networks are those that were there before.
    """
    if any(network.stopped_by == "interrupt" for network in others):
        return [replace(network, stopped_by="interrupt") for network in networks]
    before, after = _losses(networks), _losses(others)
    if before is None or after is None:
        return networks
    changed = [network.n_seen is None for network in networks]
    return others if _is_much_lower(after[changed], before[changed]) else networks


def _is_much_lower(without: NDArray, others: NDArray) -> bool:
    return bool(without.mean() < _MUCH_LOWER * others.mean())


def _losses(networks: Sequence[FittedNetwork]) -> NDArray[np.float64] | None:
    """Loss of each network on its held-out rows; None if some have none to speak of."""
    scores = [network.best_score for network in networks]
    reasons = {network.stopped_by for network in networks}
    if None in scores or not reasons <= {"max_iter", "early_stopping"}:
        return None
    losses = -np.array(scores, dtype=float)
    return losses if (losses > 0).all() else None
