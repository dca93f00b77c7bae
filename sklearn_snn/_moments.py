"""Mean and variance of activations, layer by layer, before and after training."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

import numpy as np

from sklearn_snn._fitted import fitted_network
from sklearn_snn._preprocessing import TabularPreprocessor
from sklearn_snn._selu import THEOREM_1, THEOREM_2, THEOREM_3, moment_map

#: Variances from which Theorems 2 and 3 lead back.
_LEAST, _MOST = THEOREM_3[0].variance[0], THEOREM_2.variance[1]

#: Inputs that are named where the data are at fault.
_MOST_NAMES = 3


@dataclass(frozen=True, eq=False)
class LayerMoments:
    """One hidden layer of each network, over some rows.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_networks, n_units)
        Of each unit's activation, over the rows.
    omega, tau : ndarray of shape (n_networks, n_units)
        Sum of each unit's weights, and of their squares; the theory wants 0 and 1.
    in_domain : ndarray of bool of shape (n_networks, n_units)
        Whether Theorem 1 speaks of the unit: its omega and tau, and mean and variance
        of the layer below, averaged over units, are in the theorem's domain.
    gradient_norm : ndarray of shape (n_networks,)
        How large a gradient of the last hidden layer's activations is when it arrives
        in this layer: the root mean square, over rows and directions, for a gradient
        of norm 1.
    """

    mean: np.ndarray
    variance: np.ndarray
    omega: np.ndarray
    tau: np.ndarray
    in_domain: np.ndarray
    gradient_norm: np.ndarray

    @property
    def share_in_domain(self):
        """Share of the units, of all networks, of which Theorem 1 speaks."""
        return float(self.in_domain.mean())


@dataclass(frozen=True, eq=False)
class InputMoments:
    """What the networks see of some rows, after preprocessing.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_networks, n_inputs)
        Of each input, over the rows; NaN where the network does not see it.
    names : list of str
        Names of the inputs.
    """

    mean: np.ndarray
    variance: np.ndarray
    names: list[str]

    @property
    def overall(self):
        """Mean and variance of all numbers together, whatever their column."""
        mean, square = np.nanmean(self.mean), np.nanmean(self.mean**2 + self.variance)
        return mean, square - mean**2


@dataclass(frozen=True, eq=False)
class ActivationMoments:
    """What `activation_moments` returns; ``print`` it for an answer in words.

    A network is called self-normalizing on some rows if in each of its hidden layers
    mean and variance of the units' activations, averaged over units, are in the domain
    of Theorem 1 [1]_, from -0.1 to 0.1 and from 0.8 to 1.5.

    Parameters
    ----------
    inputs : InputMoments
        Mean and variance of what the networks see.
    initial : list of LayerMoments
        The hidden layers of the networks as they were drawn.
    trained : list of LayerMoments
        Those of the networks as they are.

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017.
    """

    inputs: InputMoments
    initial: list[LayerMoments]
    trained: list[LayerMoments]

    @property
    def was_self_normalizing(self):
        """Whether the networks were self-normalizing when they were drawn."""
        return _first_outside(self.initial) is None

    @property
    def is_self_normalizing(self):
        """Whether the trained networks are self-normalizing."""
        return _first_outside(self.trained) is None

    @property
    def data_break_it(self):
        """Whether the rows keep even untrained networks from normalizing themselves.

        They do where their mean and variance are not in the domain of Theorem 1, and
        the variance of the layers does not come nearer to 1, one after the other, as
        Theorems 2 and 3 say it will from 0.02 to 16.
        """
        if THEOREM_1.has_moments(*self.inputs.overall):
            return not self.was_self_normalizing
        return not self._comes_back

    @property
    def mapped(self):
        """Where the map g of the theory takes the moments of the inputs.

        Returns
        -------
        moments : ndarray of shape (n_layers + 1, 2)
            Mean and variance of the inputs, and of each hidden layer if all units had
            ``omega = 0`` and ``tau = 1``.
        """
        path = [_average(self.inputs)]
        for _ in self.initial:
            path.append(tuple(map(float, moment_map(*path[-1]))))
        return np.array(path)

    def path(self, state):
        """Average mean and variance of inputs and hidden layers.

        Parameters
        ----------
        state : {"initial", "trained"}
            Of which networks.

        Returns
        -------
        moments : ndarray of shape (n_layers + 1, 2)
        """
        return np.array([_average(self.inputs), *map(_average, getattr(self, state))])

    def __str__(self):
        """Two answers, and a table of the hidden layers."""
        answers = (self._about_networks(), self._about_data())
        return "\n".join([*(fill(one, 88) for one in answers), "", *self._table()])

    @property
    def _comes_back(self):
        """Whether each layer's variance, as drawn, is nearer to 1 than that below."""
        mean, variance = self.inputs.overall
        if not (abs(mean) <= THEOREM_2.mean[1] and _LEAST <= variance <= _MOST):
            return False
        variances = [variance, *(layer.variance.mean() for layer in self.initial)]
        return bool((np.diff(np.abs(np.log(variances))) < 0).all())

    def _about_networks(self):
        drawn, trained = map(_in_words, (self.initial, self.trained))
        return f"Self-normalizing? As drawn: {drawn}. Trained: {trained}."

    def _about_data(self):
        mean, variance = self.inputs.overall
        is_inside = bool(THEOREM_1.has_moments(mean, variance))
        answer = {
            (False, True): "No: {}.",
            (False, False): "Not for good: {}, but each layer's variance, as drawn, "
            "is nearer to 1 than that of the one below.",
            (
                True,
                True,
            ): "Yes: {}, but sums of them are far from normal, or the layers "
            "too narrow.",
            (True, False): "Yes: {} instead of 0 and 1{}. Either they are not scaled, "
            "which preprocessor='auto' does, or unlike the training rows.",
        }[self.data_break_it, is_inside]
        seen = f"the network sees {_pair(mean, variance)}"
        return "Do the data break it? " + answer.format(seen, self._foremost())

    def _foremost(self):
        names = self._largest_inputs()
        return f", foremost in {', '.join(names)}" if names else ""

    def _largest_inputs(self):
        """Names of the inputs that are largest, if they are larger than they should."""
        size = np.nanmean(self.inputs.mean**2 + self.inputs.variance, axis=0)
        largest = np.argsort(-size, kind="stable")[:_MOST_NAMES]
        return [
            self.inputs.names[i] for i in largest if size[i] > THEOREM_1.variance[1]
        ]

    def _table(self):
        columns = f"{'mean':>8}{'variance':>10}{'Theorem 1':>11}{'gradient':>10}"
        yield f"{'hidden':8}{'as drawn':>39}{'trained':>39}"
        yield f"{'layer':8}{columns}{columns}"
        pairs = zip(self.initial, self.trained, strict=True)
        for number, layers in enumerate(pairs, start=1):
            cells = "".join(
                f"{round(layer.mean.mean(), 2) + 0.0:8.2f}{layer.variance.mean():10.2f}"
                f"{layer.share_in_domain:11.0%}{layer.gradient_norm.mean():10.2f}"
                for layer in layers
            )
            yield f"{number:<8}{cells}"
        yield "Theorem 1: share of units in its domain; gradient: of norm 1 in the last"


