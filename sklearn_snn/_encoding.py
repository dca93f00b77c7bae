"""From a table as the user has it to what a network sees, and its target likewise."""

import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    has_fit_parameter,
    validate_data,
)

from sklearn_snn._compat import _safe_indexing
from sklearn_snn._links import LinkedEstimator
from sklearn_snn._memory import advise_on_memory
from sklearn_snn._pieces import learn_pieces
from sklearn_snn._preprocessing import TabularPreprocessor
from sklearn_snn._specs import TrainingSet
from sklearn_snn._target_means import MAX_TARGETS, class_indicators
from sklearn_snn._validation import (
    any_table,
    check_columns,
    numeric_table,
    transformed_table,
    warn_of_scale,
)
from sklearn_snn._weights import row_counts, row_weights

#: All of `fit` that comes before the networks needs as much as the table does.
reading = advise_on_memory(
    "read and encode all rows at once",
    "pass them to partial_fit chunk by chunk",
)


class Table(NamedTuple):
    """Rows as the user has them, checked."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    groups: Any = None

    def take(self, rows):
        """Some of the rows; None is all of them."""
        if rows is None:
            return self
        return Table(
            *(None if part is None else _safe_indexing(part, rows) for part in self)
        )

    @property
    def counted_rows(self):
        """Rows whose weight is not 0; None if that is all of them."""
        if self.weight is None or self.weight.all():
            return None
        return np.flatnonzero(self.weight)


class EncodedTable(NamedTuple):
    """A table as the user has it, and as the network sees it."""

    table: Table
    validation: Table | None
    training_set: TrainingSet
    resumes: bool

    def counted(self, rows):
        """Those of these rows of the table whose weight is not 0."""
        counted = self.table.counted_rows
        if counted is None:
            return rows
        rows = np.asarray(rows)
        return rows[np.isin(rows, counted)]

    def positions(self, rows):
        """Where these rows of the table are in the training set."""
        counted = self.table.counted_rows
        if counted is None:
            return rows
        return np.searchsorted(counted, self.counted(rows))


class EncodingEstimator(LinkedEstimator, BaseEstimator, ABC):
    """Reads tables and encodes them; the hooks at the end say how targets are."""

    # Reading --------------------------------------------------------------------

    def _read(
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
        """Learn how to encode the table and its target; the data in that encoding."""
        resumes = self.warm_start and self.__sklearn_is_fitted__()
        preprocessor = self._preprocessor_in_use(resumes)
        table = self._read_rows(
            X, y, sample_weight, groups, preprocessor, reset=not resumes
        )
        if resumes:
            self._learn_more(table)
        else:
            self._learn_target(table)
        validation = self._read_validation(
            X_val, y_val, sample_weight_val, preprocessor
        )
        return self._encoded(table, validation, resumes)

    @reading
    def _encoded(self, table, validation, resumes, *, is_chunk=False):
        counted = table.take(table.counted_rows)
        if not resumes:
            self._warn_of_categories()
            learn = self._learn_chunk if is_chunk else self._fit_transform
            self.preprocessor_, rows = learn(counted)
            # Who has an offset is scaled.
            if not is_ours(self.preprocessor) and rows[1] is None:
                is_bare = self.preprocessor is None
                names = getattr(self, "feature_names_in_", None) if is_bare else None
                warn_of_scale(rows[0], names)
            self.pieces_ = self._learn_pieces(rows[0], counted.weight)
        elif is_chunk or not self._sees_target:
            rows = self._transform(counted.X, self.preprocessor_)
        else:  # those who go on see their rows as before
            rows = self._transform_again(counted)
        training_set = self._training_set(counted, rows)
        if validation is not None:
            with _of_validation():
                seen = self._transform(validation.X, self.preprocessor_)
                training_set.validation = self._training_set(validation, seen)
        return EncodedTable(table, validation, training_set, resumes)

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
            if name.endswith("_") and not name.startswith("__")
        }

    @reading
    def _read_rows(self, X, y, sample_weight, groups, preprocessor, *, reset):
        """Checked rows."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        X = self._read_X(X, preprocessor, reset=reset)
        y = self._read_target(y)
        check_consistent_length(X, y)
        groups = _read_groups(groups, len(y))
        if not reset:
            check_columns(y, self._n_target_columns)
        return Table(X, y, row_weights(sample_weight, X), groups)

    def _read_X(self, X, preprocessor, *, reset):
        if preprocessor is None:
            return numeric_table(self, X, reset=reset)
        if is_ours(preprocessor):
            return any_table(self, X, reset=reset)
        is_row = getattr(X, "ndim", None) == 1 and hasattr(self, "n_features_in_")
        if is_row and not reset:
            check_array(X, dtype=None)  # which says to reshape it
        return validate_data(self, X, reset=reset, skip_check_array=True)

    def _preprocessor_in_use(self, resumes):
        """That of an earlier fit which goes on, whatever is set now."""
        return self.preprocessor_ if resumes else self.preprocessor

    def _read_validation(self, X_val, y_val, sample_weight_val, preprocessor):
        given = {
            "X_val": X_val,
            "y_val": y_val,
            "sample_weight_val": sample_weight_val,
        }
        given = [name for name, value in given.items() if value is not None]
        if not given:
            return None
        for needed in ("X_val", "y_val"):
            if needed not in given:
                raise ValueError(
                    f"{given[0]} is provided, but {needed} was not provided."
                )
        with _of_validation():
            return self._read_rows(
                X_val, y_val, sample_weight_val, None, preprocessor, reset=False
            )

    def _warn_of_categories(self):
        """Say so where columns are named that nothing makes categories of."""
        is_given = self.categorical_features is not None
        is_given &= not isinstance(self.categorical_features, str)
        if is_given and not isinstance(self.preprocessor, str):
            warnings.warn(
                f"categorical_features={self.categorical_features!r} has no effect on "
                f"preprocessor={self.preprocessor!r}: give it to a "
                "TabularPreprocessor, or leave preprocessor='auto'",
                UserWarning,
                stacklevel=2,
            )

    # Encoding -------------------------------------------------------------------

    def _fit_transform(self, table):
        """A preprocessor fitted on a table, and what it makes of the table."""
        if self.preprocessor is None:
            return None, self._transform(table.X, None)
        if is_ours(self.preprocessor):
            ours = self._new_preprocessor()
            made = ours.fit_transform(table.X, self._target_hint(table), table.weight)
            made = made.astype(self.dtype, copy=False)
            return ours, (made, _offset(made, ours))
        foreign, weight = clone(self.preprocessor), {}
        if table.weight is not None and has_fit_parameter(foreign, "sample_weight"):
            weight = {"sample_weight": table.weight}
        if not hasattr(foreign, "fit_transform"):  # as a frozen one
            foreign.fit(table.X, table.y, **weight)
            return foreign, self._transform(table.X, foreign)
        # A target encoder's fit_transform keeps each row's own target from it.
        made = foreign.fit_transform(table.X, table.y, **weight)
        transformed = transformed_table(made, self.dtype)
        check_consistent_length(transformed, table.y)
        return foreign, (transformed, None)

    def _new_preprocessor(self):
        if isinstance(self.preprocessor, str):
            ours = TabularPreprocessor(self.categorical_features, self.dtype)
        else:
            ours = clone(self.preprocessor)
        return ours.set_output(transform="default")  # whatever is set for all

    @property
    def _sees_target(self):
        """Whether our fitted preprocessor has learned from the target."""
        has_learned = is_ours(self.preprocessor_)
        return has_learned and len(self.preprocessor_.target_columns) > 0

    def _transform_again(self, table):
        """Rows as they were seen in training, with means of the target anew."""
        ours, hint = copy(self.preprocessor_), self._target_hint(table)
        made = ours._refit_transform(table.X, hint, table.weight)
        return made.astype(self.dtype, copy=False), None

    def _target_hint(self, table, target_scale=None):
        """What our preprocessor learns of the target, a column for each output."""
        if self.n_outputs_ > MAX_TARGETS:
            return None
        target = self._encode_target(table.y, target_scale)
        if target.dtype.kind in "iu":
            return class_indicators(target, self.n_outputs_)
        return target

    def _learn_chunk(self, table):
        """As `_fit_transform`, where more rows will come."""
        if not is_ours(self.preprocessor):
            return self._fit_transform(table)
        ours = self._new_preprocessor()
        ours.partial_fit(table.X, sample_weight=table.weight)
        return ours, self._transform(table.X, ours)

    def _learn_more(self, table):
        """Learn the scales of what has been constant so far."""
        self._learn_more_of_target(table)
        if isinstance(self.preprocessor_, TabularPreprocessor):
            updated = copy(self.preprocessor_)
            updated.partial_fit(table.X, sample_weight=table.weight)
            self.preprocessor_ = updated

    def _learn_pieces(self, X, weight):
        """How numbers are encoded beside themselves, or None."""
        if not is_ours(self.preprocessor_) or issparse(X):
            return None
        columns = self.preprocessor_.number_columns
        counts = row_counts(weight, X.shape[0])
        return learn_pieces(X, columns, self.n_bins, counts)

    def _transform(self, X, preprocessor):
        """What the network sees of a table, and the offset of a sparse one."""
        if preprocessor is None:
            with np.errstate(over="ignore"):  # what comes of it is no finite number
                return X.astype(self.dtype, copy=False), None
        if isinstance(preprocessor, TabularPreprocessor):
            made = preprocessor._transform(X)  # which need not check X once more
        else:
            made = preprocessor.transform(X)
        transformed = transformed_table(made, self.dtype)
        check_consistent_length(transformed, X)
        return transformed, _offset(transformed, preprocessor)

    def _transform_for_members(self, X):
        """Yield what each member sees of a table, and the offset of a sparse one."""
        first = self.member_preprocessors_[0]
        if not is_ours(first):
            yield from (self._transform(X, own) for own in self.member_preprocessors_)
            return
        # Ours differ in means of the target alone.
        rows, offset = self._transform(X, first)
        codes, columns = first._target_codes(X), first.target_columns
        for own in self.member_preprocessors_:
            seen = rows.copy()
            seen[:, columns] = own._target_values(codes)
            yield seen, offset

    def _training_set(self, table, rows, target_scale=None):
        X, offset = rows
        return TrainingSet(
            X=X,
            target=self._encode_target(table.y, target_scale),
            weight=self._loss_weight(table),
            offset=offset,
            pieces=self.pieces_,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if self.preprocessor is not None:
            is_auto = isinstance(self.preprocessor, str)
            which = TabularPreprocessor() if is_auto else self.preprocessor
            if hasattr(which, "__sklearn_tags__"):  # else it is no BaseEstimator
                inner = get_tags(which).input_tags
                tags.input_tags.sparse = inner.sparse
                tags.input_tags.allow_nan = inner.allow_nan
                tags.input_tags.categorical = inner.categorical
        return tags

    # Hooks ----------------------------------------------------------------------

    @abstractmethod
    def _read_target(self, y):
        """The target as an array; errors for what the estimator cannot learn."""

    @abstractmethod
    def _learn_target(self, table):
        """Learn classes or scale of the target, and the number of outputs."""

    @abstractmethod
    def _learn_more_of_target(self, table):
        """Learn the scale of a target that has been constant so far."""

    @property
    @abstractmethod
    def _n_target_columns(self):
        """Columns of the training target; None if it has one dimension."""

    @abstractmethod
    def _target_scale(self, table):
        """Location and scale of the target, or None if it has none."""

    @abstractmethod
    def _encode_target(self, y, target_scale=None):
        """The target as the loss wants it; None is the scale of all rows."""

    @abstractmethod
    def _loss_weight(self, table, seen=None):
        """Weights of rows in the loss, or None; balanced over those that are seen."""


def is_ours(preprocessor):
    """Whether a preprocessor, or the word for one, is our own."""
    return isinstance(preprocessor, (str, TabularPreprocessor))


def _read_groups(groups, n_rows):
    """Groups in one dimension; those of a table with one column are its values."""
    if groups is None:
        return None
    given = np.asarray(groups)
    if given.shape == (n_rows, 1):
        given = given[:, 0]
    if given.shape != (n_rows,):
        raise ValueError(
            f"groups must have one entry for each of the {n_rows} rows, got shape "
            f"{given.shape}"
        )
    return given


@contextmanager
def _of_validation():
    """Say of errors about a table that it is the one to validate on."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"X_val, y_val or sample_weight_val: {error}") from error


def _offset(transformed, preprocessor):
    """What is left to subtract from a sparse table that our preprocessor scaled."""
    # A frozen one has the attributes of what it wraps.
    if issparse(transformed) and hasattr(preprocessor, "sparse_offset"):
        return preprocessor.sparse_offset.astype(transformed.dtype)
    return None
