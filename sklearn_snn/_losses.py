"""Losses that own their link: what a network minimises and what its output means.

A loss is a torch module below the waist and answers in numpy above it.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import Tensor, nn
from torch.nn.functional import huber_loss, log_softmax, softplus

from sklearn_snn._powers_of_two import powers_of_two

FloatArray = NDArray[np.floating]


class Loss(nn.Module):
    """Base of the losses.

    Attributes
    ----------
    activation : str
        Name of the inverse link, as in ``MLPClassifier.out_activation_``.

    Shape
    -----
    raw : (n_networks, n_samples, n_outputs)
    target : (n_networks, n_samples) or (n_networks, n_samples, n_outputs)
    returns : (n_networks, n_samples)
    """

    activation = "identity"

    @property
    def key(self) -> Hashable:
        """Equal for losses that are the same."""
        return type(self).__name__

    def forward(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        """Loss of each row.

        Parameters
        ----------
        raw : Tensor of shape (n_networks, n_samples, n_outputs)
            Outputs of the networks.
        target : Tensor of shape (n_networks, n_samples[, n_outputs])
            Encoded targets.
        smoothing : Tensor of shape (n_networks, 1, 1) or None, default=None
            Label smoothing of each network; only losses of classes have it.
        """
        raise NotImplementedError

    def gradient(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        """Gradient of each row's loss, of the shape of `raw`.

        Parameters
        ----------
        raw, target, smoothing
            As in `forward`.
        """
        raise NotImplementedError

    def first_outputs(
        self, target: NDArray, weight: FloatArray, n_outputs: int
    ) -> FloatArray:
        """Outputs that a network starts with, whatever the row: here 0.

        Parameters
        ----------
        target : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Encoded targets.
        weight : ndarray of shape (n_samples,)
            Weights of the rows, of mean 1.
        n_outputs : int
            Number of outputs.

        Returns
        -------
        raw : ndarray of shape (n_outputs,)
        """
        return np.zeros(n_outputs)

    def predict(self, raw: FloatArray) -> NDArray:
        """Predictions from outputs, in the units of the encoded target.

        Parameters
        ----------
        raw : ndarray of shape (n_samples, n_outputs)
            Outputs of a network.
        """
        raise NotImplementedError


class ClassificationLoss(Loss):
    """A loss whose link gives probabilities.

    Networks start with how frequent the classes are, which they would otherwise spend
    their first epochs on.
    """

    #: Share that a class has in what networks start with, at least.
    least_share = 1e-3

    def predict_proba(self, raw: FloatArray) -> FloatArray:
        """Probabilities, a column a class or label, from outputs."""
        raise NotImplementedError

    def predict(self, raw: FloatArray) -> NDArray[np.int64]:
        """Index of the most probable class, or 0 or 1 for each of several labels."""
        return self.predict_proba(raw).argmax(-1)


class CrossEntropy(ClassificationLoss):
    """One output a class, softmax."""

    activation = "softmax"

    def forward(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        log_proba = log_softmax(raw, dim=-1)
        loss = -log_proba.gather(-1, target.unsqueeze(-1))
        if smoothing is not None:
            uniform = -log_proba.mean(-1, keepdim=True)
            loss = loss + smoothing * (uniform - loss)
        return loss.squeeze(-1)

    def gradient(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        wanted = torch.zeros_like(raw).scatter_(-1, target.unsqueeze(-1), 1.0)
        if smoothing is not None:
            wanted += smoothing * (1 / raw.shape[-1] - wanted)
        return torch.softmax(raw, dim=-1) - wanted

    def first_outputs(
        self, target: NDArray, weight: FloatArray, n_outputs: int
    ) -> FloatArray:
        share = np.bincount(target, weight, n_outputs) / (weight.sum() or 1.0)
        log_share = np.log(np.maximum(share, self.least_share))
        return log_share - log_share.mean()

    def predict_proba(self, raw: FloatArray) -> FloatArray:
        return softmax(raw, axis=-1)


class BinaryCrossEntropy(ClassificationLoss):
    """One logistic output a label; labels that are NaN do not count.

    Parameters
    ----------
    label_weight : ndarray of shape (n_labels, 2) or None, default=None
        Weight of each label where it is 0 and where it is 1.
    """

    activation = "logistic"

    def __init__(self, label_weight: FloatArray | None = None) -> None:
        super().__init__()
        weight = None if label_weight is None else torch.tensor(label_weight)
        self.label_weight: Tensor | None
        self.register_buffer("label_weight", weight)

    @property
    def key(self) -> Hashable:
        weight = self.label_weight
        return type(self).__name__, None if weight is None else str(weight.tolist())

    def forward(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        label, counts = self._label(target, smoothing)
        loss = softplus(raw) - raw * label
        return (loss if counts is None else loss * counts).mean(-1)

    def gradient(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        label, counts = self._label(target, smoothing)
        grad = torch.sigmoid(raw) - label
        return grad if counts is None else grad * (counts / raw.shape[-1])

    def first_outputs(
        self, target: NDArray, weight: FloatArray, n_outputs: int
    ) -> FloatArray:
        label = target.reshape(-1, n_outputs)
        of_label = np.ones((n_outputs, 2))
        if self.label_weight is not None:
            of_label = self.label_weight.numpy(force=True)
        negative, positive = of_label.T
        counts = positive * (weight @ (label == 1)), negative * (weight @ (label == 0))
        measured = np.where(sum(counts) > 0, sum(counts), 1.0)
        yes, no = (np.maximum(part / measured, self.least_share) for part in counts)
        return np.log(yes / no)

    def _label(
        self, target: Tensor, smoothing: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Labels with a number for those that are missing, and what each counts.

        Two classes, of which none is missing, have one label that counts 1, or None.
        """
        label, counts = target, None
        if target.shape[-1] > 1:
            label, counts = target.nan_to_num(0.5), 1.0 - target.isnan().to(target)
        if smoothing is not None:
            label = label + smoothing * (0.5 - label)
        if self.label_weight is not None:
            negative, positive = self.label_weight.to(target).unbind(-1)
            of_label = torch.where(target == 1, positive, negative)
            counts = of_label if counts is None else counts * of_label
        return label, counts

    def predict_proba(self, raw: FloatArray) -> FloatArray:
        proba = expit(raw)
        if raw.shape[-1] > 1:
            return proba
        return np.concatenate([1 - proba, proba], axis=-1)

    def predict(self, raw: FloatArray) -> NDArray[np.int64]:
        if raw.shape[-1] > 1:
            return (self.predict_proba(raw) > 0.5).astype(np.int64)
        return super().predict(raw)


