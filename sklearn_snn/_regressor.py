"""The regressor: numbers, and the scale on which they are learned."""

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d

from sklearn_snn._base import BaseSNN
from sklearn_snn._compat import Interval, StrOptions, _fit_context
from sklearn_snn._parameters import CONSTRAINTS, describe_parameters
from sklearn_snn._scaling import settle
from sklearn_snn._scoring import MadePredictions
from sklearn_snn._validation import numeric_target

#: Targets beyond which their squares, and so their scores, would be infinite.
_LARGEST_TARGET = 1e150


@describe_parameters
class SNNRegressor(RegressorMixin, BaseSNN):
    """Self-normalizing network for regression.

    A feed-forward network of scaled exponential linear units, whose initial weights
    keep activations near mean 0 and variance 1 from layer to layer [1]_. The target is
    standardised inside, where the loss allows it.

    Parameters
    ----------
    {network}
    loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson"}, \
            default="squared_error"
        What is minimised: the squared error, which predicts the mean; the absolute
        error, which predicts the median; ``"huber"``, squared up to one (robust)
        standard deviation of the target and linear beyond; the pinball loss of
        `quantile`; the Poisson deviance with a log link, for counts.
    quantile : float or None, default=None
        Which quantile ``loss="quantile"`` predicts, in [0, 1]; needed for that loss,
        and not used for others.
    {training}
    {stopping}
    {data}

    Attributes
    ----------
    is_multioutput_ : bool
        Whether the training target had more than one column.
    target_location_ : ndarray of shape (n_outputs,)
        What is added to outputs of the networks, once they are multiplied by
        `target_scale_`; with ``loss="poisson"`` the exponential is taken of the sum.
    target_scale_ : ndarray of shape (n_outputs,)
        What outputs are multiplied by; 0 where the target is constant.
    {attributes}

    See Also
    --------
    SNNClassifier : The same for classes.
    SNN : The network as a torch module.

    References
    ----------
    .. [1] Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural
       Networks", NIPS 2017. https://arxiv.org/abs/1706.02515

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_snn import SNNRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SNNRegressor(depth=2, width=32, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    >>> print(model.score(X, y) > 0.4)
    True
    """

    _parameter_constraints = {
        **CONSTRAINTS,
        "loss": [
            StrOptions(
                {"squared_error", "absolute_error", "huber", "quantile", "poisson"}
            )
        ],
        "quantile": [Interval(Real, 0, 1, closed="both"), None],
    }

    def __init__(
        self,
        depth=3,
        width=64,
        *,
        layer_form="rectangular",
        dropout=0.0,
        n_estimators=8,
        cv=None,
        oof_score=False,
        refit=False,
        loss="squared_error",
        quantile=None,
        solver="adamw",
        learning_rate_init="auto",
        learning_rate="cosine",
        weight_decay=0.01,
        batch_size="auto",
        max_iter=256,
        early_stopping="auto",
        scoring="loss",
        validation_fraction=0.125,
        n_iter_no_change="auto",
        tol=0.0,
        preprocessor="auto",
        categorical_features="from_dtype",
        n_bins=64,
        callbacks=None,
        warm_start=False,
        random_state=None,
        verbose=False,
        device="auto",
        dtype="float32",
        mixed_precision=False,
        n_threads=None,
        time_limit=None,
        checkpoint=None,
        checkpoint_interval=300.0,
    ):
        self.depth = depth
        self.width = width
        self.layer_form = layer_form
        self.dropout = dropout
        self.n_estimators = n_estimators
        self.cv = cv
        self.oof_score = oof_score
        self.refit = refit
        self.loss = loss
        self.quantile = quantile
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.preprocessor = preprocessor
        self.categorical_features = categorical_features
        self.n_bins = n_bins
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.dtype = dtype
        self.mixed_precision = mixed_precision
        self.n_threads = n_threads
        self.time_limit = time_limit
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on a chunk of rows.

        The first call fixes the scales of the columns and of the target (those that
        vary in it; the others follow when they do), or uses a `preprocessor` that is
        fitted already, wrapped in `sklearn.frozen.FrozenEstimator`. The step size is
        constant, the optimizer's memory persists, and early stopping does not apply.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : SNNRegressor
            The estimator.

        Raises
        ------
        ValueError
            If data are not as described, or training diverges.
        TypeError
            If a column holds what is neither number, category nor date.
        MemoryError
            If memory runs out; the message names parameters that reduce it.
        KeyboardInterrupt
            If Ctrl-C comes. The estimator is then as it was, as after all these errors.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Target of each row, averaged over the networks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, in the shape of the training target (one column is none).

        Raises
        ------
        NotFittedError, ValueError, TypeError, MemoryError
            As in `predict_members`.
        """
        return self._mean_of_members(X)

    def _score_predictions(self, y, predictions, sample_weight):
        from sklearn.metrics import r2_score  # slow to import

        return r2_score(y, predictions, sample_weight=sample_weight)

    # Targets --------------------------------------------------------------------

    def _read_target(self, y):
        y = numeric_target(y, ensure_2d=False)
        largest = np.abs(y).max(initial=0.0)
        if largest > _LARGEST_TARGET:
            raise ValueError(
                f"y must be at most {_LARGEST_TARGET:g} in absolute value, got "
                f"{largest:g}; give it in a larger unit"
            )
        if y.ndim == 2 and y.shape[1] > 1:
            return y
        return column_or_1d(y, warn=True)

    def _learn_target(self, table):
        self.is_multioutput_ = table.y.ndim == 2
        self.target_location_, self.target_scale_ = self._target_scale(table)
        self.n_outputs_ = len(self.target_location_)
        self.out_activation_ = self._make_loss().activation

    @property
    def _n_target_columns(self):
        return self.n_outputs_ if self.is_multioutput_ else None

    def _learn_more_of_target(self, table):
        if self._make_loss().activation != self.out_activation_:
            raise ValueError(
                f"networks with out_activation_={self.out_activation_!r} cannot go on "
                f"training with loss={self.loss!r}; keep the loss, or fit a new "
                "estimator"
            )
        known = self.target_location_, self.target_scale_
        if not self.target_scale_.all():
            self.target_location_, self.target_scale_ = settle(
                known, self._target_scale(table)
            )

    def _target_scale(self, table):
        table = table.take(table.counted_rows)
        y = table.y.reshape(len(table.y), -1)
        return self._make_loss().location_and_scale(y, table.weight)

    def _encode_target(self, y, target_scale=None):
        location, scale = target_scale or self._output_scale()
        y = y.reshape(len(y), -1)
        return self._make_loss().encode(y, location, np.where(scale > 0, scale, 1.0))

    def _loss_weight(self, table, seen=None):
        return table.weight

    _label_smoothing = 0.0
    _can_scale_inputs = False

    def _labels_to_stratify(self, y):
        return None

    def _make_loss(self, training_set=None):
        from sklearn_snn._losses import REGRESSION_LOSSES

        if self.loss != "quantile":
            return REGRESSION_LOSSES[self.loss]()
        if self.quantile is None:
            raise ValueError("loss='quantile' needs a quantile in [0, 1], got None")
        return REGRESSION_LOSSES["quantile"](self.quantile)

    def _output_scale(self):
        # While the target is constant, its scale is 0 and predictions are exact.
        return self.target_location_, self.target_scale_

    # Predictions ----------------------------------------------------------------

    _oof_attribute = "oof_prediction_"

    def _member_predictions(self, raw):
        from sklearn_snn._losses import inverse_link

        location, scale = self._output_scale()
        # The link is that of the fitted loss, whatever `loss` is now.
        predictions = inverse_link(self.out_activation_, raw * scale + location)
        return predictions if self.is_multioutput_ else predictions[..., 0]

    def _made_predictions(self, mean, X=None):
        return MadePredictions(self, mean, X=X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
