"""Sizes of the layers of a network: a pure function of integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from numpy.typing import NDArray

LayerForm = Literal["rectangular", "conic"]


def layer_sizes(
    n_features: int, n_outputs: int, depth: int, width: int, layer_form: LayerForm
) -> tuple[int, ...]:
    """Sizes of all layers, from the input to the output.

    Parameters
    ----------
    n_features, n_outputs : int
        Sizes of the first and last layer.
    depth : int
        Number of hidden layers, at least 1.
    width : int
        Units of the first hidden layer.
    layer_form : {"rectangular", "conic"}
        Hidden layers of equal size, or sizes that go geometrically from `width` to
        `n_outputs`, as in appendix A4 of Klambauer et al. (2017).

    Returns
    -------
    sizes : tuple of int
        The `depth` + 2 sizes.

    Examples
    --------
    >>> layer_sizes(10, 1, 3, 64, "rectangular")
    (10, 64, 64, 64, 1)
    >>> layer_sizes(10, 1, 3, 64, "conic")
    (10, 64, 16, 4, 1)
    """
    if layer_form == "rectangular":
        hidden = [width] * depth
    else:
        hidden = [
            round(width * (n_outputs / width) ** (layer / depth))
            for layer in range(depth)
        ]
    return (n_features, *hidden, n_outputs)


def sizes_of(weights: Sequence[NDArray]) -> tuple[int, ...]:
    """Sizes of all layers of ``[weight, bias, ...]``, weights of shape (in, out)."""
    return (len(weights[0]), *map(len, weights[1::2]))