def activation_moments(estimator, X):
    """Mean and variance of each hidden layer's activations, and what to make of them.

    The networks are looked at without dropout, as they are, and as they were when they
    were drawn, which their seeds bring back.

    Parameters
    ----------
    estimator : SNNClassifier, SNNRegressor, or Pipeline or search of one
        Fitted.
    X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, at least 2.

    Returns
    -------
    moments : ActivationMoments
        ``inputs``, ``initial`` and ``trained``: mean and variance of each input and
        unit, sums of weights omega and tau, and whether Theorem 1 of [1]_ speaks of
        the unit; norms of gradients. ``print(moments)`` answers in words whether the
        networks normalise themselves, and whether the rows keep them from it.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    TypeError
        If there is no network of this package in the estimator.
    ValueError
        If all rows are the same, so that nothing varies.

    See Also
    --------
    ActivationMomentsDisplay : Draws them.
    moment_map : The map from layer to layer in theory.

    References
    ----------
    .. [1] Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017, Theorem 1.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_snn import SNNClassifier, activation_moments
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = SNNClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> moments = activation_moments(model, X)
    >>> moments.was_self_normalizing, moments.data_break_it
    (True, False)
    >>> moments.trained[0].variance.shape  # 8 networks of 64 units
    (8, 64)
    """
    from sklearn_snn._activations import initial_module, observe
    from sklearn_snn._threads import limit_threads
    from sklearn_snn._torch_modes import ordinary_modes

    network, X = fitted_network(estimator, X)
    X = network._read_X(X, network.preprocessor_, reset=False)
    with limit_threads(network.n_threads, 0), ordinary_modes("cpu"):
        rows = _rows_of_members(network, X)
        drawn = [initial_module(one, network.pieces_) for one in network.networks_]
        before = list(map(observe, drawn, rows))
        after = list(map(observe, network.modules_, rows))
    before, after = (
        list(map(_of_what_is_seen, network.networks_, activations))
        for activations in (before, after)
    )
    inputs = InputMoments(
        _side_by_side([one.inputs.mean for one in after]),
        _side_by_side([one.inputs.variance for one in after]),
        _input_names(network),
    )
    if not np.nansum(inputs.variance):
        raise ValueError("activation_moments needs rows that differ, got equal ones")
    return ActivationMoments(inputs, _layers(before), _layers(after))


