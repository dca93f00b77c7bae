"""Files of estimators that are safe to load: skops, with types and a checksum of ours.

A file is what `skops.io.dump` writes, an archive of arrays and one JSON tree, with the
version of this package and a SHA-256 of all that comes before it as the archive's
comment. Other tools for skops files read it as well.
"""

import inspect
import json
import os
import re
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from sklearn import metrics, model_selection
from sklearn.base import BaseEstimator

from sklearn_snn._categories import Category
from sklearn_snn._classifier import SNNClassifier
from sklearn_snn._files import write_atomically
from sklearn_snn._masked_scorer import masked_scorer
from sklearn_snn._pieces import PiecewiseLinear
from sklearn_snn._preprocessing import TabularPreprocessor
from sklearn_snn._regressor import SNNRegressor
from sklearn_snn._scaling import Scaling
from sklearn_snn._search import (
    SNNGridSearchCV,
    SNNHalvingRandomSearchCV,
    SNNRandomizedSearchCV,
)
from sklearn_snn._specs import FittedNetwork, ResumeState
from sklearn_snn._version import __version__

_OURS = [
    Category,
    FittedNetwork,
    PiecewiseLinear,
    ResumeState,
    SNNClassifier,
    SNNGridSearchCV,
    SNNHalvingRandomSearchCV,
    SNNRandomizedSearchCV,
    SNNRegressor,
    Scaling,
    TabularPreprocessor,
    masked_scorer,
]

#: Parts of scikit-learn's estimators that skops does not trust of itself. Whoever adds
#: a type makes sure that setting its attributes runs no code: of scipy's distributions,
#: which random searches hold, it does.
_PARTS = [
    "builtins.object",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
]

#: The end of every file, before the hexadecimal digits of its checksum.
_SIGNATURE = re.compile(rb"sklearn_snn (\S{1,50}) sha256 \Z")
_N_DIGITS = 64

#: Bytes that the arrays of a file may take in memory, however small the file is, and
#: how often it may otherwise name each of them. One array can be in many places.
_SMALL = 2**28
_MOST_COPIES = 16

_BLOCK = 2**20


def save(estimator, path):
    """Write an estimator to a file that is safe to load.

    The file holds no code: `load` makes nothing but objects of types that are on a list
    of ours, and checks that the file is whole before it reads it. Whatever the
    estimator has learned comes back to the bit.

    Parameters
    ----------
    estimator : estimator instance
        An `SNNClassifier` or `SNNRegressor`, fitted or not, a fitted search, or one of
        scikit-learn's estimators that holds them, as a `Pipeline` does.
    path : str or path-like
        The file, for example ``"model.skops"``. One that is there is replaced when the
        new one is complete: a full disk or a kill leaves the old one.

    Raises
    ------
    TypeError
        If something in the estimator is of a type that `load` would not trust, such as
        a function or a callback of the user's.
    ValueError
        If a dict among the parameters has keys that are booleans, or alike as strings,
        which the file would not keep apart; or if the estimator refers to its arrays so
        often that `load` would take the file for an attack.
    OSError
        If the file cannot be written.
    ImportError
        If skops is missing, which the extra ``save`` brings.

    See Also
    --------
    load : Reads it.
    to_onnx : Writes a graph for other runtimes.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_snn import SNNClassifier, load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SNNClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.skops")
    ...     save(model, path)
    ...     again = load(path)
    >>> print((again.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    io = _skops()
    _check_keys(estimator)
    with _named_owners(estimator):
        try:
            data = io.dumps(estimator)
        except TypeError as error:
            unsaved = list(_unsaved(io, estimator))
            if not unsaved:
                raise
            raise TypeError(
                f"{type(estimator).__name__} cannot be saved: its parameters {unsaved} "
                "hold what the file cannot; give lists or arrays in their place: "
                f"{error}"
            ) from error
    untrusted = set(io.get_untrusted_types(data=data)) - set(_trusted())
    if untrusted:
        raise TypeError(
            f"{type(estimator).__name__} cannot be saved, since load would not trust "
            f"{sorted(untrusted)}: take them out of the estimator (of a search, save "
            "best_estimator_), or use skops.io.dump and name them to skops.io.load"
        )
    _check_sizes(BytesIO(data), len(data))
    write_atomically(_sealed(data), path)


def load(path):
    """Read an estimator that `save` wrote.

    No code of the file is run, so that it may come from a stranger. What it predicts is
    another matter: a checksum tells of damage, not of who wrote a file.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    estimator : estimator instance
        As it was saved; it predicts on whatever device there is.

    Raises
    ------
    ValueError
        If the file is no file of `save`, cut short or damaged, if it would take much
        more memory than its size, or is of a version that this one cannot read.
    TypeError
        If it holds a type that is not trusted.
    OSError
        If it cannot be read.
    ImportError
        If skops is missing, which the extra ``save`` brings.

    See Also
    --------
    save : Writes it; with an example.
    """
    io = _skops()
    with open(path, "rb") as file:
        version = _check_whole(file, path)
        try:
            _check_sizes(file, os.fstat(file.fileno()).st_size)
            return io.load(file, trusted=_trusted())
        except io.exceptions.UntrustedTypesFoundException as error:
            raise TypeError(
                f"{path} is not loaded: {error} If you know where it comes from, use "
                "skops.io.load(path, trusted=[...])."
            ) from error
        # A hostile file may have any of them raised.
        except Exception as error:
            raise ValueError(
                f"{path} is complete, but cannot be read. It says that sklearn_snn "
                f"{version} wrote it; this is {__version__}. "
                f"{type(error).__name__}: {error}"
            ) from error


def _skops():
    """The module `skops.io`."""
    try:
        import skops.io.exceptions
    except ImportError as error:
        raise ImportError(
            "sklearn_snn.save and load need skops: pip install 'sklearn-snn[save]'"
        ) from error
    return skops.io


def _check_keys(estimator):
    """Refuse dicts that skops would change: it keeps their keys as strings."""
    for name, value in estimator.get_params().items():
        for one in _dicts(value):
            has_booleans = any(isinstance(key, (bool, np.bool_)) for key in one)
            if has_booleans or len(set(map(str, one))) < len(one):
                raise ValueError(
                    f"{name}={value} cannot be saved, since keys must differ as "
                    "strings and must not be booleans: use 0 and 1, which are equal to "
                    "them"
                )


def _dicts(value):
    """Yield the dicts in a parameter, as there are in the grid of a search."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _dicts(part)


