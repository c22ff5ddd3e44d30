"""Hash tables for inference: more of them than training can afford, over every sampled layer.

Two ways to fill them. From the weights, as in training: a neuron lies where its row hashes to. From
examples (*insert labels, then freeze*): a label's neuron lies where examples that carry it hash to,
so that the tables answer "which labels had the neighbours of this example".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend, Query
from slide.core.contract.families import kind_of
from slide.core.contract.tables import Tables, mix
from slide.core.sampled.layers import SampledLayer
from slide.core.sampled.mips import InnerProductHash
from slide.core.sampled.network import Network
from slide.core.sampled.sampling import nobody
from slide.core.settings.config import Config, demand_float, demand_int

BITS = 9  # at most, of a SimHash code: see docs/retrieval.md for these
CANDIDATES_AT_LEAST = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """How sampled inference fills and queries its tables; each is checked when it is made.

    Args:
        K: digits per code; None for those of training, in SimHash 9 at most.
        L: tables.
        probes: nearest buckets of a table that a query looks into.
        candidates: share of the output neurons, in (0, 1], of which the logits are computed;
            1,000 neurons at least.
        bucket_limit: entries of one bucket that a query looks at.

    Raises:
        ConfigError: a setting is out of its range.
    """

    K: int | None = None
    L: int = 100
    probes: int = 8
    candidates: float = 0.002
    bucket_limit: int = 50

    def __post_init__(self) -> None:
        demand_int("K", 1 if self.K is None else self.K, 1, 64)
        demand_int("L", self.L, 1, 1024)
        demand_int("probes", self.probes, 1, 16)
        demand_float("candidates", self.candidates, 1e-9, 1.0)
        demand_int("bucket_limit", self.bucket_limit, 1, 1 << 31)

    def settings(self, config: Config) -> Config:
        """The settings of training with those of the plan instead."""
        few = min(config.K, BITS) if kind_of(config.hash).bits == 1 else config.K
        return replace(
            config,
            K=few if self.K is None else self.K,
            L=self.L,
            probes=self.probes,
            bucket_limit=self.bucket_limit,
        )

    def budget(self, n: int) -> int:
        """Candidates among n output neurons."""
        return max(CANDIDATES_AT_LEAST, round(self.candidates * n))


@dataclass(frozen=True, slots=True)
class LayerRetrieval:
    """Tables over one trained layer, and how to query them.

    Args:
        functions: of hashing.
        tables: of the neurons.
        query: whom to keep.
        probes: buckets of each table to look into.
    """

    functions: InnerProductHash
    tables: Tables
    query: Query
    probes: int

    @classmethod
    def build(
        cls,
        backend: Backend,
        layer: SampledLayer,
        config: Config,
        budget: int,
        rng: np.random.Generator,
    ) -> LayerRetrieval:
        """Hash the layer's rows.

        Args:
            backend: hashes and builds.
            layer: trained.
            config: family, K, L, probes, what of a row is hashed, entries read of a bucket.
            budget: neurons to keep per example.
            rng: draws the hash functions.
        """
        weight = layer.param.weight
        drawn = InnerProductHash.draw(config, weight.shape[1], rng, backend)
        functions = drawn.fitted_to(weight, config.center)
        codes = functions.of_rows(backend, weight)
        tables = backend.build(codes, functions.family.n_buckets, 0, "reservoir")
        query = Query("topk", budget, config.bucket_limit, shared=False)
        return cls(functions, tables, query, config.probes)

    def codes(self, backend: Backend, a: CSR | Block) -> Array:
        """The nearest bucket of each example in each table, u32 (B, L), on the host."""
        return backend.get(self.functions.of_queries(backend, a))

    def filled_by(self, backend: Backend, codes: Array, y: CSR) -> LayerRetrieval:
        """The same functions over tables filled by examples with these codes and labels."""
        tables = label_tables(codes, y, self.functions.family.n_buckets, self.tables.salt)
        return replace(self, tables=tables.map(backend.put))

    def find(self, backend: Backend, a: CSR | Block) -> CSR:
        """Candidates for each example: CSR (B, n)."""
        nothing = nobody(a.n_rows, self.tables.n_neurons, backend)
        codes = self.functions.of_queries(backend, a, self.probes)
        found = backend.query(self.tables, codes, nothing, nothing, self.query, salt=0)
        assert isinstance(found, CSR)  # each example looks for its own
        return found


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Tables over a network's sampled layers.

    Args:
        layers: one for each layer, the output last; None where all units are computed.
    """

    layers: Sequence[LayerRetrieval | None]

    @classmethod
    def build(
        cls, backend: Backend, network: Network, config: Config, plan: Plan | None = None
    ) -> Retrieval:
        """Hash all sampled layers of a trained network; the same seed gives the same tables."""
        plan = plan or Plan()
        layers: list[LayerRetrieval | None] = []
        for number, layer in enumerate(network.layers):
            if isinstance(layer, SampledLayer):
                is_output = layer is network.output
                budget = plan.budget(layer.n_units) if is_output else config.n_active_of(number)
                rng = np.random.default_rng([config.seed, 1, number])  # not the stream of training
                settings = plan.settings(config)
                layers.append(LayerRetrieval.build(backend, layer, settings, budget, rng))
            else:
                layers.append(None)
        return cls(layers)

    @property
    def output(self) -> LayerRetrieval:
        layer = self.layers[-1]
        assert layer is not None
        return layer

    def find(self, backend: Backend, number: int, a: CSR | Block) -> CSR:
        """Candidates of one layer for its inputs a (B, width)."""
        layer = self.layers[number]
        assert layer is not None
        return layer.find(backend, a)


def label_tables(codes: Array, y: CSR, n_buckets: int, salt: int) -> Tables:
    """Tables in which a label lies in the buckets of the examples that carry it, once in each.

    Args:
        codes: u32 (B, L), of the examples.
        y: CSR (B, n), their labels.
        n_buckets: buckets per table.
        salt: orders a bucket, as in `Backend.build`.
    """
    L = codes.shape[1]
    ids, sizes = [], []
    for table in range(L):
        buckets = codes[y.row_numbers(), table].astype(np.int64)
        cells = np.unique(buckets * y.n_cols + y.indices)
        buckets, labels = np.divmod(cells, y.n_cols)
        order = np.lexsort((mix(labels, salt + table), buckets))
        ids.append(labels[order].astype(np.int32))
        sizes.append(np.bincount(buckets, minlength=n_buckets))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    return Tables(offsets, np.concatenate(ids), L, n_buckets, y.n_cols, salt, "reservoir")