def _rows_of_members(network, X):
    """What each network sees of a table, before the pieces."""
    import torch

    from sklearn_snn._rows import Rows

    def as_rows(seen):
        return Rows(*seen, getattr(torch, network.dtype), torch.device("cpu"))

    if network.member_preprocessors_ is None:
        seen = network._transform(X, network.preprocessor_)
        return [as_rows(seen)] * len(network.networks_)
    return [as_rows(seen) for seen in network._transform_for_members(X)]


def _of_what_is_seen(network, activations):
    """The same, with NaN for inputs that the network does not see."""
    if network.n_seen is None:
        return activations
    inputs = activations.inputs
    is_seen = np.arange(len(inputs.mean)) < network.n_seen
    seen = (np.where(is_seen, values, np.nan) for values in inputs)
    return activations._replace(inputs=type(inputs)(*seen))


def _layers(activations):
    """Hidden layer by hidden layer, all networks side by side."""
    return [_layer(activations, i) for i in range(len(activations[0].layers))]


def _layer(activations, i):
    units = [one.layers[i] for one in activations]
    below = [one.layers[i - 1] if i > 0 else one.inputs for one in activations]
    omega, tau = map(
        np.stack, zip(*(one.weight_sums[i] for one in activations), strict=True)
    )
    has_moments = np.array([THEOREM_1.has_moments(*_average(one)) for one in below])
    return LayerMoments(
        mean=np.stack([one.mean for one in units]),
        variance=np.stack([one.variance for one in units]),
        omega=omega,
        tau=tau,
        in_domain=has_moments[:, np.newaxis] & THEOREM_1.has_weights(omega, tau),
        gradient_norm=np.array([one.gradient_norms[i] for one in activations]),
    )


def _side_by_side(rows):
    """Rows of a table, with NaN where one is shorter."""
    table = np.full((len(rows), max(map(len, rows))), np.nan)
    for made, row in zip(table, rows, strict=True):
        made[: len(row)] = row
    return table


def _input_names(network):
    """Names of what the network sees: columns, and pieces of them."""
    preprocessor = network.preprocessor_
    n_inputs = max(len(one.weights[0]) for one in network.networks_)
    n_pieces = 0 if network.pieces_ is None else len(network.pieces_.column)
    n_columns = n_inputs - n_pieces
    names = [f"column {i}" for i in range(n_columns)]
    if preprocessor is None:
        names = list(getattr(network, "feature_names_in_", names))
    elif isinstance(preprocessor, TabularPreprocessor):
        names = list(preprocessor.get_feature_names_out())
    if n_pieces:
        names += [f"piece of {names[column]}" for column in network.pieces_.column]
    return names


# In words -------------------------------------------------------------------------


def _average(units):
    """Mean and variance, averaged over units and networks."""
    return float(np.nanmean(units.mean)), float(np.nanmean(units.variance))


def _first_outside(layers):
    """Number of the first layer whose moments are outside of Theorem 1, or None."""
    for number, layer in enumerate(layers, start=1):
        if not THEOREM_1.has_moments(*_average(layer)):
            return number
    return None


def _in_words(layers):
    """Whether networks are self-normalizing."""
    number = _first_outside(layers)
    if number is None:
        return "yes"
    moments = _average(layers[number - 1])
    return f"no, from hidden layer {number} on ({_pair(*moments)})"


def _pair(mean, variance):
    """Two decimals, or two digits where decimals would say nothing."""
    shown = f"{round(mean, 2) + 0.0:.2f}" if abs(mean) < 1000 else f"{mean:.2g}"
    is_plain = 0.01 <= variance < 1000
    return f"mean {shown} and variance {variance:{'.2f' if is_plain else '.2g'}}"
