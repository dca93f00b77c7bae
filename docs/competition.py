"""From raw files to a submission, as in a tabular competition.

``python docs/competition.py train.csv test.csv TARGET submission.csv`` reads both files
as they are, fits the default networks on folds of its own rows, shows where they err,
searches for other parameters, blends the mean of both with scikit-learn's boosted trees
by their out-of-fold predictions, and writes a prediction for each row of the test file.
A target of numbers with more than 20 values is a regression, any other one has classes.
``--id COLUMN`` names an identifier: it is not used as a feature and becomes the first
column of the submission.

The search takes `--minutes` at most. What it finds is fitted as the defaults are, five
networks each, and trees six times: 10 seconds in all for 1,500 rows of `adult`, and a
minute for 36,000; more where the search finds that larger networks are better.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict

from sklearn_snn import (
    SNNClassifier,
    SNNHalvingRandomSearchCV,
    SNNRegressor,
    search_space,
)


def main():
    """Do all that is said above."""
    options = parse_arguments()
    train = pd.read_csv(options.train, index_col=options.id)
    train = train.dropna(subset=options.target)
    X, y = train.drop(columns=options.target), train[options.target]
    test = pd.read_csv(options.test, index_col=options.id)[X.columns]
    is_regression = y.dtype.kind in "fiu" and y.nunique() > 20
    splitter = (KFold if is_regression else StratifiedKFold)(5, shuffle=True)
    folds = list(splitter.split(X, y))

    make = SNNRegressor if is_regression else SNNClassifier
    default = fit_members(make, {}, X, y, folds)
    report("default networks", y, held_out([default]))
    show_errors(X, y, held_out([default]))
    found = search(make, X, y, options)
    tuned = fit_members(make, found, X, y, folds)
    report("tuned networks", y, held_out([tuned]))
    # The best of many candidates is partly the luckiest; on average the mean is better.
    networks = [default, tuned]
    report("mean of both", y, held_out(networks))

    blend = blended(networks, boosted_trees(is_regression), X, y, folds, test)
    names = [options.target] if is_regression else default.classes_
    pd.DataFrame(blend, test.index, names).to_csv(options.submission)
    print(f"\nwrote {len(test)} predictions to {options.submission}")


def fit_members(make, parameters, X, y, folds):
    """Networks that each leave one of our own folds out, and predict it."""
    model = make(n_estimators=len(folds), cv=folds, oof_score=True, random_state=0)
    return model.set_params(**parameters).fit(X, y)


def search(make, X, y, options):
    """Parameters that are best for a single network; the ensemble then has them."""
    halving = SNNHalvingRandomSearchCV(
        make(n_estimators=1, early_stopping=True, random_state=0),
        search_space("tabular", n_samples=len(X)),
        n_candidates=options.candidates,
        cv=3,
        scoring=None if make is SNNRegressor else "neg_log_loss",
        refit=False,
        random_state=0,
        time_limit=60 * options.minutes,
    )
    with warnings.catch_warnings():
        # That schedules end in time is what we want.
        warnings.simplefilter("ignore", ConvergenceWarning)
        halving.fit(X, y)
    print(f"best of {halving.n_candidates_[0]} candidates: {halving.best_params_}\n")
    return halving.best_params_


def blended(networks, trees, X, y, folds, test):
    """Predictions for the test rows, of the networks and of trees."""
    is_regression = isinstance(networks[0], SNNRegressor)
    method = "predict" if is_regression else "predict_proba"
    of_trees = cross_val_predict(trees, categories(X), y, cv=folds, method=method)
    report("boosted trees", y, of_trees)
    share = best_share(y, held_out(networks), of_trees)
    together = share * held_out(networks) + (1 - share) * of_trees
    report(f"blend, {share:.0%} networks", y, together)
    trees.fit(categories(X), y)
    of_networks = np.mean([getattr(model, method)(test) for model in networks], axis=0)
    of_trees = getattr(trees, method)(categories(test, X))
    return share * of_networks + (1 - share) * of_trees


def parse_arguments():
    """Files, and how long to search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", help="csv file with the target")
    parser.add_argument("test", help="csv file without")
    parser.add_argument("target", help="name of its column")
    parser.add_argument("submission", help="csv file to write")
    parser.add_argument(
        "--id", help="identifier: no feature, but the first column of the submission"
    )
    parser.add_argument("--minutes", type=float, default=0.5, help="of the search")
    parser.add_argument("--candidates", type=int, default=12, help="of the search")
    return parser.parse_args()


def held_out(models):
    """Mean prediction for each training row, by members that never saw it."""
    return np.mean([held_out_of(model) for model in models], axis=0)


def held_out_of(model):
    """Predictions for the training rows, by the members that never saw them."""
    if hasattr(model, "oof_prediction_"):
        return model.oof_prediction_.astype(float)
    proba = model.oof_decision_function_.astype(float)
    return proba / proba.sum(axis=1, keepdims=True)


def loss(y, predicted):
    """RMSE of numbers, log-loss of probabilities."""
    if predicted.ndim == 1:
        return root_mean_squared_error(y, predicted)
    return log_loss(y, predicted, labels=np.unique(y))


def report(name, y, predicted):
    """Print how good out-of-fold predictions are."""
    print(f"{name:24} {loss(y, predicted):10.5g}  (out of fold)", flush=True)


def show_errors(X, y, predicted, n_rows=5):
    """Print the rows that are predicted worst."""
    if predicted.ndim == 1:
        worst = np.argsort(-np.abs(predicted - y.to_numpy()))[:n_rows]
        columns = {"target": y.iloc[worst], "predicted": predicted[worst]}
    else:
        place = np.searchsorted(np.unique(y), y)
        likely = predicted[np.arange(len(y)), place]
        worst = np.argsort(likely)[:n_rows]
        columns = {"target": y.iloc[worst], "its probability": likely[worst]}
    shown = X.iloc[worst, :4].assign(**columns)
    print(f"\npredicted worst:\n{shown.to_string()}\n")


def boosted_trees(is_regression):
    """scikit-learn's boosted trees, which take categories from the types."""
    if is_regression:
        return HistGradientBoostingRegressor(random_state=0)
    return HistGradientBoostingClassifier(random_state=0)


def categories(X, seen=None):
    """Strings as categories, of at most 254 levels, the most frequent ones."""
    X, seen = X.copy(), X if seen is None else seen
    for name in X.select_dtypes(exclude="number"):
        frequent = seen[name].value_counts().index[:254]
        known = X[name].where(X[name].isin(frequent))
        X[name] = pd.Categorical(known, categories=frequent)
    return X


def best_share(y, of_networks, of_trees):
    """Weight of the networks with which the loss of the blend is least."""
    shares = np.linspace(0, 1, 21)
    losses = [loss(y, share * of_networks + (1 - share) * of_trees) for share in shares]
    return shares[int(np.argmin(losses))]


if __name__ == "__main__":
    main()
