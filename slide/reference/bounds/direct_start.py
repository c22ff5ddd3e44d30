"""What a network without hidden layer has to start from, and where a run starts otherwise.

Written from the algorithm, not from `slide.core.direct.network`. What rounding may decide, which
inputs a label keeps and which labels score highest, is taken from the run once it is seen to be
possible; so is each number that is found within its radius, and what follows is computed from that
one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import SparseParam
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.reference import plain
from slide.reference.bounds.balls import Ball, product
from slide.reference.bounds.comparing import EPS, TINY, difference
from slide.reference.bounds.sparse import search_difference, spgemm_t_difference
from slide.reference.bounds.steps import spread
from slide.reference.plain import Row
from slide.reference.plain.inputs import feature_rows, feature_weights, input_row, known_pairs, unit
from slide.reference.plain.rows import csr

LENGTH = 8.0  # of a label's row, without its bias
MOST_EXAMPLES = 1 << 14  # looked at for what weighs against a label
ULP_OF_INPUTS = 7  # scaled, weighed, scaled: 1, then 1 of the weight and 1, then twice that and 1
ULP_WITH_PAIRS = 31  # twice as many of a product and 1, then twice that and 1 by scaling


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run starts, on the host.

    Args:
        weights: f32 (n_features,), what features are multiplied by.
        pairs: i64 (n_pairs,), f * n_features + g.
        x: CSR (n_samples, n_inputs + 1), the examples as they are trained on.
        order: in which they were looked at, i64 (n_samples,).
        param: the network.
        kept: what `spgemm_t` answered, one time after the other.
        found: the ids and scores that `search` answered, one example after the other.
    """

    weights: Array
    pairs: Array
    x: CSR
    order: Array
    param: SparseParam
    kept: Sequence[CSR]
    found: tuple[Array, Array]

    @property
    def inputs(self) -> CSR:
        """The examples without the constant, in the order in which they were looked at."""
        return self.x.without_constant().take(self.order)

    @property
    def bias(self) -> Array:
        """f32 (n_labels,)."""
        weight = self.param.weight
        last: Array = weight.values[weight.indptr[1:] - 1]
        return last


def start_difference(start: Start, config: Config, data: Dataset) -> str:
    """The first thing in which a start is not that of the definition."""
    kept = f"{1 + bool(config.grown)} results of spgemm_t"
    if len(start.kept) != 1 + bool(config.grown):
        return f"the network was begun with {len(start.kept)}, expected {kept}"
    checks = (inputs_difference, centroids_difference, network_difference, grown_difference)
    return next(filter(None, (check(start, config, data) for check in checks)), "")


def inputs_difference(start: Start, config: Config, data: Dataset) -> str:
    """Where the inputs of an example are not what is made of its features."""
    rows, n_features = feature_rows(data.x), data.n_features
    weights = feature_weights(rows, n_features, config.idf_power)
    pairs = known_pairs(rows) if config.pairs else []
    ulp = (ULP_WITH_PAIRS if pairs else ULP_OF_INPUTS) * EPS
    n_inputs = n_features + len(pairs)
    inputs = [input_row(row, weights, pairs) for row in rows]
    x = csr([row | {n_inputs: 1.0} for row in inputs], n_inputs + 1)
    numbers = np.array([f * n_features + g for f, g in pairs], np.int64)
    want = numbers, np.array(weights), np.arange(data.n_samples), x
    allowed = None, EPS * np.array(weights), None, x.with_values(ulp * abs(x.values) + TINY)
    got = start.pairs, start.weights, np.sort(start.order), start.x
    names = "pairs", "input weights", "sorted order", "inputs"
    compared = map(difference, got, want, allowed, names)
    return next(filter(None, compared), "")


def centroids_difference(start: Start, config: Config, data: Dataset) -> str:
    """Where a label is not connected to the inputs that its examples have most of."""
    y = data.y.take(start.order).positive()
    nothing = csr([{} for _ in range(data.n_labels)], start.inputs.n_cols)
    more = [math.floor(config.connections_per_example * n) for n in y.column_counts().tolist()]
    limits = config.connections + np.array(more, np.int64)
    ones = y.with_values(np.ones_like(y.values))
    sentence = spgemm_t_difference(start.kept[0], ones, start.inputs, limits, nothing)
    return sentence and f"sum of a label's inputs, {sentence}"