def _unsaved(io, estimator):
    """Yield the names of parameters that skops does not know how to write."""
    for name, value in estimator.get_params().items():
        try:
            io.dumps(value)
        except TypeError:
            yield name


@contextmanager
def _named_owners(estimator):
    """Have metadata requests name the estimator that they are of, not hold it.

    skops would follow the circle without end.
    """
    requests = list(_requests(estimator))
    owners = [one.owner for one in requests]
    try:
        for one in requests:
            if not isinstance(one.owner, str):
                one.owner = type(one.owner).__name__
        yield
    finally:
        for one, owner in zip(requests, owners, strict=True):
            one.owner = owner


def _requests(value):
    """Yield the metadata requests of an estimator and of those that it holds."""
    if isinstance(value, BaseEstimator):
        request = vars(value).get("_metadata_request")
        if request is not None:  # and one of each method
            parts = [request, *vars(request).values()]
            yield from (part for part in parts if hasattr(part, "owner"))
        yield from _requests(list(vars(value).values()))
    elif isinstance(value, dict):
        yield from _requests(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _requests(part)


def _trusted():
    """Names of the types that are trusted beside those that skops trusts."""
    splitters = (
        model_selection.BaseCrossValidator,
        model_selection.BaseShuffleSplit,
        model_selection.RepeatedKFold,
        model_selection.RepeatedStratifiedKFold,
    )
    harmless = [
        *_OURS,
        *(part for part in vars(metrics).values() if inspect.isfunction(part)),
        *(
            part
            for part in vars(model_selection).values()
            if inspect.isclass(part) and issubclass(part, splitters)
        ),
    ]
    return [*_PARTS, *(f"{one.__module__}.{one.__qualname__}" for one in harmless)]


# The checksum ---------------------------------------------------------------------


def _sealed(data):
    """An archive without a comment, with version and checksum as its comment."""
    signature = f"sklearn_snn {__version__} sha256 ".encode()
    # The length of the comment is all that comes after the directory.
    length = (len(signature) + _N_DIGITS).to_bytes(2, "little")
    body = data[:-2] + length + signature
    return body + sha256(body).hexdigest().encode()


def _check_whole(file, path):
    """Check that a file is as it was written; the version that wrote it."""
    n_bytes = os.fstat(file.fileno()).st_size - _N_DIGITS
    file.seek(max(n_bytes - 100, 0))
    signature, digits = file.read(min(n_bytes, 100)), file.read(_N_DIGITS)
    signed = _SIGNATURE.search(signature) if n_bytes > 0 else None
    if signed is None:
        raise ValueError(
            f"{path} does not end as files of sklearn_snn.save do: it was cut short, "
            "something was added to it, or it was not written by it"
        )
    if _digits(file, n_bytes) != digits:
        raise ValueError(
            f"{path} is damaged: its contents do not match the checksum at its end"
        )
    return signed[1].decode(errors="replace")


def _digits(file, n_bytes):
    """SHA-256 of the first bytes of a file."""
    digest = sha256()
    file.seek(0)
    for start in range(0, n_bytes, _BLOCK):
        digest.update(file.read(min(n_bytes - start, _BLOCK)))
    return digest.hexdigest().encode()


# Sizes ------------------------------------------------------------------------------


def _check_sizes(file, n_bytes):
    """Refuse an archive that would take much more memory than its size."""
    archive = ZipFile(file)
    entries = archive.infolist()
    for entry in entries:
        if entry.compress_type != ZIP_STORED or entry.file_size != entry.compress_size:
            raise ValueError(f"{entry.filename} is compressed, which save never does")
    if sum(entry.file_size for entry in entries) > n_bytes:
        raise ValueError("parts of the archive overlap")
    sizes = {entry.filename: entry.file_size for entry in entries}
    n_array_bytes = 0

    def count(node):
        nonlocal n_array_bytes
        n_array_bytes += sizes.get(str(node.get("file")), 0)

    json.loads(archive.read("schema.json"), object_hook=count)
    if n_array_bytes > max(_SMALL, _MOST_COPIES * n_bytes):
        raise ValueError(f"{n_bytes} bytes claim to be {n_array_bytes} bytes of arrays")
