"""An order of the examples that their contents decide."""

import numpy as np
import pytest
from conftest import csr_of, planted
from hypothesis import given
from hypothesis import strategies as st

from slide.core.contract.arrays import Block
from slide.core.examples.dataset import Dataset, row_keys

DATA = planted(300)


@given(st.integers(0, 2**32 - 1))
def test_any_order_of_a_file_has_one_canonical_order(seed):
    shuffled = DATA.take(np.random.default_rng(seed).permutation(DATA.n_samples))
    one, other = DATA.take(DATA.canonical_order()), shuffled.take(shuffled.canonical_order())
    for a, b in ((one.x, other.x), (one.y, other.y)):
        np.testing.assert_array_equal(a.indptr, b.indptr)
        np.testing.assert_array_equal(a.indices, b.indices)
        np.testing.assert_array_equal(a.values, b.values)


def test_keys_differ_where_rows_do():
    """In a value, in a column, in both swapped, in nothing but an entry that is zero."""
    rows = [{}, {0: 1.0}, {1: 1.0}, {0: 2.0}, {0: 1.0, 1: 2.0}, {0: 2.0, 1: 1.0}, {0: 1.0, 2: 0.0}]
    assert len(np.unique(row_keys(csr_of(rows, 3)))) == len(rows)
    again = csr_of([{0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0}], 3)
    assert len(np.unique(row_keys(again))) == 1


def test_labels_count_as_features_do():
    x = csr_of([{0: 1.0}] * 2, 2)
    y = csr_of([{0: 1.0}, {1: 1.0}], 2)
    orders = [Dataset(x, y.take(np.array(rows))).canonical_order() for rows in ([0, 1], [1, 0])]
    assert orders[0].tolist() == orders[1][::-1].tolist()
    swapped = Dataset(csr_of([{0: 1.0}, {1: 1.0}], 2), csr_of([{1: 1.0}, {0: 1.0}], 2))
    keys = swapped.take(np.array([1, 0])).canonical_order()
    assert keys.tolist() != swapped.canonical_order().tolist()


def test_dense_rows_have_keys_of_their_own():
    array = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    data = Dataset(Block.of(array), csr_of([{0: 1.0}] * 50, 2))
    order = np.random.default_rng(1).permutation(50)
    one, other = data.canonical_order(), data.take(order).canonical_order()
    np.testing.assert_array_equal(array[one], array[order][other])


def test_dense_keys_differ_where_columns_are_swapped():
    array = np.array([[1, 2], [2, 1]], np.float32)
    assert len(np.unique(row_keys(Block.of(array)))) == 2


@pytest.mark.parametrize(("n_x", "n_y"), [(2, 3), (3, 2)])
def test_as_many_rows_of_features_as_of_labels(n_x, n_y):
    data = Dataset(csr_of([{0: 1.0}] * n_x, 1), csr_of([{0: 1.0}] * n_y, 1))
    with pytest.raises(ValueError, match=f"{n_x} rows of features and {n_y} rows of labels"):
        data.check()


def test_dense_features_as_csr_are_all_that_is_not_zero():
    block = Block(np.array([1, 4], np.int32), np.array([[2, 0], [0, 0], [-3, 5]], np.float32), 6)
    features = Dataset(block, csr_of([{0: 1.0}] * 3, 1)).features
    features.check()
    assert features.n_cols == 6
    rows = [dict(zip(*features.row(i), strict=True)) for i in range(3)]
    assert rows == [{1: 2}, {}, {1: -3, 4: 5}]
