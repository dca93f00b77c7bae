"""The estimators that are compared, all default.

Each takes a raw DataFrame and gets no more preparation than its documentation asks for.
Labels come as integers from 0, which XGBoost insists on. Packages are imported when one
of their models is made: those of a peer that is not asked for need not be there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

NUMBERS = make_column_selector(dtype_include="number")
STRINGS = make_column_selector(dtype_exclude="number")


@dataclass
class Setting:
    """What a model is made for; `X` holds the training rows."""

    is_regression: bool
    X: pd.DataFrame
    seed: int
    n_threads: int

    def choose(self, classifier, regressor):
        """The class for the task."""
        return regressor if self.is_regression else classifier


@dataclass
class Method:
    """How to make a model, and the packages that its results depend on."""

    make: Callable[[Setting], BaseEstimator]
    packages: list[str] = field(default_factory=list)


# Preparation ------------------------------------------------------------------------


class StringsAsCategories(TransformerMixin, BaseEstimator):
    """Strings as pandas' categories, the rarest and unseen ones as missing values.

    Parameters
    ----------
    max_levels : int, default=None
        How many levels of a column are kept; all if None.
    """

    def __init__(self, max_levels=None):
        self.max_levels = max_levels

    def fit(self, X, y=None):
        self.dtypes_ = {
            name: pd.CategoricalDtype(
                X[name].value_counts().index[: self.max_levels].astype(object)
            )
            for name in STRINGS(X)
        }
        return self

    def transform(self, X):
        strings = {
            name: X[name].astype(object).where(X[name].isin(dtype.categories))
            for name, dtype in self.dtypes_.items()
        }
        return X.assign(**strings).astype(self.dtypes_)


class MissingAsLevel(TransformerMixin, BaseEstimator):
    """Missing strings as one more string."""

    def fit(self, X, y=None):
        self.columns_ = STRINGS(X)
        return self

    def transform(self, X):
        strings = X[self.columns_].astype(object).fillna("nan")
        return X.assign(**{name: strings[name] for name in self.columns_})


def with_scaled_target(regressor):
    """A regressor that sees targets of mean 0 and variance 1."""
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


# Ours -------------------------------------------------------------------------------


def snn(setting):
    # The package imports torch and the training only when a model is fitted.
    import sklearn_snn._training  # noqa: F401
    from sklearn_snn import SNNClassifier, SNNRegressor

    model = setting.choose(SNNClassifier, SNNRegressor)
    return model(random_state=setting.seed)


# scikit-learn -----------------------------------------------------------------------


def multilayer_perceptron(setting):
    """Scikit-learn's MLP of either task."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return setting.choose(MLPClassifier, MLPRegressor)(random_state=setting.seed)


def mlp(setting):
    scaled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10)
    prepared = make_column_transformer((scaled, NUMBERS), (one_hot, STRINGS))
    model = multilayer_perceptron(setting)
    pipeline = make_pipeline(MissingAsLevel(), prepared, model)
    return with_scaled_target(pipeline) if setting.is_regression else pipeline


def random_forest(setting):
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepared = make_column_transformer(
        (SimpleImputer(add_indicator=True), NUMBERS), (ordinal, STRINGS)
    )
    model = setting.choose(RandomForestClassifier, RandomForestRegressor)
    return make_pipeline(
        MissingAsLevel(),
        prepared,
        model(random_state=setting.seed, n_jobs=setting.n_threads),
    )


def hist_gradient_boosting(setting):
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    model = setting.choose(
        HistGradientBoostingClassifier, HistGradientBoostingRegressor
    )
    return make_pipeline(
        StringsAsCategories(max_levels=255),  # its limit
        model(categorical_features="from_dtype", random_state=setting.seed),
    )


# Gradient boosting ------------------------------------------------------------------


def lightgbm(setting):
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = setting.choose(LGBMClassifier, LGBMRegressor)(
        random_state=setting.seed, n_jobs=setting.n_threads, verbose=-1
    )
    return make_pipeline(StringsAsCategories(), model)


def xgboost(setting):
    from xgboost import XGBClassifier, XGBRegressor

    model = setting.choose(XGBClassifier, XGBRegressor)(
        enable_categorical=True, random_state=setting.seed, n_jobs=setting.n_threads
    )
    return make_pipeline(StringsAsCategories(), model)


def catboost(setting, **parameters):
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = setting.choose(CatBoostClassifier, CatBoostRegressor)(
        cat_features=STRINGS(setting.X),
        random_seed=setting.seed,
        thread_count=setting.n_threads,
        verbose=False,
        allow_writing_files=False,
        **parameters,
    )
    return make_pipeline(MissingAsLevel(), model)


# skrub ------------------------------------------------------------------------------


def skrub(setting):
    """What its `tabular_pipeline` is by default: gradient boosting of scikit-learn."""
    from skrub import tabular_pipeline

    pipeline = tabular_pipeline(setting.choose("classifier", "regressor"))
    pipeline[-1].set_params(random_state=setting.seed)
    return pipeline


def skrub_mlp(setting):
    from skrub import tabular_pipeline

    pipeline = tabular_pipeline(multilayer_perceptron(setting))
    return with_scaled_target(pipeline) if setting.is_regression else pipeline


# pytabkit ---------------------------------------------------------------------------


def realmlp(setting, **parameters):
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    model = setting.choose(RealMLP_TD_Classifier, RealMLP_TD_Regressor)
    return pytabkit_pipeline(model, setting, **parameters)


def realmlp_log_loss(setting, **parameters):
    """RealMLP as its documentation advises where log-loss or AUC matter."""
    advised = {"val_metric_name": "cross_entropy", "use_ls": False}
    return realmlp(setting, **advised, **parameters)


def tabm(setting):
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    return pytabkit_pipeline(
        setting.choose(TabM_D_Classifier, TabM_D_Regressor), setting
    )


def pytabkit_pipeline(model, setting, **parameters):
    """A model of pytabkit, which takes strings but no missing numbers."""
    prepared = make_column_transformer(
        (SimpleImputer(add_indicator=True), NUMBERS),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return make_pipeline(
        MissingAsLevel(),
        prepared,
        model(
            device="cpu",
            random_state=setting.seed,
            n_threads=setting.n_threads,
            **parameters,
        ),
    )


#: By name, the quick ones first.
METHODS = {
    "hist_gradient_boosting": Method(hist_gradient_boosting),
    "lightgbm": Method(lightgbm, ["lightgbm"]),
    "xgboost": Method(xgboost, ["xgboost"]),
    "random_forest": Method(random_forest),
    "mlp": Method(mlp),
    "catboost": Method(catboost, ["catboost"]),
    "skrub": Method(skrub, ["skrub"]),
    "skrub_mlp": Method(skrub_mlp, ["skrub"]),
    "snn": Method(snn),
    "realmlp": Method(realmlp, ["pytabkit"]),
    "realmlp_log_loss": Method(realmlp_log_loss, ["pytabkit"]),
    "tabm": Method(tabm, ["pytabkit"]),
}
