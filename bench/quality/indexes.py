"""What finds the largest inner products among rows: tables, cells, graphs, by one protocol.

All of them give candidates, whose inner products with the rows of now are computed by the kernel
`top_k`: rows move on while an index stays as it was built. `hashing` has the hash tables of
the engine, `cells` are learned from the rows by the same kernels, k-means, `hnswlib`
and `faiss` are those packages. Each is built and asked on one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend, Query
from slide.core.contract.families import HashName, SimHash
from slide.core.contract.tables import Tables
from slide.core.sampled.mips import InnerProductHash, blocks_of, squares_of
from slide.core.sampled.settings import Hashing

FITTED_TO = 16  # rows for each cell, drawn at random
ROUNDS = 6  # of Lloyd's algorithm
ROWS_OF_ROTATION = 8192
LINKS, BREADTH = 16, 100  # of graphs, as both packages are often set, while they are built
RANKED = 50  # that graphs and lists of others hand over at most


class Index(Protocol):
    """Candidates for queries, more of them the wider it looks."""

    widths: tuple[int, ...]

    def find(self, queries: Array, width: int) -> CSR:
        """Candidates for f32 (B, d): CSR (B, n)."""


Build = Callable[[Backend, Array], Index]


@dataclass(frozen=True, slots=True)
class HashTables:
    """Hash tables of the engine; the width is how many buckets of a table are probed."""

    backend: Backend
    functions: InnerProductHash
    tables: Tables
    query: Query
    widths: tuple[int, ...] = (1, 2, 4, 8, 16)

    def find(self, queries: Array, width: int) -> CSR:
        """See `Index`."""
        codes = self.functions.of_queries(self.backend, Block.of(queries), width)
        return asked(self.backend, self.tables, codes, self.query)


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows in the cells of k-means; the width is how many cells are looked into, nearest first.

    Rows are centred and lifted as for SimHash, so that cells are near in the sense of inner
    products; queries have a 0 in the place of the lift.

    Sources: Jegou, Douze and Schmid (PAMI 2011), inverted file; Dhillon and Modha (2001), spherical
    k-means.
    """

    backend: Backend
    centroids: Array
    tables: Tables
    query: Query
    widths: tuple[int, ...]

    def codes(self, queries: Array, width: int) -> Array:
        """The nearest cells, nearest first: u32 (B, width)."""
        ids, _ = self.backend.top_k(queries, self.centroids, None, width)
        return ids.astype(np.uint32)

    def find(self, queries: Array, width: int) -> CSR:
        """See `Index`."""
        return asked(self.backend, self.tables, self.codes(queries, width), self.query)


@dataclass(frozen=True, slots=True)
class Foreign:
    """An index of another package, of n rows: `search(queries, k, width)` gives ids (B, k)."""

    search: Callable[[Array, int, int], Array]
    n: int
    widths: tuple[int, ...]

    def find(self, queries: Array, width: int) -> CSR:
        """See `Index`."""
        ids = np.sort(self.search(queries, RANKED, width), axis=1).astype(np.int32)
        there = ids >= 0
        indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        return CSR(indptr, ids[there], np.zeros(len(ids[there]), np.float32), self.n)


def asked(backend: Backend, tables: Tables, codes: Array, query: Query) -> CSR:
    """What these buckets hold."""
    none = CSR.empty(len(codes), tables.n_neurons)
    found = backend.query(tables, codes, none, none, query, salt=0)
    assert isinstance(found, CSR)
    return found


def hashing(
    name: HashName, K: int, L: int, limit: int = 50, center: bool = True, fit: bool = False
) -> Build:
    """Tables of this family; `fit` turns the directions of SimHash to the rows (PCA and ITQ)."""

    def build(backend: Backend, rows: Array) -> HashTables:
        settings, rng = Hashing(hash=name, K=K, L=L), np.random.default_rng(0)
        drawn = InnerProductHash.draw(settings, rows.shape[1], rng, backend)
        functions = drawn.fitted_to(rows, center)
        if fit:
            functions = rotated(functions, rows, rng)
        tables = backend.build(
            functions.of_rows(backend, rows), functions.family.n_buckets, 0, "reservoir"
        )
        query = Query("topk", budget_for(len(rows)), limit, shared=False)
        return HashTables(backend, functions, tables, query)

    return build


