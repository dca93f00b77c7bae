"""Parameters that are worth trying, for scikit-learn's searches and Optuna's."""

from typing import NamedTuple

from scipy.stats import loguniform


class _LogUniform(NamedTuple):
    low: float
    high: float


#: Appendix A4 of the paper.
_PAPER = {
    "depth": [2, 3, 4, 8, 16, 32],
    "width": [256, 512, 1024],
    "layer_form": ["rectangular", "conic"],
    "dropout": [0.0, 0.05],
    "learning_rate_init": [0.01, 0.1, 1.0],
    "solver": ["sgd"],
    "learning_rate": ["constant"],
}

#: Widths for tables of at most so many rows.
_WIDTHS = {1_000: [16, 32, 64], 10_000: [32, 64, 128], float("inf"): [64, 128, 256]}


def search_space(name, *, n_samples=None, library="sklearn", prefix=""):
    """Parameters that are worth trying, with their values or distributions.

    Parameters
    ----------
    name : {"paper", "tabular"}
        ``"paper"``: the 216 candidates of appendix A4 of [1]_, for a grid search.
        ``"tabular"``: distributions of depth, width, dropout, step size, weight decay
        and `n_bins` for a random search, in which sizes come from short lists, so that
        many networks share a stack.
    n_samples : int or None, default=None
        Rows of the training table, at least 1: larger ones get wider networks. None
        stands for some thousands. Only ``"tabular"`` looks at it.
    library : {"sklearn", "optuna"}, default="sklearn"
        Whose distributions: lists and those of `scipy.stats`, or those of
        `optuna.distributions`, for ``study.ask(space)`` and ``OptunaSearchCV``.
    prefix : str, default=""
        What names begin with, such as ``"snnclassifier__"`` for a step of a pipeline.

    Returns
    -------
    space : dict of str -> list or distribution
        To be changed as you like.

    Raises
    ------
    ValueError
        If there is no such space or library, or `n_samples` is less than 1.
    ImportError
        If Optuna is asked for and not installed.

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017.

    Examples
    --------
    >>> from sklearn.model_selection import ParameterGrid
    >>> from sklearn_snn import search_space
    >>> len(ParameterGrid(search_space("paper")))
    216
    >>> search_space("tabular", n_samples=500)["width"]
    [16, 32, 64]
    """
    makers = {"sklearn": _for_sklearn, "optuna": _for_optuna}
    if library not in makers:
        raise ValueError(f"library must be 'sklearn' or 'optuna', got {library!r}")
    if n_samples is not None and n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}")
    if name == "paper":
        space = _PAPER
    elif name == "tabular":
        space = _tabular(5_000 if n_samples is None else n_samples)
    else:
        raise ValueError(f"name must be 'paper' or 'tabular', got {name!r}")
    return {prefix + key: makers[library](values) for key, values in space.items()}


def _tabular(n_samples):
    return {
        "depth": [2, 3, 4, 6],
        "width": next(widths for most, widths in _WIDTHS.items() if n_samples <= most),
        "dropout": [0.0, 0.02, 0.05],
        "learning_rate_init": _LogUniform(1e-3, 1e-2),
        "weight_decay": _LogUniform(1e-4, 1.0),
        "n_bins": [1, 4, 64],
    }


def _for_sklearn(values):
    return loguniform(*values) if isinstance(values, _LogUniform) else list(values)


def _for_optuna(values):
    try:
        from optuna.distributions import CategoricalDistribution, FloatDistribution
    except ImportError as error:
        raise ImportError(
            "library='optuna' needs Optuna: pip install optuna"
        ) from error
    if isinstance(values, _LogUniform):
        return FloatDistribution(values.low, values.high, log=True)
    return CategoricalDistribution(values)
