import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csr_array
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_snn import TabularPreprocessor
from sklearn_snn._preprocessing import settle

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4)) * [1, 100, 1e-8, 3] + [0, 1e5, 0, -2]


@pytest.mark.parametrize("weight", [None, RNG.integers(0, 3, size=60)])
def test_it_standardises_as_scikit_learn_does(weight):
    ours = TabularPreprocessor(dtype="float64").fit(X, sample_weight=weight)
    theirs = StandardScaler().fit(X, sample_weight=weight)
    assert_allclose(ours.center_, theirs.mean_, atol=1e-20)
    assert_allclose(ours.scale_, theirs.scale_)
    assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-8)


@pytest.mark.parametrize("make", [csr_array, csc_array])
@pytest.mark.parametrize("weight", [None, RNG.integers(0, 3, size=60)])
def test_a_sparse_table_lacks_only_its_offset(make, weight):
    dense = np.where(RNG.random(X.shape) < 0.3, X, 0.0)
    ours = TabularPreprocessor(dtype="float64").fit(make(dense), sample_weight=weight)
    plain = TabularPreprocessor(dtype="float64").fit(dense, sample_weight=weight)
    scaled = ours.transform(make(dense))
    assert scaled.nnz == np.count_nonzero(dense)
    assert_allclose(
        scaled.toarray() - ours.sparse_offset, plain.transform(dense), atol=1e-9
    )


def test_the_work_is_done_in_blocks_and_in_float64(monkeypatch):
    from sklearn_snn import _preprocessing

    far = (X + 1e6).astype(np.float32)
    whole = TabularPreprocessor().fit_transform(far)
    monkeypatch.setattr(_preprocessing, "_BLOCK", 40)
    assert_allclose(TabularPreprocessor().fit_transform(far), whole, atol=1e-6)
    assert whole.dtype == np.float32
    exact = StandardScaler().fit_transform(far.astype(np.float64))
    assert_allclose(whole[:, 1], exact[:, 1], atol=1e-6)


def test_constant_columns_become_0_even_where_they_change_later():
    table = np.column_stack([X[:, 0], np.full(60, 1e30), np.full(60, 0.1)])
    ours = TabularPreprocessor().fit(table)
    assert_array_equal(ours.scale_[1:], 0)
    assert_array_equal(ours.transform(table + 7)[:, 1:], 0)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_the_largest_and_smallest_numbers_are_scaled(size):
    assert_allclose(
        TabularPreprocessor().fit_transform(X * [size, 1, 1, 1])[:, 0],
        TabularPreprocessor().fit_transform(X)[:, 0],
        rtol=1e-5,
    )


def test_values_are_cut_off_at_a_million_deviations():
    ours = TabularPreprocessor().fit(X)
    assert_array_equal(ours.transform([[1e308, 0, 0, 0]])[0, 0], np.float32(1e6))
    assert ours.transform(csr_array([[-1e308, 0, 0, 0]])).toarray()[0, 0] == -1e6


def test_categories_become_standardised_indicators():
    code = RNG.integers(4, size=60)
    table = np.column_stack([X[:, 0], code, X[:, 1]])
    ours = TabularPreprocessor(categorical_features=[1]).fit(table)
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(code[:, np.newaxis])
    expected = StandardScaler().fit_transform(np.hstack([table[:, [0, 2]], one_hot]))
    assert_allclose(ours.transform(table), expected, atol=1e-5)
    unseen = ours.transform([[0, 9, 0]])[0, 2:]
    assert_allclose(unseen, ours.transform([[0, 8, 0]])[0, 2:])
    assert (unseen < 0).all()
    assert list(ours.get_feature_names_out(["a", "b", "c"])) == [
        *("a", "c"),
        *("b_0", "b_1", "b_2", "b_3"),
    ]
    with pytest.raises(ValueError, match="needs a dense table"):
        TabularPreprocessor(categorical_features=[1]).fit(csr_array(table))


def test_partial_fit_learns_only_what_it_did_not_know():
    ours = TabularPreprocessor(dtype="float64")
    ours.partial_fit([[1.0, 5.0], [3.0, 5.0]])
    assert_array_equal(ours.scale_, [1, 0])
    ours.partial_fit([[100.0, 6.0], [300.0, 10.0]])
    assert_array_equal(ours.center_, [2, 8])
    assert_array_equal(ours.scale_, [1, 2])


def test_two_constants_that_differ_are_a_scale():
    location, scale = settle(
        (np.array([1.0, 5.0]), np.zeros(2)), (np.array([3.0, 5.0]), np.zeros(2))
    )
    assert_array_equal(location, [2, 5])
    assert_array_equal(scale, [1, 0])


def test_output_as_a_data_frame():
    frame = pd.DataFrame(X, columns=list("abcd"))
    out = TabularPreprocessor().set_output(transform="pandas").fit_transform(frame)
    assert list(out.columns) == list("abcd")
