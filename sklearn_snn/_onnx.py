"""Estimators as ONNX graphs: preprocessing, all networks and their links in one."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from sklearn_snn._base import BaseSNN
from sklearn_snn._files import write_atomically
from sklearn_snn._onnx_graph import Graph, Tensor
from sklearn_snn._parts import MICROSECONDS_OF_A_DAY as _DAY
from sklearn_snn._preprocessing import TabularPreprocessor
from sklearn_snn._scaling import FARTHEST, inverse
from sklearn_snn._selu import ALPHA, SCALE

#: What stands for a missing date, as in numpy.
_NOT_A_TIME = np.iinfo(np.int64).min

#: Type and meaning of the input of a column.
_INPUTS = {
    "number": (np.float64, "number; NaN is missing"),
    "duration": (np.float64, "number of days; NaN is missing"),
    "date": (np.int64, "microseconds since 1970 in UTC; the least int64 is missing"),
    "text": (str, "category; the empty string is missing"),
    "numeric category": (np.float64, "category that is a number; NaN is missing"),
}


def to_onnx(estimator, path):
    """Write an estimator as an ONNX graph, for runtimes other than Python.

    The graph does all that `predict` and `predict_proba` do: it takes raw columns,
    preprocesses them, runs every network and averages what they say. It takes any
    number of rows at once.

    Parameters
    ----------
    estimator : SNNClassifier or SNNRegressor
        A fitted one; its `preprocessor` is a `TabularPreprocessor`, as by default, or
        None.
    path : str or path-like
        The file, for example ``"model.onnx"``. One that is there is replaced when the
        new one is complete.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    TypeError
        If this is another estimator or it has another preprocessor.
    OSError
        If the file cannot be written.
    ValueError
        If the levels of a category, or the classes, have no type in ONNX.
    ImportError
        If onnx is missing, which the extra ``onnx`` brings.

    See Also
    --------
    save : Writes an estimator for Python.

    Notes
    -----
    Inputs, each of them of shape (n_samples, 1) and named as its column (``x0``, ``x1``
    and so on where columns have no names); columns that were constant in training are
    not asked for:

    ================================== ====== =====================================
    column in training                 type   values
    ================================== ====== =====================================
    numbers                            double NaN where missing; timedeltas in days
    dates, timestamps                  int64  microseconds since 1970 in UTC;
                                              -2**63 (NaT) where missing
    categories that are strings        string ``""`` where missing; other objects
                                              as `str` writes them
    categories that are numbers, bools double NaN where missing; 0 and 1 for bools
    ================================== ====== =====================================

    An array of numbers without column names is one input ``X`` of shape (n_samples,
    n_features): of type double and with NaN where missing, or with
    ``preprocessor=None`` of the type of the network. Nothing is checked: infinity
    counts as a very large number.

    Outputs are ``label`` and ``probabilities`` (double) of a classifier, and
    ``prediction`` (double) of a regressor, in the shapes of `predict` and
    `predict_proba`.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_snn import SNNClassifier, to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SNNClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> import onnxruntime
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.onnx")
    ...     to_onnx(model, path)
    ...     session = onnxruntime.InferenceSession(path)
    >>> label, probabilities = session.run(None, {"X": X})
    >>> print(np.abs(probabilities - model.predict_proba(X)).max() < 1e-5)
    True
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx: pip install 'sklearn-snn[onnx]'"
        ) from error
    _check_supported(estimator)
    graph = Graph(onnx)
    if estimator.preprocessor_ is None:
        matrix = graph.input("X", estimator.dtype, estimator.n_features_in_)
        x = graph.add("Unsqueeze", matrix, [0])
    else:
        x = _preprocessed(graph, estimator)
    raw = _network_outputs(graph, estimator, _with_pieces(graph, estimator, x))
    answer = _answer_classes if is_classifier(estimator) else _answer_numbers
    answer(graph, estimator, raw.cast(np.float64))
    write_atomically(graph.serialized(), path)


def _check_supported(estimator):
    if not isinstance(estimator, BaseSNN):
        raise TypeError(
            "to_onnx takes a fitted SNNClassifier or SNNRegressor (of a search, its "
            f"best_estimator_), got {estimator!r}"
        )
    check_is_fitted(estimator)
    if not isinstance(estimator.preprocessor_, (TabularPreprocessor, type(None))):
        raise TypeError(
            "to_onnx knows what TabularPreprocessor does and preprocessor=None, got "
            f"preprocessor={estimator.preprocessor!r}"
        )


# Preprocessing ----------------------------------------------------------------------


