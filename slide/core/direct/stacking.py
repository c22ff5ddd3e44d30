"""How much the nearest examples count beside the connections, learned on held-out examples.

What is held out is answered by connections that were not trained on it, and by its nearest examples
other than parts of the same thing. Of all labels that either of them names, those of the example
are to score highest: a softmax with one weight for each summand, six in all (conditional logit).
The layer stays if what is held out is answered better with it, by more than chance.

Source: stacking, Wolpert (Neural Networks 1992); conditional logit, McFadden (1974).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import distinct
from slide.core.direct.hidden import AT_A_TIME, found
from slide.core.direct.neighbours import (
    NEAR,
    SUMMANDS,
    VOTED,
    Neighbours,
    Summands,
    weighed,
)
from slide.core.direct.network import Direct
from slide.core.direct.things import things_of
from slide.core.examples.dataset import Dataset, batches
from slide.core.examples.metrics import hits
from slide.core.examples.scored import DEEPEST, Scored

HELD_OUT, MOST_HELD_OUT, FEWEST_HELD_OUT = 0.05, 4000, 100  # share of the examples, and bounds
MOST_ENTRIES = 1 << 24  # features of the examples that the model keeps: 128 MiB of them
PENALTY = 1e-3  # of squared weights, where summands have unit variance
LEAST = 0.01  # weight of the connections, which rank labels that no near example has


def drawn(order: Array, times: Array | None, rng: np.random.Generator) -> tuple[Array, Array]:
    """Which examples are trained on, and which are held out; none if there are too few of them.

    Args:
        order: all rows in their canonical order.
        times: of the rows; the latest are held out, for later ones will be asked. None: any.
        rng: draws.
    """
    n_held = min(int(HELD_OUT * len(order)), MOST_HELD_OUT)
    if n_held < FEWEST_HELD_OUT:
        return order, order[:0]
    last = rng.permutation(len(order)) if times is None else np.argsort(times[order], kind="stable")
    places = np.sort(last[-n_held:])
    return np.delete(order, places), order[places]


@dataclass(frozen=True, slots=True)
class Stacked:
    """What stacking has found.

    Args:
        neighbours: weights of what they say, f32 (SUMMANDS,).
        connections: what these are multiplied by.
    """

    neighbours: Array
    connections: float


def stacked(
    network: Direct,
    inputs: CSR,
    train: Dataset,
    used: Array,
    held: Array,
    is_wanted: bool,
    backend: Backend,
) -> tuple[Stacked | None, Scored]:
    """Learn how much neighbours count; None where connections alone do as well. And answers.

    Args:
        network: connections that were trained on some examples.
        inputs: of what is held out, the constant one last, CSR, on the host.
        train: all examples.
        used: the rows that were trained on, i64, in their canonical order.
        held: those held out.
        is_wanted: whether neighbours stay in any case.
        backend: computes.
    """
    kept = sample_of(train, used)
    both = train.take(np.concatenate([kept, held]))
    shown, asked = both.take(np.arange(len(kept))), both.take(np.arange(len(kept), both.n_samples))
    things = np.split(things_of(both), [len(kept)])
    neighbours = Neighbours.of(shown, np.zeros(SUMMANDS, np.float32), backend)
    alone = answers(network, inputs, backend)
    parts = [
        candidates(network, neighbours, asked.take(rows), inputs.take(rows),
                   alone[0][rows], (things[0], things[1][rows]), backend)
        for rows in batches(len(held), AT_A_TIME)
    ]  # fmt: skip
    n = train.n_labels
    starts = np.arange(0, len(held), AT_A_TIME) * n
    cells = np.concatenate([part.cells + s for part, s in zip(parts, starts, strict=True)])
    values = np.concatenate([part.values for part in parts])
    y = asked.y.positive()
    named = values[:, :SUMMANDS].any(axis=1)  # by neighbours; the others have connections alone
    weights = fitted(cells[named] // n, values[named], np.isin(cells[named], y.cells()))
    best = ranked(cells, weighed(values, weights), y.shape)
    gain = reciprocal_ranks(best[0], y) - reciprocal_ranks(alone[0][:, :DEEPEST], y)
    if not is_wanted and gain.mean() <= gain.std() / np.sqrt(len(gain)):
        first = alone[0][:, :DEEPEST], alone[1][:, :DEEPEST]
        return None, Scored.of(*first, asked)
    return Stacked(weights[:-1], float(weights[-1])), Scored.of(*best, asked)


def with_neighbours(
    network: Direct, found: Stacked, train: Dataset, order: Array, backend: Backend
) -> Direct:
    """The network with a hidden layer of all examples, each unit connected to its label.

    Args:
        network: the connections.
        found: how much they count, and neighbours.
        train: all examples.
        order: their canonical order.
        backend: whose arrays there are.
    """
    weight, share = network.without_bias(backend), np.float32(found.connections)
    n, n_inputs = weight.n_rows, weight.n_cols
    units = CSR(
        np.arange(n + 1), np.arange(n_inputs, n_inputs + n, dtype=np.int32),
        np.ones(n, np.float32), n_inputs + n,
    )  # fmt: skip
    wider = replace(weight.with_values(share * weight.values), n_cols=n_inputs + n).union(units)
    hidden = Neighbours.of(train.take(sample_of(train, order)), found.neighbours, backend)
    bias = share * backend.get(network.bias)
    return Direct.of(wider, bias, network.inputs, backend, hidden)


def sample_of(data: Dataset, rows: Array) -> Array:
    """The examples that the model keeps, i64: all, or evenly many of too many."""
    return evenly(rows, max(len(rows) * MOST_ENTRIES // max(data.features.nnz, MOST_ENTRIES), 1))


def evenly(rows: Array, most: int) -> Array:
    """So many of some rows at most, evenly spaced."""
    n = min(most, len(rows))
    return rows[np.arange(n) * len(rows) // max(n, 1)]


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
        things: what the examples are parts of that neighbours has, and those that are asked.
        backend: computes.

    Returns:
        The summands of neighbours, and the logit by connections as one more.
    """
    n = network.n_labels
    near = neighbours.nearest(asked.features, None, NEAR, backend)
    parts = near.where(things[0][near.indices] == things[1][near.row_numbers()])
    found = neighbours.summands(asked.features, parts, backend)
    which, places = np.nonzero(best >= 0)
    cells = distinct(np.concatenate([found.cells, which * n + best[which, places]]))
    wanted = CSR.of_cells(cells, np.ones(len(cells), np.float32), (asked.n_samples, n))
    logits = backend.masked_spgemm(
        inputs.map(backend.put), network.param.weight, wanted.map(backend.put)
    )
    values = np.zeros((len(cells), SUMMANDS + 1), np.float32)
    values[np.searchsorted(cells, found.cells), :SUMMANDS] = found.values
    values[:, -1] = backend.get(logits.values)
    return Summands(cells, values)


