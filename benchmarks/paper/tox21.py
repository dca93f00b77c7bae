"""Tox21: twelve assays, in which most compounds were tried on some only.

The training compounds are cut into five folds by canonical SMILES. What learns from
four of them is tested on the fifth, on the compounds of the leaderboard, and on those
of the final test where their labels are there. Networks have an output for each assay;
of the other methods a model is fitted for each.
"""

from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold, ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.paper import members
from benchmarks.paper.architectures import KINDS, OTHER_SHAPE
from benchmarks.paper.auc import auc, dense_ranks, label_string
from benchmarks.paper.compounds import (
    N_FOLDS,
    TRAIN,
    CommonColumns,
    Compounds,
    grouped_folds,
    read_splits,
)
from benchmarks.paper.htru2 import OTHERS, plain, scores
from benchmarks.paper.loop import Data, Network, Training, predict, train
from benchmarks.paper.networks import NetworkClassifier
from sklearn_snn import (
    SNNClassifier,
    SNNHalvingRandomSearchCV,
    TabularPreprocessor,
    masked_scorer,
    search_space,
)
from sklearn_snn._losses import BinaryCrossEntropy

DEPTHS = [2, 3, 4, 6, 8, 16, 32]
WIDTH = 128
#: Our loss is a mean over twelve assays: the paper's 0.01 to 0.1 of a sum, most likely.
LEARNING_RATES = [0.1, 0.5]
#: The paper's rates, but for an SNN's (0.05 and 0.1): the fewer the units, the more a
#: rate harms deep networks. Kinds that it ran without dropout have two shapes instead.
DROPOUT = {
    "snn": [0.0, 0.05],
    "relu": [0.0, 0.5],
    "layer_norm": [0.0, 0.5],
    "weight_norm": [0.0, 0.5],
    "highway": [0.0, 0.5],
}
L2 = 1e-4
CHOSEN = ["shape", "dropout", "learning_rate"]
#: Of as many parts of the training rows one validates.
N_PARTS = 8
#: The fold that the compounds left to test on have the name of.
HELD_OUT = "fold"


@dataclass
class Rows:
    """Compounds to train on, to validate on, and those to test on by name."""

    train: Compounds
    validation: Compounds
    test: dict[str, Compounds]

    def joined(self):
        """Training and validation compounds."""
        X, y, group = zip(
            *((part.X, part.y, part.group) for part in (self.train, self.validation)),
            strict=True,
        )
        return Compounds(pd.concat(X), np.concatenate(y), np.concatenate(group))


def split_rows(splits, fold):
    """Compounds of a fold, with the columns that its training compounds make common."""
    training = splits[TRAIN]
    learned, held_out = grouped_folds(training)[fold]
    learned, held_out = training[learned], training[held_out]
    parts = GroupKFold(N_PARTS, shuffle=True, random_state=fold)
    train_rows, validation = next(parts.split(learned.y, groups=learned.group))
    columns = CommonColumns().fit(learned.X.iloc[train_rows])
    others = {name: part for name, part in splits.items() if name != TRAIN}
    return Rows(
        learned[train_rows].with_columns(columns),
        learned[validation].with_columns(columns),
        {
            name: part.with_columns(columns)
            for name, part in {HELD_OUT: held_out, **others}.items()
        },
    )


def all_jobs():
    """Fold by fold; of each the self-normalizing networks go first."""
    groups = [
        [*product(["snn_members", "snn_paper"], DEPTHS), ("snn_one", None)],
        [(name, None) for name in ["hist_gradient_boosting", "random_forest"]],
        [*product([f"{kind}_members" for kind in OTHERS], DEPTHS)],
        [*product([f"{kind}_paper" for kind in OTHERS], DEPTHS)],
        [("snn_tuned", None), ("svm", None)],
    ]
    return [
        {"method": name, "depth": depth, "fold": fold}
        for fold in range(N_FOLDS)
        for group in groups
        for name, depth in group
    ]


def measure(job):
    """AUC of each assay, on each set of compounds."""
    rows, seed = split_rows(read_splits(), job["fold"]), job["fold"]
    depth = {} if job["depth"] is None else {"depth": job["depth"]}
    predict_proba, chosen = METHODS[job["method"]](rows, seed, **depth)
    return {
        "seed": seed,
        "n_train": len(rows.train),
        "n_features": rows.train.X.shape[1],
        "chosen": chosen,
        "auc": {
            name: areas(part.y, predict_proba(part.X))
            for name, part in rows.test.items()
        },
        "order": {
            name: in_order(part.y, predict_proba(part.X))
            for name, part in rows.test.items()
            if name != HELD_OUT and not np.isnan(part.y).all()
        },
    }


def areas(y, proba):
    """AUC of each assay, None where there are not both labels."""
    found = [auc(*pair).area for pair in zip(y.T, proba.T, strict=True)]
    return [None if np.isnan(area) else round(area, 6) for area in found]


def in_order(y, proba):
    """Labels and ranks of all compounds, assay by assay."""
    return {
        "labels": [label_string(label) for label in y.T],
        "ranks": [dense_ranks(score) for score in proba.T],
    }


def mean_area(y, proba):
    """Mean over assays that have both labels; below any other if it is not finite."""
    if not np.isfinite(proba).all():
        return -1.0
    return float(np.mean([area for area in areas(y, proba) if area is not None]))


# Methods: how to predict, and what was chosen on the way ----------------------------


