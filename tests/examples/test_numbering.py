"""Few ids of a huge range get columns of their own; ids that are mostly in use are columns."""

import numpy as np
import pytest
from conftest import csr_of

from slide.core.contract.arrays import Block
from slide.core.examples.dataset import Dataset
from slide.core.examples.numbering import MANY, SPARE, Numbering, by_columns, used

HUGE = 2**31 - 1


def test_few_ids_of_a_huge_range_have_columns():
    matrix = csr_of([{5: 1.0, HUGE - 1: 2.0}, {}, {70_000: 3.0}], HUGE)
    numbering = Numbering.of(matrix)
    np.testing.assert_array_equal(numbering.ids, [5, 70_000, HUGE - 1])
    columns = numbering.columns_of(np.array([0, 5, 6, 70_000, HUGE - 1], np.int32))
    assert (columns.dtype, columns.tolist()) == (np.int32, [-1, 0, -1, 1, 2])
    ids = numbering.ids_of(np.array([[2, -1], [0, 1]], np.int32))
    assert (ids.dtype, ids.tolist()) == (np.int32, [[HUGE - 1, -1], [5, 70_000]])
    within = numbering.within(matrix)
    within.check()
    assert (within.shape, within.indices.tolist()) == ((3, 3), [0, 2, 1])


@pytest.mark.parametrize(("n", "every"), [(MANY, 1000), (MANY + SPARE - 1, SPARE)])
def test_small_ranges_and_those_of_which_enough_are_in_use_stay_as_they_are(n, every):
    matrix = csr_of([dict.fromkeys(range(0, n, every), 1.0)], n)
    numbering = Numbering.of(matrix)
    assert (numbering.n, numbering.ids) == (n, None)
    assert numbering.within(matrix) is matrix
    assert numbering.columns_of(np.array([0, n - 1, n])).tolist() == [0, n - 1, -1]


def test_one_in_eight_is_few():
    n = MANY + SPARE
    matrix = csr_of([dict.fromkeys(range(0, n, SPARE), 1.0)], n)
    assert len(Numbering.of(matrix).ids) == n // SPARE


def test_nothing_in_use_is_no_column():
    numbering = Numbering.of(csr_of([{}], HUGE))
    assert numbering.n == 0
    assert numbering.columns_of(np.array([3])).tolist() == [-1]


@pytest.mark.parametrize("n", [20, HUGE])
def test_ids_are_found_by_marking_or_by_sorting(n):
    matrix = csr_of([{3: 1.0, 7: 1.0}, {3: 1.0}], n)
    ids = used(matrix)
    assert (ids.dtype, ids.tolist()) == (np.int32, [3, 7])


def test_dense_features_have_all_their_columns():
    x = Block.of(np.zeros((1, 4), np.float32))
    data, features, labels = by_columns(Dataset(x, csr_of([{HUGE - 1: 1.0}], HUGE)))
    assert data.x is x
    assert (features.ids, labels.ids.tolist(), data.y.shape) == (None, [HUGE - 1], (1, 1))
