"""What the library's default does to a table before its first layer, on its own."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin

from sklearn_snn import TabularPreprocessor
from sklearn_snn._modules import PiecewiseLinearEncoding
from sklearn_snn._pieces import learn_pieces


class DefaultPreparation(TransformerMixin, BaseEstimator):
    """Scaled columns with piecewise linear encodings beside them, for other networks.

    Parameters
    ----------
    n_bins : int
        Pieces of a column at most, as in `SNNClassifier`.
    """

    def __init__(self, n_bins=64):
        self.n_bins = n_bins

    def fit(self, X, y=None):
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X, y=None):
        self.preprocessor_ = TabularPreprocessor(dtype="float32")
        made = self.preprocessor_.fit_transform(X)
        columns, counts = self.preprocessor_.number_columns, np.ones(len(made))
        self.n_plain_ = made.shape[1]
        self.pieces_ = learn_pieces(made, columns, self.n_bins, counts)
        return self._with_pieces(made)

    def transform(self, X):
        return self._with_pieces(self.preprocessor_.transform(X))

    def _with_pieces(self, made):
        if self.pieces_ is None:
            return made
        return PiecewiseLinearEncoding(self.pieces_)(torch.from_numpy(made)).numpy()