def _preprocessed(graph, estimator):
    """What the networks see, of shape (1 or n_networks, n_samples, n_features)."""
    first = estimator.preprocessor_
    everyone = estimator.member_preprocessors_ or [first]
    columns, blocks = _columns(graph, first), []
    if first.parts_:
        blocks.append(graph.add("Unsqueeze", _numbers(graph, first, columns), [0]))
    for j, category in first.categories_.items():
        codes = _codes(graph, category, columns[j])
        # Networks may know other means of the target, never other levels.
        own = [one.categories_[j] for one in everyone]
        every = np.arange(category.n_codes)
        tables = [np.hstack([one.rows(every), one.targets]) for one in own]
        blocks.append(graph.add("Gather", np.stack(tables), codes, axis=1))
    sizes = np.array([len(everyone), 1, 1])
    blocks = [graph.add("Expand", block, sizes) for block in blocks]
    x = graph.add("Concat", *blocks, axis=2)
    return x.cast(first.dtype).cast(estimator.dtype)


def _columns(graph, preprocessor):
    """Inputs by the number of their column; one for all if it is a matrix."""
    names = getattr(preprocessor, "feature_names_in_", None)
    n_columns = preprocessor.n_features_in_
    if names is None and set(preprocessor.kinds_) <= {"number", "duration"}:
        return graph.input("X", np.float64, n_columns, _INPUTS["number"][1])
    names = [f"x{j}" for j in range(n_columns)] if names is None else names.tolist()
    columns = {}
    for j in sorted(
        {j for j, _ in preprocessor.parts_} | set(preprocessor.categories_)
    ):
        kind = preprocessor.kinds_[j]
        if kind == "category":
            kind = _kind_of_levels(preprocessor.categories_[j].levels, names[j])
        dtype, description = _INPUTS[kind]
        columns[j] = graph.input(names[j], dtype, description=description)
    return columns


def _kind_of_levels(levels, name):
    """Whether levels are given to the graph as strings or as numbers."""
    known = [level for level in levels if level is not None]
    texts = [level for level in known if isinstance(level, str)]
    if len(texts) == len(known):
        if "" in texts and None in levels:
            raise ValueError(
                f"column {name!r} has the empty string as a category and missing "
                "values as another, but in ONNX the empty string is what is missing"
            )
        return "text"
    if strange := texts or [level for level in known if float(level) != level]:
        raise ValueError(
            f"the categories of column {name!r} must be all strings, or all numbers "
            f"that a double can hold, got {strange[0]!r} among {known[:3]}"
        )
    return "numeric category"


def _codes(graph, category, column):
    """Rows of the category's table, of shape (n_samples,)."""
    unknown = len(category.levels)
    index = {level: code for code, level in enumerate(category.levels)}
    missing = index.pop(None, unknown)
    if all(isinstance(level, str) for level in index):
        codes = graph.look_up(column, {"": missing} | index, unknown)
    else:
        codes = graph.look_up(column, index, unknown)
        codes = graph.add("Where", graph.add("IsNaN", column), missing, codes)
    return graph.add("Squeeze", codes, [1])


def _numbers(graph, preprocessor, columns):
    """Numbers and what is made of dates, scaled; of shape (n_samples, n_parts)."""
    parts = preprocessor.parts_
    if isinstance(columns, Tensor):
        values = graph.add("Gather", columns, [j for j, _ in parts], axis=1)
    else:
        dates = {
            j: _date_parts(graph, columns[j])
            for j in dict(parts)
            if preprocessor.kinds_[j] == "date"
        }
        # Where a date is missing all its parts are.
        found = [
            dates[j].get(part, dates[j]["days"]) if j in dates else columns[j]
            for j, part in parts
        ]
        values = graph.add("Concat", *found, axis=1)
    is_indicator = np.array([part == "missing" for _, part in parts])
    missing = graph.add("IsNaN", values).cast(np.float64)
    return _scaled(
        graph, preprocessor.scaling_, graph.add("Where", is_indicator, missing, values)
    )


def _scaled(graph, scaling, values):
    """What `Scaling.apply` does."""
    z = (values - scaling.location) * scaling.slope
    is_missing = graph.add("IsNaN", z)
    z = graph.add("Where", is_missing, 0.0, z).clip(-FARTHEST, FARTHEST)
    bent = z / scaling.bend
    z = z / graph.add("Sqrt", bent * bent + 1.0)
    z = ((z - scaling.center) * inverse(scaling.scale)).clip(-FARTHEST, FARTHEST)
    return graph.add("Where", is_missing, 0.0, z)


