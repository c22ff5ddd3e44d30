"""Kernels that answer from memory that they use again, or find in it what a call left there."""

from dataclasses import replace

import numpy as np

from mutants.patterns import kept
from mutants.registry import REFERENCE, remembers
from slide.core.contract.arrays import CSR, Block, RowGrad
from slide.reference.kernels import ReferenceBackend


@remembers("put")
class PutsIntoOneBufferOfEachShape(ReferenceBackend):
    def __init__(self):
        self.buffers = {}

    def put(self, array):
        buffer = self.buffers.setdefault((array.dtype, array.shape), np.empty_like(array))
        buffer[...] = array
        return buffer


@remembers("spmm")
class SpmmAnswersFromOneBuffer(ReferenceBackend):
    """As long as the shape is the same."""

    buffer = np.empty((0, 0), np.float32)

    def spmm(self, z, w):
        product = REFERENCE.spmm(z, w)
        if self.buffer.shape != product.shape:
            self.buffer = np.empty_like(product)
        self.buffer[...] = product
        return self.buffer


@remembers("spmm_t")
class SpmmTAnswersFromAGrowingBuffer(ReferenceBackend):
    buffer = np.empty(0, np.float32)

    def spmm_t(self, z, h):
        grad = REFERENCE.spmm_t(z, h)
        if self.buffer.size < grad.values.size:
            self.buffer = np.empty(grad.values.size, np.float32)
        values = self.buffer[: grad.values.size].reshape(grad.values.shape)
        values[...] = grad.values
        return RowGrad(grad.rows, values)


@remembers("spmm_t")
class SpmmTAddsToWhatALargerCallLeft(ReferenceBackend):
    """The sums of rows that are stored in order are cleared up to the size of this call."""

    def __init__(self):
        self.left = np.zeros((0, 0), np.float32)

    def spmm_t(self, z, h):
        grad = REFERENCE.spmm_t(z, h)
        n, d = min(len(grad.values), len(self.left)), min(h.shape[1], self.left.shape[1])
        before, self.left = self.left, grad.values.copy()
        if before.size > grad.values.size and n:
            grad.values[n - 1, :d] += before[n - 1, :d]
        return grad


@remembers("build", "scale")
class BuildKeepsCountsOfALargerCall(ReferenceBackend):
    """The last bucket of a table starts from what it counted before."""

    n_before = 0

    def build(self, codes, n_buckets, salt, policy):
        tables = REFERENCE.build(codes, n_buckets, salt, policy)
        larger, self.n_before = self.n_before > n_buckets, n_buckets
        if larger and tables.L > 1:
            tables.offsets[n_buckets] -= 1
        return tables


@remembers("reinsert")
class ReinsertStillMarksWhoMovedBefore(ReferenceBackend):
    """Whoever moved in a call of as many neurons goes to the front of the bucket again."""

    marked = None

    def reinsert(self, tables, rows, codes):
        n, before = tables.n_neurons, self.marked
        self.marked = np.zeros(n, bool)
        self.marked[rows] = True
        if before is None or len(before) != n:
            return REFERENCE.reinsert(tables, rows, codes)
        before[rows] = False
        stale = np.flatnonzero(before).astype(np.int32)
        first = REFERENCE.reinsert(tables, stale, codes_of(tables)[stale])
        return REFERENCE.reinsert(first, rows, codes)


def codes_of(tables):
    """Where each neuron is: u32 (n, L)."""
    sizes = np.diff(tables.offsets)
    buckets = np.repeat(np.arange(len(sizes)) % tables.n_buckets, sizes).reshape(tables.L, -1)
    codes = np.empty((tables.L, tables.n_neurons), np.uint32)
    np.put_along_axis(codes, tables.ids.reshape(tables.L, -1).astype(np.int64), buckets, axis=1)
    return codes.T


@remembers("query", "scale")
class QuerySharesANeuronOfTheCallBefore(ReferenceBackend):
    """Where more than 200 are shared."""

    before = None

    def query(self, tables, codes, required, extra, query, salt):
        active = REFERENCE.query(tables, codes, required, extra, query, salt)
        if not query.shared or len(active.ids) <= 200:
            return active
        last, self.before = self.before, int(active.ids[-1])
        if last is None or last >= active.n_cols or last in active.ids:
            return active
        place = int(np.searchsorted(active.ids, last))
        ids = np.insert(active.ids, place, last).astype(np.int32)
        return Block(ids, np.insert(active.values, place, 1, axis=1), active.n_cols)


