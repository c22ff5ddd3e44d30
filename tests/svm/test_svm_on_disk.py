"""What kernels visit in random order is brought into memory, or into a file in that order."""

from unittest.mock import patch

import numpy as np
import pytest

from slide.core.contract.arrays import CSR
from slide.core.contract.opening import opened
from slide.core.contract.sparse import visits
from slide.core.examples.fetching import mapping_of
from slide.core.examples.scratch import MEMORY, Scratch
from slide.core.svm import on_disk
from slide.core.svm.on_disk import transposed, wanted_rows

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
def test_the_examples_that_labels_want_are_brought_into_memory(mapped, entries):
    with patch.object(on_disk, "ENTRIES_AT_A_TIME", entries):
        near, costs = wanted_rows(mapped, COSTS, MEMORY, 0)
    assert near.n_rows == costs.n_cols == len(np.unique(WANTED))
    assert near.values.base is None
    demand_same(near, costs, mapped)


@pytest.mark.parametrize("salt", [0, 9])
def test_those_with_many_inputs_into_a_file_in_the_order_of_the_first_pass(mapped, salt, tmp_path):
    with patch.object(on_disk, "NEARBY", 5 * LENGTH - 1):
        near, costs = wanted_rows(mapped, COSTS, Scratch(tmp_path), salt)
    assert mapping_of(near.values)
    demand_same(near, costs, mapped)
    lengths = COSTS.row_lengths()
    for j, (first, stride) in enumerate(zip(*visits(lengths, 0, salt), strict=True)):
        places = [(first + k * stride) % lengths[j] for k in range(lengths[j])]
        own = costs.row(j)[0]
        assert own[places].tolist() == sorted(own)


def test_or_in_the_order_of_the_examples(mapped, tmp_path):
    with patch.object(on_disk, "NEARBY", 5 * LENGTH - 1):
        near, costs = wanted_rows(mapped, COSTS, Scratch(tmp_path), None)
    demand_same(near, costs, mapped)
    assert costs.indices.tolist() == list(range(len(WANTED)))


def demand_same(near, costs, mapped):
    """Each entry stands for the same example."""
    got, wanted = near.take(costs.indices), mapped.take(WANTED)
    np.testing.assert_array_equal(got.indices, wanted.indices)
    np.testing.assert_array_equal(got.values, wanted.values)
    np.testing.assert_array_equal(costs.indptr, COSTS.indptr)
    np.testing.assert_array_equal(costs.values, COSTS.values)


def test_examples_in_memory_stay_where_they_are(mapped):
    x = mapped.map(np.array)
    assert wanted_rows(x, COSTS, MEMORY, 0) == (x, COSTS)


@pytest.mark.parametrize("name", ["reference", "numba", "processes"])
def test_the_order_of_the_columns_changes_no_bit_of_a_solution(mapped, name, tmp_path):
    x, backend = mapped.map(np.array), opened(name)
    with patch.object(on_disk, "NEARBY", 0):
        near, costs = wanted_rows(mapped, COSTS, Scratch(tmp_path), 9)
    assert costs.indices.tolist() != sorted(costs.indices)
    sides = np.array([1, -1, 1, -1, 1, -1, -1], np.float32)
    one, other = (
        backend.solve_rows(
            *(each.map(backend.put) for each in (of, each.with_values(sides * each.values))),
            backend.put(np.arange(7, dtype=np.float32) / 8),
            CSR.empty(3, LENGTH).map(backend.put), backend.put(np.zeros(3, np.float32)), 0.3,
            backend.put(np.full(3, 2)), 1, 9,
        )
        for of, each in ((x, COSTS), (near.map(np.array), costs))
    )  # fmt: skip
    for name in ("bias", "duals"):
        np.testing.assert_array_equal(*(backend.get(getattr(each, name)) for each in (one, other)))
    np.testing.assert_array_equal(*(backend.get(each.weight.values) for each in (one, other)))


def test_columns_become_rows():
    np.testing.assert_array_equal(transposed(COSTS).dense(), COSTS.dense().T)