def _date_parts(graph, column):
    """What `date_part` makes of dates, by its name."""
    is_missing = graph.add("Equal", column, _NOT_A_TIME)
    time = graph.add("Where", is_missing, 0, column)
    day = ((time - time % _DAY) / _DAY).cast(np.float64)
    # Years from March to February end with the day that not all of them have. There
    # are 146097 days in 400 years, and 153 in any five months from March on.
    since_year_0 = day + 719468.0
    era = since_year_0 // 146097.0
    of_era = since_year_0 - era * 146097.0
    leaps = of_era // 1460.0 - of_era // 36524.0 + of_era // 146096.0
    year = (of_era - leaps) // 365.0
    of_year = of_era - year * 365.0 - year // 4.0 + year // 100.0
    month = (of_year * 5.0 + 2.0) // 153.0
    is_after = month // 10.0  # January and February
    parts = {
        "year": era * 400.0 + year + is_after - 1970.0,
        "month": month + 3.0 - is_after * 12.0,
        "day": of_year - (month * 153.0 + 2.0) // 5.0 + 1.0,
        "weekday": day + 3.0 - (day + 3.0) // 7.0 * 7.0,
        "hour": (time % _DAY).cast(np.float64) / (_DAY / 24),
        "days": time.cast(np.float64) / float(_DAY),
    }
    return {
        name: graph.add("Where", is_missing, np.nan, part)
        for name, part in parts.items()
    }


# Networks ---------------------------------------------------------------------------


def _with_pieces(graph, estimator, x):
    """What `PiecewiseLinearEncoding` does."""
    pieces = estimator.pieces_
    if pieces is None:
        return x
    slope, shift, low, high = (part.astype(estimator.dtype) for part in pieces[1:])
    ramps = graph.add("Gather", x, pieces.column, axis=2) * slope + shift
    return graph.add("Concat", x, ramps.clip(low, high), axis=2)


def _network_outputs(graph, estimator, x):
    """Outputs of all networks, of shape (n_networks, n_samples, n_outputs)."""
    weights = [
        np.stack(parts).astype(estimator.dtype)
        for parts in zip(*(one.weights for one in estimator.networks_), strict=True)
    ]
    *hidden, last = zip(weights[::2], weights[1::2], strict=True)
    for weight, bias in hidden:
        x = _selu(graph, x @ weight + bias[:, np.newaxis], estimator.dtype)
    weight, bias = last
    return x @ weight + bias[:, np.newaxis]


def _selu(graph, x, dtype):
    if dtype == "float32":
        return graph.add("Selu", x, alpha=ALPHA, gamma=SCALE)
    # onnxruntime has no other Selu.
    negative = (graph.add("Exp", graph.add("Min", x, 0.0)) - 1.0) * (ALPHA * SCALE)
    return graph.add("Max", x, 0.0) * SCALE + negative


def _answer_classes(graph, estimator, raw):
    """Probabilities, and classes or labels."""
    if estimator.out_activation_ == "softmax":
        proba = graph.add("Softmax", raw, axis=-1)
    else:
        proba = graph.add("Sigmoid", raw)
        if estimator.n_outputs_ == 1:  # the probability of the second class
            proba = graph.add("Concat", proba * -1.0 + 1.0, proba, axis=2)
    proba = graph.add("ReduceMean", proba, axes=[0], keepdims=0)
    n_classes = len(estimator.classes_)
    if estimator.is_multilabel_:
        label = graph.add("Greater", proba, 0.5).cast(np.int64)
        graph.output("label", label, np.int64, n_classes)
    else:
        classes, dtype = _typed_classes(estimator.classes_)
        best = graph.add("ArgMax", proba, axis=1, keepdims=0)
        graph.output("label", graph.add("Gather", classes, best), dtype)
    graph.output("probabilities", proba, np.float64, n_classes)


def _typed_classes(classes):
    """Classes as an array that ONNX has a type for, and the type."""
    plain = np.array(classes.tolist())
    types = {"U": str, "i": np.int64, "f": np.float64, "b": np.bool_}
    is_mixed = len(set(map(type, classes.tolist()))) > 1
    if is_mixed or plain.dtype.kind not in types:
        raise ValueError(
            "classes must be strings, integers, floats or booleans in ONNX, got "
            f"{classes[:3].tolist()}"
        )
    dtype = types[plain.dtype.kind]
    return plain.astype(dtype), dtype


def _answer_numbers(graph, estimator, raw):
    """Predictions, in the shape of the training target."""
    location, scale = estimator._output_scale()
    members = raw * scale + location
    if estimator.out_activation_ == "exp":
        members = graph.add("Exp", members)
    mean = graph.add("ReduceMean", members, axes=[0], keepdims=0)
    if estimator.is_multioutput_:
        graph.output("prediction", mean, np.float64, estimator.n_outputs_)
    else:
        graph.output("prediction", graph.add("Squeeze", mean, [1]), np.float64)
