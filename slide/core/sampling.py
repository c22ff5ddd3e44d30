"""Choosing the active set: labels, neurons from the hash tables, and a uniform share.

Failure modes it guards against: neurons that are never retrieved are never updated, so a uniform
share stays in every active set; the common mean direction of the weight rows fills few buckets,
so it is subtracted before hashing (which changes no query's ranking); uncorrected sampling
over-trains easily hit negatives, so uniform ones are given the weight of all they stand for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from slide.core.arrays import CSR, Array, Block
from slide.core.backend import FROM_EXTRA, Backend, Query
from slide.core.config import Config
from slide.core.hashing import SimHash, Tables
from slide.core.schedule import RebuildSchedule


@dataclass(slots=True)
class Sampler:
    """The sampling policy of one run, and the hash tables it keeps.

    Args:
        config: `sampler`, `scope`, `active` and the settings of the tables.
        family: hash functions for rows of the output layer; None if no tables are wanted.
    """

    config: Config
    family: SimHash | None
    tables: Tables | None = None
    schedule: RebuildSchedule = field(init=False)

    def __post_init__(self) -> None:
        self.schedule = RebuildSchedule(self.config.rebuild_every, self.config.rebuild_growth)

    def keep_tables(self, backend: Backend, weight: Array, step: int) -> None:
        """Rebuild the tables from the output layer's weight (n, d) if that is due."""
        if self.family is not None and self.schedule.take_turn(step):
            self.tables = build_tables(backend, weight, self.family, salt=step)

    def sample(self, backend: Backend, h: Array, y: CSR, rng: np.random.Generator) -> CSR | Block:
        """The active set of one training batch.

        Args:
            backend: whose `hash` and `query` do the work.
            h: f32 (B, d), inputs of the output layer.
            y: CSR (B, n), labels, always active.
            rng: draws the uniform share and the query's salt.

        Returns:
            The set in the layout of the scope, its values saying where each neuron came from.
        """
        B, n = y.shape
        query = self.query(B)
        extra = draw_uniform(n, self.n_uniform(n), 1 if query.shared else B, B, rng)
        salt = int(rng.integers(1 << 31))
        codes = query_codes(backend, h, self.family)
        return backend.query(self.tables, codes, y, extra.map(backend.put), query, salt)

    def n_uniform(self, n: int) -> int:
        """How many neurons to draw uniformly, of n."""
        share = {"lsh": self.config.uniform_share, "uniform": 1.0, "full": 1.0}
        wanted = n if self.config.sampler == "full" else self.config.active
        return min(n, round(share[self.config.sampler] * wanted))

    def query(self, n_examples: int) -> Query:
        """How to query the tables for a batch: a shared set divides its budget by the examples."""
        shared = self.config.scope == "batch"
        wanted = (1 - self.config.uniform_share) * self.config.active
        budget = wanted / max(n_examples, 1) if shared else wanted
        return Query(self.config.strategy, math.ceil(budget), self.config.bucket_limit, shared)


def build_tables(backend: Backend, weight: Array, family: SimHash, salt: int) -> Tables:
    """Hash every row of weight (n, d), their mean subtracted, into fresh tables."""
    codes = backend.hash(weight, weight.mean(axis=0), family)
    return backend.build(codes, family.n_buckets, salt)


def query_codes(backend: Backend, h: Array, family: SimHash | None) -> Array:
    """Codes u32 (B, L) of the inputs h (B, d); no tables where there is no family."""
    if family is None:
        return backend.put(np.zeros((len(h), 0), np.uint32))
    return backend.hash(h, np.zeros_like(h, shape=h.shape[1]), family)


def draw_uniform(n: int, m: int, n_sets: int, n_rows: int, rng: np.random.Generator) -> CSR:
    """Sets of m of the n ids, each without repetition, in the first of n_rows rows.

    One set per example matters: a frequent label is drawn for few examples of each batch then, and
    not for all examples of few batches, which Adam would take for an outlier.
    """
    sets = [np.sort(rng.choice(n, m, replace=False, shuffle=False)) for _ in range(n_sets)]
    ids = np.concatenate(sets).astype(np.int32)
    indptr = np.minimum(np.arange(n_rows + 1), n_sets) * m
    return CSR(indptr, ids, np.zeros(len(ids), np.float32), n)


def log_weights(active: CSR | Block) -> CSR | Block:
    """For how many neurons, as a logarithm, each active neuron stands.

    Labels and retrieved neurons stand for themselves. The uniform ones are a fair sample of all
    the others: if u of the n - c others were drawn, each stands for (n - c) / u. The sum of
    exp(logit) so weighted is an unbiased estimate of the full one, given the tables.

    Source: stratified form of the correction in sampled softmax (Jean et al., ACL 2015).
    """
    uniform = active.values == FROM_EXTRA
    if isinstance(active, Block):
        rows, n_active = np.zeros_like(active.ids), np.array([len(active.ids)])
    else:
        rows, n_active = active.row_numbers(), active.row_lengths()
    n_uniform = np.bincount(rows, uniform.reshape(-1), minlength=len(n_active))
    others = active.n_cols - (n_active - n_uniform)
    weight = np.log(np.maximum(others, 1) / np.maximum(n_uniform, 1)).astype(np.float32)[rows]
    return active.with_values(np.where(uniform, weight, np.float32(0)))
