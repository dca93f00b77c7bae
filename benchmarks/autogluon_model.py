"""The estimators as a model of AutoGluon, and so of TabArena.

``TabularPredictor(label).fit(train, hyperparameters={SNNModel: {}})`` trains it; the
dict takes the estimators' parameters. AutoGluon is no extra of this package, since it
wants older versions of pandas and pyarrow: ``pip install autogluon.tabular`` in an
environment of its own, before this package.
"""

from autogluon.core.models import AbstractModel


class SNNModel(AbstractModel):
    """Default networks, within AutoGluon's limits of time and resources.

    They take strings, missing values and dates themselves, so that nothing is
    prepared. With validation rows all members stop by these; without any, as when
    AutoGluon fits again on all rows, each by a fold of its own. They stop by the loss,
    whatever the predictor's metric is.
    """

    ag_key = "SNN"
    ag_name = "SNN"
    seed_name = "random_state"
    _supported_problem_types = ("binary", "multiclass", "regression")

    def _fit(
        self,
        X,
        y,
        X_val=None,
        y_val=None,
        time_limit=None,
        sample_weight=None,
        sample_weight_val=None,
        num_cpus=1,
        num_gpus=0,
        **kwargs,
    ):
        """Fit on a frame; what else AutoGluon hands over is not used."""
        # Its processes import what they train, and no more.
        from sklearn_snn import SNNClassifier, SNNRegressor

        is_number = self.problem_type == "regression"
        given = {
            "n_threads": num_cpus,
            "device": "cuda" if num_gpus else "cpu",
            "time_limit": time_limit,
        }
        model = SNNRegressor if is_number else SNNClassifier
        self.model = model(**given | self._get_model_params())
        X = self.preprocess(X, is_train=True)
        if X_val is not None:
            X_val = self.preprocess(X_val)
        self.model.fit(
            X,
            y,
            sample_weight,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    def _get_default_auxiliary_params(self):
        """No columns of text and paths, which AutoGluon calls objects."""
        types = {"valid_raw_types": ["bool", "int", "float", "category", "datetime"]}
        return super()._get_default_auxiliary_params() | types

    def _more_tags(self):
        return {"can_refit_full": True}
