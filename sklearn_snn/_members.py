"""Members of an ensemble: who is trained on which rows, and who never sees them."""

from abc import abstractmethod
from copy import copy
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from sklearn_snn._encoding import EncodingEstimator, is_ours
from sklearn_snn._memory import advise_on_memory
from sklearn_snn._specs import TrainingSet


class Member(NamedTuple):
    """Rows of the table that a network is trained on, and those that it never sees."""

    rows: np.ndarray | None = None
    held_out: np.ndarray | None = None
    preprocessor: Any = None
    training_set: TrainingSet | None = None
    #: Factor and summand that take its outputs to the scale of all rows.
    output_shift: tuple[np.ndarray, np.ndarray] | None = None
    #: Whether the training set has these rows only, and its own to validate on.
    is_apart: bool = False


class MembersEstimator(EncodingEstimator):
    """Divides the rows among the members; the hooks at the end say how."""

    @advise_on_memory(
        "encode a table for each network",
        "lower n_estimators, or set oof_score=False if it is True",
    )
    def _members(self, data, stops):
        """Rows of each member, with a preprocessor of its own where it needs one."""
        holds_out = self.oof_score or (stops and data.validation is None)
        if not holds_out and self.cv is None:
            return [Member()] * self.n_estimators
        splits = self._splits(data.table, data.resumes)
        _check_splits(data, splits, holds_out)
        # Networks that go on must find the table as it was.
        is_hinted = holds_out and self._sees_target and not self.warm_start
        if not (self.oof_score or is_hinted):
            return [Member(*split) for split in splits]
        # What learns from the target must not see that of rows to be predicted.
        if self.preprocessor_ is None or is_ours(self.preprocessor_):
            make = partial(self._fold_member, data, self._target_codes(data))
        else:
            make = partial(self._refitted_member, data, stops)
        return _shared(make, splits)

    def _fold_member(self, data, codes, split):
        """A member to whom nothing is known of the target of its held-out rows.

        It shares the encoded table with the others, but for columns that are means of
        the target: of the levels with these codes, in the table and in validation rows.
        """
        table, validation = data.table.take(data.table.counted_rows), data.validation
        train, seen = data.table.take(data.counted(split[0])), data.positions(split[0])
        scale = self._target_scale(train)
        shift = self._output_shift(scale)
        training_set = replace(
            data.training_set,
            target=self._encode_target(table.y, scale),
            weight=self._loss_weight(table, seen=seen),
        )
        if validation is not None:
            target = self._encode_target(validation.y, scale)
            training_set.validation = replace(training_set.validation, target=target)
        if codes is None:
            return Member(*split, training_set=training_set, output_shift=shift)
        preprocessor, hint = copy(self.preprocessor_), self._target_hint(train, scale)
        columns = preprocessor.target_columns
        values = preprocessor._relearn_targets(codes, seen, hint, train.weight)
        values = values.astype(self.dtype, copy=False)
        n_rows = len(table.y)
        training_set.own = columns, values[:n_rows]
        if validation is not None:
            training_set.validation.own = columns, values[n_rows:]
        return Member(*split, preprocessor, training_set, shift)

    def _target_codes(self, data):
        """Codes of levels that have means of the target: rows, then validation rows."""
        if not self._sees_target:
            return None
        tables = [data.table.take(data.table.counted_rows), data.validation]
        codes = [
            self.preprocessor_._target_codes(one.X) for one in tables if one is not None
        ]
        return {j: np.concatenate([one[j] for one in codes]) for j in codes[0]}

    def _refitted_member(self, data, stops, split):
        """As `_fold_member`, with a preprocessor that was fitted on its rows only."""
        train, held_out = (data.table.take(data.counted(rows)) for rows in split)
        scale = self._target_scale(train)
        preprocessor, rows = self._fit_transform(train)
        training_set = self._training_set(train, rows, scale)
        if stops:
            unseen = data.validation or held_out
            rows = self._transform(unseen.X, preprocessor)
            training_set.validation = self._training_set(unseen, rows, scale)
        shift = self._output_shift(scale)
        return Member(*split, preprocessor, training_set, shift, is_apart=True)

    def _splits(self, table, resumes):
        """Rows that each member is trained on, and rows that it never sees."""
        # Model selection is slow to import.
        from sklearn_snn._splits import member_splits

        if not (resumes and hasattr(self, "_split_origin_")):
            self._split_origin_ = self._split_seed(), self.n_estimators
        seed, n_before = self._split_origin_
        # Splits that the user gave speak of all rows, ours of those that count.
        is_drawn = self.cv is None or isinstance(self.cv, Integral)
        counted = table.counted_rows if is_drawn else None
        table = table.take(counted)
        draw = partial(
            member_splits,
            n_samples=len(table.y),
            labels=self._labels_to_stratify(table.y),
            groups=table.groups,
            cv=self.cv,
            validation_fraction=self.validation_fraction,
        )
        splits = draw(self.n_estimators, random_state=np.random.RandomState(seed))
        if self.cv is None and self.n_estimators != n_before:
            # Networks that go on are not validated on rows that they were trained on.
            known = draw(n_before, random_state=np.random.RandomState(seed))
            splits = [*known, *splits[n_before:]][: self.n_estimators]
        if counted is None:
            return splits
        return _shared(lambda split: tuple(counted[rows] for rows in split), splits)

    def _split_seed(self):
        """What splits are drawn by, in this fit and those that go on from it."""
        if isinstance(self.random_state, Integral):
            return self.random_state
        return self._random_state().randint(np.iinfo(np.int32).max)

    def _random_state(self):
        # scikit-learn's None is numpy's global generator, which is not ours to use.
        if self.random_state is None:
            return np.random.RandomState()
        return check_random_state(self.random_state)

    def _output_shift(self, target_scale):
        """Factor and summand from a target's own location and scale to all rows'."""
        if target_scale is None:  # of classes
            return None
        location, scale = self._output_scale()
        own_location, own_scale = target_scale
        # Where the target is constant outputs do not matter.
        known = np.where(scale > 0, scale, 1.0)
        return own_scale / known, (own_location - location) / known

    # Hooks ----------------------------------------------------------------------

    @abstractmethod
    def _labels_to_stratify(self, y):
        """Classes that splits keep the shares of, or None."""

    @abstractmethod
    def _output_scale(self):
        """Location and scale that take outputs to the link's argument."""


def _shared(make, splits):
    """What is made of each split; members that share a split share that, too."""
    made = {key: make(split) for key, split in {id(one): one for one in splits}.items()}
    return [made[id(split)] for split in splits]


def _check_splits(data, splits, holds_out):
    """Raise if a split leaves no row that counts."""
    for train, held_out in splits:
        needed = {"train": train} | ({"validate": held_out} if holds_out else {})
        for what, rows in needed.items():
            if not len(data.counted(rows)):
                raise ValueError(
                    f"cv has a split with no row of positive weight to {what} on"
                )