def rotated(functions: InnerProductHash, rows: Array, rng: np.random.Generator) -> InnerProductHash:
    """The same with directions along which lifted rows are near the signs of their coordinates.

    Each table turns the first 4 K principal components another way to begin with.

    Source: Gong and Lazebnik, Iterative Quantization (CVPR 2011).
    """
    family = functions.family
    assert isinstance(family, SimHash)
    some = rows[np.sort(rng.choice(len(rows), min(len(rows), ROWS_OF_ROTATION), replace=False))]
    lifted = functions.lifted(some)
    lifted -= lifted.mean(axis=0)
    components = np.linalg.eigh(lifted.T @ lifted)[1][:, : -4 * family.K - 1 : -1]
    seen, directions = lifted @ components, []
    for _ in range(family.L):
        turn = np.linalg.qr(rng.standard_normal((components.shape[1], family.K)))[0]
        for _ in range(ROUNDS):
            left, _, right = np.linalg.svd(seen.T @ np.sign(seen @ turn), full_matrices=False)
            turn = left @ right
        directions.append(components @ turn)
    projection = np.ascontiguousarray(np.concatenate(directions, axis=1), np.float32)
    return replace(functions, family=replace(family, projection=projection))


def cells(n_cells: int, seed: int = 0) -> Build:
    """So many cells, learned from the rows."""

    def build(backend: Backend, rows: Array) -> Cells:
        rng = np.random.default_rng(seed)
        lifting = InnerProductHash.draw(Hashing(K=1, L=1), rows.shape[1], rng, backend)
        lifting = lifting.fitted_to(rows, center=True)
        some = lifting.lifted(rows[drawn(lifting.centred(rows), FITTED_TO * n_cells, rng)])
        centroids = centroids_of(backend, some, n_cells, rng)
        codes = [
            backend.top_k(lifting.lifted(some), centroids, None, 1)[0] for some in blocks_of(rows)
        ]
        tables = backend.build(np.concatenate(codes).astype(np.uint32), n_cells, 0, "reservoir")
        budget = budget_for(len(rows))
        widths = tuple(1 << power for power in range(n_cells.bit_length() - 2))
        query = Query("vanilla", budget, budget, shared=False)
        return Cells(backend, np.ascontiguousarray(centroids[:, :-1]), tables, query, widths)

    return build


def drawn(rows: Array, n: int, rng: np.random.Generator) -> Array:
    """Rows that centroids are learned from, by chances that grow as the square of their length.

    Where labels are very many, what queries want is the longest in a hundred; most cells would
    divide the others.
    """
    chances = squares_of(rows).astype(np.float64)
    chances += chances.mean() / 100
    return np.sort(
        rng.choice(len(rows), min(n, len(rows)), replace=False, p=chances / chances.sum())
    )


def centroids_of(backend: Backend, rows: Array, n_cells: int, rng: np.random.Generator) -> Array:
    """Spherical k-means, begun at some of the rows: f32 (n_cells, d), of unit length."""
    centroids = unit(rows[rng.choice(len(rows), n_cells, replace=False)])
    for _ in range(ROUNDS):
        nearest = backend.top_k(rows, centroids, None, 1)[0][:, 0]
        order = np.argsort(nearest, kind="stable")
        filled = np.flatnonzero(np.bincount(nearest, minlength=n_cells))
        first = np.searchsorted(nearest[order], filled)
        centroids[filled] = unit(np.add.reduceat(rows[order], first, axis=0))
    return centroids


