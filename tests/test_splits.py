import numpy as np
import pytest
from sklearn.model_selection import KFold

from sklearn_snn._splits import member_splits


def split(n_members=1, n_samples=100, **changes):
    parameters = dict(
        labels=None, groups=None, cv=None, validation_fraction=0.1, random_state=None
    )
    parameters |= {"random_state": np.random.RandomState(0)} | changes
    return member_splits(n_members, n_samples, **parameters)


def test_a_single_member_holds_out_the_fraction_asked_for():
    ((rows, held_out),) = split(validation_fraction=0.15)
    assert len(held_out) == 15
    assert sorted([*rows, *held_out]) == list(range(100))


def test_members_hold_out_every_row_once_and_begin_again():
    splits = split(12, validation_fraction=0.125)
    assert len(splits) == 12
    held_out = np.concatenate([rows for _, rows in splits[:8]])
    assert sorted(held_out) == list(range(100))
    assert (splits[8][1] == splits[0][1]).all()


@pytest.mark.parametrize("n_members", [1, 5])
def test_classes_keep_their_shares(n_members):
    labels = np.repeat(["a", "b"], [80, 20])
    for _, held_out in split(n_members, labels=labels, validation_fraction=0.2):
        assert (labels[held_out] == "b").sum() == 4


def test_every_class_is_on_both_sides_of_a_small_split():
    labels = np.repeat(np.arange(5), 4)
    ((rows, held_out),) = split(n_samples=20, labels=labels)
    assert set(labels[held_out]) == set(labels[rows]) == set(range(5))


def test_a_class_with_one_member_is_split_by_chance():
    labels = np.repeat(["a", "rare"], [99, 1])
    with pytest.warns(UserWarning, match="'rare' has only 1 member"):
        ((rows, held_out),) = split(labels=labels)
    assert len(rows) + len(held_out) == 100


def test_rare_classes_leave_the_others_stratified_without_a_warning():
    labels = np.repeat([0, 1, 2], [60, 36, 4])
    for _, held_out in split(6, labels=labels, validation_fraction=1 / 6):
        assert (labels[held_out] == 1).sum() == 6


@pytest.mark.parametrize("n_members", [1, 4])
@pytest.mark.parametrize("labels", [None, np.arange(100) % 2])
def test_groups_stay_together(n_members, labels):
    groups = np.arange(100) // 4
    for rows, held_out in split(n_members, groups=groups, labels=labels):
        assert not set(groups[rows]) & set(groups[held_out])


def test_the_users_splits_are_used_in_their_order():
    folds = list(KFold(3).split(np.zeros(100)))
    splits = split(4, cv=folds)
    for (_, held_out), i in zip(splits, (0, 1, 2, 0), strict=True):
        assert (held_out == folds[i][1]).all()


def test_splits_may_be_masks_lists_and_indices_from_the_end():
    mask = np.arange(100) < 70
    expected = np.arange(70), np.arange(70, 100)
    for cv in (
        [(mask, ~mask)],
        [(list(range(70)), list(range(70, 100)))],
        [(np.arange(70), np.arange(-30, 0))],
        [(range(70), range(70, 100))],
    ):
        ((rows, held_out),) = split(cv=cv)
        assert (rows == expected[0]).all()
        assert (held_out == expected[1]).all()
    ((_, nothing),) = split(cv=[(mask, [])])
    assert nothing.shape == (0,)


def test_no_splits_are_an_error():
    for cv in ([], iter([])):
        with pytest.raises(ValueError, match="cv has no splits"):
            split(cv=cv)


@pytest.mark.parametrize("labels", [None, np.arange(100) % 2])
def test_a_number_of_folds_keeps_groups_together(labels):
    groups = np.char.add("g", (np.arange(100) % 7).astype(str))
    splits = split(3, cv=3, groups=groups, labels=labels)
    assert sorted(np.concatenate([rows for _, rows in splits])) == list(range(100))
    for rows, held_out in splits:
        assert not set(groups[rows]) & set(groups[held_out])


def test_a_splitter_of_the_users_gets_the_names_of_groups():
    class LastYear(KFold):
        def split(self, X, y=None, groups=None):
            yield np.flatnonzero(groups < 2020), np.flatnonzero(groups == 2020)

    years = np.repeat([2018, 2019, 2020], [30, 30, 40])
    ((_, held_out),) = split(cv=LastYear(), groups=years)
    assert held_out.tolist() == list(range(60, 100))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": np.zeros(100)}, r"groups must be two at least.*got \[0\.\] only"),
        ({"groups": ["a", None] * 50}, "groups must hold names of one type"),
        (
            {"validation_fraction": 0.999},
            "validation_fraction=0.999 holds out 100 of n_samples=100, but 1 or more",
        ),
        (
            {"validation_fraction": 0.99, "labels": np.arange(100) % 3},
            "holds out 99 of n_samples=100, but 3 or more must be left",
        ),
        ({"cv": [(np.arange(200), np.arange(5))]}, "cv must give pairs.*100 rows"),
        ({"cv": [(np.arange(5.0), np.arange(5))]}, "cv must give pairs"),
        ({"cv": ["ab"]}, "cv must give pairs"),
        ({"cv": [(np.arange(5),)]}, "cv must give pairs"),
        ({"cv": [(np.arange(5), np.arange(5, 9), np.arange(9, 20))]}, "give pairs"),
        ({"cv": [0, 1]}, "cv must give pairs"),
    ],
)
def test_splits_that_cannot_be_made_are_errors_that_say_why(changes, message):
    with pytest.raises(ValueError, match=message):
        split(**changes)


def test_no_more_splits_are_made_than_there_are_members():
    made = []

    class Counted(KFold):
        def split(self, X, y=None, groups=None):
            for one in super().split(X, y, groups):
                made.append(one)
                yield one

    split(2, cv=Counted(50))
    assert len(made) == 2
