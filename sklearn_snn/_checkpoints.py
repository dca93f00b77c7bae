"""Files from which a fit that was killed goes on.

A file is numpy's archive of arrays, which runs no code when it is read: one JSON text
with what is not an array, and the arrays, named by round and network.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from sklearn_snn._files import write_atomically
from sklearn_snn._specs import FittedNetwork, ResumeState
from sklearn_snn._version import __version__

#: Networks of one call of `fit_networks`; None for those that have not begun.
Round = list[FittedNetwork | None]


class Checkpoint:
    """The file of one fit.

    Parameters
    ----------
    folder : str or path-like
        Where it is; made if it is not there.
    interval : float
        Seconds between two writes at least.
    asked : object
        All that training depends on. The file is named by a hash of it.

    Attributes
    ----------
    path : Path
        The file.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """

    def __init__(self, folder: Any, interval: float, asked: Any) -> None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        name = joblib.hash((__version__, asked), hash_name="sha1")
        self.path = folder / f"{name}.npz"
        self._interval, self._written = interval, time.monotonic()
        self._saved = self._read()
        self._rounds: list[Round] = []

    def begin(self, n_networks: int) -> Round:
        """Begin the next round of training; its networks as they were saved."""
        number = len(self._rounds)
        saved = self._saved[number] if number < len(self._saved) else []
        networks = saved or [None] * n_networks
        self._rounds.append(networks)
        return list(networks)

    def offer(self, networks: Callable[[], Sequence[FittedNetwork | None]]) -> None:
        """Write how far the round has come, if it is time to.

        Parameters
        ----------
        networks : callable
            Returns those of the round, at the end of an epoch.
        """
        if time.monotonic() - self._written < self._interval:
            return
        self._rounds[-1] = list(networks())
        try:
            write_atomically(_packed(self._rounds), self.path)
        except OSError as error:  # hours of training are worth more than the file
            warnings.warn(
                f"the checkpoint {self.path} was not written, training goes on "
                f"without it: {error}",
                UserWarning,
                stacklevel=2,
            )
        self._written = time.monotonic()

    def end(self, networks: Sequence[FittedNetwork]) -> None:
        """End a round; what came of it is written with the rounds that follow."""
        self._rounds[-1] = list(networks)

    def remove(self) -> None:
        """Remove the file: the fit is done."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> list[Round]:
        if not self.path.exists():
            return []
        try:
            return _unpacked(self.path)
        # Whatever is wrong with the file, the fit can do without.
        except Exception as error:
            warnings.warn(
                f"the checkpoint {self.path} cannot be read, training starts anew: "
                f"{type(error).__name__}: {error}",
                UserWarning,
                stacklevel=2,
            )
            return []


def _packed(rounds: Iterable[Round]) -> bytes:
    """Bytes of a file."""
    arrays: dict[str, Any] = {}

    def packed(network: FittedNetwork | None, name: str) -> Any:
        if network is None:
            return None
        plain = asdict(network)
        state = plain["state"]
        for owner, field in ((plain, "weights"), (state, "moments")):
            parts = owner.pop(field)
            owner[f"n_{field}"] = len(parts)
            for k, part in enumerate(parts):
                arrays[f"{name}.{field}.{k}"] = part
        arrays[f"{name}.parameters"] = state.pop("parameters")
        return plain

    tree = [
        [packed(network, f"{i}.{j}") for j, network in enumerate(networks)]
        for i, networks in enumerate(rounds)
    ]
    file = BytesIO()
    np.savez(file, tree=np.array(json.dumps(tree)), **arrays)
    return file.getvalue()


def _unpacked(path: Path) -> list[Round]:
    """What is in a file."""

    def unpacked(plain: Any, name: str) -> FittedNetwork | None:
        if plain is None:
            return None
        state = plain.pop("state")
        for owner, field in ((plain, "weights"), (state, "moments")):
            n_parts = owner.pop(f"n_{field}")
            owner[field] = [file[f"{name}.{field}.{k}"] for k in range(n_parts)]
        state["parameters"] = file[f"{name}.parameters"]
        return FittedNetwork(**plain, state=ResumeState(**state))

    with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
        return [
            [unpacked(plain, f"{i}.{j}") for j, plain in enumerate(networks)]
            for i, networks in enumerate(json.loads(str(file["tree"])))
        ]