class RegressionLoss(Loss):
    """A loss of numbers, trained on targets of a convenient scale.

    The network's output times `scale` plus `location`, through the inverse link, is
    the prediction. Both come from the training targets.
    """

    def location_and_scale(
        self, y: FloatArray, weight: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Affine map from the network's output to the link's argument.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        weight : ndarray of shape (n_samples,) or None
            Weights of the rows.

        Returns
        -------
        location, scale : ndarray of shape (n_outputs,)
            The scale of a constant target is 0: it is not known yet.
        """
        power = powers_of_two(y)
        location, scale = self._location_and_scale(y / power, weight)
        return location * power, scale * power

    def _location_and_scale(
        self, y: FloatArray, weight: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """The same, of numbers near 1: mean and deviation."""
        location = np.average(y, axis=0, weights=weight)
        # A constant's mean may differ from it by rounding.
        location = np.where(np.ptp(y, axis=0) == 0, y[0], location)
        spread = np.sqrt(np.average((y - location) ** 2, axis=0, weights=weight))
        return location, spread

    def encode(
        self, y: FloatArray, location: FloatArray, scale: FloatArray
    ) -> FloatArray:
        """Targets on the scale that the network is trained on."""
        return (y - location) / scale

    def predict(self, raw: FloatArray) -> FloatArray:
        """Inverse link."""
        return inverse_link(self.activation, raw)


def inverse_link(activation: str, raw: FloatArray) -> FloatArray:
    """What outputs mean, by the `activation` of a loss of numbers."""
    return np.exp(raw) if activation == "exp" else raw


class SquaredError(RegressionLoss):
    """Half the squared error: predicts the mean."""

    def forward(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        return (raw - target).square().mean(-1) / 2

    def gradient(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        return (raw - target) / raw.shape[-1]


class RobustRegressionLoss(RegressionLoss):
    """Location and scale that outliers in the target do not move."""

    def _location_and_scale(
        self, y: FloatArray, weight: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Median and interquartile range over that of a normal distribution."""
        lower, median, upper = np.quantile(
            y, [0.25, 0.5, 0.75], axis=0, weights=weight, method="inverted_cdf"
        )
        _, deviation = super()._location_and_scale(y, weight)
        scale = (upper - lower) / 1.349
        return median, np.where(scale > 0, scale, deviation)


class AbsoluteError(RobustRegressionLoss):
    """Absolute error: predicts the median."""

    def forward(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        return (raw - target).abs().mean(-1)

    def gradient(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        return (raw - target).sign() / raw.shape[-1]


class Huber(RobustRegressionLoss):
    """Squared error up to one standard deviation of the target, linear beyond."""

    def forward(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        return huber_loss(raw, target, reduction="none").mean(-1)

    def gradient(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        return (raw - target).clamp(-1, 1) / raw.shape[-1]


class Quantile(RobustRegressionLoss):
    """Pinball loss: predicts a quantile.

    Parameters
    ----------
    quantile : float
        Which one, in [0, 1].
    """

    def __init__(self, quantile: float) -> None:
        super().__init__()
        self.quantile = quantile

    @property
    def key(self) -> Hashable:
        return type(self).__name__, self.quantile

    def forward(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        error = target - raw
        loss = torch.maximum(self.quantile * error, (self.quantile - 1) * error)
        return loss.mean(-1)

    def gradient(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        is_above = torch.heaviside(raw - target, raw.new_tensor(0.5))
        return (is_above - self.quantile) / raw.shape[-1]


class Poisson(RegressionLoss):
    """Half the Poisson deviance up to a constant, with a log link."""

    activation = "exp"

    def location_and_scale(
        self, y: FloatArray, weight: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        mean = np.average(y, axis=0, weights=weight)
        if np.any(y < 0) or np.any(mean == 0):
            raise ValueError(
                "loss='poisson' requires non-negative y and sum(y) > 0 in every "
                f"output, got min(y)={y.min()} and sums {y.sum(axis=0)}"
            )
        return np.log(mean), np.ones_like(mean)

    def encode(
        self, y: FloatArray, location: FloatArray, scale: FloatArray
    ) -> FloatArray:
        if np.any(y < 0):  # in rows to go on with, or to validate on
            raise ValueError(f"loss='poisson' requires non-negative y, got {y.min()}")
        return y / np.exp(location)

    def forward(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        return (raw.exp() - target * raw).mean(-1)

    def gradient(
        self, raw: Tensor, target: Tensor, smoothing: Tensor | None = None
    ) -> Tensor:
        return (raw.exp() - target) / raw.shape[-1]


REGRESSION_LOSSES: dict[str, type[RegressionLoss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": Poisson,
}
