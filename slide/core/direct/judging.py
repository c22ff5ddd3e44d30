"""Whether neighbours, and embeddings beside them, answer held-out examples better than connections.

See `slide.core.direct.stacking` for what is learned of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import distinct
from slide.core.direct.embeddings import Embeddings
from slide.core.direct.hidden import AT_A_TIME, found
from slide.core.direct.neighbours import NEAR, SUMMANDS, VOTED, Neighbours, Summands, weighed
from slide.core.direct.network import Direct
from slide.core.direct.stacking import Asked, Stacked, fitted, is_sure
from slide.core.examples.dataset import Dataset, batches
from slide.core.examples.metrics import ndcg_of_each
from slide.core.examples.scored import DEEPEST, Scored

UNLEARNED = -1e8  # logit below those of labels that have learned anything


@dataclass(frozen=True, slots=True)
class Judged:
    """Answers to what is held out, and how good they are.

    Args:
        answers: i32 and f32 (B, DEEPEST).
        weights: by which they were ranked; None for connections alone.
        ndcg: f64 (B,), of each.
    """

    answers: tuple[Array, Array]
    weights: Stacked | None
    ndcg: Array

    @classmethod
    def of(cls, answers: tuple[Array, Array], weights: Stacked | None, y: CSR) -> Judged:
        """By their labels, CSR (B, n_labels)."""
        return cls(answers, weights, ndcg_of_each(answers[0], y, DEEPEST))

    @classmethod
    def weighing(cls, found: Summands, y: CSR) -> Judged:
        """Of candidates, the last summand of which is their logit by connections."""
        values = found.values
        named = values[:, :SUMMANDS].any(axis=1)  # by neighbours; the others have connections alone
        named &= values[:, -1] > UNLEARNED
        cells = found.cells[named]
        weights = fitted(cells // max(y.n_cols, 1), values[named], np.isin(cells, y.cells()))
        best = ranked(found.cells, weighed(values, weights), y.shape)
        return cls.of(best, Stacked(weights[:-1], float(weights[-1])), y)


def stacked(
    network: Direct,
    held: Asked,
    is_wanted: bool,
    backend: Backend,
    embeddings: Embeddings | None = None,
    are_wanted: bool = False,
) -> tuple[Stacked | None, Scored]:
    """Learn how much neighbours count; None where connections alone do as well. And answers.

    Args:
        network: connections that have not seen what is held out.
        held: that, and what may be near to it.
        is_wanted: whether neighbours stay in any case.
        backend: computes.
        embeddings: that have not seen it either, if there are some.
        are_wanted: whether these stay in any case where neighbours do.
    """
    asked = held.asked
    none = np.zeros(SUMMANDS + (embeddings is not None), np.float32)
    neighbours = Neighbours.of(held.shown, none, backend, embeddings)
    inputs = network.inputs_of(asked.x, backend).with_constant()
    alone = answers(network, inputs, backend)
    parts = [
        candidates(network, neighbours, asked.take(rows), inputs.take(rows),
                   alone[0][rows], (held.things[0][rows], held.things[1]), backend)
        for rows in batches(asked.n_samples, AT_A_TIME)
    ]  # fmt: skip
    starts = np.arange(0, asked.n_samples, AT_A_TIME) * asked.n_labels
    named = Summands(
        np.concatenate([part.cells + s for part, s in zip(parts, starts, strict=True)]),
        np.concatenate([part.values for part in parts]),
    )
    y, things = asked.y.positive(), held.things[0]
    if embeddings is None:
        best = Judged.weighing(named, y)
    else:
        best = Judged.weighing(named.without(SUMMANDS), y)
        more = Judged.weighing(named, y)
        best = more if are_wanted or is_sure(more.ndcg - best.ndcg, things) else best
    first = Judged.of((alone[0][:, :DEEPEST], alone[1][:, :DEEPEST]), None, y)
    best = best if is_wanted or is_sure(best.ndcg - first.ndcg, things) else first
    return best.weights, Scored.of(*best.answers, asked)


def answers(network: Direct, inputs: CSR, backend: Backend) -> tuple[Array, Array]:
    """The best labels by connections alone: i32 and f32 (B, VOTED), -1 and 0 where none are."""
    index = network.index(backend)
    return found(index, inputs.map(backend.put), VOTED, backend)


def candidates(
    network: Direct, neighbours: Neighbours, asked: Dataset, inputs: CSR, best: Array,
    things: tuple[Array, Array], backend: Backend,
) -> Summands:  # fmt: skip
    """All labels that neighbours or connections name, with what speaks for them.

    Args:
        network: connections.
        neighbours: how much they count is not looked at.
        asked: examples that are held out.
        inputs: of them.
        best: labels by connections, i32 (B, VOTED).
        things: what those that are asked are parts of, and the examples that neighbours has.
        backend: computes.

    Returns:
        The summands of neighbours, and the logit by connections as one more.
    """
    n = network.n_labels
    near = neighbours.nearest(asked.features, None, NEAR, backend)
    parts = near.where(things[1][near.indices] == things[0][near.row_numbers()])
    found = neighbours.summands(asked.features, parts, backend)
    which, places = np.nonzero(best >= 0)
    cells = distinct(np.concatenate([found.cells, which * n + best[which, places]]))
    wanted = CSR.of_cells(cells, np.ones(len(cells), np.float32), (asked.n_samples, n))
    logits = backend.masked_spgemm(
        inputs.map(backend.put), network.param.weight, wanted.map(backend.put)
    )
    values = np.zeros((len(cells), neighbours.n_summands + 1), np.float32)
    values[np.searchsorted(cells, found.cells), :-1] = found.values
    values[:, -1] = backend.get(logits.values)
    return Summands(cells, values)


def ranked(cells: Array, scores: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
    """The best candidates of each example: i32 and f32 (B, DEEPEST), -1 and 0 where none are."""
    n, n_labels = shape
    rows, labels = np.divmod(cells, max(n_labels, 1))
    order = np.lexsort((labels, -scores, rows))
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = places < DEEPEST
    ids = np.full((n, DEEPEST), -1, np.int32)
    best = np.zeros((n, DEEPEST), np.float32)
    ids[rows[kept], places[kept]] = labels[order][kept]
    best[rows[kept], places[kept]] = scores[order][kept]
    return ids, best
