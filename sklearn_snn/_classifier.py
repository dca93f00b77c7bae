"""The classifier: classes, labels and their probabilities."""

from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

from sklearn_snn._base import BaseSNN
from sklearn_snn._columns import missing_values
from sklearn_snn._compat import Interval, StrOptions, _fit_context
from sklearn_snn._masked_scorer import label_matrix, measured
from sklearn_snn._parameters import CONSTRAINTS, describe_parameters
from sklearn_snn._scoring import MadePredictions
from sklearn_snn._validation import check_columns, of_one_type
from sklearn_snn._weights import row_weights


@describe_parameters
class SNNClassifier(ClassifierMixin, BaseSNN):
    """Self-normalizing network for classification.

    A feed-forward network of scaled exponential linear units, whose initial weights
    keep activations near mean 0 and variance 1 from layer to layer [1]_, trained on the
    cross entropy. Several labels at once are learned from a two-dimensional `y` of 0, 1
    and NaN, which stands for a label that was not measured.

    Parameters
    ----------
    {network}
    {training}
    label_smoothing : float, default=0.0
        Share of the target's probability that is spread over all classes, in [0, 1).
    {stopping}
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes: ``{class: weight}``, inversely proportional to the sum
        of their sample weights, or all 1. "balanced" counts all rows, but with
        `oof_score` those that a network is trained on. With several labels the dict has
        keys 0 and 1 and serves each of them.
    {data}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; for a multilabel target the numbers of the labels.
    is_multilabel_ : bool
        Whether the training target had one column per label.
    {attributes}

    See Also
    --------
    SNNRegressor : The same for numbers.
    SNN : The network as a torch module.

    References
    ----------
    .. [1] Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural
       Networks", NIPS 2017. https://arxiv.org/abs/1706.02515

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_snn import SNNClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SNNClassifier(depth=2, width=32, random_state=0).fit(X, y)
    >>> model.predict(X[:3])
    array([0, 0, 0])
    >>> print(model.score(X, y) > 0.95)
    True
    """

    _parameter_constraints = {
        **CONSTRAINTS,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
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
        solver="adamw",
        learning_rate_init="auto",
        learning_rate="cosine",
        weight_decay=0.01,
        label_smoothing=0.0,
        batch_size="auto",
        max_iter=256,
        early_stopping="auto",
        scoring="loss",
        validation_fraction=0.125,
        n_iter_no_change="auto",
        tol=0.0,
        class_weight=None,
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
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
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
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on a chunk of rows.

        The first call fixes the classes and the scales of the columns (those that vary
        in it; the others follow when they do), or uses a `preprocessor` that is fitted
        already, wrapped in `sklearn.frozen.FrozenEstimator`. The step size is constant,
        the optimizer's memory persists, and early stopping does not apply.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Targets.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever occur; needed in the first call, unless there
            are several labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : SNNClassifier
            The estimator.

        Raises
        ------
        ValueError
            If ``class_weight="balanced"``, which needs all rows, `classes` is missing
            or another than before, data are not as described, or training diverges.
        TypeError
            If a column holds what is neither number, category nor date.
        MemoryError
            If memory runs out; the message names parameters that reduce it.
        KeyboardInterrupt
            If Ctrl-C comes. The estimator is then as it was, as after all these errors.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not possible in partial_fit, which never "
                "sees all rows: pass weights as a dict, from compute_class_weight"
            )
        if self.__sklearn_is_fitted__():
            self._check_same_classes(classes)
        elif classes is None and _n_columns(y) == 1:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._partial_fit(X, y, sample_weight, classes=classes)

    def _check_same_classes(self, classes):
        if classes is None or self.is_multilabel_:  # of several labels they are known
            return
        if not np.array_equal(_read_classes(classes), self.classes_):
            raise ValueError(
                f"classes={classes} is not the same as in the first call of "
                f"partial_fit, {self.classes_}"
            )

    def predict(self, X):
        """Most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Classes; for several labels 0 or 1.

        Raises
        ------
        NotFittedError, ValueError, TypeError, MemoryError
            As in `predict_members`.
        """
        return self._classes(self.predict_proba(X))

    def predict_proba(self, X):
        """Probabilities of the classes, averaged over the networks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            A column for each of `classes_`; for several labels the probability of 1.

        Raises
        ------
        NotFittedError, ValueError, TypeError, MemoryError
            As in `predict_members`.
        """
        return self._mean_of_members(X)

    def predict_log_proba(self, X):
        """Logarithm of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Logarithms; -inf where a probability is 0.

        Raises
        ------
        NotFittedError, ValueError, TypeError, MemoryError
            As in `predict_members`.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score(self, X, y, sample_weight=None):
        """Share of rows whose class, or all of whose labels, are right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their classes. Labels that are NaN are ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Accuracy.

        Raises
        ------
        NotFittedError, ValueError, TypeError, MemoryError
            As in `predict_members`, or if `y` or `sample_weight` are not as described.
        """
        return self._score_predictions(y, self.predict(X), sample_weight)

    def _score_predictions(self, y, predictions, sample_weight):
        if not self.is_multilabel_:
            from sklearn.metrics import accuracy_score  # slow to import

            return accuracy_score(y, predictions, sample_weight=sample_weight)
        y = self._read_labels(y)
        check_columns(y, self._n_target_columns)
        counts = measured(y)
        right = (predictions == y) | ~counts
        weight = counts.any(axis=1).astype(float)
        if sample_weight is not None:
            weight *= row_weights(sample_weight, y)
        if not weight.any():
            raise ValueError("y has no label to score: those that weigh are all NaN")
        return float(np.average(right.all(axis=1), weights=weight))

    # Targets --------------------------------------------------------------------

    def _read_target(self, y):
        if _n_columns(y) > 1:
            return self._read_labels(y)
        y = column_or_1d(_exact(y), warn=True)
        if (is_missing := missing_values(y)).any():
            raise ValueError(
                "Input y contains NaN or None, the first of them in row "
                f"{is_missing.argmax()}; leave out rows without a label"
            )
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        with of_one_type("y must hold labels"):
            check_classification_targets(y)
        return y

    def _read_labels(self, y):
        """A multilabel target as float64, with NaN for what was not measured."""
        y = label_matrix(y)
        known = y[measured(y)]
        if strange := np.setdiff1d(known, [0.0, 1.0])[:3].tolist():
            raise ValueError(
                "a two-dimensional y must hold labels 0 and 1, and NaN for those that "
                f"were not measured, got {strange}; multiclass-multioutput targets are "
                "not supported"
            )
        return y

    def _learn_target(self, table, classes=None):
        self.is_multilabel_ = table.y.ndim == 2
        if self.is_multilabel_:
            self.classes_ = np.arange(table.y.shape[1])
        else:
            self.classes_ = _read_classes(table.y if classes is None else classes)
        self.n_outputs_ = 1 if self._is_binary else len(self.classes_)
        self.out_activation_ = self._make_loss().activation

    def _learn_more_of_target(self, table):
        pass  # classes have no scale

    @property
    def _n_target_columns(self):
        return len(self.classes_) if self.is_multilabel_ else None

    @property
    def _is_binary(self):
        return not self.is_multilabel_ and len(self.classes_) == 2

    def _target_scale(self, table):
        return None

    def _encode_target(self, y, target_scale=None):
        if self.is_multilabel_:
            return y
        index = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        if (unknown := self.classes_[index] != y).any():
            raise ValueError(
                f"y has classes {np.unique(y[unknown]).tolist()} that the training "
                f"target lacks; it has {self.classes_.tolist()}"
            )
        return index[:, np.newaxis].astype(np.float64) if self._is_binary else index

    def _loss_weight(self, table, seen=None):
        if self.class_weight is None or self.is_multilabel_:
            return table.weight
        if self.class_weight == "balanced":
            weight = _balanced_weight(table.y, table.weight, seen)
        else:  # of all classes, some of which a chunk may lack
            _check_weights(self.class_weight, self.classes_)
            of_classes = compute_class_weight(
                self.class_weight, classes=self.classes_, y=self.classes_
            )
            weight = of_classes[np.searchsorted(self.classes_, table.y)]
        return weight if table.weight is None else weight * table.weight

    _can_scale_inputs = True

    @property
    def _label_smoothing(self):
        return self.label_smoothing

    def _labels_to_stratify(self, y):
        return None if self.is_multilabel_ else y

    def _make_loss(self, training_set=None):
        from sklearn_snn._losses import BinaryCrossEntropy, CrossEntropy

        if self.is_multilabel_:
            return BinaryCrossEntropy(self._label_weight(training_set))
        return BinaryCrossEntropy() if self._is_binary else CrossEntropy()

    def _label_weight(self, training_set):
        """Weight of each label where it is 0 and where it is 1."""
        if self.class_weight is None or training_set is None:
            return None
        target, weight = training_set.target, training_set.weight
        if self.class_weight == "balanced":
            of_rows = np.ones(len(target)) if weight is None else weight
            totals = np.stack([of_rows @ (target == label) for label in (0, 1)], axis=1)
            halves = totals.sum(axis=1, keepdims=True) / 2
            return np.divide(halves, totals, where=totals > 0, out=np.ones_like(totals))
        if strange := set(self.class_weight) - {0, 1}:
            raise ValueError(
                "class_weight must have keys 0 and 1 for a multilabel y, got "
                f"{sorted(strange, key=str)} as well"
            )
        _check_weights(self.class_weight, (0, 1))
        weights = [self.class_weight.get(label, 1.0) for label in (0, 1)]
        return np.tile(np.array(weights, dtype=float), (target.shape[1], 1))

    def _output_scale(self):
        return 0.0, 1.0

    # Predictions ----------------------------------------------------------------

    _oof_attribute = "oof_decision_function_"

    def _member_predictions(self, raw):
        loss = self._make_loss()
        return np.stack([loss.predict_proba(member) for member in raw])

    def _made_predictions(self, mean, X=None):
        return MadePredictions(self, self._classes(mean), mean, X)

    def _classes(self, proba):
        if self.is_multilabel_:
            return (proba > 0.5).astype(np.int64)
        return self.classes_[proba.argmax(axis=1)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _n_columns(y):
    shape = y.shape if issparse(y) else np.asarray(y).shape
    return shape[1] if len(shape) == 2 else 1


def _exact(y):
    """A column of pandas' nullable types as integers or booleans, if none is missing.

    scikit-learn makes floats of them, which hold no integers beyond 2**53.
    """
    column = y.iloc[:, 0] if hasattr(y, "iloc") and y.shape[1:] == (1,) else y
    dtype = getattr(column, "dtype", None)
    is_exact = hasattr(dtype, "numpy_dtype") and dtype.kind in "biu"
    if not is_exact or column.isna().any():
        return y
    return column.to_numpy(dtype.numpy_dtype).reshape(y.shape)


def _read_classes(labels):
    """Each label once, in order."""
    labels = column_or_1d(_exact(labels))
    if not labels.size or missing_values(labels).any():
        raise ValueError(
            "classes must be labels, one at least and none of them missing, got "
            f"{labels.tolist()}"
        )
    with of_one_type("classes must be labels"):
        return np.unique(labels)


def _balanced_weight(y, weight, seen):
    """A weight for each row, with which all classes of the rows seen weigh the same."""
    classes, codes = np.unique(y, return_inverse=True)
    of_rows = np.ones(len(y)) if weight is None else weight
    rows = slice(None) if seen is None else seen
    totals = np.bincount(codes[rows], of_rows[rows], len(classes))
    is_seen = totals > 0
    mean = totals.sum() / is_seen.sum()
    return np.divide(mean, totals, where=is_seen, out=np.zeros(len(classes)))[codes]


def _check_weights(class_weight, classes):
    """Refuse weights that are no numbers, negative or not finite, or of no class."""
    for label, weight in class_weight.items():
        if not (isinstance(weight, Real) and 0 <= weight < np.inf):
            raise ValueError(
                "class_weight must be finite numbers that are not negative, got "
                f"{weight!r} for class {label!r}"
            )
    if not any(class_weight.get(label, 1) for label in classes):
        raise ValueError(
            f"class_weight must leave a class of positive weight, got {class_weight}"
        )
