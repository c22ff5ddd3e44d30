"""Rows of mapped files are asked for before they are looked at, and come as from memory."""

import mmap
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest

from slide.core.contract.arrays import CSR
from slide.core.examples import fetching
from slide.core.examples.fetching import (
    ask_for,
    mapping_of,
    read_at_random,
    runs,
    taken,
)

N, LENGTH = 3000, 10
ROWS = np.array([2000, 2001, 100, 2999, 100])  # 100 begins on a page by the header


@pytest.fixture
def on_disk(tmp_path):
    """A matrix that is mapped, behind a header."""
    x = CSR(LENGTH * np.arange(N + 1), np.tile(np.arange(LENGTH, dtype=np.int32), N),
            np.arange(N * LENGTH, dtype=np.float32), LENGTH)  # fmt: skip
    return x, x.map(lambda array: written(tmp_path / str(array.dtype), array))


def written(path, array):
    path.write_bytes(bytes(128) + array.tobytes())
    return np.asarray(np.memmap(path, array.dtype, "r", 128))


class Told:
    """In the place of a mapping, one that is told what it is advised."""

    def __init__(self):
        self.advice = []

    def madvise(self, *advice):
        self.advice.append(advice)


@contextmanager
def watched():
    """The advice that all mappings are given."""
    told = Told()

    def found(array):
        mapping = mapping_of(array)
        return mapping and (told, *mapping[1:])

    with patch.object(fetching, "mapping_of", found):
        yield told.advice


def test_rows_are_those_of_memory(on_disk):
    in_memory, mapped = on_disk
    for rows in (ROWS, ROWS[:0], np.arange(N)):
        got, wanted = taken(mapped, rows), in_memory.take(rows)
        np.testing.assert_array_equal(got.values, wanted.values)
        np.testing.assert_array_equal(got.indptr, wanted.indptr)


def test_pages_of_the_rows_are_asked_for_and_no_others(on_disk):
    with watched() as advice:
        taken(on_disk[1], ROWS)
    asked = {mmap.PAGESIZE * (start // mmap.PAGESIZE): start + length
             for what, start, length in (each for each in advice if len(each) == 3)
             if what == mmap.MADV_WILLNEED}  # fmt: skip
    size = 4 * LENGTH
    wanted = {}
    for begin, end in ((2000, 2002), (100, 101), (2999, 3000)):
        first = 128 + begin * size
        wanted[first - first % mmap.PAGESIZE] = 128 + end * size
    assert asked == wanted


def test_neighbours_are_read_again_afterwards_whatever_happens(on_disk):
    fails = patch.object(CSR, "take", side_effect=MemoryError)
    with watched() as advice, fails, pytest.raises(MemoryError):
        taken(on_disk[1], ROWS)
    modes = [each[0] for each in advice if len(each) == 1]
    assert modes == [mmap.MADV_RANDOM] * 2 + [mmap.MADV_NORMAL] * 2


def test_arrays_in_memory_and_parts_of_a_file_are_not_advised(on_disk):
    in_memory, mapped = on_disk
    indices, values = (np.asarray(each.base[LENGTH:]) for each in (mapped.indices, mapped.values))
    part = CSR(mapped.indptr[:2], indices, values, LENGTH)
    with watched() as advice:
        taken(in_memory, ROWS)
        taken(part, np.array([0]))
    assert not advice


def test_spans_that_go_on_are_one():
    begins, ends = runs(np.array([0, 3, 5, 5, 9]), np.array([3, 5, 5, 7, 9]))
    assert (begins.tolist(), ends.tolist()) == ([0], [7])


def test_pages_of_what_is_read_at_random_are_read_by_themselves(on_disk):
    in_memory, mapped = on_disk
    with watched() as advice:
        read_at_random(in_memory.indices, mapped.indices, mapped.values)
    assert advice == [(mmap.MADV_RANDOM,)] * 2


def test_nobody_is_asked_for_what_is_in_memory(on_disk):
    with watched() as advice:
        ask_for(on_disk[0].values, on_disk[1].values[:0])
    assert not advice


def test_parts_of_a_file_are_asked_for(on_disk):
    indices, values = on_disk[1].indices, on_disk[1].values
    with watched() as advice:
        ask_for(indices[2000:4000], values[20_000:20_001])
    begin, end = 128 + 4 * 2000, 128 + 4 * 4000
    first = begin - begin % mmap.PAGESIZE
    alone = 128 + 4 * 20_000
    assert advice == [
        (mmap.MADV_WILLNEED, first, end - first),
        (mmap.MADV_WILLNEED, alone - alone % mmap.PAGESIZE, alone % mmap.PAGESIZE + 4),
    ]