def unit(rows: Array) -> Array:
    """Of length 1, f32; rows of zeros stay as they are."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def budget_for(n: int) -> int:
    """Candidates, as sampled inference has them."""
    return max(1000, n // 500)


def lifted(build: Build) -> Build:
    """The same index of rows that are centred and have one length, as here; queries get a 0."""

    def build_of(backend: Backend, rows: Array) -> Foreign:
        lifting = InnerProductHash.draw(
            Hashing(K=1, L=1), rows.shape[1], np.random.default_rng(0), backend
        ).fitted_to(rows, center=True)
        index = build(backend, np.concatenate([lifting.lifted(some) for some in blocks_of(rows)]))
        assert isinstance(index, Foreign)

        def search(queries: Array, k: int, width: int) -> Array:
            return index.search(np.pad(queries, ((0, 0), (0, 1))), k, width)

        return replace(index, search=search)

    return build_of


def graph(backend: Backend, rows: Array) -> Foreign:
    """HNSW of hnswlib; the width is ef."""
    import hnswlib

    index: Any = hnswlib.Index("ip", rows.shape[1])
    index.init_index(len(rows), ef_construction=BREADTH, M=LINKS)
    index.set_num_threads(1)
    index.add_items(rows, num_threads=1)

    def search(queries: Array, k: int, width: int) -> Array:
        index.set_ef(width)
        ids: Array = index.knn_query(queries, min(k, width))[0].astype(np.int64)
        return ids

    return Foreign(search, len(rows), (16, 32, 64, 128, 256))


def faiss_graph(backend: Backend, rows: Array) -> Foreign:
    """HNSW of faiss; the width is efSearch."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(rows.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BREADTH
    index.add(rows)

    def search(queries: Array, k: int, width: int) -> Array:
        index.hnsw.efSearch = width
        ids: Array = index.search(queries, min(k, width))[1]
        return ids

    return Foreign(search, len(rows), (16, 32, 64, 128, 256))


def faiss_lists(n_lists: int) -> Build:
    """IVF of faiss, rows as they are; the width is nprobe."""

    def build(backend: Backend, rows: Array) -> Foreign:
        import faiss

        faiss.omp_set_num_threads(1)
        flat = faiss.IndexFlatIP(rows.shape[1])
        index = faiss.IndexIVFFlat(flat, rows.shape[1], n_lists, faiss.METRIC_INNER_PRODUCT)
        index.cp.niter, index.cp.min_points_per_centroid = ROUNDS, 1
        index.cp.max_points_per_centroid = FITTED_TO
        index.train(rows)
        index.add(rows)

        def search(queries: Array, k: int, width: int) -> Array:
            index.nprobe = width
            ids: Array = index.search(queries, k)[1]
            return ids

        return Foreign(search, len(rows), (1, 2, 4, 8, 16, 32, 64, 128))

    return build


def cells_for(n: int) -> int:
    """A power of two near four times the root of the number of rows."""
    return 1 << round(np.log2(4 * n**0.5))


def digits_for_rows(n: int) -> int:
    """K of training: a bucket holds about 16 rows."""
    return int(min(max(round(np.log2(n / 16)), 4), 16))


def all_for(n: int) -> dict[str, Build]:
    """Every index for n rows, by its name in a table."""
    K = digits_for_rows(n)
    return {
        "SimHash as in training": hashing("simhash", K, 16, limit=128),
        "SimHash 100 tables": hashing("simhash", 9, 100),
        "SimHash 30 tables": hashing("simhash", 9, 30),
        "SimHash turned to the rows (ITQ)": hashing("simhash", 9, 100, fit=True),
        "DWTA": hashing("dwta", 3, 100, center=False),
        "cells (k-means)": cells(cells_for(n)),
        "faiss IVF": faiss_lists(cells_for(n)),
        "faiss IVF of lifted rows": lifted(faiss_lists(cells_for(n))),
        "hnswlib": graph,
        "hnswlib of lifted rows": lifted(graph),
        "faiss HNSW of lifted rows": lifted(faiss_graph),
    }
