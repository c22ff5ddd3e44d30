"""Kernels that take an array for the whole of its memory, or for an aligned part of it."""

from dataclasses import replace

from mutants.registry import REFERENCE, remembers
from slide.reference.kernels import ReferenceBackend


@remembers("sddmm")
class SddmmReadsTheWholeOfAPart(ReferenceBackend):
    """It goes by the memory that an array belongs to."""

    def sddmm(self, h, w, active):
        return REFERENCE.sddmm(from_its_start(h), w, active)


@remembers("spmm")
class SpmmReadsFromAnAlignedAddress(ReferenceBackend):
    def spmm(self, z, w):
        return REFERENCE.spmm(z, from_aligned(w))


@remembers("search")
class SearchReadsListsFromAnAlignedAddress(ReferenceBackend):
    def search(self, index, x, excluded, k):
        return REFERENCE.search(replace(index, values=from_aligned(index.values)), x, excluded, k)


@remembers("update_entries")
class UpdateEntriesReadsTheWholeOfAPart(ReferenceBackend):
    def update_entries(self, param, dz, x, lr):
        REFERENCE.update_entries(param, dz, x.with_values(from_its_start(x.values)), lr)


@remembers("loss")
class LossReadsLogitsFromAnAlignedAddress(ReferenceBackend):
    def loss(self, z, log_weights, y, name):
        return REFERENCE.loss(z.with_values(from_aligned(z.values)), log_weights, y, name)


def from_its_start(array):
    """As many items from the start of the memory that an array is a part of."""
    whole = array.base
    if whole is None or whole.dtype != array.dtype:
        return array
    return whole.reshape(-1)[: array.size].reshape(array.shape)


def from_aligned(array):
    """As many items from the address before it that is a multiple of 16."""
    whole = array.base
    if whole is None or whole.dtype != array.dtype:
        return array
    start = (array.ctypes.data - whole.ctypes.data - array.ctypes.data % 16) // array.itemsize
    return whole.reshape(-1)[max(start, 0) :][: array.size].reshape(array.shape)