def network_difference(start: Start, config: Config, data: Dataset) -> str:
    """Where the network is not made of what was kept."""
    counts = data.y.positive().column_counts().tolist()
    shares = [max(count, 1) / data.n_samples for count in counts]
    biases = [max(math.log(share), config.bias_floor) for share in shares]
    rows: list[Row] = [
        {f: LENGTH * v for f, v in unit(row).items()} for row in plain.rows_of(start.kept[0])
    ]
    for grown in start.kept[1:]:
        rows = [dict.fromkeys(new, 0.0) | row for row, new in zip(rows, ids_of(grown), strict=True)]
    constant = start.x.n_cols - 1
    weight = csr([row | {constant: b} for row, b in zip(rows, biases, strict=True)], constant + 1)
    want = SparseParam(weight, np.ones(weight.nnz))
    allowed = SparseParam(weight.with_values(EPS * abs(weight.values)), np.zeros(weight.nnz))
    return difference(start.param, want, allowed, "network")


def grown_difference(start: Start, config: Config, data: Dataset) -> str:
    """Where a label is not connected to what weighs most against it."""
    if not config.grown:
        return ""
    few = start.order[:MOST_EXAMPLES]
    x, y = start.x.without_constant().take(few), data.y.take(few)
    weight, k = centroids(start), min(config.active, data.n_labels)
    index = plain.invert(weight, start.bias, config.list_limit)
    if sentence := search_difference(start.found, index, x, y, k):
        return f"labels to weigh against, {sentence}"
    wrong = shares_of(start, weight, x)
    full = spread(x.values, x, *x.shape)
    is_met = found_labels(start.found[0], data.n_labels)
    meetings = is_met.T.astype(float) @ spread(np.ones(x.nnz), x, *x.shape)
    sums = product(wrong.T, Ball.of(full), meetings)
    is_open = (meetings > 0) & (spread(np.ones(weight.nnz), weight, *weight.shape) == 0)
    rows = enumerate(ids_of(start.kept[1]))
    sentences = (largest_difference(ids, sums[j], is_open[j], config.grown) for j, ids in rows)
    return next((f"label {j} grows {s}" for j, s in enumerate(sentences) if s), "")


def ids_of(matrix: CSR) -> list[list[int]]:
    """The columns of each row."""
    return plain.patterns(matrix, matrix.n_rows)


def centroids(start: Start) -> CSR:
    """The weights as they are before anything is grown, without biases."""
    rows = zip(plain.rows_of(start.param.weight), ids_of(start.kept[0]), strict=True)
    weight = csr([{f: row[f] for f in ids} for row, ids in rows], start.x.n_cols - 1)
    return weight.with_values(weight.values.astype(np.float32))


def shares_of(start: Start, weight: CSR, x: CSR) -> Ball:
    """How much each label that was found for an example is believed: a sigmoid, (B, n).

    A score that is off by rho changes it by a factor of exp(rho) at most.
    """
    full, w = spread(x.values, x, *x.shape), spread(weight.values, weight, *weight.shape)
    terms = spread(np.ones(x.nnz), x, *x.shape) @ spread(np.ones(weight.nnz), weight, *w.shape).T
    z = product(Ball.of(full), Ball.of(w.T), terms)
    score, bias = z.value + start.bias, np.abs(start.bias)
    rho = z.radius + EPS * (z.size + bias)
    share = 1 / (1 + np.exp(-score))
    ulp = np.expm1(rho) + 16 * EPS * np.maximum(1, np.abs(score))
    return Ball(share, share * ulp + TINY).where(found_labels(start.found[0], weight.n_rows))


def found_labels(ids: Array, n: int) -> Array:
    """Which of the n labels were found for each example, bool (B, n)."""
    is_met = np.zeros((len(ids), n), bool)
    rows, places = np.nonzero(ids >= 0)
    is_met[rows, ids[rows, places]] = True
    return is_met


def largest_difference(ids: list[int], sums: Ball, is_open: Array, limit: int) -> str:
    """Why these are not the `limit` inputs of largest sums, of those that are open."""
    n = min(limit, int(is_open.sum()))
    if len(ids) != n or not is_open[ids].all():
        return f"inputs {ids}, expected {n} of {np.flatnonzero(is_open).tolist()}"
    lost = is_open.copy()
    lost[ids] = False
    least = np.max(np.abs(sums.value[lost]) - sums.radius[lost], initial=0)
    for f in ids:
        if sums.size[f] < least:
            return f"input {f} ({sums.value[f]}), and not one of magnitude {least}"
    return ""
