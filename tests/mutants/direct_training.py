"""Kernels on sparse weights that are right one by one: only training with them goes wrong."""

import weakref
from dataclasses import replace

import numpy as np

from mutants.registry import REFERENCE, mutant, mutant_class
from slide.core.contract.arrays import CSR
from slide.core.contract.sparse import SparseParam
from slide.reference.kernels import ReferenceBackend


class Remembering(ReferenceBackend):
    """Keeps something for each array that it has seen, as long as there is that array."""

    def __init__(self):
        self.memory = {}

    def first(self, array, thing):
        """What was kept for this array, or this thing from now on."""
        seen, kept = self.memory.get(id(array), (None, None))
        if seen is None or seen() is not array:
            self.memory[id(array)] = weakref.ref(array), thing
            return thing
        return kept


@mutant_class("train 20 steps direct", "free", at_default=True)
class KeepsItsIndex(Remembering):
    """The pattern is what it was, so the lists are: they are cut by the first weights."""

    def invert(self, w, base, limit):
        return self.first(w.indices, REFERENCE.invert(w, base, limit))


@mutant_class("train 20 steps direct", "forced", at_default=True)
@mutant_class("train 20 steps direct", "free", at_default=True)
class SearchesByTheFirstBase(Remembering):
    """The index is on the device already, biases and all."""

    def search(self, index, x, excluded, k):
        base = self.first(index.ids, index.base.copy())
        return REFERENCE.search(replace(index, base=base), x, excluded, k)


@mutant_class("train 20 steps direct", "free", at_default=True)
class UpdatesACopy(Remembering):
    """From the second step on, the weights that are trained are those on the device."""

    def update_entries(self, param, dz, x, lr):
        known = len(self.memory)
        copy = self.first(param.square, SparseParam(
            param.weight.with_values(param.weight.values.copy()), param.square.copy()))  # fmt: skip
        REFERENCE.update_entries(copy, dz, x, lr)
        if len(self.memory) > known:
            param.weight.values[:], param.square[:] = copy.weight.values, copy.square


@mutant_class("train 20 steps direct", "free", at_default=True)
class ReadsTheFirstWeights(Remembering):
    """A copy of the weights on the device, where `update_entries` does not write."""

    def masked_spgemm(self, x, w, active):
        return REFERENCE.masked_spgemm(
            x, w.with_values(self.first(w.values, w.values.copy())), active
        )


@mutant_class("train 20 steps direct", "free", at_default=True)
class SumsSquaresAnew(Remembering):
    """Each step is scaled by its own gradient and what the squares were at first."""

    def update_entries(self, param, dz, x, lr):
        param.square[:] = self.first(param.square, param.square.copy())
        REFERENCE.update_entries(param, dz, x, lr)


@mutant_class("train_step direct", "step", at_default=True)
class KeepsOneProduct(ReferenceBackend):
    """The connections of centroids are gone when those that weigh against labels are there."""

    buffer = np.empty(0, np.int32)

    def spgemm_t(self, z, x, limits, excluded):
        product = REFERENCE.spgemm_t(z, x, limits, excluded)
        if product.nnz > self.buffer.size:
            self.buffer = np.empty(1 << 20, np.int32)
        indices = self.buffer[: product.nnz]
        indices[:] = product.indices
        return CSR(product.indptr, indices, product.values, product.n_cols)


@mutant_class("train 20 steps direct", "forced", at_default=True)
class ExcludesWhatItDidBefore(ReferenceBackend):
    """Marks of the call before are still there, where it had as many examples."""

    marks = None

    def search(self, index, x, excluded, k):
        before, self.marks = self.marks, excluded
        if before is not None and before.shape == excluded.shape:
            both = before.to_scipy().astype(bool) + excluded.to_scipy().astype(bool)
            excluded = CSR.from_scipy(both)
        return REFERENCE.search(index, x, excluded, k)


@mutant("update_entries", "step", row="train_step direct", at_default=True)
def update_entries_at_one_at_most(self, param, dz, x, lr):
    """No learning rate is larger, says somebody who has not read the recipe."""
    REFERENCE.update_entries(param, dz, x, min(lr, 1.0))


@mutant("masked_spgemm", "step", row="train_step direct", at_default=True)
def masked_spgemm_without_the_constant(self, x, w, active):
    """Where every example ends in a 1, biases are in the base of an index already."""
    is_last = x.indices == x.n_cols - 1
    if x.n_rows and is_last.sum() == x.n_rows and (x.values[is_last] == 1).all():
        x = x.with_values(np.where(is_last, np.float32(0), x.values))
    return REFERENCE.masked_spgemm(x, w, active)
