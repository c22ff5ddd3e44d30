"""The kernel `top_k`: products block by block, and for each example the best so far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from slide.backends.threads.blas import on_one_thread
from slide.backends.threads.compiling import Number, compiled, summing
from slide.backends.threads.pool import Pool
from slide.backends.threads.products import grain_of
from slide.core.contract.arrays import CSR, Array

NEURONS = 2048  # whose logits are held at a time for
EXAMPLES = 256  # so many examples: 2 MB a thread


def top_k(pool: Pool, h: Array, w: Array, candidates: CSR | None, k: int) -> tuple[Array, Array]:
    """The k best neurons of each example."""
    ids = np.full((len(h), k), -1, np.int32)
    scores = np.full((len(h), k), -np.inf, np.float32)
    if candidates is not None:
        grain = grain_of(candidates.nnz, len(h))
        arguments = candidates.indptr, candidates.indices, h, w, ids, scores
        pool.spread(best_candidates, len(h), *arguments, grain=grain)
        return ids, scores

    def write_logits(h: Array, neurons: slice, z: Array) -> None:
        np.matmul(h, w[neurons].T, out=z)

    for start in range(0, len(h), EXAMPLES):
        rows = slice(start, start + EXAMPLES)
        best_of_all(pool, h[rows], len(w), write_logits, ids[rows], scores[rows])
    return ids, scores


def best_of_all(
    pool: Pool,
    h: Array,
    n: int,
    write_logits: Callable[[Array, slice, Array], None],
    ids: Array,
    scores: Array,
) -> None:
    """Each thread takes a share of the neurons; the best of the shares are the best of all.

    Args:
        pool: of threads.
        h: inputs of the layer.
        n: neurons.
        write_logits: of h, and a run of neurons, into an array (B, that many).
        ids, scores: (B, k), of the best so far.
    """

    def share(start: int, stop: int) -> tuple[Array, Array]:
        best_ids, best = np.full_like(ids, -1), np.full_like(scores, -np.inf)
        logits = np.empty((len(h), NEURONS), np.float32)
        for begin in range(start * NEURONS, min(stop * NEURONS, n), NEURONS):
            neurons = slice(begin, min(begin + NEURONS, n))
            z = logits[:, : neurons.stop - begin]
            write_logits(h, neurons, z)
            best_of_block(z, begin, best_ids, best)
        return best_ids, best

    n_blocks = -(-n // NEURONS)
    with on_one_thread():
        shares = pool.spread(share, n_blocks)
    for best_ids, best in shares:
        best_of_both(best_ids, best, ids, scores)


@compiled
def insert_neuron(label: int, score: Number, ids: Array, scores: Array) -> None:
    """Put a neuron into its place among the best, if it has one."""
    place = len(ids)
    while place > 0 and (
        score > scores[place - 1]
        or (score == scores[place - 1] and (label < ids[place - 1] or ids[place - 1] < 0))
    ):
        place -= 1
    for j in range(len(ids) - 1, place, -1):
        ids[j], scores[j] = ids[j - 1], scores[j - 1]
    if place < len(ids):
        ids[place], scores[place] = label, score


@compiled
def best_of_block(z: Array, first: int, ids: Array, scores: Array) -> None:
    """Let the neurons first, first + 1, ... with logits z (B, m) compete."""
    k = ids.shape[1]
    for i in range(len(z)):
        row = z[i]
        for j in range(len(row)):
            if row[j] >= scores[i, k - 1]:
                insert_neuron(first + j, row[j], ids[i], scores[i])


@compiled
def best_of_both(other_ids: Array, other: Array, ids: Array, scores: Array) -> None:
    """Let the best of others compete."""
    for i in range(len(ids)):
        for j in range(ids.shape[1]):
            if other_ids[i, j] >= 0:
                insert_neuron(other_ids[i, j], other[i, j], ids[i], scores[i])


@summing
def best_candidates(
    start: int,
    stop: int,
    indptr: Array,
    indices: Array,
    h: Array,
    w: Array,
    ids: Array,
    scores: Array,
) -> None:
    """Compute the logits of an example's candidates, and keep the best."""
    for i in range(start, stop):
        a = h[i]
        for e in range(indptr[i], indptr[i + 1]):
            b = w[indices[e]]
            total = np.float32(0)
            for c in range(len(a)):
                total += a[c] * b[c]
            insert_neuron(indices[e], total, ids[i], scores[i])
