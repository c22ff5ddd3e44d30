"""Direct connections, as the engine asks for them: stored, searched, and their size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.pieces import Pieces
from slide.core.direct.attributing import anatomy, attribution, representation, strengths
from slide.core.direct.embedding_steps import DIM
from slide.core.direct.ending import MOST_NUMBERS
from slide.core.direct.inputs import LONGEST, Inputs
from slide.core.direct.neighbours import layer_of
from slide.core.direct.network import Direct
from slide.core.direct.rules import obstacle, rules, suits, tiny
from slide.core.direct.run import DirectRun
from slide.core.direct.searching import IndexSearcher, listed
from slide.core.direct.settings import DirectSettings
from slide.core.direct.stacking import MOST_ENTRIES
from slide.core.errors import ConfigError, worded
from slide.core.examples.dataset import Dataset
from slide.core.learner import Kind, Searcher
from slide.core.settings.plan import Plan
from slide.core.settings.settings import Settings

BY_LABEL = ("indptr", "indices", "values", "bias")
NAMES = (*BY_LABEL, "input_weights", "pairs")
ENTRIES_AT_A_TIME = 1 << 22


def sampled_searcher(
    network: Direct,
    backend: Backend,
    settings: Settings[Any],
    plan: Plan,
    examples: Dataset | None,
) -> Searcher:
    """A searcher in an index cut as a plan says: to so many labels for an input, like a bucket.

    Raises:
        ConfigError: examples are given, or a setting of hash tables.
    """
    said = [name for name in ("K", "L", "probes") if getattr(plan, name) is not None]
    if said:
        raise ConfigError(
            f"got {' and '.join(said)} for direct connections, which have an index and no hash "
            "tables: leave it out, or cut the index by bucket_limit"
        )
    if examples is not None:
        raise ConfigError(
            "the model has direct connections: there are no hash tables to insert labels into"
        )
    index = listed(network, backend, plan.bucket_limit)
    return IndexSearcher.of(network, index, plan.budget(network.n_labels))


def tensors(network: Direct, backend: Backend) -> dict[str, Array]:
    """Weights without those of the constant input, biases, and how features become inputs."""
    weight, inputs = network.without_bias(backend), network.inputs
    arrays = [weight.indptr, weight.indices, weight.values, backend.get(network.bias)]
    named = dict(zip(NAMES, [*arrays, inputs.weights, inputs.pairs], strict=True))
    return named | of_hidden(network, backend)


def of_hidden(network: Direct, backend: Backend) -> dict[str, Array]:
    """What its units are found by, if there is a hidden layer."""
    return {} if network.hidden is None else network.hidden.tensors(backend)


def streamed(network: Direct, backend: Backend) -> dict[str, Array | Pieces]:
    """The same without a copy of the weights; the constant input is left out row by row."""
    weight, inputs = network.param.weight.map(backend.get), network.inputs
    n, nnz = weight.n_rows, weight.nnz - weight.n_rows

    def pieces(array: Array) -> Pieces:
        return Pieces(array.dtype, (nnz,), lambda: without_last(weight.indptr, array))

    indptr = weight.indptr - np.arange(n + 1)
    bias = weight.values[weight.indptr[1:] - 1]
    arrays = [indptr, pieces(weight.indices), pieces(weight.values), bias]
    named = dict(zip(NAMES, [*arrays, inputs.weights, inputs.pairs], strict=True))
    return named | of_hidden(network, backend)


def without_last(indptr: Array, array: Array) -> Iterator[Array]:
    """The entries of some rows at a time, less the last one of each."""
    rows = np.searchsorted(indptr, np.arange(0, indptr[-1], ENTRIES_AT_A_TIME), side="right") - 1
    bounds = np.unique(np.append(rows, len(indptr) - 1))
    for begin, end in pairwise(bounds.tolist()):
        ends = indptr[begin : end + 1] - indptr[begin]
        others = np.ones(int(ends[-1]), bool)
        others[ends[1:] - 1] = False
        yield array[indptr[begin] : indptr[end]][others]


def network_from(
    stored: dict[str, Array], settings: Settings[Any], counts: Array, backend: Backend
) -> Direct | None:
    """A network of stored weights; None if they do not fit together.

    Raises:
        ValueError: the matrix of weights is none, in a sentence.
    """
    stored = dict(stored)
    hidden = layer_of(stored, backend)
    indptr, indices, values, bias, weights, pairs = (stored[name] for name in NAMES)
    if len(stored) > len(NAMES) or any(array.ndim != 1 for array in (*stored.values(), counts)):
        return None
    inputs = Inputs(weights, pairs)
    n_units = 0 if hidden is None else hidden.n_units
    weight = CSR(indptr, indices, values, inputs.n_inputs + n_units)
    weight.check()
    if hidden is not None:
        hidden.check(inputs, weight.n_rows)
    of_labels = len(indptr) - 1 == len(bias) == len(counts) > 0
    dtypes = [array.dtype for array in (bias, weights, pairs)]
    is_known = dtypes == [np.float32, np.float32, np.int64]
    if not (of_labels and is_known) or (len(pairs) and not settings.learner.pairs):
        return None
    ascending = not len(pairs) or bool((np.diff(pairs) > 0).all() and pairs[0] >= 0)
    if not ascending or pairs.max(initial=-1) >= len(weights) ** 2:
        return None
    return Direct.answering(weight, bias, inputs, backend, hidden)


def n_bytes(settings: Settings[DirectSettings], train: Dataset) -> float:
    """Of connections, inputs and examples.

    A connection takes 20 bytes, of its weight, column, square and place in the index, and 16 more
    while the index is made anew. A hidden layer of examples has most of them in four indices, and
    one more while it is made; embeddings have two moments.
    """
    wanted = 36 * most_connections(settings, train)
    if settings.learner.layers != 1:
        wanted += 5 * 8 * min(train.features.nnz, MOST_ENTRIES)
        wanted += 3 * 4 * n_of_embeddings(settings.learner, train)
    return wanted + 32 * train.n_features  # their weights, and zeros for the kernels


def n_of_embeddings(learner: DirectSettings, train: Dataset) -> int:
    """How many numbers embeddings may be, each with two moments."""
    if learner.embedding_dim is not None:
        return train.n_labels * learner.embedding_dim
    return min(train.n_labels * DIM, MOST_NUMBERS)


def most_connections(settings: Settings[DirectSettings], train: Dataset) -> float:
    """How many direct connections there may be."""
    y, wanted = train.y.positive(), settings.learner
    most = wanted.connections + wanted.connections_per_example * y.column_counts()
    lengths = train.features.row_lengths()
    if settings.learner.pairs:
        lengths = lengths + np.where(lengths <= LONGEST, lengths * (lengths - 1) // 2, 0)
    possible = np.bincount(y.indices, lengths[y.row_numbers()], y.n_cols)
    return float(np.minimum(most, possible).sum()) + (wanted.grown + 1) * train.n_labels


def describe_size(settings: Settings[DirectSettings], train: Dataset) -> tuple[str, str]:
    """What takes memory, and what would take less, in words."""
    return (
        f"up to {most_connections(settings, train):,.0f} connections from {train.n_features} "
        f"features to {train.n_labels} labels take",
        f"choose a smaller {worded('', '--set ')}connections=N, connections_per_example=X or "
        "grown=N, or check the data's header",
    )


DIRECT = Kind(
    name="direct",
    title="direct connections",
    settings=DirectSettings,
    suits=suits,
    obstacle=obstacle,
    rules=rules,
    tiny=tiny,
    begin=DirectRun.begin,
    resume=DirectRun.resume,
    tensors=tensors,
    read=network_from,
    exact=IndexSearcher.exact,
    sampled=sampled_searcher,
    n_bytes=n_bytes,
    size=describe_size,
    attribution=attribution,
    representation=representation,
    strengths=strengths,
    anatomy=anatomy,
    go_on=DirectRun.go_on,
    streamed=streamed,
    by_label=BY_LABEL,
)
