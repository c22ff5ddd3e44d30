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
from slide.core.contract.families import WINDOW, kind_of
from slide.core.contract.lists import distinct
from slide.core.contract.tables import Tables, mix
from slide.core.errors import ConfigError, said
from slide.core.machine import memory
from slide.core.sampled.layers import SampledLayer
from slide.core.sampled.mips import InnerProductHash
from slide.core.sampled.network import Network
from slide.core.sampled.settings import Hashing, SampledSettings
from slide.core.settings.plan import Plan
from slide.core.settings.settings import Settings

BITS = 9  # at most, of a SimHash code: see docs/retrieval.md for these
TABLES, PROBES = 100, 8
BYTES_OF_BUCKET, BYTES_OF_NEURON, BYTES_OF_WEIGHT = 24, 12, 16  # of a table while it is built


def hashing_of(plan: Plan, trained: Hashing) -> Hashing:
    """The hashing of training with what a plan says instead."""
    few = min(trained.K, BITS) if kind_of(trained.hash).bits == 1 else trained.K
    return replace(trained, K=plan.K or few, L=plan.L or TABLES, probes=plan.probes or PROBES)


@dataclass(frozen=True, slots=True)
class LayerRetrieval:
    """Tables over one trained layer, and how to query them.

    Args:
        functions: of hashing.
        tables: of the neurons.
        query: whom to keep.
        probes: buckets of each table to look into.
        hidden: which neurons are never found, bool (n,); None if none is.
    """

    functions: InnerProductHash
    tables: Tables
    query: Query
    probes: int
    hidden: Array | None = None

    @classmethod
    def build(
        cls,
        backend: Backend,
        layer: SampledLayer,
        hashing: Hashing,
        query: Query,
        rng: np.random.Generator,
    ) -> LayerRetrieval:
        """Hash the layer's rows.

        Args:
            backend: hashes and builds.
            layer: trained.
            hashing: family, K, L, probes, what of a row is hashed.
            query: whom to keep of an example's buckets.
            rng: draws the hash functions.
        """
        weight = layer.param.weight
        refuse_too_large(hashing, weight.shape)
        drawn = InnerProductHash.draw(hashing, weight.shape[1], rng, backend)
        functions = drawn.fitted_to(weight, hashing.center)
        codes = functions.of_rows(backend, weight)
        tables = backend.build(codes, functions.family.n_buckets, 0, "reservoir")
        return cls(functions, tables, query, hashing.probes)

    def codes(self, backend: Backend, a: CSR | Block) -> Array:
        """The nearest bucket of each example in each table, u32 (B, L), on the host."""
        return backend.get(self.functions.of_queries(backend, a))

    def filled_by(self, backend: Backend, codes: Array, y: CSR) -> LayerRetrieval:
        """The same functions over tables filled by examples with these codes and labels."""
        tables = label_tables(codes, y, self.functions.family.n_buckets, self.tables.salt)
        return replace(self, tables=tables.map(backend.put))

    def find(self, backend: Backend, a: CSR | Block) -> CSR:
        """Candidates for each example: CSR (B, n)."""
        nothing = CSR.empty(a.n_rows, self.tables.n_neurons).map(backend.put)
        codes = self.functions.of_queries(backend, a, self.probes)
        found = backend.query(self.tables, codes, nothing, nothing, self.query, salt=0)
        assert isinstance(found, CSR)  # each example looks for its own
        return found if self.hidden is None else found.where(~self.hidden[found.indices])


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Tables over a network's sampled layers.

    Args:
        layers: one for each layer, the output last; None where all units are computed.
    """

    layers: Sequence[LayerRetrieval | None]

    @classmethod
    def build(
        cls,
        backend: Backend,
        network: Network,
        settings: Settings[SampledSettings],
        plan: Plan | None = None,
    ) -> Retrieval:
        """Hash all sampled layers of a trained network; the same seed gives the same tables."""
        plan, own = plan or Plan(), settings.learner
        hashing = hashing_of(plan, own.hashing)
        layers: list[LayerRetrieval | None] = []
        for number, layer in enumerate(network.layers):
            if isinstance(layer, SampledLayer):
                is_output = layer is network.output
                budget = plan.budget(layer.n_units) if is_output else own.layers.n_active_of(number)
                query = Query("topk", budget, plan.bucket_limit, shared=False)
                seed = [settings.training.seed, 1, number]  # not the stream of training
                rng = np.random.default_rng(seed)
                layers.append(LayerRetrieval.build(backend, layer, hashing, query, rng))
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


def refuse_too_large(hashing: Hashing, shape: tuple[int, ...]) -> None:
    """Raise ConfigError if tables of neurons would take more memory than there is.

    Args:
        hashing: that is wanted, by a plan or by a file that anyone may have made.
        shape: of the layer's weight, (n_neurons, width).
    """
    K, L, (n, width) = hashing.K, hashing.L, shape
    radix = 2 if kind_of(hashing.hash).bits == 1 else max(WINDOW, width // (K * L))
    n_buckets = min(hashing.max_buckets, radix**K)
    wanted = L * (BYTES_OF_NEURON * n + BYTES_OF_BUCKET * n_buckets + BYTES_OF_WEIGHT * K * width)
    if wanted > (room := memory()):
        raise ConfigError(
            f"{L} tables of {n_buckets} buckets for {n} neurons take {wanted / 2**30:.1f} GiB, but "
            f"this process may use {room / 2**30:.1f}: choose a smaller {said('L')} or {said('K')}"
        )


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
        cells = distinct(buckets * y.n_cols + y.indices)
        buckets, labels = np.divmod(cells, y.n_cols)
        order = np.lexsort((mix(labels, salt + table), buckets))
        ids.append(labels[order].astype(np.int32))
        sizes.append(np.bincount(buckets, minlength=n_buckets))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    return Tables(offsets, np.concatenate(ids), L, n_buckets, y.n_cols, salt, "reservoir")
