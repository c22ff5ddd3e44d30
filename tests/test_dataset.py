"""An order of the examples that their contents decide."""

import numpy as np
from conftest import csr_of, planted
from hypothesis import given
from hypothesis import strategies as st

from slide.core.arrays import Block
from slide.core.dataset import Dataset, row_keys

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
