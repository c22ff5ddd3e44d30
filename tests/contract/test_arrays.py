"""The array types: their operations against dense arrays, and what check() refuses."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of
from hypothesis import given
from hypothesis import strategies as st

from slide.core.contract.arrays import CSR, Block, Param, RowGrad
from slide.core.contract.lists import indptr_of, merged
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
    chosen = data.draw(
        st.lists(st.integers(-len(rows), len(rows) - 1), max_size=9) if rows else st.just([])
    )
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


@given(rows_of_dicts, st.data())
def test_where_keeps_what_the_mask_says(rows, data):
    csr = csr_of(rows, 7)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=csr.nnz, max_size=csr.nnz)), bool)
    some = csr.where(mask)
    some.check()
    stored = [(i, j) for i, row in enumerate(rows) for j in sorted(row)]
    kept = [cell for cell, keep in zip(stored, mask, strict=True) if keep]
    assert list(zip(some.row_numbers(), some.indices, strict=True)) == kept
    assert some.values.tolist() == [rows[i][j] for i, j in kept]
    assert some.shape == csr.shape
    assert csr.positive().values.tolist() == [rows[i][j] for i, j in stored if rows[i][j] > 0]


@given(st.lists(rows_of_dicts, min_size=1, max_size=4))
def test_stack_is_vstack(parts):
    got = CSR.stack([csr_of(rows, 7) for rows in parts], 9)
    got.check()
    assert got.shape == (sum(map(len, parts)), 9)
    below = np.vstack([dense(csr_of(rows, 9)) for rows in parts])
    np.testing.assert_array_equal(dense(got), below)
    assert got.nnz == sum(len(row) for rows in parts for row in rows)  # zeros are entries, too


def test_stack_joins_where_it_is_told():
    joined = []

    def join(arrays):
        joined.append(np.concatenate(arrays))
        return joined[-1]

    got = CSR.stack([GOOD, GOOD], 3, join)
    assert got.indices is joined[0]
    assert got.values is joined[1]


@given(rows_of_dicts, st.data())
def test_union_has_the_entries_of_both(rows, data):
    belongs = data.draw(st.lists(st.booleans(), min_size=len(rows) * 7, max_size=len(rows) * 7))
    one, other = (
        csr_of(
            [{j: v for j, v in row.items() if belongs[7 * i + j] == side}
             for i, row in enumerate(rows)], 7,
        )
        for side in (True, False)
    )  # fmt: skip
    both = one.union(other)
    both.check()
    np.testing.assert_array_equal(both.indptr, csr_of(rows, 7).indptr)
    np.testing.assert_array_equal(dense(both), dense(csr_of(rows, 7)))


@given(rows_of_dicts)
def test_cells_are_places_in_the_dense_array_and_lead_back(rows):
    csr = csr_of(rows, 7)
    assert csr.cells().tolist() == [7 * i + j for i, row in enumerate(rows) for j in sorted(row)]
    back = CSR.of_cells(csr.cells(), csr.values, csr.shape)
    back.check()
    for name in ("indptr", "indices", "values", "n_cols"):
        np.testing.assert_array_equal(getattr(back, name), getattr(csr, name))


def test_cells_are_numbers_of_64_bits():
    far = CSR(
        np.array([0, 0, 0, 1]), np.array([2**31 - 3], np.int32), np.ones(1, np.float32), 2**31 - 1
    )
    assert far.cells().tolist() == [2 * (2**31 - 1) + 2**31 - 3]
    back = CSR.of_cells(far.cells(), far.values, far.shape)
    back.check()
    assert (back.indptr.tolist(), back.indices.tolist()) == ([0, 0, 0, 1], [2**31 - 3])


def test_a_matrix_without_columns_has_no_cells():
    back = CSR.of_cells(np.zeros(0, np.int64), np.zeros(0, np.float32), (3, 0))
    back.check()
    assert back.shape == (3, 0)


def test_runs_begin_where_those_before_them_end():
    assert indptr_of(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]
    assert indptr_of(np.zeros(0, np.int64)).tolist() == [0]
    assert indptr_of(np.array([True, False])).dtype == np.int64


@given(st.lists(st.lists(st.integers(0, 9)), min_size=1, max_size=4))
def test_merged_is_a_union_that_knows_the_first_list(lists):
    numbers, first = merged(*(np.array(one, np.int32) for one in lists))
    assert numbers.tolist() == sorted(set().union(*lists))
    assert numbers.dtype == np.int64
    assert first.dtype == np.float32
    for number, place in zip(numbers, first, strict=True):
        assert int(place) == next(i for i, one in enumerate(lists) if number in one)


def test_merged_holds_numbers_of_64_bits():
    numbers, first = merged(np.array([2**60]), np.array([2**60, 2**60 - 1]))
    assert (numbers.tolist(), first.tolist()) == ([2**60 - 1, 2**60], [1, 0])


def layouts_of(rows, ids):
    """A CSR and a Block, and each as a dense array."""
    csr = csr_of(rows, 7)
    values = np.arange(len(rows) * len(ids), dtype=np.float32).reshape(len(rows), len(ids)) - 3
    full = np.zeros((len(rows), 7), np.float32)
    full[:, ids] = values
    return (csr, dense(csr)), (Block(np.array(ids, np.int32), values, 7), full)


columns = st.sets(st.integers(0, 6)).map(sorted) | st.just(list(range(7)))


@given(rows_of_dicts, columns)
def test_both_layouts_are_dense_alike(rows, ids):
    for matrix, full in layouts_of(rows, ids):
        np.testing.assert_array_equal(matrix.dense(), full)
        assert matrix.dense().dtype == np.float32
        other = np.arange(full.size, dtype=np.float32).reshape(full.shape)
        taken = matrix.with_values_of(other)
        ones = matrix.with_values(np.ones_like(matrix.values))
        np.testing.assert_array_equal(taken.dense(), other * ones.dense())
        assert type(taken) is type(matrix)


@given(rows_of_dicts, columns)
def test_both_layouts_know_columns_and_rows_alike(rows, ids):
    (csr, _), (block, _) = layouts_of(rows, ids)
    assert csr.column_ids().tolist() == sorted(set().union(*rows))
    assert block.column_ids().tolist() == ids
    for matrix in (csr, block):
        ones = matrix.with_values(np.ones_like(matrix.values)).dense()
        assert matrix.column_ids().dtype == np.int32
        assert matrix.row_lengths().dtype == np.int64
        assert matrix.row_lengths().tolist() == ones.sum(axis=1).tolist()
        mask = matrix.values > 0
        assert matrix.row_counts(mask).tolist() == (matrix.dense() > 0).sum(axis=1).tolist()
        numbers = np.arange(len(rows), dtype=np.float32)
        spread = matrix.with_values(matrix.for_entries(numbers))
        np.testing.assert_array_equal(spread.dense(), ones * numbers[:, None])
        assert spread.values.shape == matrix.values.shape


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