@remembers("query", "scale")
class QueryCountsHitsOfTheCallBefore(ReferenceBackend):
    """The counts of the first example are not cleared."""

    met = np.empty(0, np.int32)

    def query(self, tables, codes, required, extra, query, salt):
        active = REFERENCE.query(tables, codes, required, extra, query, salt)
        if query.shared:
            return active
        before, (first, _) = self.met, active.row(0) if active.n_rows else (self.met, None)
        self.met = first.copy()
        stale = np.setdiff1d(before[before < active.n_cols], first)[:1]
        if query.strategy == "vanilla" or not active.n_rows or not len(stale):
            return active
        place = int(np.searchsorted(first, stale[0]))
        return CSR(
            np.append(0, active.indptr[1:] + 1),
            np.insert(active.indices, place, stale[0]).astype(np.int32),
            np.insert(active.values, place, 1).astype(np.float32),
            active.n_cols,
        )


@remembers("loss", "scale")
class LossDoesNotClearItsTargets(ReferenceBackend):
    """The first label of the call before is one of the first example of this one."""

    label = -1

    def loss(self, z, log_weights, y, name):
        before, self.label = self.label, int(y.indices[0]) if y.nnz else -1
        first = y.row(0)[0] if y.n_rows else y.indices
        if not 0 <= before < y.n_cols or not y.n_rows or before in first:
            return REFERENCE.loss(z, log_weights, y, name)
        place = int(np.searchsorted(first, before))
        more = CSR(
            np.append(0, y.indptr[1:] + 1),
            np.insert(y.indices, place, before),
            np.insert(y.values, place, 1),
            y.n_cols,
        )
        return REFERENCE.loss(z, log_weights, more, name)


@remembers("top_k")
class TopKLeavesOldEntriesInPlaceOfPadding(ReferenceBackend):
    """A buffer that grows holds the answers, and what was there where there are fewer."""

    def __init__(self):
        self.ids = np.full((0, 0), -1, np.int32)

    def top_k(self, h, w, candidates, k):
        ids, scores = REFERENCE.top_k(h, w, candidates, k)
        B, width = min(len(ids), len(self.ids)), min(k, self.ids.shape[1])
        before, self.ids = self.ids[:B, :width], ids.copy()
        ids[:B, :width] = np.where(ids[:B, :width] < 0, before, ids[:B, :width])
        return ids, scores


@remembers("spgemm_t", "scale")
class SpgemmTStillExcludesWhatItDidBefore(ReferenceBackend):
    """The marks of the last row that excludes anything stay."""

    inputs = np.empty(0, np.int32)

    def spgemm_t(self, z, x, limits, excluded):
        product = REFERENCE.spgemm_t(z, x, limits, excluded)
        before, self.inputs = self.inputs, excluded.indices[-50:].copy()
        first = product.row_numbers() == np.argmax(product.row_lengths() > 0)
        return kept(product, ~(first & np.isin(product.indices, before)))


@remembers("invert")
class InvertGivesTheBaseItself(ReferenceBackend):
    """One buffer for the bases of as many neurons."""

    base = np.empty(0, np.float32)

    def invert(self, w, base, limit):
        if len(self.base) < len(base):
            self.base = np.empty_like(base)
        self.base[: len(base)] = base
        return replace(REFERENCE.invert(w, base, limit), base=self.base[: len(base)])


@remembers("search", "scale")
class SearchStillExcludesWhatItDidBefore(ReferenceBackend):
    """The marks of the last example are not taken away."""

    marked = np.empty(0, np.int32)

    def search(self, index, x, excluded, k):
        before = self.marked[self.marked < len(index.base)]
        if excluded.n_rows:
            self.marked = excluded.row(excluded.n_rows - 1)[0].copy()
        if not len(before) or not excluded.n_rows:
            return REFERENCE.search(index, x, excluded, k)
        first = np.union1d(excluded.row(0)[0], before).astype(np.int32)
        rest = excluded.indices[excluded.indptr[1] :]
        indptr = np.append(0, excluded.indptr[1:] - excluded.indptr[1] + len(first))
        indices = np.append(first, rest)
        more = CSR(indptr, indices, np.ones(len(indices), np.float32), excluded.n_cols)
        return REFERENCE.search(index, x, more, k)


@remembers("masked_spgemm")
class MaskedSpgemmAnswersInItsPattern(ReferenceBackend):
    """The logits are written over those of the last call of as many entries."""

    values = np.empty(0, np.float32)

    def masked_spgemm(self, x, w, active):
        z = REFERENCE.masked_spgemm(x, w, active)
        if len(self.values) != z.nnz:
            self.values = np.empty(z.nnz, np.float32)
        self.values[:] = z.values
        return z.with_values(self.values)


@remembers("update_entries", "scale")
class UpdateEntriesAddsToOldSums(ReferenceBackend):
    """The scratch of sums is cleared where this call has entries; a later one finds the rest."""

    left = 0

    def update_entries(self, param, dz, x, lr):
        before, self.left = self.left, param.weight.nnz
        REFERENCE.update_entries(param, dz, x, lr)
        if before > param.weight.nnz > 0:
            param.square[-1] += 1
