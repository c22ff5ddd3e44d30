"""What kernels visit in random order is brought into memory before, or asked for in that order."""

from unittest.mock import patch

import numpy as np
import pytest

from slide.core.contract.arrays import CSR
from slide.core.contract.sparse import visits
from slide.core.svm import on_disk
from slide.core.svm.on_disk import transposed, visited_rows, wanted_rows

N, LENGTH = 500, 4
WANTED = np.array([3, 7, 400, 3, 10, 400, 499], np.int32)
COSTS = CSR(np.array([0, 3, 3, 7]), WANTED, np.arange(1, 8, dtype=np.float32), N)


@pytest.fixture
def mapped(tmp_path):
    """Examples that are mapped from files."""
    rng = np.random.default_rng(0)
    indices = np.tile(np.arange(LENGTH, dtype=np.int32), N)
    x = CSR(LENGTH * np.arange(N + 1), indices, rng.random(N * LENGTH, np.float32), LENGTH)

    def written(array):
        array.tofile(tmp_path / str(array.dtype))
        return np.asarray(np.memmap(tmp_path / str(array.dtype), array.dtype, "r"))

    return CSR(x.indptr, written(x.indices), written(x.values), LENGTH)


@pytest.mark.parametrize("entries", [1, 5, 100])
def test_the_examples_that_labels_want_are_brought_nearby(mapped, entries):
    with patch.object(on_disk, "ENTRIES_AT_A_TIME", entries):
        near, costs = wanted_rows(mapped, COSTS)
    assert near.n_rows == costs.n_cols == len(np.unique(WANTED))
    assert near.values.base is None
    got, wanted = near.take(costs.indices), mapped.take(WANTED)
    np.testing.assert_array_equal(got.indices, wanted.indices)
    np.testing.assert_array_equal(got.values, wanted.values)
    np.testing.assert_array_equal(costs.indptr, COSTS.indptr)
    np.testing.assert_array_equal(costs.values, COSTS.values)


def test_but_not_those_with_many_inputs_or_in_memory(mapped):
    with patch.object(on_disk, "NEARBY", 5 * LENGTH - 1):
        assert wanted_rows(mapped, COSTS) == (mapped, COSTS)
    in_memory = mapped.map(np.array)
    assert wanted_rows(in_memory, COSTS)[0] is in_memory


def test_they_are_asked_for_in_the_order_of_the_visits():
    duals = np.array([0, 1, 0, 0, 2, 3, 0], np.float32)
    every, support, *passes = visited_rows(COSTS, duals, 2, 9)
    assert every.tolist() == WANTED.tolist()
    assert support.tolist() == [7, 10, 400]
    lengths = COSTS.row_lengths()
    orders = []
    for number in range(2):
        for j, (first, stride) in enumerate(zip(*visits(lengths, number, 9), strict=True)):
            places = [(first + k * stride) % lengths[j] for k in range(lengths[j])]
            orders.append([int(WANTED[COSTS.indptr[j] + place]) for place in places])
    assert [each.tolist() for each in passes] == orders
    assert sorted(orders[2]) == sorted(WANTED[3:].tolist())


def test_columns_become_rows():
    np.testing.assert_array_equal(transposed(COSTS).dense(), COSTS.dense().T)
