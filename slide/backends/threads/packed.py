"""Top k over weights in 8 or 16 bits, inverted lists or rows, decoded while they are added up.

A weight is a scale, of its list or of its row, times what its code stands for; in lists a short
table tells that for all codes there are. No kernel of the protocol: frozen models alone have them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from slide.backends.threads.compiling import Number, call_compiled, compiled
from slide.backends.threads.layouts import Rows, rows_of
from slide.backends.threads.pool import Pool
from slide.backends.threads.scratch import Scratch
from slide.backends.threads.sparse import add_term, place_of, sum_of
from slide.backends.threads.top_k import EXAMPLES, best_of_all, insert_neuron
from slide.core.contract.arrays import CSR, Array

RUN = 1 << 16  # labels whose totals are held at a time: 256 KB, which a core keeps to itself


def by_bias(biases: Array) -> Array:
    """The labels of each run by bias, as `Biases` takes them."""
    order = np.argsort(-biases, kind="stable").astype(np.int32)
    return order[np.argsort(order // RUN, kind="stable")]


class PackedLists(NamedTuple):
    """For each input the labels that have a weight for it; list f is `offsets[f]:offsets[f + 1]`.

    Args:
        offsets: i64 (n_inputs + 1,).
        ids: i32 (n_entries,), labels.
        codes: u8 or u16 (n_entries,), of their weights.
        decoded: f32 (256,) or (65536,), what each code stands for.
        scales: f32 (n_inputs,), what the codes of each list are multiplied by.
    """

    offsets: Array
    ids: Array
    codes: Array
    decoded: Array
    scales: Array


class Biases(NamedTuple):
    """What the score of a label starts with.

    Args:
        of_labels: f32 (n,); `least` for labels that come after all others, whatever they meet.
        ordered: i32 (n,), the labels of each run by bias, largest first, ties to the smaller one.
        least: f32, below every bias that was learned.
    """

    of_labels: Array
    ordered: Array
    least: Number


def best_of_packed(
    scratch: Scratch, lists: PackedLists, biases: Biases, x: CSR, k: int
) -> tuple[Array, Array]:
    """The k best of all labels for each example, ties to the smaller label.

    Args:
        scratch: lends zeros.
        lists: weights of inputs.
        biases: of labels, n of them.
        x: CSR (B, n_inputs), on the host.
        k: at most n.

    Returns:
        ids i32 (B, k) and logits f32 (B, k), best first. A logit is summed in float32, in the order
        of the inputs, and the bias last.

    Cost: a list's length for each entry of x, and the labels of largest bias that may be among k.
    """
    ids = np.full((x.n_rows, k), -1, np.int32)
    scores = np.full((x.n_rows, k), -np.inf, np.float32)
    n_zeros = min(len(biases.of_labels), RUN)
    scratch.spread(answer_rows, x.n_rows, n_zeros, lists, biases, rows_of(x), ids, scores)
    return ids, scores


@compiled
def answer_rows(
    start: int, stop: int, totals: Array, lists: PackedLists, biases: Biases, x: Rows,
    ids: Array, scores: Array,
) -> None:  # fmt: skip
    """Add up the lists of each example, a run of labels at a time, and keep the best of labels."""
    touched = np.empty(len(totals) + 1, np.int32)
    for i in range(start, stop):
        inputs = slice(x.indptr[i], x.indptr[i + 1])
        columns, values = x.indices[inputs], x.values[inputs]
        places = lists.offsets[columns]
        for begin in range(0, len(biases.of_labels), RUN):
            n = add_up_run(totals, touched, lists, columns, values, places, begin)
            insert_unmet(totals, biases, begin, ids[i], scores[i])
            for t in range(n):
                j = touched[t]
                score = biases.of_labels[j]
                if score > biases.least:
                    score += sum_of(totals[j - begin])
                totals[j - begin] = 0
                if score >= scores[i, -1]:
                    insert_neuron(j, score, ids[i], scores[i])


@compiled
def add_up_run(
    totals: Array, touched: Array, lists: PackedLists, columns: Array, values: Array,
    places: Array, begin: int,
) -> int:  # fmt: skip
    """Add the lists of an example's inputs as far as a run goes; how many labels were touched.

    Args:
        totals: f32 zeros, of the labels from `begin` on.
        touched: i32, where labels that were met are written.
        lists: of all inputs.
        columns, values: of the example.
        places: i64, where each of its lists goes on; moved to the first label after the run.
        begin: the first label.
    """
    n = 0
    for e in range(len(columns)):
        v = values[e] * lists.scales[columns[e]]
        p, last = places[e], lists.offsets[columns[e] + 1]
        while p < last and lists.ids[p] < begin + RUN:
            j = lists.ids[p]
            touched[n] = j
            n += add_term(totals, np.uint32(j - begin), v * lists.decoded[lists.codes[p]])
            p += 1
        places[e] = p
    return n


@compiled
def insert_unmet(totals: Array, biases: Biases, begin: int, ids: Array, scores: Array) -> None:
    """Let labels of a run that were not met compete, by bias, while any may win."""
    for place in range(begin, min(begin + RUN, len(biases.ordered))):
        j = biases.ordered[place]
        bias = biases.of_labels[j]
        if bias < scores[-1] or (bias == scores[-1] and j > ids[-1]):
            break
        if totals[j - begin] == 0:
            insert_neuron(j, bias, ids, scores)


class PackedRows(NamedTuple):
    """The weights of an output layer; neuron j has `scales[j] * codes[j]` and its bias.

    Args:
        codes: i8 or f16 (n, d).
        scales: f32 (n,).
        biases: f32 (n,).
    """

    codes: Array
    scales: Array
    biases: Array


def best_of_packed_rows(pool: Pool, h: Array, w: PackedRows, k: int) -> tuple[Array, Array]:
    """The k neurons of largest logit for each row of h, ties to the smaller neuron.

    Args:
        pool: of threads.
        h: f32 (B, d).
        w: n neurons.
        k: at most n.

    Returns:
        ids i32 (B, k) and logits f32 (B, k), best first.
    """
    ids = np.full((len(h), k), -1, np.int32)
    scores = np.full((len(h), k), -np.inf, np.float32)

    def write_logits(h: Array, neurons: slice, z: Array) -> None:
        np.matmul(h, w.codes[neurons].astype(np.float32).T, out=z)
        z *= w.scales[neurons]
        z += w.biases[neurons]

    for start in range(0, len(h), EXAMPLES):
        rows = slice(start, start + EXAMPLES)
        best_of_all(pool, h[rows], len(w.codes), write_logits, ids[rows], scores[rows])
    return ids, scores


def packed_row_logits(h: Array, w: PackedRows, wanted: CSR) -> CSR:
    """Logits of the neurons that each row of h (B, d) wants: CSR (B, n)."""
    logits = [np.zeros(0, np.float32)]
    for i in range(len(h)):
        j, _ = wanted.row(i)
        logits.append((w.codes[j].astype(np.float32) @ h[i]) * w.scales[j] + w.biases[j])
    return wanted.with_values(np.concatenate(logits))


def best_of_packed_candidates(
    h: Array, w: PackedRows, candidates: CSR, k: int
) -> tuple[Array, Array]:
    """The k best among the candidates of each row; -1 and -inf where those are fewer than k."""
    ids = np.full((len(h), k), -1, np.int32)
    scores = np.full((len(h), k), -np.inf, np.float32)
    logits = packed_row_logits(h, w, candidates)
    for i in range(len(h)):
        found, z = logits.row(i)
        best = np.argsort(-z, kind="stable")[:k]
        ids[i, : len(best)], scores[i, : len(best)] = found[best], z[best]
    return ids, scores


def packed_logits(lists: PackedLists, biases: Biases, x: CSR, wanted: CSR) -> CSR:
    """Logits of the labels that each example wants, as `best_of_packed` sums them: CSR (B, n)."""
    out = np.empty(wanted.nnz, np.float32)
    given = wanted.indptr, wanted.indices, out
    call_compiled(write_packed_logits, lists, biases, rows_of(x), *given)
    return wanted.with_values(out)


@compiled
def write_packed_logits(
    lists: PackedLists, biases: Biases, x: Rows, indptr: Array, labels: Array, out: Array
) -> None:
    """Look each label up in the lists of its example's inputs."""
    for i in range(len(indptr) - 1):
        for t in range(indptr[i], indptr[i + 1]):
            j, total = labels[t], np.float32(0)
            for e in range(x.indptr[i], x.indptr[i + 1]):
                f = x.indices[e]
                p = place_of(lists.ids, lists.offsets[f], lists.offsets[f + 1], j)
                if p >= 0:
                    total += x.values[e] * lists.scales[f] * lists.decoded[lists.codes[p]]
            bias = biases.of_labels[j]
            out[t] = total + bias if bias > biases.least else bias
