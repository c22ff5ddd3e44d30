"""The array types: their operations against dense arrays, and what check() refuses."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of
from hypothesis import given
from hypothesis import strategies as st

from slide.core.contract.arrays import CSR, Block, Param, RowGrad
from slide.core.contract.optim import Adam
from slide.core.examples.dataset import Dataset

rows_of_dicts = st.lists(
    st.dictionaries(st.integers(0, 6), st.integers(-4, 4).map(float), max_size=5), max_size=6
)


def dense(csr):
    out = np.zeros(csr.shape, csr.values.dtype)
    for i in range(csr.n_rows):
        columns, values = csr.row(i)
        out[i, columns] = values
    return out


@given(rows_of_dicts, st.data())
def test_take_is_fancy_indexing(rows, data):
    csr = csr_of(rows, 7)
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9) if rows else st.just([]))
    taken = csr.take(np.array(chosen, np.int64))
    taken.check()
    np.testing.assert_array_equal(dense(taken), dense(csr)[np.array(chosen, np.int64)])


@given(rows_of_dicts)
def test_with_constant_appends_a_column_of_ones(rows):
    csr = csr_of(rows, 7)
    widened = csr.with_constant()
    widened.check()
    np.testing.assert_array_equal(
        dense(widened), np.hstack([dense(csr), np.ones((len(rows), 1), np.float32)])
    )


@given(rows_of_dicts)
def test_unit_rows_have_length_one_or_zero(rows):
    csr = csr_of(rows, 7)
    unit = dense(csr.with_unit_rows())
    lengths = np.linalg.norm(dense(csr), axis=1, keepdims=True)
    np.testing.assert_allclose(unit * lengths, dense(csr), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), lengths[:, 0] > 0, rtol=1e-6)


@given(rows_of_dicts)
def test_counts_and_row_numbers(rows):
    csr = csr_of(rows, 7)
    assert csr.row_numbers().tolist() == [i for i, row in enumerate(rows) for _ in row]
    assert csr.column_counts().tolist() == [sum(j in row for row in rows) for j in range(7)]


@given(rows_of_dicts)
def test_scipy_round_trip(rows):
    csr = csr_of(rows, 7)
    back = CSR.from_scipy(csr.to_scipy())
    back.check()
    np.testing.assert_array_equal(dense(back), dense(csr))


def test_from_scipy_sorts_and_sums():
    from scipy.sparse import csr_matrix

    matrix = csr_matrix((np.array([1.0, 2.0, 4.0]), np.array([3, 0, 3]), np.array([0, 3])), (1, 4))
    csr = CSR.from_scipy(matrix)
    csr.check()
    assert csr.indices.tolist() == [0, 3]
    assert csr.values.tolist() == [2.0, 5.0]
    assert matrix.indices.tolist() == [3, 0, 3]  # the argument is left alone


GOOD = csr_of([{0: 1.0, 2: 1.0}, {}, {1: 1.0}], 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"indptr": GOOD.indptr.astype(np.int32)}, "indptr is int32"),
        ({"indices": GOOD.indices.astype(np.int64)}, "indices is int64"),
        ({"values": GOOD.values.astype(np.float64)}, "values is float64"),
        ({"values": GOOD.values[:-1]}, "2 values"),
        ({"indptr": np.array([1, 2, 2, 3])}, "start with 0"),
        ({"indptr": np.array([0, 3, 2, 3])}, "indptr decreases"),
        ({"indptr": np.array([0, 2, 2, 4])}, "indptr ends at 4"),
        ({"indices": np.array([0, -1, 1], np.int32)}, "negative"),
        ({"indices": np.array([0, 3, 1], np.int32)}, "not below n_cols = 3"),
        ({"indices": np.array([2, 0, 1], np.int32)}, "not strictly increasing"),
        ({"indices": np.array([2, 2, 1], np.int32)}, "not strictly increasing"),
    ],
)
def test_check_names_what_is_wrong_with_a_csr(change, words):
    GOOD.check()
    with pytest.raises(ValueError, match=words):
        replace(GOOD, **change).check()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (Block(np.array([1, 1], np.int32), np.zeros((1, 2), np.float32), 3), "increasing"),
        (Block(np.array([1, 3], np.int32), np.zeros((1, 2), np.float32), 3), "below n_cols"),
        (Block(np.array([-1, 1], np.int32), np.zeros((1, 2), np.float32), 3), "negative"),
        (Block(np.array([1], np.int32), np.zeros((1, 2), np.float32), 3), "2 columns for 1"),
        (RowGrad(np.array([2, 1], np.int32), np.zeros((2, 2), np.float32)), "increasing"),
        (RowGrad(np.array([1], np.int32), np.zeros((2, 2), np.float32)), "2 rows"),
        (Adam().begin(np.zeros((2, 2), np.float64)), "float64"),
        (Adam().begin(np.zeros((2, 2), np.float32).T.copy(order="F")), "C order"),
        (
            Param(*(np.zeros((n, 2), np.float32) for n in (2, 2, 3))),
            "square has shape",
        ),
        (Dataset(GOOD, csr_of([{}], 3)), "3 rows of features and 1 rows of labels"),
    ],
)
def test_check_names_what_is_wrong_with_the_others(broken, words):
    with pytest.raises(ValueError, match=words):
        broken.check()


def test_widened_never_shrinks():
    for wanted, got in (((2, 9), (3, 9)), ((9, 2), (9, 3))):
        data = Dataset(GOOD, GOOD).widened(*wanted)
        assert (data.n_features, data.n_labels) == got
