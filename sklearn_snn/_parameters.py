"""Parameters that both estimators have: their allowed ranges and their description."""

from numbers import Integral, Real
from os import PathLike

from sklearn_snn._compat import HasMethods, Interval, ScorerNames, StrOptions

CONSTRAINTS = {
    "depth": [Interval(Integral, 1, None, closed="left")],
    "width": [Interval(Integral, 1, None, closed="left")],
    "layer_form": [StrOptions({"rectangular", "conic"})],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "n_estimators": [Interval(Integral, 1, None, closed="left")],
    "cv": ["cv_object"],
    "oof_score": ["boolean"],
    "refit": ["boolean"],
    "solver": [StrOptions({"adamw", "sgd"})],
    "learning_rate_init": [
        StrOptions({"auto"}),
        Interval(Real, 0, None, closed="neither"),
    ],
    "learning_rate": [StrOptions({"cosine", "constant"})],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": [StrOptions({"auto", "joint"}), "boolean"],
    "scoring": [ScorerNames("loss"), callable, None],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_bins": [Interval(Integral, 1, None, closed="left")],
    "preprocessor": [StrOptions({"auto"}), HasMethods(["fit", "transform"]), None],
    "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
    "callbacks": [list, tuple, None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "device": [str],
    "dtype": [StrOptions({"float32", "float64"})],
    "mixed_precision": ["boolean"],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    "time_limit": [Interval(Real, 0, None, closed="neither"), None],
    "checkpoint": [str, PathLike, None],
    "checkpoint_interval": [Interval(Real, 0, None, closed="left")],
}

_NETWORK = """\
    depth : int, default=3
        Number of hidden layers, at least 1.
    width : int, default=64
        Units of the first hidden layer, at least 1.
    layer_form : {"rectangular", "conic"}, default="rectangular"
        Hidden layers of equal size, or sizes that go geometrically from `width` to the
        number of outputs; appendix A4 of [1]_.
    dropout : float, default=0.0
        Rate of alpha dropout after each hidden layer, in [0, 1). Rates above 0.1 are
        rarely of use.
    n_estimators : int, default=8
        Networks that are trained side by side and averaged, at least 1. They differ
        in their random numbers and, with early stopping, in the rows that they are
        validated on.
    cv : int, cross-validation generator or iterable, default=None
        Splits that say which rows each network is trained on and which ones it is
        validated on (unless `X_val` is given, or early stopping is off); networks
        beyond the number of splits start over at the first.
        None holds out `validation_fraction` of the rows for a single network, and
        makes ``round(1 / validation_fraction)`` folds for several: at least 2, at most
        one for each row or group. Folds of None and of a number keep `groups` together.
    oof_score : bool, default=False
        Whether to predict each row with the networks that never saw it. Every network
        then leaves out a fold, with early stopping or without, and a `preprocessor` of
        your own is fitted inside the folds.
    refit : bool, default=False
        Whether to train the networks again, on all rows, for the number of epochs that
        was best on average over the folds. Without early stopping there is no such
        number, and nothing is done, even if `cv` or `oof_score` leaves rows out.
"""

_TRAINING = """\
    solver : {"adamw", "sgd"}, default="adamw"
        Adam with decoupled weight decay, or the paper's plain gradient descent. With
        Adam the inputs of classifiers have scales that are trained, from ten columns
        on; they are part of the first layer when training is done.
    learning_rate_init : float or "auto", default="auto"
        Peak step size, positive. ``"auto"`` is 0.003 for up to 8 hidden layers, and
        ``0.003 * 8 / depth`` for more: the deeper a network, the smaller the steps that
        it bears.
    learning_rate : {"cosine", "constant"}, default="cosine"
        How the step size changes: a short linear rise and half a cosine down to 0 over
        `max_iter` epochs, or not at all.
    weight_decay : float, default=0.01
        Share of a weight that is lost per unit of step size, at least 0.
"""

_STOPPING = """\
    batch_size : int or "auto", default="auto"
        Rows per step, at least 1; capped at the number of training rows. ``"auto"``
        grows from 16 to 256 with the number of rows.
    max_iter : int, default=256
        Maximum number of epochs, at least 1.
    early_stopping : bool, "auto" or "joint", default="auto"
        Whether to stop when the validation score no longer improves, and to keep the
        weights of the best epoch. Several networks stop each on its own, or with
        ``"joint"`` together, when their mean score no longer improves; where that is
        the loss, outputs are scaled down as far as is best for it, since the mean of
        several networks is less sure than one, and weights are those of the last epoch
        within 0.5 % of the best. ``"auto"`` is ``"joint"`` for several networks from
        1,000 rows on and with `oof_score`, and True for several with fewer rows, with
        `callbacks`, or of different sizes; a single one stops early from 1,000 rows
        on, and where `X_val`, `cv` or `oof_score` is given.
    scoring : str, callable or None, default="loss"
        Validation score: the loss, the name of one of scikit-learn's scorers, a scorer
        (which may ask for predictions of the rows that it is given, only), or None for
        the estimator's `score`.
    validation_fraction : float, default=0.125
        Share of the rows to hold out, in (0, 1); not used with `cv`, nor with `X_val`
        unless `oof_score` is True.
    n_iter_no_change : int or "auto", default="auto"
        Epochs without improvement after which to stop, at least 1. ``"auto"`` is 8
        more than the best epoch, and at most 20: an early best is rarely beaten late.
        For networks that stop together it is 4 more, and at most 10.
    tol : float, default=0.0
        Difference of scores that counts as improvement, at least 0.
"""

_DATA = """\
    preprocessor : "auto", None or transformer, default="auto"
        ``"auto"`` is a `TabularPreprocessor`, which takes numbers, categories, dates
        and missing values; None hands `X`, of numbers, to the network as it is. A
        transformer is cloned and fitted on the training rows.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns that are categories to ``preprocessor="auto"``: those of strings,
        booleans and categories, or names, indices or a mask of them, or none.
    n_bins : int, default=64
        Maximum number of pieces of the piecewise linear encoding added to each numeric
        column; 1 turns it off. It needs ``preprocessor="auto"`` or a
        `TabularPreprocessor`. There are fewer pieces where there are few rows (50 for
        each piece, beyond 16 pieces 600) or many columns. The ends of the pieces are
        quantiles. Every fourth network is trained without them, since they hurt where a
        function is smooth; where the loss of these is much lower, all are retrained
        without.
    callbacks : list of skorch callbacks or None, default=None
        With a list, networks are trained one by one as ordinary skorch nets, each with
        copies of the callbacks. For scikit-learn's, call `set_callbacks`.
    warm_start : bool, default=False
        Whether `fit` goes on from the last one, up to `max_iter` epochs in total.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order of rows, dropout and validation rows. None takes
        fresh numbers from the operating system, never numpy's global ones.
    verbose : int or bool, default=False
        Whether to show how far training is: one live bar in a terminal or a notebook,
        a line per tenth of the epochs in a file.
    device : str, default="auto"
        ``"auto"`` (an NVIDIA GPU if torch sees one), ``"cpu"``, ``"cuda"``,
        ``"cuda:1"``, ``"mps"``.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the network.
    mixed_precision : bool, default=False
        Whether the matrix products of training are computed in bfloat16, with weights,
        their updates and predictions in float32. It saves time with hidden layers of
        some hundred units, on GPUs and processors that have units for it (``lscpu``
        shows avx512_bf16 or amx_bf16); elsewhere there is a warning, and all is
        float32.
    n_threads : int or None, default=None
        Maximum number of threads, at least 1; never more than the process uses already.
        None chooses by the size of a step.
    time_limit : float or None, default=None
        Maximum seconds of training, positive. The schedule ends in time, and the best
        weights so far are kept.
    checkpoint : str, path-like or None, default=None
        Folder for the state of training. A fit that was killed, or ended by Ctrl-C, and
        is started again with the same parameters and data goes on from what was last
        written, and ends with the same weights to the bit (but for `time_limit`, which
        starts anew). The file, named by a hash of both, is removed when the fit is
        done. Neither `partial_fit` nor the stacks of this package's searches write any.
    checkpoint_interval : float, default=300.0
        Minimum seconds between checkpoints; 0 writes one per epoch.
"""

_ATTRIBUTES = """\
    networks_ : list of FittedNetwork
        Weights and training record of each network, as numpy arrays.
    preprocessor_ : transformer or None
        Fitted preprocessor.
    pieces_ : namedtuple of ndarray or None
        Ends and slopes of the pieces.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of features seen in `fit`, if all of them are strings.
    n_outputs_ : int
        Number of outputs of the network.
    n_layers_ : int
        Number of layers, input and output included.
    out_activation_ : str
        Inverse link of the loss.
    n_iter_ : int
        Epochs trained; of several networks, the most. Each one's own number, and the
        epoch that its weights come from, are ``networks_[i].n_iter`` and
        ``networks_[i].best_epoch``.
    loss_curve_ : list of float
        Training loss after each epoch; of several networks the mean, for which one
        that has stopped stays where it was.
    validation_scores_ : list of float or None
        Validation score after each epoch, greater is better, likewise; None without
        early stopping. With `refit` it tells of the networks on the folds.
    best_validation_score_ : float or None
        Validation score of the epoch whose weights are kept; of several networks, the
        mean of theirs. With `refit` it tells of the networks on the folds.
    {oof_attribute} : ndarray of shape (n_samples, ...)
        With `oof_score`, what the networks that never saw a row predict for it,
        averaged; NaN for rows that no network has left out, such as rows of weight 0
        if the folds are not the user's own.
    oof_score_ : float
        With `oof_score`, the estimator's `score` of these predictions.
    member_preprocessors_ : list of transformer or None
        Each network's own, where a preprocessor learns from the target: one that you
        passed, with `oof_score`; the default one, whenever rows are held out, if it has
        target means of categories with many levels.
    callbacks_ : list of list
        Copies of the skorch callbacks that each network was trained with.
    modules_ : list of torch.nn.Sequential
        The trained networks, made when they are asked for.
"""

_PLACEHOLDERS = {
    "    {network}\n": _NETWORK,
    "    {training}\n": _TRAINING,
    "    {stopping}\n": _STOPPING,
    "    {data}\n": _DATA,
    "    {attributes}\n": _ATTRIBUTES,
}


def describe_parameters(cls):
    """Class decorator that fills the shared descriptions into a docstring."""
    for placeholder, text in _PLACEHOLDERS.items():
        text = text.replace("{oof_attribute}", cls._oof_attribute)
        cls.__doc__ = cls.__doc__.replace(placeholder, text)
    return cls
