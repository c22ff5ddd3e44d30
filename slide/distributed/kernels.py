"""The kernels of a shard: those of its backend, but where labels of other shards compete."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.losses import LossName
from slide.core.contract.sparse import InvertedIndex
from slide.distributed.questions import Question
from slide.distributed.talking import Ask


class Competing:
    """A backend whose `search`, `invert` and `loss` are over the labels of all shards.

    A learner that is given it, and the labels of one shard alone, computes for them what a learner
    of all labels does, to the same bits: no other kernel of direct connections looks at more than
    one label at a time.

    Args:
        backend: computes.
        ask: asks all other shards.
        rank: which shard it is: losses are told by the first alone.
        loose: whether each shard chooses negatives by itself, a share of them.
        n_shards: that there are.
    """

    def __init__(
        self, backend: Backend, ask: Ask, rank: int, n_shards: int, loose: bool = False
    ) -> None:
        self.backend, self.ask, self.rank = backend, ask, rank
        self.n_shards, self.loose = n_shards, loose

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def search(self, index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> tuple[Array, Array]:
        """See `Backend`; of the k best of all shards those that are labels of this one."""
        backend = self.backend
        if self.loose:
            return backend.search(index, x, excluded, -(-k // self.n_shards))
        ids, scores = backend.search(index, x, excluded, k)
        (counts,) = self.ask(Question("best", (backend.get(scores),)))
        kept = backend.put(np.arange(k) < counts[:, None])
        return np.where(kept, ids, -1).astype(ids.dtype), np.where(kept, scores, -np.inf)

    def invert(self, w: CSR, base: Array, limit: int) -> InvertedIndex:
        """See `Backend`; a list has the best `limit` entries of all shards."""
        index = self.backend.invert(w, base, limit)
        if self.loose:
            return index
        host = index.map(self.backend.get)
        lengths = np.diff(host.offsets)
        (lists,) = self.ask(Question("long_lists", (lengths.astype(np.int32), limit)))
        if not len(lists):
            return index
        entries = CSR(host.offsets, host.ids, host.values, len(host.base))
        some = entries.take(lists)
        scores = some.values + host.base[some.indices]
        answer = self.ask(Question("cuts", (some.indptr, scores, limit)))
        kept = np.ones(entries.nnz, bool)
        places = np.repeat(host.offsets[lists] - some.indptr[:-1], np.diff(some.indptr))
        kept[places + np.arange(some.nnz)] = is_kept(some, scores, *answer)
        cut = entries.where(kept)
        put = self.backend.put
        return InvertedIndex(put(cut.indptr), put(cut.indices), put(cut.values), index.base)

    def loss(
        self, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
    ) -> tuple[Array, CSR | Block]:
        """See `Backend`; the losses of all shards add up to what is lost.

        `bce` is a sum over labels. Others are computed where all logits come together; of softmax
        over a Block its normaliser alone does.
        """
        if name == "bce":
            return self.backend.loss(z, log_weights, y, name)
        if name == "softmax" and isinstance(z, Block):
            return self.softmax_of_block(z, log_weights, y)
        get, put = self.backend.get, self.backend.put
        parts = [as_sets(z).map(get), as_sets(log_weights, z.n_rows).map(get), y.map(get)]
        loss, slopes = self.ask(Question("losses", (*parts, name)))
        told = loss if self.rank == 0 else np.zeros_like(loss)
        return put(told), z.with_values(put(slopes.reshape(z.values.shape)))

    def softmax_of_block(
        self, z: Block, log_weights: CSR | Block, y: CSR
    ) -> tuple[Array, CSR | Block]:
        """Cross entropy, of which the shards know the normaliser together."""
        get, put = self.backend.get, self.backend.put
        scores, y = get(z.values) + get(log_weights.values), y.map(get).positive()
        ids, rows = get(z.ids), y.row_numbers()
        columns = np.minimum(np.searchsorted(ids, y.indices), max(len(ids) - 1, 0))
        active = ids[columns] == y.indices if len(ids) else np.zeros(y.nnz, bool)
        rows, columns = rows[active], columns[active]
        highest = scores.max(axis=1, initial=-np.inf)
        finite = np.where(np.isfinite(highest), highest, np.float32(0))
        total = np.exp(scores - finite[:, None]).sum(axis=1)
        own = np.bincount(rows, minlength=z.n_rows)
        most, total, n_labels = self.ask(Question("sums", (highest, total, own)))
        share = (1 / np.maximum(n_labels, 1)).astype(np.float32)
        minus_log_p = np.log(total)[rows] + most[rows] - scores[rows, columns]
        loss = np.bincount(rows, share[rows] * minus_log_p, z.n_rows).astype(np.float32)
        slopes = np.exp(scores - most[:, None])
        slopes /= np.where(n_labels > 0, total, np.inf)[:, None]
        slopes[rows, columns] -= share[rows]
        slopes /= np.float32(max(z.n_rows, 1))
        return put(loss), z.with_values(put(slopes.astype(np.float32)))


def as_sets(matrix: CSR | Block, n_rows: int | None = None) -> CSR:
    """A matrix whose rows have sets of their own; one row of a Block stands for so many."""
    if isinstance(matrix, CSR):
        return matrix
    n, m = n_rows or matrix.n_rows, len(matrix.ids)
    values = np.ascontiguousarray(np.broadcast_to(matrix.values, (n, m))).reshape(-1)
    return CSR(np.arange(n + 1) * m, np.tile(matrix.ids, n), values, matrix.n_cols)


def is_kept(lists: CSR, scores: Array, bounds: Array, ties: Array) -> Array:
    """Which entries of lists are above a bound, or the first ones of so many ties: bool (nnz,)."""
    bound, ties = lists.for_entries(bounds), lists.for_entries(ties)
    is_tie = scores == bound
    before = np.cumsum(is_tie) - is_tie  # ties before an entry, of all lists
    first = np.append(before, is_tie.sum())[lists.indptr[:-1]]
    place = before - lists.for_entries(first)
    kept: Array = (scores > bound) | (is_tie & (place < ties))
    return kept
