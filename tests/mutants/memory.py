"""Kernels that remember what they should not, or answer from memory that they use again."""

import weakref
from dataclasses import replace

import numpy as np

from mutants.patterns import kept
from mutants.registry import REFERENCE, mutant_class
from slide.core.arrays import CSR, Block, RowGrad
from slide.core.optim import Adam
from slide.reference.kernels import ReferenceBackend


def remembers(row, killer="sequence", alone=False):
    """Register a backend that remembers too much."""
    return mutant_class(row, killer, alone, at_default=True)


class Copies:
    """What was made of an array, as long as it lives, whatever it holds by now."""

    def __init__(self):
        self.made = {}

    def of(self, array, make):
        known, result = self.made.get(id(array), (None, None))
        if known is None or known() is not array:
            self.made = {key: pair for key, pair in self.made.items() if pair[0]() is not None}
            result = make(array)
            self.made[id(array)] = weakref.ref(array), result
        return result


@remembers("put")
class PutKeepsACopyByIdentity(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def put(self, array):
        return self.copies.of(array, np.copy)


@remembers("put")
class PutsIntoOneBufferOfEachShape(ReferenceBackend):
    def __init__(self):
        self.buffers = {}

    def put(self, array):
        buffer = self.buffers.setdefault((array.dtype, array.shape), np.empty_like(array))
        buffer[...] = array
        return buffer


@remembers("get")
class GetKeepsACopyByIdentity(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def get(self, array):
        return self.copies.of(array, np.copy)


@remembers("sddmm")
class SddmmKeepsGatheredRows(ReferenceBackend):
    """Of the Block that it saw last, known by its ids."""

    ids = rows = None

    def sddmm(self, h, w, active):
        if not isinstance(active, Block):
            return REFERENCE.sddmm(h, w, active)
        if self.ids is not active.ids or self.rows.shape[1] != h.shape[1]:
            self.ids, self.rows = active.ids, w[active.ids]
        return active.with_values(h @ self.rows.T)


@remembers("sddmm")
class SddmmKeepsWeightsByIdentity(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def sddmm(self, h, w, active):
        return REFERENCE.sddmm(h, self.copies.of(w, np.copy), active)


@remembers("spmm")
class SpmmKeepsWeightsByShape(ReferenceBackend):
    """One copy of the last weights, taken anew when their shape is another."""

    kept = np.empty((0, 0), np.float32)

    def spmm(self, z, w):
        if self.kept.shape != w.shape:
            self.kept = w.copy()
        return REFERENCE.spmm(z, self.kept)


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


@remembers("hash")
class HashKeepsCodesByIdentity(ReferenceBackend):
    def __init__(self):
        self.last = None

    def hash(self, x, center, family, probes=1):
        values = x.values if isinstance(x, CSR) else x
        if self.last is None or self.last[0] is not values or self.last[1] != probes:
            self.last = values, probes, REFERENCE.hash(x, center, family, probes)
        return self.last[2]


@remembers("hash")
class HashKeepsCodesByTheFirstRow(ReferenceBackend):
    """Weights that have not changed there are taken to be those of the last rebuild."""

    last = None

    def hash(self, x, center, family, probes=1):
        if isinstance(x, CSR):
            return REFERENCE.hash(x, center, family, probes)
        key = x.shape, x[:1].tobytes(), probes
        if self.last is None or self.last[0] != key:
            self.last = key, REFERENCE.hash(x, center, family, probes)
        return self.last[1].copy()


@remembers("build")
class BuildKeepsTablesBySalt(ReferenceBackend):
    def __init__(self):
        self.last = None

    def build(self, codes, n_buckets, salt, policy):
        key = codes.shape, n_buckets, salt, policy
        if self.last is None or self.last[0] != key:
            self.last = key, REFERENCE.build(codes, n_buckets, salt, policy)
        return self.last[1]


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


@remembers("query")
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


@remembers("loss")
class LossKeepsLabelsByIdentity(ReferenceBackend):
    """Which labels are positive is worked out once for each array of values."""

    def __init__(self):
        self.copies = Copies()

    def loss(self, z, log_weights, y, name):
        return REFERENCE.loss(
            z, log_weights, y.with_values(self.copies.of(y.values, np.copy)), name
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


@remembers("update_rows")
class UpdateRowsKeepsTheSizeOfTheFirstStep(ReferenceBackend):
    """The corrections of Adam are worked out once."""

    step = None

    def update_rows(self, param, grad, optimizer, lr, step):
        if isinstance(optimizer, Adam):
            self.step = self.step or step
            step = self.step
        REFERENCE.update_rows(param, grad, optimizer, lr, step)


@remembers("update_rows")
class UpdateRowsKeepsGradientsByIdentity(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def update_rows(self, param, grad, optimizer, lr, step):
        known = RowGrad(grad.rows, self.copies.of(grad.values, np.copy))
        REFERENCE.update_rows(param, known, optimizer, lr, step)


@remembers("top_k")
class TopKKeepsTransposedWeights(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def top_k(self, h, w, candidates, k):
        turned = self.copies.of(w, lambda weights: np.ascontiguousarray(weights.T))
        return REFERENCE.top_k(h, np.ascontiguousarray(turned.T), candidates, k)


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


@remembers("spgemm_t")
class SpgemmTKeepsTheTransposeByIdentity(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def spgemm_t(self, z, x, limits, excluded):
        values = self.copies.of(z.values, np.copy)
        return REFERENCE.spgemm_t(z.with_values(values), x, limits, excluded)


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
class InvertKeepsAnIndexByIdentity(ReferenceBackend):
    last = None

    def invert(self, w, base, limit):
        if self.last is None or self.last[0] is not w.values or self.last[1] != limit:
            self.last = w.values, limit, REFERENCE.invert(w, base, limit)
        return self.last[2]


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


@remembers("search")
class SearchKeepsTheIndexByItsIds(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def search(self, index, x, excluded, k):
        known = self.copies.of(index.ids, lambda ids: replace(index, values=index.values.copy()))
        if known.values.shape != index.values.shape:
            known = index
        return REFERENCE.search(replace(index, values=known.values), x, excluded, k)


@remembers("masked_spgemm")
class MaskedSpgemmKeepsWeightsByIdentity(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def masked_spgemm(self, x, w, active):
        values = self.copies.of(w.values, np.copy)
        return REFERENCE.masked_spgemm(x, w.with_values(values), active)


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


@remembers("update_entries")
class UpdateEntriesKeepsInputsByIdentity(ReferenceBackend):
    def __init__(self):
        self.copies = Copies()

    def update_entries(self, param, dz, x, lr):
        values = self.copies.of(x.values, np.copy)
        REFERENCE.update_entries(param, dz, x.with_values(values), lr)


@remembers("update_entries", "scale")
class UpdateEntriesAddsToOldSums(ReferenceBackend):
    """The scratch of sums is cleared where this call has entries; a later one finds the rest."""

    left = 0

    def update_entries(self, param, dz, x, lr):
        before, self.left = self.left, param.weight.nnz
        REFERENCE.update_entries(param, dz, x, lr)
        if before > param.weight.nnz > 0:
            param.square[-1] += 1


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
