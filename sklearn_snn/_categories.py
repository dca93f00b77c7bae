"""Levels of a category as columns of numbers, by looking them up in a table."""

import json
from dataclasses import dataclass, fields, replace

import numpy as np

from sklearn_snn._columns import level_codes
from sklearn_snn._scaling import share_moments, standardised
from sklearn_snn._weights import row_counts

#: Levels of fewer rows than this, and of less than a hundredth of all rows, are pooled.
_RARE = 5

#: Share of the rows that may be of pooled levels where there are many of these.
_MAX_POOLED = 0.1

#: Levels, after pooling, beyond which means of the target are of use: beside columns
#: that are this much smaller, so that many of them do not outweigh all the rest.
_FEW_LEVELS, _SCALE_OF_MANY = 64, 0.3

#: Levels, after pooling, that get a column each.
_MAX_LEVELS = 256

#: Columns where there are more levels, of the most frequent ones and of all others.
_MAX_COLUMNS = 32


@dataclass(frozen=True, eq=False)
class Category:
    """What becomes of one column of categories."""

    #: Levels that have codes of their own; None is the missing one. Where there are
    #: many, those of a single row come last.
    levels: list
    #: For each level, and at last for all others, the row that it becomes; levels of a
    #: single row are among the others.
    table: np.ndarray
    #: What the columns of the table are: levels, "missing", "infrequent" or "count".
    parts: list
    #: Whether there are more than a few levels, so that target means are of use.
    is_high: bool
    #: For each level, and all others, means of the columns of the target.
    targets: np.ndarray
    #: Whether levels are strings; None if some are and some not, or there are none.
    is_text: bool | None = None
    #: Whether each of the levels has a column, but for those of a single row.
    is_complete: bool = True

    def __post_init__(self):
        index = {level: code for code, level in enumerate(self.levels)}
        object.__setattr__(self, "_index", index)

    @property
    def n_columns(self):
        """Columns that it becomes."""
        return self.table.shape[1] + self.targets.shape[1]

    @property
    def names(self):
        """What each of these columns is."""
        n_targets = self.targets.shape[1]
        numbers = [""] if n_targets == 1 else range(n_targets)
        return self.parts + [f"target{number}" for number in numbers][:n_targets]

    def with_targets(self, means):
        """The same, with means of the target; only them, if few levels have columns."""
        if self.is_complete:
            return replace(self, targets=means)
        # No view of the table, which would stay in memory.
        return replace(self, table=np.empty((1, 0)), parts=[], targets=means)

    def or_constant(self):
        """The same, with a column of zeros if it has none."""
        if self.n_columns:
            return self
        return replace(self, table=np.zeros((len(self.table), 1)), parts=["constant"])

    def __getstate__(self):
        # In files of `save` each level of a list takes as much room as 300 letters;
        # of some 10,000 levels, in eight networks, 28 megabytes and 4 seconds.
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        try:
            return state | {"levels": json.dumps(self.levels)}
        except TypeError:  # numbers of unusual types
            return state

    def __setstate__(self, state):
        levels = state["levels"]
        if isinstance(levels, str):
            levels = json.loads(levels)
        self.__init__(**state | {"levels": levels})

    @property
    def n_codes(self):
        """Number of codes: one a level, and the last of all others."""
        return len(self.levels) + 1

    def codes(self, values):
        """Codes of values; that of unknown levels is the last."""
        return level_codes(values, self._index, len(self.levels))

    def rows(self, codes):
        """What becomes of these codes, without means of the target."""
        return self.table[np.minimum(codes, len(self.table) - 1)]