def fitted(rows: Array, values: Array, is_label: Array) -> Array:
    """Weights by which the labels of an example score highest among its candidates.

    Minimises the mean over examples, and over their labels, of the logarithm of a softmax.

    Args:
        rows: i64 (m,), the example of each candidate, ascending.
        values: f32 (m, SUMMANDS + 1), what speaks for it, connections last.
        is_label: bool (m,).

    Returns:
        f32 (SUMMANDS + 1,); that of connections is LEAST at least.
    """
    n_labels = np.bincount(rows, is_label)
    kept = n_labels[rows] > 0
    rows, is_label = np.unique(rows[kept], return_inverse=True)[1], is_label[kept]
    columns = values[kept].astype(np.float64).T
    spread = columns.std(axis=1, keepdims=True) if len(rows) else np.zeros((len(columns), 1))
    columns = columns / np.where(spread > 0, spread, 1)
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    n, share = max(len(starts), 1), is_label / np.maximum(n_labels[n_labels > 0][rows], 1)

    def objective(weights: Array) -> tuple[float, Array]:
        scores = sum(w * column for w, column in zip(weights, columns, strict=True))
        highest = np.maximum.reduceat(scores, starts)
        exp = np.exp(scores - highest[rows])
        total = np.add.reduceat(exp, starts)
        loss = (np.log(total) + highest).sum() - (share * scores).sum()
        slope = exp / total[rows] - share
        slopes = np.array([(column * slope).sum() for column in columns])
        return (
            loss / n + PENALTY * float((weights**2).sum()),
            slopes / n + 2 * PENALTY * weights,
        )

    scale = np.where(spread > 0, spread, 1)[:, 0]
    bounds = [(None, None)] * SUMMANDS + [(LEAST * scale[-1], None)]
    begin = np.full(len(columns), LEAST) * scale
    weights = begin
    if len(starts):
        weights = minimize(objective, begin, jac=True, method="L-BFGS-B", bounds=bounds).x
    return (weights / scale).astype(np.float32)


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


def reciprocal_ranks(ids: Array, y: CSR) -> Array:
    """One over the place of the first right answer of each example, or 0: f64 (B,)."""
    found = hits(ids, y)
    there: Array = found.any(axis=1) / (1 + found.argmax(axis=1))
    return there
