"""Sizes past 2**31, in files with holes: nothing is stored of them but what is asked for."""

import numpy as np
import pytest

from slide.backends import load
from slide.core.contract.arrays import CSR, Block
from slide.core.contract.lists import merged
from slide.core.contract.sparse import InvertedIndex
from slide.core.svm.shortlists import OWN, Shortlists
from slide.data.apart import read_left_out
from slide.data.source import Source
from slide.reference.kernels import ReferenceBackend

BEYOND = 2**31 + 5  # entries before those that are looked at
COLUMNS = 2**31 - 1


@pytest.fixture(scope="module")
def holey(tmp_path_factory):
    """Makes an array of zeros that takes neither memory nor disk."""
    folder = tmp_path_factory.mktemp("holey")

    def make(name, dtype, shape):
        array = np.memmap(folder / name, dtype, "w+", shape=shape)
        return np.asarray(array)

    return make


@pytest.fixture(scope="module")
def long(holey):
    """CSR (3, COLUMNS) whose second row begins beyond 2**31 entries."""
    indices, values = (holey(f"l{each}", each, (BEYOND + 3,)) for each in ("i4", "f4"))
    indices[-3:], values[-3:] = [7, COLUMNS - 1, 2], [1, 2, 3]
    return CSR(np.array([0, BEYOND, BEYOND + 2, BEYOND + 3]), indices, values, COLUMNS)


def entries(matrix):
    return matrix.indptr.tolist(), matrix.indices.tolist(), matrix.values.tolist()


def test_rows_beyond_two_to_the_31_entries(long):
    assert long.nnz > 2**31
    assert long.row_lengths().tolist() == [BEYOND, 2, 1]
    assert [each.tolist() for each in long.row(1)] == [[7, COLUMNS - 1], [1, 2]]
    assert entries(long.take(np.array([2, 1]))) == ([0, 1, 3], [2, 7, COLUMNS - 1], [3, 1, 2])
    assert long.take(np.array([1])).cells().tolist() == [7, COLUMNS - 1]


def far(rows, columns, n_rows):
    """CSR (n_rows, COLUMNS) with an entry in each of some rows."""
    indptr = np.searchsorted(rows, np.arange(n_rows + 1))
    values = np.arange(1, len(rows) + 1, dtype=np.float32)
    return CSR(indptr, np.array(columns, np.int32), values, COLUMNS)


def test_cells_beyond_two_to_the_32():
    matrix = far([0, 2, 4], [5, COLUMNS - 1, 0], 5)
    cells = matrix.cells()
    assert cells.tolist() == [5, 3 * COLUMNS - 1, 4 * COLUMNS]
    assert entries(CSR.of_cells(cells, matrix.values, matrix.shape)) == entries(matrix)
    both = matrix.union(far([1, 4], [COLUMNS - 1, COLUMNS - 1], 5))
    assert both.indices.tolist() == [5, COLUMNS - 1, COLUMNS - 1, 0, COLUMNS - 1]
    wide = matrix.with_constant()
    assert wide.indices.tolist() == [
        *[5, COLUMNS], COLUMNS, *[COLUMNS - 1, COLUMNS], COLUMNS, *[0, COLUMNS],
    ]  # fmt: skip
    assert entries(wide.without_constant()) == entries(matrix)


def test_cells_that_are_merged_keep_61_bits():
    cells, origins = merged(np.array([2**61 - 1]), np.array([2**61 - 1, 3]))
    assert cells.tolist() == [3, 2**61 - 1]
    assert origins.tolist() == [1, 0]


def test_pairs_of_labels_and_examples_beyond_two_to_the_32():
    shape = 70_000, 70_000
    cells = np.array([3, 69_999 * 70_000, 70_000**2 - 1])
    lists = Shortlists(cells, np.full(3, OWN, np.int8), np.zeros(3, np.float32), shape)
    costs = lists.costs(1.0, 70_000)
    assert costs.indices.tolist() == [3, 0, 69_999]
    assert costs.indptr[[1, -2, -1]].tolist() == [1, 1, 3]
    assert lists.drawn_counts().sum() == 0


def test_pairs_that_are_left_out_beyond_two_to_the_32(tmp_path):
    path = tmp_path / "filter_labels_train.txt"
    path.write_bytes(b"0 1\n4 2147483646\n")
    pairs = read_left_out(Source(path), (5, COLUMNS))
    assert pairs.indices.tolist() == [1, COLUMNS - 1]
    assert pairs.indptr.tolist() == [0, 1, 1, 1, 1, 2]


@pytest.fixture(scope="module", params=["reference", "numba"])
def computer(request):
    return ReferenceBackend() if request.param == "reference" else load("numba")


def test_lists_of_an_index_beyond_two_to_the_31_entries(holey, computer):
    ids, values = holey("ids", "i4", (BEYOND + 2,)), holey("weights", "f4", (BEYOND + 2,))
    ids[-2:], values[-2:] = [1, 3], [0.5, 2]
    index = InvertedIndex(
        np.array([0, 0, BEYOND, BEYOND + 2]), ids, values, np.zeros(4, np.float32)
    )
    x = CSR(np.array([0, 1]), np.array([2], np.int32), np.ones(1, np.float32), 3)
    best, scores = computer.search(index, x, CSR.empty(1, 4), 2)
    assert best.tolist() == [[3, 1]]
    assert scores.tolist() == [[2, 0.5]]


@pytest.mark.parametrize("shared", [False, True])
def test_rows_of_weights_beyond_two_to_the_33_bytes(holey, computer, shared):
    n, d = 2**28 + 2, 8  # the last rows begin beyond 2**31 weights
    w = holey(f"w{shared}", "f4", (n, d))
    w[-2:] = [np.arange(8), np.ones(8)]
    h, ids = np.ones((1, d), np.float32), np.array([0, n - 2, n - 1], np.int32)
    active = CSR(np.array([0, 3]), ids, np.zeros(3, np.float32), n)
    if shared:
        active = Block(ids, np.zeros((1, 3), np.float32), n)
    z = computer.sddmm(h, w, active)
    assert np.ravel(z.values).tolist() == [0, 28, 8]
    assert computer.spmm(z, w).tolist() == [(28 * np.arange(8) + 8).tolist()]