def learn_category(values, weight=None):
    """Which levels there are, and the columns that they become.

    Parameters
    ----------
    values : ndarray of object of shape (n_samples,)
        Levels, None where missing.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    category : Category
        Without target means. The table has no column where all rows are alike.
    """
    levels, counts, rest, once = _own_levels(values, weight)
    is_high = once is not None
    shown, is_complete = np.arange(len(levels)), len(levels) <= _MAX_LEVELS
    if not is_complete:
        shown = np.sort(np.argsort(-counts[:-1], kind="stable")[: _MAX_COLUMNS - 1])
    table, parts = _indicators(levels, counts, shown)
    if not is_complete:
        # Those that are pooled are counted as one of them, unknown ones as the rarest.
        typical = rest.mean() if len(rest) else counts[:-1].min()
        table = np.column_stack([table, np.log(np.append(counts[:-1], typical))])
        parts = [*parts, "count"]
    share = counts / counts.sum()
    table = standardised(table, *share_moments(table, share))
    if is_high and is_complete:
        table *= _SCALE_OF_MANY
    levels = levels + (once or [])
    no_targets = np.empty((len(levels) + 1, 0))
    is_text = _is_text(values)
    return Category(levels, table, parts, is_high, no_targets, is_text, is_complete)


def _is_text(values):
    """Whether all levels are strings; None if some are, or there are none."""
    kinds = {issubclass(one, str) for one in set(map(type, values)) - {type(None)}}
    return kinds.pop() if len(kinds) == 1 else None


def _own_levels(values, weight):
    """Levels that are not pooled, counts of them and of the rest, and single ones.

    The last are the levels of a single row, of which there may be means of the target
    all the same; None if there are few levels.
    """
    levels = list(dict.fromkeys(values))
    index = {level: code for code, level in enumerate(levels)}
    codes = level_codes(values, index, 0)
    counts = np.bincount(codes, row_counts(weight, len(values)))
    is_single = counts < 2
    if weight is not None:  # one row says no more of others, however much it weighs
        is_single |= np.bincount(codes[weight > 0], minlength=len(levels)) < 2
    is_rare = counts < min(_RARE, counts.sum() / 100)
    is_high = _is_high(counts, is_rare, is_single)
    is_pooled = is_single if is_high else is_rare
    counted = [
        (level, count, pooled)
        for level, count, pooled in zip(levels, counts.tolist(), is_pooled, strict=True)
        if count > 0
    ]
    counted.sort(key=_place)
    own = [level for level, _, pooled in counted if not pooled]
    own_counts = [count for _, count, pooled in counted if not pooled]
    once = [level for level, _, pooled in counted if pooled] if is_high else None
    rest = counts[is_pooled & (counts > 0)]
    return own, np.array([*own_counts, rest.sum()]), rest, once


def _is_high(counts, is_rare, is_single):
    """Whether there are more than a few levels, without those that can be pooled."""
    n_levels = np.count_nonzero(~is_rare & ~is_single)
    pooled_share = counts[is_rare].sum() / counts.sum()
    if pooled_share > _MAX_POOLED:  # too much to lose
        n_levels = np.count_nonzero(~is_single)
    return bool(n_levels > _FEW_LEVELS)


def _indicators(levels, counts, shown):
    """A column for each of these levels, and one for all others if there are any."""
    table = (np.arange(len(counts))[:, np.newaxis] == shown).astype(np.float64)
    names = [_name(levels[code]) for code in shown]
    others = 1 - table.sum(axis=1)
    if others @ counts > 0:
        table, names = np.column_stack([table, others]), [*names, "infrequent"]
    if len(names) == 2:  # the first is -1, the second 1, what is unknown 0
        return table[:, 1:] - table[:, :1], names[1:]
    return (table, names) if len(names) > 1 else (table[:, :0], [])


def _place(counted):
    """Numbers by size, then strings by the alphabet, then missing ones."""
    level, *_ = counted
    if level is None:
        return 2, 0, ""
    is_text = isinstance(level, str)
    return int(is_text), 0 if is_text else level, str(level)


def _name(level):
    if level is None:
        return "missing"
    is_whole = isinstance(level, float) and level.is_integer()
    return str(int(level) if is_whole else level)
