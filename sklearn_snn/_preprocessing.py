"""From a table to what a self-normalizing network wants: mean 0 and variance 1."""

from functools import partial
from itertools import compress, count

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_snn._categories import learn_category
from sklearn_snn._chosen_columns import category_mask
from sklearn_snn._columns import (
    check_level_types,
    column_kinds,
    column_name,
    dates,
    levels,
    number_matrix,
    numbers,
    row_blocks,
)
from sklearn_snn._compat import StrOptions, _check_feature_names_in, _fit_context
from sklearn_snn._links import LinkedEstimator
from sklearn_snn._parts import PARTS, learn_parts, number_parts, part_values
from sklearn_snn._scaling import Scaling, learn_sparse_scaling
from sklearn_snn._target_means import (
    MAX_TARGETS,
    target_as_columns,
    with_target_means,
)
from sklearn_snn._validation import any_table
from sklearn_snn._weights import row_weights

#: Standard deviations by which the mean of a sparse column may be away from 0: float32
#: then still tells a thousandth of a deviation.
_FARTHEST_SPARSE = 1e4


class TabularPreprocessor(LinkedEstimator, TransformerMixin, BaseEstimator):
    """Turn columns of any kind into numbers with mean 0 and variance 1 or less.

    Numbers get a robust scale with a smooth clip, ``z / sqrt(1 + (z / 3)**2)`` with
    ``z = (x - median) / interquartile range``, that outliers and heavy tails cannot
    stretch [1]_, and then mean 0 and variance 1 over the training rows. Where most
    values are equal, the median distance of the others stands in for the range; where
    nearly all are, the variance is less than 1, so that none is beyond 10. Dates (in
    UTC, if they have a zone) become year, month, day, weekday, hour and a count of
    days. Missing values are replaced by the mean, and if there were any in training, a
    column of their own flags them.

    Categories become a column for each level; missing is a level, and rare ones are
    pooled. Two levels need one column only. Categories with more than 64 levels of two
    rows or more also get target means, for levels of a single row as well, shrunk
    towards the overall mean as far as they are uncertain; levels that were not seen
    get that of those seen once. Above 256 levels there are only these, or without `y`
    a column for each of the most frequent levels and one that says how frequent each
    is. These columns get mean 0 and variance 1 as well, or less where a level is so
    rare that it would be beyond 10; those of 65 to 256 levels a deviation of 0.3, since
    there are so many.

    Columns that are constant or empty are dropped, unless there are no others. A sparse
    table stays sparse: it is scaled by its standard deviations, and the estimators
    centre it batch by batch (see `sparse_offset`).

    Parameters
    ----------
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns that are categories: those of strings, booleans and categories, or
        names, indices or a mask of them, or none.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the result; the work is done in float64.

    Attributes
    ----------
    kinds_ : list of {"number", "duration", "category", "date"}
        What each column of the table is; durations become numbers of days.
    parts_ : list of tuple of int and str or None
        For each column of the result that is a number, the column that it is of, and
        which part: None for the number itself, ``"missing"``, or one of a date.
    scaling_ : namedtuple of ndarray
        Location, slope, bend, center and scale of these columns.
    categories_ : dict of int to dataclass
        For each column of categories its `levels`, the `table` of what they become, and
        the means of the `targets`.
    is_sparse_ : bool
        Whether `fit` saw a sparse table.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all of them are strings.
    number_columns, target_columns : ndarray of int
        Columns of the result that are numbers or made of dates, and those that are
        means of `y`.
    sparse_offset : ndarray of shape (n_features,)
        What is left to subtract from a sparse table that was transformed, for its
        columns to have mean 0. The estimators do so batch by batch, if they have this
        preprocessor as `preprocessor`; behind a Pipeline nothing does.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart. Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data. NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_snn import TabularPreprocessor
    >>> X = np.array([[0.0, "red"], [1.0, "blue"], [2.0, "red"]], dtype=object)
    >>> preprocessor = TabularPreprocessor().fit(X)
    >>> preprocessor.get_feature_names_out(["size", "colour"])
    array(['size', 'colour_red'], dtype=object)
    >>> preprocessor.transform(X).round(2)
    array([[-1.22,  0.71],
           [ 0.  , -1.41],
           [ 1.22,  0.71]], dtype=float32)
    """

    _parameter_constraints = {
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(self, categorical_features="from_dtype", dtype="float32"):
        self.categorical_features = categorical_features
        self.dtype = dtype

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn kinds, levels and scales of the columns.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Target, for categories of many levels: labels or numbers; in several
            columns at most 100 of numbers, used as they are.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; whole numbers count as repetitions.

        Returns
        -------
        self : TabularPreprocessor

        Raises
        ------
        ValueError
            If parameters are not as described, or values are infinite.
        TypeError
            If a column holds what is neither number, category nor date.
        """
        self._learn(X, y, sample_weight)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, sample_weight=None):
        """Fit, and transform the same rows, none of which sees its own `y`.

        Means of `y` are those of the other folds, for each of five.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        X : ndarray or CSR matrix of shape (n_samples, n_features_out)

        Raises
        ------
        ValueError, TypeError
            As in `fit`.
        """
        X, own = self._learn(X, y, sample_weight)
        return self._transform(X, own)

    def _refit_transform(self, X, y, sample_weight=None):
        """Learn means of `y` anew, and nothing else; the same rows, transformed."""
        X = any_table(self, X, reset=False)
        check_consistent_length(X, y)
        codes = self._target_codes(X)
        if not codes:
            return self._transform(X)
        weight, every = row_weights(sample_weight, X), np.arange(X.shape[0])
        own = self._relearn_targets(codes, every, target_as_columns(y), weight)
        return self._transform(X, own)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn numbers that have been constant so far; the others stay as they are.

        No column is dropped, since constant ones may vary in rows to come, and `y` is
        not used. A column that has held no value so far is taken for numbers if its
        type does not say otherwise; strings, categories, dates or durations that it
        holds later are missing.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self : TabularPreprocessor

        Raises
        ------
        ValueError, TypeError
            As in `fit`.
        """
        is_first = not hasattr(self, "scaling_")
        X = any_table(self, X, reset=is_first)
        weight = row_weights(sample_weight, X)
        if is_first:
            self._learn_columns(X, weight, keeps_constant=True)
        else:
            learned = self._learn_scaling(X, self.parts_, weight, self._empty)
            settled = self.scaling_.settled(learned)
            if self.is_sparse_:
                _check_sparse(settled)
            self.scaling_ = settled
        return self

    def transform(self, X):
        """Expand and standardise a table; a sparse one is only scaled.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        X : ndarray or CSR matrix of shape (n_samples, n_features_out)

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            As in `fit`, or if columns are others than in `fit`.
        """
        check_is_fitted(self)
        return self._transform(any_table(self, X, reset=False))

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of the result.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of the table, where `fit` did not see any.

        Returns
        -------
        names : ndarray of str
            Numbers first, then the levels of each category.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If `input_features` are not those of `fit`, or of another number.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        made = [
            names[j] if part is None else f"{names[j]}_{part}"
            for j, part in self.parts_
        ]
        for j, category in self.categories_.items():
            made += [f"{names[j]}_{part}" for part in category.names]
        return np.array(_unique(made), dtype=object)

    @property
    def sparse_offset(self):
        """What is left to subtract from a sparse table that was transformed."""
        return self.scaling_.location * self.scaling_.slope

    @property
    def number_columns(self):
        """Columns of the result that are numbers or made of dates."""
        return np.flatnonzero([part != "missing" for _, part in self.parts_])

    @property
    def _n_columns(self):
        """Columns of the result."""
        return len(self.parts_) + sum(
            one.n_columns for one in self.categories_.values()
        )

    @property
    def target_columns(self):
        """Columns of the result that are means of the target."""
        widths = [len(self.parts_)]
        for one in self.categories_.values():
            widths += [len(one.parts), one.targets.shape[1]]
        is_target = np.arange(len(widths)) % 2 == 0
        is_target[0] = False
        return np.flatnonzero(np.repeat(is_target, widths))

    # Learning -------------------------------------------------------------------

    def _learn(self, X, y, sample_weight):
        """Learn everything; the table, and what its own rows see of the target."""
        X = any_table(self, X, reset=True)
        check_consistent_length(X, y)
        weight = row_weights(sample_weight, X)
        self._learn_columns(X, weight)
        return X, self._learn_targets(X, y, weight)

    def _learn_columns(self, X, weight, keeps_constant=False):
        self.is_sparse_ = issparse(X)
        if self.is_sparse_:
            self._learn_sparse_columns(X, weight)
            return
        names = [self._name(X, j) for j in range(X.shape[1])]
        mask = category_mask(self.categorical_features, names)
        self.kinds_ = column_kinds(X, names, mask)
        self.categories_ = {
            j: learn_category(levels(X, j), weight)
            for j, kind in enumerate(self.kinds_)
            if kind == "category"
        }
        parts = [
            (j, part) for j, kind in enumerate(self.kinds_) for part in PARTS[kind]
        ]
        scaling = self._learn_scaling(X, parts, weight)
        varies = [slope != 0 for slope in scaling.slope]
        if not any(varies) and not any(one.parts for one in self.categories_.values()):
            keeps_constant = True
        chosen = [
            k
            for k, (_, part) in enumerate(parts)
            if varies[k] or (keeps_constant and part != "missing")
        ]
        self.parts_ = [parts[k] for k in chosen]
        self.scaling_ = Scaling(*(field[chosen] for field in scaling))
        self.categories_ = {
            j: one.or_constant() if keeps_constant else one
            for j, one in self.categories_.items()
            if one.parts or keeps_constant
        }

    def _learn_sparse_columns(self, X, weight):
        mask = category_mask(self.categorical_features, list(range(X.shape[1])))
        if mask is not None and mask.any():
            raise ValueError(
                "categorical_features needs a dense table, got a sparse one"
            )
        scaling = learn_sparse_scaling(X, weight)
        _check_sparse(scaling)
        self.kinds_, self.categories_ = ["number"] * X.shape[1], {}
        self.parts_ = [(j, None) for j in range(X.shape[1])]
        self.scaling_ = scaling

    def _learn_scaling(self, X, parts, weight, empty=()):
        if self.is_sparse_:
            return learn_sparse_scaling(csr_array(X), weight)
        X = X.toarray() if issparse(X) else X
        return learn_parts(parts, partial(self._values, X, empty=empty), weight)

    def _learn_targets(self, X, y, weight):
        """Learn means of the target; what these rows see of it, or None."""
        if y is None or not any(one.is_high for one in self.categories_.values()):
            return None
        y = target_as_columns(y)
        codes = {
            j: self._codes(X, j)
            for j, one in self.categories_.items()
            if one.is_high and y.shape[1] <= min(len(one.levels), MAX_TARGETS)
        }
        if not codes:
            return None
        return self._relearn_targets(codes, np.arange(len(y)), y, weight)

    def _target_codes(self, X):
        """Codes of the levels of which means of the target are known, by column."""
        return {
            j: self._codes(X, j)
            for j, one in self.categories_.items()
            if one.targets.shape[1]
        }

    def _target_values(self, codes):
        """What becomes of `target_columns` in rows with these codes."""
        values = [self.categories_[j].targets[own] for j, own in codes.items()]
        return np.hstack(values).astype(self.dtype)

    def _relearn_targets(self, codes, rows, y, weight=None):
        """Learn means of the target in some rows; what `target_columns` then hold.

        See `with_target_means`.
        """
        self.categories_, seen = with_target_means(
            self.categories_, codes, rows, y, weight
        )
        return seen.astype(self.dtype)

    # Transforming ---------------------------------------------------------------

    def _transform(self, X, own=None):
        """The columns of the result; the rows' own means of the target, if given."""
        if issparse(X) and self.is_sparse_:
            return self.scaling_.apply_sparse(X, self.dtype)
        n_numbers = len(self.parts_)
        result = np.empty((X.shape[0], self._n_columns), dtype=self.dtype)
        for rows, block in row_blocks(X):
            block = block.toarray() if issparse(block) else block
            result[rows, :n_numbers] = self.scaling_.apply(self._numbers(block))
            start = n_numbers
            for j, category in self.categories_.items():
                codes = self._codes(block, j)
                middle = start + len(category.parts)
                result[rows, start:middle] = category.rows(codes)
                start += category.n_columns
                result[rows, middle:start] = category.targets[codes]
        if own is not None:
            result[:, self.target_columns] = own
        return result

    def _numbers(self, X):
        """Columns that are numbers, and those made of dates, before they are scaled."""
        read = partial(self._values, X, empty=self._empty)
        is_plain = np.array([self.kinds_[j] == "number" for j, _ in self.parts_], bool)
        plain = list(compress(self.parts_, is_plain))
        matrix = number_matrix(X, [j for j, _ in plain])
        if matrix is None:
            return part_values(self.parts_, read, X.shape[0])
        if is_plain.all():
            return number_parts(plain, matrix)
        others = list(compress(self.parts_, ~is_plain))
        result = np.empty((X.shape[0], len(self.parts_)))
        result[:, is_plain] = number_parts(plain, matrix)
        result[:, ~is_plain] = part_values(others, read, X.shape[0])
        return result

    def _values(self, X, j, *, empty):
        """Column j of numbers or dates, which may be one of those that were empty."""
        kind = self.kinds_[j]
        read = dates if kind == "date" else numbers
        return read(X, j, self._name(X, j), kind, j not in empty)

    @property
    def _empty(self):
        """Columns of numbers or dates that have held no value so far."""
        is_empty = np.isnan(self.scaling_.location)
        return {self.parts_[k][0] for k in np.flatnonzero(is_empty)}

    def _codes(self, X, j):
        """Codes of the levels of column j, of categories."""
        category = self.categories_[j]
        values = levels(X[:, [j]].toarray(), 0) if issparse(X) else levels(X, j)
        codes = category.codes(values)
        if category.is_text is not None:
            unknown = values[codes == len(category.levels)]
            check_level_types(unknown, category.is_text, self._name(X, j))
        return codes

    def _name(self, X, j):
        """What column j is called: as in `fit`, or where it had no name as in X."""
        names = getattr(self, "feature_names_in_", None)
        return column_name(X, j) if names is None else names[j]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _check_sparse(scaling):
    """Refuse columns whose digits are lost if nothing is subtracted from them."""
    distances = np.abs(scaling.location * scaling.slope)
    farthest = distances.argmax()
    if distances[farthest] > _FARTHEST_SPARSE:
        raise ValueError(
            f"column {farthest} of a sparse table is {distances[farthest]:.2g} "
            "standard deviations away from 0, and loses its digits since it is not "
            "centred; centre it, or pass a dense table"
        )


def _unique(names):
    """Names, with a number at the end of those that have occurred before."""
    taken, made = set(names), {}
    for name in names:
        if name in made:
            numbered = (f"{name}_{number}" for number in count(1))
            name = next(one for one in numbered if one not in taken)
            taken.add(name)
        made[name] = None
    return list(made)
