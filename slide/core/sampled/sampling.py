"""Choosing the active set: labels, neurons from the hash tables, and a uniform share.

Failure modes it guards against: neurons that are never retrieved are never updated, so a uniform
share stays in every active set; uncorrected sampling over-trains easily hit negatives, so uniform
ones are given the weight of all they stand for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import FROM_EXTRA, Backend, Query
from slide.core.contract.state import State
from slide.core.sampled.layer_tables import LayerTables
from slide.core.sampled.settings import SampledSettings, Sampling
from slide.core.settings.settings import Settings


@dataclass(slots=True)
class Sampler:
    """The sampling policy of one layer in one run.

    Args:
        sampling: who proposes, for whom, and how to query.
        n_wanted: neurons to propose beside the labels, per set.
        tables: of the layer's neurons; None if the sampler is not `lsh`.
        touched: which neurons were ever updated, bool (n,).
    """

    sampling: Sampling
    n_wanted: int
    tables: LayerTables | None
    touched: Array

    @classmethod
    def of(
        cls, settings: Settings[SampledSettings], n_wanted: int, shape: tuple[int, int]
    ) -> Sampler:
        """A sampler for a layer whose weight has this shape; its tables are built when kept."""
        own = settings.learner
        tables = None
        if own.sampling.sampler == "lsh":
            tables = LayerTables(own.hashing, settings.refresh, own.upkeep, *shape)
        return cls(own.sampling, n_wanted, tables, np.zeros(shape[0], bool))

    def sample(
        self, backend: Backend, a: CSR | Block, y: CSR, rng: np.random.Generator
    ) -> CSR | Block:
        """The active set of one training batch.

        Args:
            backend: whose `hash` and `query` do the work.
            a: (B, d), inputs of the layer.
            y: CSR (B, n), neurons that are always active: the labels, or nobody.
            rng: draws the uniform share and the query's salt.

        Returns:
            The set in the layout of the scope, its values saying where each neuron came from.
        """
        B, n = y.shape
        query = self.query(B)
        extra = draw_uniform(n, self.n_uniform(n), 1 if query.shared else B, B, rng)
        salt = int(rng.integers(1 << 31))
        if self.tables is None:
            tables, codes = None, backend.put(np.zeros((B, 0), np.uint32))
        else:
            tables, codes = self.tables.tables, self.tables.codes(backend, a)
        return backend.query(tables, codes, y, extra.map(backend.put), query, salt)

    def mark_touched(self, rows: Array) -> None:
        """Remember that a step updated these neurons (i32, host)."""
        self.touched[rows] = True
        if self.tables is not None:
            self.tables.mark_moved(rows)

    def state(self, backend: Backend) -> State:
        """Which neurons were ever updated, and the tables."""
        tables = self.tables and self.tables.state(backend)
        return {"touched": self.touched, "tables": tables}

    def restore(self, state: State, backend: Backend) -> None:
        """Go on from such a state."""
        self.touched = state["touched"]
        if self.tables is not None:
            self.tables.restore(state["tables"], backend)

    def n_uniform(self, n: int) -> int:
        """How many neurons to draw uniformly, of n."""
        share = {"lsh": self.sampling.uniform_share, "in-batch": 0.0, "uniform": 1.0, "full": 1.0}
        wanted = n if self.sampling.sampler == "full" else self.n_wanted
        return min(n, round(share[self.sampling.sampler] * wanted))

    def query(self, n_examples: int) -> Query:
        """How to query the tables for a batch: a shared set divides its budget by the examples."""
        sampling = self.sampling
        shared = sampling.scope == "batch"
        wanted = (1 - sampling.uniform_share) * self.n_wanted
        budget = wanted / max(n_examples, 1) if shared else wanted
        return Query(
            sampling.strategy, math.ceil(budget), sampling.bucket_limit, shared, sampling.threshold
        )


def draw_uniform(n: int, m: int, n_sets: int, n_rows: int, rng: np.random.Generator) -> CSR:
    """Sets of m of the n ids, each without repetition, in the first of n_rows rows.

    One set per example matters: a frequent label is drawn for few examples of each batch then, and
    not for all examples of few batches, which Adam would take for an outlier.
    """
    if 4 * m > n:
        sets = [np.sort(rng.choice(n, m, replace=False, shuffle=False)) for _ in range(n_sets)]
        ids = np.concatenate(sets).astype(np.int32)
    else:
        ids = draw_few(n, m, n_sets, rng)
    indptr = np.minimum(np.arange(n_rows + 1), n_sets) * m
    return CSR(indptr, ids, np.zeros(len(ids), np.float32), n)


def draw_few(n: int, m: int, n_sets: int, rng: np.random.Generator) -> Array:
    """Sets of m of the n ids, one after the other: drawn, and drawn again where one came twice.

    To draw until m distinct ones are there is as fair as it looks, and all sets can at once. The
    first draw comes sorted: uniform numbers in ascending order are partial sums of exponential
    ones, divided by their total.

    Source: Devroye, Non-Uniform Random Variate Generation (1986), chapter V.3.
    """
    sums = rng.standard_exponential((n_sets, m + 1)).cumsum(axis=1)
    ids = np.minimum(sums[:, :-1] / sums[:, -1:] * n, n - 1).astype(np.int64)  # ascending
    cells = (np.arange(n_sets)[:, None] * n + ids).reshape(-1)
    while True:
        cells = cells[np.flatnonzero(np.diff(cells, prepend=-1))]
        missing = m - np.diff(np.searchsorted(cells, np.arange(n_sets + 1) * n))
        sets = np.repeat(np.arange(n_sets), missing)
        if not len(sets):
            drawn: Array = (cells % n).astype(np.int32)
            return drawn
        again = sets * n + rng.integers(n, size=len(sets))
        cells = np.sort(np.concatenate([cells, np.sort(again)]), kind="stable")  # a merge


def inclusion_probabilities(active: CSR | Block) -> CSR | Block:
    """How probable it was, given the tables, that each active neuron was to be in its set.

    Labels and retrieved neurons were certain. The uniform ones are a fair sample of all others: if
    u of the n - c others were drawn, each of them with probability u / (n - c).

    Returns:
        In the layout of `active`, f32.
    """
    is_uniform, shares = uniform_shares(active)
    return active.with_values(np.where(is_uniform, shares, np.float32(1)))


def uniform_shares(active: CSR | Block) -> tuple[Array, Array]:
    """Which entries were drawn uniformly, and what share of those who could have been was, f32."""
    is_uniform = active.values == FROM_EXTRA
    n_uniform = active.row_counts(is_uniform)
    others = active.n_cols - active.row_lengths() + n_uniform
    shares = (np.maximum(n_uniform, 1) / np.maximum(others, 1)).astype(np.float32)
    return is_uniform, active.for_entries(shares)


def log_weights(active: CSR | Block) -> CSR | Block:
    """For how many neurons, as a logarithm, each active one stands: -log(inclusion probability).

    Only uniform ones, which are negatives all, get a correction. The sum of exp(logit) so
    weighted is an unbiased estimate of the full one, given the tables.

    Source: stratified form of the correction in sampled softmax (Jean et al., ACL 2015).
    """
    is_uniform, shares = uniform_shares(active)
    return active.with_values(np.where(is_uniform, -np.log(shares), np.float32(0)))
