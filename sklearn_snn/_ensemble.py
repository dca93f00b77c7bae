"""What a fitted ensemble says of rows: each network, and their mean."""

from abc import abstractmethod

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_snn._columns import row_blocks
from sklearn_snn._encoding import is_ours
from sklearn_snn._memory import advise_on_memory
from sklearn_snn._planning import PlanningEstimator
from sklearn_snn._prediction import predict_networks

#: Numbers that are worked on at once in a prediction; and rows at least, however wide
#: they are, so that threads have some each.
_PREDICTED_SIZE, _FEWEST_ROWS = 2**23, 2**14


class EnsembleEstimator(PlanningEstimator):
    """Predicts with networks; the hooks at the end say what their outputs mean."""

    @advise_on_memory("predict all rows at once", "pass fewer of them at a time")
    def predict_members(self, X):
        """What each network predicts, before they are averaged.

        Their spread, ``predict_members(X).std(axis=0)``, says how much the prediction
        depends on the draw of weights and rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        predictions : ndarray of shape (n_estimators, n_samples, ...)
            Of a classifier the probabilities, as `predict_proba` has them; of a
            regressor the predictions.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If a row has other columns, or values so large that its prediction is not
            finite.
        TypeError
            If a column holds what is neither number, category nor date.
        MemoryError
            If memory runs out for so many rows at once.
        """
        return self._predictions(self._rows_to_predict(X))

    def _rows_to_predict(self, X):
        check_is_fitted(self)
        return self._read_X(X, self.preprocessor_, reset=False)

    def _predictions(self, X, first=0):
        """Those of the members for rows that were read; the first is number `first`."""
        with np.errstate(over="ignore", invalid="ignore"):
            predictions = self._member_predictions(self._outputs(X))
        is_finite = np.isfinite(predictions).all(axis=(0, *range(2, predictions.ndim)))
        if not is_finite.all():
            raise ValueError(
                f"the prediction of row {first + is_finite.argmin()} of X is not "
                "finite: it is too far from the rows that were trained on; scale X "
                "(preprocessor='auto' does)"
            )
        return predictions

    @advise_on_memory("predict so many rows", "pass fewer of them at a time")
    def _mean_of_members(self, X):
        means = []
        for rows, block in self._prediction_blocks(self._rows_to_predict(X)):
            members = self._predictions(block, rows.start)
            # In order: numpy's mean adds in another one where there is a single row.
            means.append(sum(members) / len(members))
        return means[0] if len(means) == 1 else np.concatenate(means)

    def _prediction_blocks(self, X):
        """Yield slices of rows that are predicted at once, and those rows."""
        if self.preprocessor_ is not None and not is_ours(self.preprocessor_):
            yield slice(0, None), X  # of which others may want to see all rows
            return
        n_columns = X.shape[1]
        if self.preprocessor_ is not None:
            n_columns = max(n_columns, self.preprocessor_._n_columns)
        n_numbers = n_columns + 2 * self.n_outputs_ * len(self.networks_)
        yield from row_blocks(X, max(_PREDICTED_SIZE // n_numbers, _FEWEST_ROWS))

    @property
    def modules_(self):
        """The trained networks as plain modules.

        ``modules_[i](torch.from_numpy(preprocessor_.transform(X).astype(dtype)))``
        is what member i says of dense rows, before the inverse link and in the units of
        the target; with ``member_preprocessors_[i]`` instead, where there are any.
        """
        from sklearn_snn._modules import sequential_from_weights

        location, scale = self._output_scale()
        networks = [one.with_outputs(scale, location) for one in self.networks_]
        return [
            sequential_from_weights(network.weights, self.dropout, self.pieces_)
            for network in networks
        ]

    def _outputs(self, X):
        """Outputs of each member, of shape (n_members, n_samples, n_outputs)."""
        if self.member_preprocessors_ is None:
            seen = self._transform(X, self.preprocessor_)
            return self._network_outputs(self.networks_, *seen)
        pairs = zip(self.networks_, self._transform_for_members(X), strict=True)
        return np.concatenate(
            [self._network_outputs([network], *seen) for network, seen in pairs]
        )

    def _network_outputs(self, networks, transformed, offset):
        options = self._options(trains=False)
        return predict_networks(
            networks, transformed, offset=offset, pieces=self.pieces_, options=options
        )

    @advise_on_memory("predict rows that were held out", "set oof_score=False")
    def _held_out_predictions(self, networks, members, table):
        """Mean prediction for each row of the members that never saw it."""
        total, count = 0.0, np.zeros(len(table.y))
        for network, member in zip(networks, members, strict=True):
            preprocessor = member.preprocessor
            if preprocessor is None:
                preprocessor = self.preprocessor_
            unseen = self._transform(table.take(member.held_out).X, preprocessor)
            raw = self._network_outputs([network], *unseen)
            (made,) = self._member_predictions(raw)
            if count.sum() == 0:
                total = np.zeros((len(count), *made.shape[1:]))
            total[member.held_out] += made
            count[member.held_out] += 1
        known = count > 0
        total[~known] = np.nan
        mean = (total.T / np.maximum(count, 1)).T
        weight = None if table.weight is None else table.weight[known]
        made = self._made_predictions(mean[known])
        with np.errstate(over="ignore"):  # squares of errors may be infinite
            score = made.score(None, table.y[known], weight)
        return {self._oof_attribute: mean, "oof_score_": score}

    def __sklearn_is_fitted__(self):
        return hasattr(self, "networks_")

    # Hooks ----------------------------------------------------------------------

    @abstractmethod
    def _member_predictions(self, raw):
        """Probabilities or numbers from the members' outputs, one array a member."""

    @abstractmethod
    def _made_predictions(self, mean, X=None):
        """The mean of `_member_predictions` of rows of a table, for a scorer."""

    @abstractmethod
    def _score_predictions(self, y, predictions, sample_weight):
        """What `score` says of predictions that are made already."""

    #: Name of the attribute that holds it for rows of the training table.
    _oof_attribute: str
