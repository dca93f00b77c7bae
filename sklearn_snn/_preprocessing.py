"""From a table to what a self-normalizing network wants: mean 0 and variance 1."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from sklearn_snn._compat import _check_feature_names_in
from sklearn_snn._validation import numeric_table, row_weights

#: Numbers that are worked on at a time in float64.
_BLOCK = 2**20

#: Standard deviations beyond which a value is cut off: far from any data, near enough
#: for the network's sums to stay finite.
_FARTHEST = 1e6

#: Scales below this cannot be divided by.
_SMALLEST = np.finfo(np.float64).tiny


class TabularPreprocessor(TransformerMixin, BaseEstimator):
    """Make a table fit for the network: indicators of categories, standardised columns.

    Each level of a categorical column becomes a column of 0 and 1. All columns then
    get mean 0 and variance 1 over the training rows, whatever their scale was; a
    constant column becomes 0. A sparse table stays sparse: it is scaled here and
    centred by the network, batch by batch.

    Parameters
    ----------
    categorical_features : array-like of bool or int, or None, default=None
        Mask or indices of the columns that are categories, coded as numbers.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the result; the work is done in float64.

    Attributes
    ----------
    categories_ : dict of int to ndarray
        Levels of each categorical column. One that was not seen in `fit` gets no
        indicator.
    center_ : ndarray of shape (n_features_out,)
        Mean of each column of the result before it is standardised.
    scale_ : ndarray of shape (n_features_out,)
        Its standard deviation, 0 for a constant column.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all of them are strings.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_snn import TabularPreprocessor
    >>> X = np.array([[0.0, 1e30], [2.0, 1e30]])
    >>> TabularPreprocessor().fit_transform(X)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """

    def __init__(self, categorical_features=None, dtype="float32"):
        self.categorical_features = categorical_features
        self.dtype = dtype

    def fit(self, X, y=None, sample_weight=None):
        """Learn levels, means and standard deviations of the columns.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : TabularPreprocessor
        """
        X = numeric_table(self, X, reset=True)
        columns = self._categorical_columns(X)
        self.categories_ = {int(j): np.unique(X[:, j]) for j in columns}
        weight = row_weights(sample_weight, X)
        self.center_, self.scale_ = _moments(self._expand(X), weight)
        return self

    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn columns that have been constant so far; the others stay as they are.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self : TabularPreprocessor
        """
        if not hasattr(self, "center_"):
            return self.fit(X, y, sample_weight)
        X = numeric_table(self, X, reset=False)
        new = _moments(self._expand(X), row_weights(sample_weight, X))
        self.center_, self.scale_ = settle((self.center_, self.scale_), new)
        return self

    def transform(self, X):
        """Expand and standardise a table; a sparse one is only scaled.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers.

        Returns
        -------
        X : ndarray or CSR matrix of shape (n_samples, n_features_out)
            Standardised columns, cut off at a million standard deviations.
        """
        check_is_fitted(self)
        X = numeric_table(self, X, reset=False)
        return self._scale_sparse(X) if issparse(X) else self._standardise(X)

    def _standardise(self, X):
        result = np.empty((len(X), len(self.center_)), dtype=self.dtype)
        inverse = self._inverse_scale()
        for rows in _blocks(result):
            with np.errstate(over="ignore"):
                block = (self._expand(X[rows]) - self.center_) * inverse
            result[rows] = np.clip(block, -_FARTHEST, _FARTHEST)
        return result

    def _scale_sparse(self, X):
        data, inverse = np.empty(X.nnz, dtype=self.dtype), self._inverse_scale()
        for some in gen_batches(X.nnz, _BLOCK):
            with np.errstate(over="ignore"):
                block = X.data[some] * inverse[X.indices[some]]
            data[some] = np.clip(block, -_FARTHEST, _FARTHEST)
        return type(X)((data, X.indices, X.indptr), shape=X.shape)

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
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        numbers = [name for j, name in enumerate(names) if j not in self.categories_]
        levels = [
            f"{names[j]}_{level:g}"
            for j, column in self.categories_.items()
            for level in column
        ]
        return np.array(numbers + levels, dtype=object)

    @property
    def sparse_offset(self):
        """What is left to subtract from a sparse table that was transformed."""
        return self.center_ * self._inverse_scale()

    def _categorical_columns(self, X):
        if self.categorical_features is None:
            return []
        columns = np.arange(X.shape[1])[np.asarray(self.categorical_features)]
        if issparse(X) and len(columns):
            raise ValueError(
                "categorical_features needs a dense table, got a sparse one"
            )
        return columns

    def _expand(self, X):
        """Numbers first, then the indicators of each category."""
        if not self.categories_:
            return X
        indicators = [X[:, [j]] == levels for j, levels in self.categories_.items()]
        return np.hstack([np.delete(X, list(self.categories_), axis=1), *indicators])

    def _inverse_scale(self):
        return np.divide(
            1.0, self.scale_, out=np.zeros_like(self.scale_), where=self.scale_ > 0
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def categorical_columns(X, categorical_features, n_features, feature_names):
    """Mask of the columns of a table that are categories.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The table as the user has it.
    categorical_features : "from_dtype", None, or array-like of str, int or bool
        Columns of a category type, none, or names, indices or a mask.
    n_features : int
        Number of columns.
    feature_names : ndarray of str or None
        Their names.

    Returns
    -------
    mask : ndarray of bool of shape (n_features,)

    Raises
    ------
    ValueError
        If a name or index is not one of the table's, or the mask has another length.
    """
    mask = np.zeros(n_features, dtype=bool)
    if categorical_features is None:
        return mask
    if isinstance(categorical_features, str):
        for j, dtype in enumerate(getattr(X, "dtypes", ())):
            mask[j] = str(dtype).lower().startswith("categor")
        return mask
    wanted = np.asarray(categorical_features)
    if wanted.dtype == bool and wanted.shape != (n_features,):
        raise ValueError(
            f"categorical_features must have one entry for each of the {n_features} "
            f"columns where it is a mask, got shape {wanted.shape}"
        )
    if wanted.dtype.kind in "UO":
        names = [] if feature_names is None else list(feature_names)
        if unknown := [name for name in wanted if name not in names]:
            raise ValueError(
                f"categorical_features names columns that X lacks: {unknown}"
            )
        wanted = np.array([names.index(name) for name in wanted], dtype=int)
    if (
        wanted.dtype.kind in "iu"
        and wanted.size
        and not (-n_features <= wanted.min() and wanted.max() < n_features)
    ):
        raise ValueError(
            f"categorical_features must be indices of the {n_features} columns, got "
            f"{wanted.tolist()}"
        )
    mask[wanted] = True
    return mask


def settle(old, new):
    """Location and scale after more data: only those that were unknown change.

    Parameters
    ----------
    old, new : tuple of two ndarrays of shape (n,)
        Location, and scale, which is 0 where all values have been equal.

    Returns
    -------
    location, scale : ndarray of shape (n,)
    """
    (location, scale), (new_location, new_scale) = old, new
    unknown = scale == 0
    # Two constants that differ are a mean and a deviation as well.
    is_step = (new_scale == 0) & (new_location != location)
    new_scale = np.where(is_step, np.abs(new_location - location) / 2, new_scale)
    new_location = np.where(is_step, (new_location + location) / 2, new_location)
    return (
        np.where(unknown, new_location, location),
        np.where(unknown, new_scale, scale),
    )


def _blocks(X):
    n_numbers = X.nnz if issparse(X) else X.size
    return gen_batches(X.shape[0], max(_BLOCK * X.shape[0] // max(n_numbers, 1), 1))


def _moments(X, weight):
    """Means and standard deviations of the columns; exactly 0 for constant ones."""
    weight = np.ones(X.shape[0]) if weight is None else weight
    if not weight.all():  # a row that does not count does not make a column vary
        X, weight = X[weight > 0], weight[weight > 0]
    least, greatest = _extremes(X)
    # Squares of 1e200 overflow, squares of 1e-200 vanish: work with peaks of 1.
    peak = np.maximum(np.abs(least), np.abs(greatest))
    peak[peak < _SMALLEST] = 1.0
    moments = _sparse_moments if issparse(X) else _dense_moments
    mean, variance = moments(X, weight / weight.sum(), peak)
    is_constant = least == greatest
    center = np.where(is_constant, least, mean * peak)
    scale = np.sqrt(variance) * peak
    return center, np.where(is_constant | (scale < _SMALLEST), 0.0, scale)


def _extremes(X):
    """Least and greatest number of each column, as float64."""
    least, greatest = np.inf, -np.inf
    for rows in _blocks(X):
        lowest, highest = X[rows].min(axis=0), X[rows].max(axis=0)
        if issparse(X):
            lowest, highest = lowest.toarray().ravel(), highest.toarray().ravel()
        least = np.minimum(least, lowest.astype(np.float64))
        greatest = np.maximum(greatest, highest.astype(np.float64))
    return least, greatest


def _dense_moments(X, share, peak):
    mean = sum(share[rows] @ (X[rows] / peak) for rows in _blocks(X))
    variance = sum(share[rows] @ (X[rows] / peak - mean) ** 2 for rows in _blocks(X))
    return mean, variance


def _sparse_moments(X, share, peak):
    def weighted_sum(function):
        """Sum over the numbers that are there, by column."""
        total = np.zeros(X.shape[1])
        for rows in _blocks(X):
            part = X[rows]
            values = function(part.data / peak[part.indices], part.indices)
            weight = np.repeat(share[rows], np.diff(part.indptr))
            total += np.bincount(part.indices, weight * values, minlength=len(total))
        return total

    mean = weighted_sum(lambda x, column: x)
    variance = weighted_sum(lambda x, column: (x - mean[column]) ** 2)
    present = weighted_sum(lambda x, column: np.ones_like(x))
    return mean, variance + np.maximum(1 - present, 0) * mean**2
