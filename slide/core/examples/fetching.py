"""Rows of mapped files, asked for before they are looked at.

A page that is looked at and is not in memory has the operating system read its neighbours, too,
often megabytes of them: right for who goes on there, and a thousandfold too much for rows in random
order, whose neighbours are gone again before anybody wants them. Rows that were asked for are read
by themselves, many at once.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array

CAN_ADVISE = hasattr(mmap, "MADV_WILLNEED")  # not on all systems

Mapping = tuple[mmap.mmap, int, int]
"""What is mapped, the byte of the first number, and the bytes of each."""


def taken(matrix: CSR, rows: Array) -> CSR:
    """`CSR.take`, for which rows are read by themselves where the matrix is mapped from files."""
    with ExitStack() as stack:
        if len(rows) and (mappings := mappings_of(matrix)):
            spans = runs(matrix.indptr[:-1][rows], matrix.indptr[1:][rows])
            for found in mappings:
                stack.enter_context(fetched(found, *spans))
        return matrix.take(rows)


def read_at_random(*arrays: Array) -> None:
    """Pages of arrays that are mapped are read by themselves from now on."""
    for array in arrays:
        if CAN_ADVISE and (found := mapping_of(array)):
            found[0].madvise(mmap.MADV_RANDOM)


@contextmanager
def fetched(mapping: Mapping, begins: Array, ends: Array) -> Iterator[None]:
    """Numbers are read from the disk, and nothing beside them for as long as this lasts."""
    pages = mapping[0]
    pages.madvise(mmap.MADV_RANDOM)
    try:
        will_need(mapping, begins, ends)
        yield
    finally:
        pages.madvise(mmap.MADV_NORMAL)


def will_need(mapping: Mapping, begins: Array, ends: Array) -> None:
    """Have numbers read, all of them at once."""
    pages, first, size = mapping
    low = first + begins * size
    starts = low - low % mmap.PAGESIZE
    lengths = first + ends * size - starts
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        pages.madvise(mmap.MADV_WILLNEED, start, length)


def ask_for(*arrays: Array) -> None:
    """Have the parts of mapped arrays that these are read, all of them at once."""
    for array in arrays:
        whole = np.asarray(array.base)
        if CAN_ADVISE and len(array) and (found := mapping_of(whole)):
            begin = (address_of(array) - address_of(whole)) // array.itemsize
            will_need(found, np.array([begin]), np.array([begin + len(array)]))


def address_of(array: Array) -> int:
    """Where its numbers begin in memory."""
    address: int = array.ctypes.data
    return address


def mappings_of(matrix: CSR) -> list[Mapping]:
    """Of its indices and values, where those are mapped and the system takes advice."""
    found = mapping_of(matrix.indices), mapping_of(matrix.values)
    return [each for each in found if CAN_ADVISE and each is not None]


def mapping_of(array: Array) -> Mapping | None:
    """The mapping whose numbers an array is, as a whole; None for one in memory."""
    owner: Any = array.base
    is_whole = isinstance(owner, np.memmap) and isinstance(owner.base, mmap.mmap)
    if not is_whole:
        return None
    return owner.base, owner.offset % mmap.ALLOCATIONGRANULARITY, array.itemsize


def runs(begins: Array, ends: Array) -> tuple[Array, Array]:
    """Spans that are not empty, one for those that go on where the one before them ends."""
    begins, ends = begins[ends > begins], ends[ends > begins]
    is_first = np.append(True, begins[1:] != ends[:-1])[: len(begins)]
    return begins[is_first], ends[np.roll(is_first, -1)]
