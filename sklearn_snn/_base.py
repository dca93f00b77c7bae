"""What both estimators do: between scikit-learn's conventions and the waist."""

import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

from sklearn_snn._compat import CallbackSupportMixin, _fit_context, _safe_indexing
from sklearn_snn._layers import layer_sizes
from sklearn_snn._preprocessing import TabularPreprocessor, categorical_columns
from sklearn_snn._progress import report_progress
from sklearn_snn._specs import NetworkSpec, TrainingOptions, TrainingSet
from sklearn_snn._splits import member_splits
from sklearn_snn._training import fit_networks, predict_networks, resolve_device
from sklearn_snn._validation import (
    check_columns,
    numeric_table,
    row_weights,
    transformed_table,
)

#: Rows from which on ``early_stopping="auto"`` can spare some to validate on.
_ENOUGH_TO_VALIDATE = 1000


class _Table(NamedTuple):
    """Rows as the user has them, checked."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    groups: Any = None

    def take(self, rows):
        """Some of the rows; None is all of them."""
        if rows is None:
            return self
        return _Table(
            *(None if part is None else _safe_indexing(part, rows) for part in self)
        )

    @property
    def counted_rows(self):
        """Rows whose weight is not 0; None if that is all of them."""
        if self.weight is None or self.weight.all():
            return None
        return np.flatnonzero(self.weight)


class BaseSNN(CallbackSupportMixin, BaseEstimator, ABC):
    """Fits networks; the hooks at the end say what they mean."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        groups=None,
    ):
        """Train on a table.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; numbers, unless `preprocessor` makes numbers of them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. A two-dimensional target of a classifier holds labels 0 and 1, and
            NaN where a label was not measured.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. Rows of weight 0 are left out.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate on. In a `Pipeline`, ``transform_input=["X_val"]`` has them
            transformed as `X` is.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.
        groups : array-like of shape (n_samples,), default=None
            Groups of rows that no split tears apart.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If parameters or data are not as described, or training diverges.
        """
        resumes = self.warm_start and self.__sklearn_is_fitted__()
        with self._all_or_nothing():
            table = self._read_rows(X, y, sample_weight, groups, reset=not resumes)
            if not resumes:
                self._learn_target(table)
            validation = self._read_validation(X_val, y_val, sample_weight_val)
            validates = self._decide_to_validate(table, validation)
            splits = self._splits(table, validates and validation is None)
            table = table.take(table.counted_rows)
            rows = self._transform(table.X) if resumes else self._fit_transform(table)
            training_set = self._training_set(table, rows, validation)
            specs = self._specs(training_set, splits, resumes)
            self._train(
                specs,
                training_set,
                reported=_reported(X, y, sample_weight),
                n_iter_no_change=self.n_iter_no_change if validates else None,
                score=self._validation_score(specs, table, validation),
                keep_state=self.warm_start,
            )
        return self

    def _partial_fit(self, X, y, sample_weight, **target):
        """Train for an epoch at a constant step size; see the public methods."""
        resumes = self.__sklearn_is_fitted__()
        with self._all_or_nothing():
            table = self._read_rows(X, y, sample_weight, None, reset=not resumes)
            if resumes:
                self._learn_more(table)
            else:
                self._learn_target(table, **target)
            table = table.take(table.counted_rows)
            rows = self._transform(table.X) if resumes else self._fit_transform(table)
            training_set = self._training_set(table, rows)
            splits = [(None, None)] * self.n_estimators
            specs = [
                replace(spec, max_epochs=spec.n_epochs_done + 1)
                for spec in self._specs(training_set, splits, resumes)
            ]
            self._train(
                specs,
                training_set,
                reported=_reported(X, y, sample_weight),
                learning_rate="constant",
                keep_state=True,
            )
        return self

    @property
    def modules_(self):
        """The trained networks as plain modules.

        ``modules_[i](torch.from_numpy(preprocessor_.transform(X)))`` is what member i
        says of dense rows, before the inverse link and in the units of the target.
        """
        from sklearn_snn._modules import sequential_from_weights

        location, scale = self._output_scale()
        modules = []
        for network in self.networks_:
            *below, weight, bias = network.weights
            last = [
                (part * scale + shift).astype(part.dtype)
                for part, shift in ((weight, 0.0), (bias, location))
            ]
            modules.append(sequential_from_weights([*below, *last], self.dropout))
        return modules

    # Reading --------------------------------------------------------------------

    @contextmanager
    def _all_or_nothing(self):
        """Restore all fitted attributes where fitting fails."""
        before = self._fitted_attributes()
        try:
            yield
        except BaseException:
            for name in self._fitted_attributes():
                delattr(self, name)
            vars(self).update(before)
            raise

    def _fitted_attributes(self):
        return {
            name: value
            for name, value in vars(self).items()
            if name.endswith("_") and not name.startswith("_")
        }

    def _read_rows(self, X, y, sample_weight, groups, *, reset):
        """Checked rows."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        X = self._read_X(X, reset=reset)
        y = self._read_target(y)
        check_consistent_length(X, y, groups)
        if not reset:
            check_columns(y, self._n_target_columns)
        return _Table(X, y, row_weights(sample_weight, X), groups)

    def _read_X(self, X, *, reset):
        if not self._reads_numbers:
            return validate_data(self, X, reset=reset, skip_check_array=True)
        numbers = numeric_table(self, X, reset=reset)
        if reset:  # The array has lost the types of the columns.
            self.categorical_columns_ = categorical_columns(
                X,
                self.categorical_features,
                self.n_features_in_,
                getattr(self, "feature_names_in_", None),
            )
        return numbers

    @property
    def _reads_numbers(self):
        """Whether the table must be numbers before a preprocessor sees it."""
        return self.preprocessor is None or isinstance(self.preprocessor, str)

    def _read_validation(self, X_val, y_val, sample_weight_val):
        given = {
            "X_val": X_val,
            "y_val": y_val,
            "sample_weight_val": sample_weight_val,
        }
        given = [name for name, value in given.items() if value is not None]
        if not given:
            return None
        for missing in {"X_val", "y_val"} - set(given):
            raise ValueError(f"{given[0]} is provided, but {missing} was not provided.")
        return self._read_rows(X_val, y_val, sample_weight_val, None, reset=False)

    def _decide_to_validate(self, table, validation):
        if validation is not None and not self.early_stopping:
            raise ValueError(
                "X_val and y_val are passed to fit while early_stopping is False; set "
                "it to True or 'auto', or leave them out"
            )
        if self.early_stopping != "auto":
            return self.early_stopping
        has_split = validation is not None or self.cv is not None
        return has_split or len(table.y) >= _ENOUGH_TO_VALIDATE

    # Encoding -------------------------------------------------------------------

    def _fit_transform(self, table):
        """Fit the preprocessor; returns what `_transform` does."""
        if self.preprocessor is None:
            self.preprocessor_ = None
            return self._transform(table.X)
        if self._reads_numbers:
            columns = self.categorical_columns_
            self.preprocessor_ = TabularPreprocessor(
                columns if columns.any() else None, self.dtype
            ).fit(table.X, sample_weight=table.weight)
            return self._transform(table.X)
        return self._fit_transform_foreign(table)

    def _fit_transform_foreign(self, table):
        preprocessor, weight = clone(self.preprocessor), {}
        if has_fit_parameter(preprocessor, "sample_weight"):
            weight = {"sample_weight": table.weight}
        self.preprocessor_ = preprocessor
        if not hasattr(preprocessor, "fit_transform"):  # as a frozen one
            preprocessor.fit(table.X, table.y, **weight)
            return self._transform(table.X)
        # A target encoder's fit_transform keeps each row's own target from it.
        transformed = preprocessor.fit_transform(table.X, table.y, **weight)
        return transformed_table(transformed, self.dtype), None

    def _learn_more(self, table):
        """Learn the scale of columns that have been constant so far."""
        if isinstance(self.preprocessor_, TabularPreprocessor):
            updated = copy(self.preprocessor_)
            updated.partial_fit(table.X, sample_weight=table.weight)
            self.preprocessor_ = updated

    def _transform(self, X):
        """What the network sees of a table, and the offset of a sparse one."""
        if self.preprocessor_ is None:
            return X.astype(self.dtype, copy=False), None
        transformed = transformed_table(self.preprocessor_.transform(X), self.dtype)
        is_ours = isinstance(self.preprocessor_, TabularPreprocessor)
        if issparse(transformed) and is_ours:
            return transformed, self.preprocessor_.sparse_offset.astype(self.dtype)
        return transformed, None

    def _training_set(self, table, rows, validation=None):
        if validation is not None:
            seen = self._transform(validation.X)
            validation = self._training_set(validation, seen)
        X, offset = rows
        return TrainingSet(
            X=X,
            target=self._encode_target(table.y),
            weight=self._loss_weight(table),
            offset=offset,
            validation=validation,
        )

    # Training -------------------------------------------------------------------

    def _splits(self, table, holds_out):
        """Rows that each member is trained and validated on, None for all or none.

        They count the rows whose weight is not 0.
        """
        if not holds_out and self.cv is None:
            return [(None, None)] * self.n_estimators
        counted = table.counted_rows
        # Splits that the user gave speak of all rows.
        table = table.take(counted) if self.cv is None else table
        splits = member_splits(
            self.n_estimators,
            len(table.y),
            labels=self._labels_to_stratify(table.y),
            groups=table.groups,
            cv=self.cv,
            validation_fraction=self.validation_fraction,
            random_state=self._random_state(),
        )
        if counted is not None and self.cv is not None:
            splits = [
                tuple(
                    np.searchsorted(counted, np.intersect1d(rows, counted))
                    for rows in split
                )
                for split in splits
            ]
        if holds_out:
            return splits
        return [(rows, None) for rows, _ in splits]

    def _random_state(self):
        # scikit-learn's None is numpy's global generator, which is not ours to use.
        if self.random_state is None:
            return np.random.RandomState()
        return check_random_state(self.random_state)

    def _specs(self, training_set, splits, resumes):
        """One spec a member."""
        n_features = training_set.X.shape[1]
        sizes = layer_sizes(
            n_features, self.n_outputs_, self.depth, self.width, self.layer_form
        )
        n_samples = training_set.X.shape[0]
        fewest = min(n_samples if rows is None else len(rows) for rows, _ in splits)
        before = self._resumed_networks(sizes) if resumes else []
        seeds = self._random_state().randint(np.iinfo(np.int32).max, size=len(splits))
        return [
            NetworkSpec(
                layer_sizes=sizes,
                batch_size=self._batch_size(fewest),
                seed=before[i].seed if i < len(before) else int(seed),
                max_epochs=self.max_iter,
                learning_rate=self.learning_rate_init,
                weight_decay=self.weight_decay,
                dropout=self.dropout,
                label_smoothing=getattr(self, "label_smoothing", 0.0),
                rows=rows,
                validation_rows=held_out,
                resume=before[i] if i < len(before) else None,
            )
            for i, (seed, (rows, held_out)) in enumerate(
                zip(seeds, splits, strict=True)
            )
        ]

    def _resumed_networks(self, sizes):
        weights = self.networks_[0].weights
        had = (len(weights[0]), *map(len, weights[1::2]))
        if had != sizes:
            raise ValueError(
                f"a network of layer sizes {had} cannot go on training with {sizes}; "
                "keep depth, width and layer_form, or fit a new estimator"
            )
        return self.networks_

    def _batch_size(self, n_samples):
        if self.batch_size == "auto":
            wanted = 2 ** round(np.log2(max(n_samples / 50, 1)))
            return int(min(np.clip(wanted, 32, 256), n_samples))
        if self.batch_size > n_samples:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the {n_samples} training "
                "rows; all of them make one batch",
                UserWarning,
                stacklevel=2,
            )
        return min(self.batch_size, n_samples)

    def _options(self, *, must_exist=True, **chosen):
        defaults = {"solver": self.solver, "learning_rate": self.learning_rate}
        return TrainingOptions(
            **defaults | chosen,
            tol=self.tol,
            time_limit=self.time_limit,
            device=resolve_device(self.device, must_exist=must_exist),
            dtype=self.dtype,
            n_threads=self.n_threads,
        )

    def _validation_score(self, specs, table, validation):
        """What the networks are scored by while they train; None is the loss."""
        if self.scoring == "loss":
            return None
        scorer = check_scoring(self, scoring=self.scoring)
        held_out = {
            spec: validation
            if spec.validation_rows is None
            else table.take(spec.validation_rows)
            for spec in specs
        }

        def score(spec, raw):
            if not np.isfinite(raw).all():
                return np.nan
            rows = held_out[spec]
            weight = {} if rows.weight is None else {"sample_weight": rows.weight}
            made = self._made_predictions(raw[np.newaxis])
            value = scorer(made, rows.X, rows.y, **weight)
            if not np.isfinite(value):
                raise ValueError(
                    f"scoring={self.scoring!r} gave {value} on {len(rows.y)} "
                    "validation rows; choose another, or other rows"
                )
            return value

        return score

    def _train(self, specs, training_set, *, reported, score=None, **options):
        callbacks = self._copied_callbacks(len(specs))
        n_epochs = max(0, *(spec.max_epochs - spec.n_epochs_done for spec in specs))
        rounds = 1 if callbacks is None else len(specs)
        with report_progress(
            self, n_epochs * rounds, self._training_result, **reported
        ) as progress:
            networks = fit_networks(
                specs,
                [training_set],
                loss=self._make_loss(training_set.target),
                options=self._options(**options),
                score=score,
                on_epoch=progress,
                callbacks=callbacks,
            )
        self._complain(networks, resumes=specs[0].resume is not None)
        vars(self).update(self._training_result(networks))
        if callbacks is not None:
            self.callbacks_ = callbacks

    def _copied_callbacks(self, n_networks):
        if self.callbacks is None:
            return None
        for callback in self.callbacks:
            if hasattr(callback, "on_fit_task_begin"):
                raise TypeError(
                    f"{callback!r} is a scikit-learn callback: register it with "
                    "set_callbacks(); the parameter `callbacks` is for skorch's"
                )
        return [deepcopy(list(self.callbacks)) for _ in range(n_networks)]

    def _complain(self, networks, *, resumes):
        """Raise or warn where training did not end as planned."""
        reasons = {network.stopped_by for network in networks}
        if "diverged" in reasons:
            again = (
                "The estimator is as it was before this call."
                if resumes
                else "So it did again with a tenth of the step size."
            )
            raise ValueError(
                "Training diverged: loss or weights became NaN or infinite with "
                f"learning_rate_init={self.learning_rate_init}. {again} Lower "
                "learning_rate_init, or scale X (preprocessor='auto' does) and y."
            )
        if "time_limit" in reasons:
            warnings.warn(
                f"Training stopped at time_limit={self.time_limit} seconds, after "
                f"{max(network.n_iter for network in networks)} epochs of at most "
                f"{self.max_iter}.",
                ConvergenceWarning,
                stacklevel=2,
            )
        if "interrupt" in reasons:
            warnings.warn("Training interrupted by user.", UserWarning, stacklevel=2)

    def _training_result(self, networks):
        """Fitted attributes that networks give."""
        scores = [network.best_score for network in networks]
        has_scores = None not in scores
        return {
            "networks_": networks,
            "n_iter_": max(network.n_iter for network in networks),
            "n_layers_": self.depth + 2,
            "out_activation_": self._make_loss().activation,
            "loss_curve_": _mean_curve([network.loss_curve for network in networks]),
            "validation_scores_": (
                _mean_curve([network.validation_scores for network in networks])
                if has_scores
                else None
            ),
            "best_validation_score_": float(np.mean(scores)) if has_scores else None,
        }

    # Prediction -----------------------------------------------------------------

    def _outputs(self, X):
        """Outputs of each member, of shape (n_members, n_samples, n_outputs)."""
        check_is_fitted(self)
        transformed, offset = self._transform(self._read_X(X, reset=False))
        options = self._options(must_exist=False)
        return predict_networks(
            self.networks_, transformed, offset=offset, options=options
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "networks_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if not self._reads_numbers:
            inner = get_tags(self.preprocessor).input_tags
            tags.input_tags.sparse = inner.sparse
            tags.input_tags.allow_nan = inner.allow_nan
        return tags

    # Hooks ----------------------------------------------------------------------

    @abstractmethod
    def _read_target(self, y):
        """The target as an array; errors for what the estimator cannot learn."""

    @abstractmethod
    def _learn_target(self, table):
        """Learn classes or scale of the target, and the number of outputs."""

    @property
    @abstractmethod
    def _n_target_columns(self):
        """Columns of the training target; None if it has one dimension."""

    @abstractmethod
    def _encode_target(self, y):
        """The target as the loss wants it."""

    @abstractmethod
    def _loss_weight(self, table):
        """Weights of rows in the loss, or None."""

    @abstractmethod
    def _labels_to_stratify(self, y):
        """Classes that splits keep the shares of, or None."""

    @abstractmethod
    def _make_loss(self, target=None):
        """The loss; in training it may depend on the encoded target."""

    @abstractmethod
    def _output_scale(self):
        """Location and scale that take outputs to the link's argument."""

    @abstractmethod
    def _made_predictions(self, raw):
        """Predictions from the members' outputs, for a scorer."""


def _reported(X, y, sample_weight):
    """What scikit-learn's callbacks are told of the data, as the user gave it."""
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return {"X": X, "y": y, "metadata": metadata}


def _mean_curve(curves):
    """Mean over members; one that has stopped stays where it was."""
    length = max(len(curve) for curve in curves)
    held = [curve + curve[-1:] * (length - len(curve)) for curve in curves]
    return np.mean(held, axis=0).tolist() if length else []