def paper_network(kind, rows, seed, depth):
    """The best of four networks of some depth, as the paper trains them."""
    preprocessor = TabularPreprocessor(dtype="float32")
    X = preprocessor.fit_transform(rows.train.X)
    X_val = preprocessor.transform(rows.validation.X)
    parts = X, rows.train.y, X_val, rows.validation.y
    trained = train(depth_candidates(kind, depth, seed), Data(*map(tensor, parts)), SGD)
    validation = [
        mean_area(rows.validation.y, predict([one], tensor(X_val), SGD)[0])
        for one in trained
    ]
    best = trained[int(np.argmax(validation))]

    def predict_raw(X):
        return predict([best], tensor(preprocessor.transform(X)), SGD)[0]

    chosen = {name: getattr(best.network, name) for name in CHOSEN}
    chosen |= {"epochs": best.best_epoch, "validation_auc": max(validation)}
    return predict_raw, chosen


def depth_candidates(kind, depth, seed):
    """Two step sizes by two rates of dropout or, without it, two shapes."""
    shapes = ["rectangular"]
    if kind not in DROPOUT:
        shapes.append(OTHER_SHAPE[kind])
    return [
        Network(
            kind=kind,
            depth=depth,
            width=WIDTH,
            shape=shape,
            dropout=dropout,
            learning_rate=learning_rate,
            weight_decay=L2,
            seed=seed,
        )
        for shape, dropout, learning_rate in product(
            shapes, DROPOUT.get(kind, [0.0]), LEARNING_RATES
        )
    ]


#: Gradient descent, stopped by the smoothed loss.
SGD = Training(
    n_outputs=12,
    loss=BinaryCrossEntropy(),
    solver="sgd",
    schedule="constant",
    batch_size=128,
    max_iter=100,
    n_iter_no_change=10,
    smoothing=10,
    zero_output=False,
)


def tensor(values):
    return torch.as_tensor(values, dtype=torch.float32)


def snn_one(rows, seed):
    """One network of the library, stopped on the validation compounds."""
    validation = {"X_val": rows.validation.X, "y_val": rows.validation.y}
    model = SNNClassifier(n_estimators=1, random_state=seed)
    model.fit(rows.train.X, rows.train.y, **validation)
    return model.predict_proba, {"epochs": model.n_iter_}


def snn_members(rows, seed, **parameters):
    """The library's default, or with other parameters; folds keep compounds whole."""
    known = rows.joined()
    model = SNNClassifier(random_state=seed, **parameters)
    model.fit(known.X, known.y, groups=known.group)
    return model.predict_proba, {"epochs": model.n_iter_}


def snn_tuned(rows, seed):
    """Members, with parameters from the library's own search by halving."""
    known = rows.joined()
    n_train = len(rows.train)
    search = SNNHalvingRandomSearchCV(
        SNNClassifier(n_estimators=1, early_stopping=True, random_state=seed),
        search_space("tabular", n_samples=n_train),
        n_candidates=members.N_CANDIDATES,
        scoring=masked_scorer("roc_auc"),
        cv=[(np.arange(n_train), np.arange(n_train, len(known)))],
        random_state=seed,
        refit=False,
    ).fit(known.X, known.y)
    best = plain(search.best_params_)
    best.pop("max_iter")
    predict_proba, chosen = snn_members(rows, seed, **best)
    return predict_proba, best | chosen


def other_members(kind, rows, seed, depth):
    """Networks of another kind in place of the default classifier's."""
    known, parameters = rows.joined(), members.defaults() | {"depth": depth}
    # Of tables as wide as this one the library makes no pieces.
    parameters.pop("n_bins")
    preprocessor = TabularPreprocessor(dtype="float32")
    model = NetworkClassifier(kind, **parameters, random_state=seed)
    model.fit(preprocessor.fit_transform(known.X), known.y, groups=known.group)

    def predict_proba(X):
        return model.predict_proba(preprocessor.transform(X))

    return predict_proba, {
        "epochs": max(len(one.loss_curve) for one in model.networks_)
    }


def one_an_assay(make, grid, rows, seed):
    """A model of scikit-learn for each assay; all have the same parameters."""

    def fit(compounds, parameters):
        return [
            make(seed, **parameters).fit(compounds.X[known], label[known])
            for label in compounds.y.T
            for known in [~np.isnan(label)]
        ]

    def area(parameters):
        models = fit(rows.train, parameters)
        validation = rows.validation
        return mean_area(validation.y, side_by_side(models, validation.X))

    found = list(ParameterGrid(grid))
    best = max(found, key=area) if len(found) > 1 else found[0]
    return partial(side_by_side, fit(rows.joined(), best)), best


def side_by_side(models, X):
    """Scores of models, a column each."""
    return np.column_stack([scores(model, X) for model in models])


def forest(seed, **parameters):
    model = RandomForestClassifier(300, random_state=seed, **parameters)
    return make_pipeline(SimpleImputer(strategy="median"), model)


def boosting(seed, **parameters):
    return HistGradientBoostingClassifier(
        early_stopping=False, random_state=seed, **parameters
    )


def svm(seed, **parameters):
    model = SVC(class_weight="balanced", cache_size=500, **parameters)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), model)


#: By name; called with rows, a seed and, where there is a sweep over it, a depth.
METHODS = {
    "snn_members": snn_members,
    **{f"{kind}_members": partial(other_members, kind) for kind in OTHERS},
    **{f"{kind}_paper": partial(paper_network, kind) for kind in KINDS},
    "snn_one": snn_one,
    "snn_tuned": snn_tuned,
    "hist_gradient_boosting": partial(
        one_an_assay,
        boosting,
        {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [7, 31]},
    ),
    "random_forest": partial(
        one_an_assay,
        forest,
        {"max_features": ["sqrt", 0.1], "min_samples_leaf": [1, 3]},
    ),
    "svm": partial(one_an_assay, svm, {"C": [1.0, 10.0]}),
}
