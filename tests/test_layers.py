import pytest

from sklearn_snn._layers import layer_sizes


def test_rectangular_layers_are_equal():
    assert layer_sizes(7, 3, 4, 50, "rectangular") == (7, 50, 50, 50, 50, 3)


def test_conic_layers_fall_geometrically_to_the_output():
    assert layer_sizes(7, 2, 5, 64, "conic") == (7, 64, 32, 16, 8, 4, 2)


@pytest.mark.parametrize("depth", [1, 2, 32])
def test_conic_layers_begin_at_the_width_and_are_never_empty(depth):
    sizes = layer_sizes(10, 1, depth, 200, "conic")
    assert len(sizes) == depth + 2
    assert sizes[1] == 200
    assert min(sizes) >= 1
    assert list(sizes[1:]) == sorted(sizes[1:], reverse=True)
