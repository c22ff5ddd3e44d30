"""A call of each kernel as a training step makes it, and what it costs at least.

Bytes and flops are those of the `Cost` lines of `slide.core.backend`: each operand is read once and
each result written once, but a CSR reads the row of a neuron or a feature anew for each entry. An
exponential, a comparison and a hash of an id count as one operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from problems import drawn

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.backend import Backend, Query
from slide.core.families import Family, HashName, draw_family, placed
from slide.core.hashing import Tables
from slide.core.losses import LossName
from slide.core.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.recipe import digits_for
from slide.core.sampling import draw_uniform, log_weights

Layout = Literal["block", "csr"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
L = 16
LIMIT = 128  # entries of a bucket that a query looks at
OPTIMIZERS: dict[str, Optimizer] = {"adam": Adam(), "adagrad": Adagrad(), "sgd": SGD()}


@dataclass(frozen=True, slots=True)
class Size:
    """B examples, d units and a constant, n neurons, features, and neurons proposed by layout."""

    B: int
    d: int
    n: int
    n_features: int
    wanted: dict[Layout, int]


SIZES = {
    "small": Size(32, 33, 1_000, 2_000, {"block": 200, "csr": 50}),
    "demo": Size(256, 257, 15_314, 23_502, {"block": 2_000, "csr": 500}),
    "large": Size(256, 129, 670_091, 135_909, {"block": 8_000, "csr": 1_000}),
}


@dataclass(frozen=True, slots=True)
class Call:
    """Arguments of a kernel, and the least that it has to compute and to move."""

    kernel: str
    arguments: tuple[Any, ...]
    flops: float
    bytes: float


@dataclass
class Problem:
    """Arguments of all kernels at one size, in the backend's arrays; made when first wanted."""

    size: Size
    backend: Backend
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def normal(self, *shape: int) -> Array:
        return self.backend.put(self.rng.standard_normal(shape, dtype=np.float32))

    @cached_property
    def h(self) -> Array:
        return self.normal(self.size.B, self.size.d)

    @cached_property
    def w(self) -> Array:
        return self.normal(self.size.n, self.size.d)

    @cached_property
    def w_features(self) -> Array:
        return self.normal(self.size.n_features, self.size.d)

    @cached_property
    def x(self) -> CSR:
        return drawn(self.size.B, self.size.n_features, 2).x.map(self.backend.put)

    @cached_property
    def y(self) -> CSR:
        return drawn(self.size.B, 2, self.size.n).y.map(self.backend.put)

    def extra(self, layout: Layout) -> CSR:
        B, n = self.size.B, self.size.n
        n_sets = 1 if layout == "block" else B
        extra = draw_uniform(n, self.size.wanted[layout], n_sets, B, self.rng)
        return extra.map(self.backend.put)

    @cached_property
    def active(self) -> dict[Layout, CSR | Block]:
        """Labels and uniform neurons, in both layouts."""
        codes = self.backend.put(np.zeros((self.size.B, 0), np.uint32))
        how = {name: Query("topk", 1, LIMIT, shared=name == "block") for name in LAYOUTS}
        return {
            name: self.backend.query(None, codes, self.y, self.extra(name), how[name], 0)
            for name in LAYOUTS
        }

    def logits(self, layout: Layout) -> CSR | Block:
        return self.backend.sddmm(self.h, self.w, self.active[layout])

    def family(self, name: HashName, d: int) -> Family:
        K = digits_for(self.size.n, name)
        family = draw_family(name, d, K, L, 1 << 18, np.random.default_rng(1))
        return placed(family, self.backend.put)

    @cached_property
    def codes(self) -> Array:
        return self.backend.hash(self.w, None, self.family("simhash", self.size.d))

    @cached_property
    def tables(self) -> Tables:
        n_buckets = self.family("simhash", self.size.d).n_buckets
        return self.backend.build(self.codes, n_buckets, 0, "reservoir")


def hash_neurons(p: Problem) -> Call:
    """As a rebuild does it."""
    family = p.family("simhash", p.size.d)
    flops = 2 * p.size.n * family.d * family.K * L
    arguments = p.w, p.w.mean(axis=0), family
    return Call("hash", arguments, flops, 4 * p.size.n * (p.size.d + L))


def hash_queries(p: Problem) -> Call:
    family = p.family("simhash", p.size.d)
    flops = 2 * p.size.B * family.d * family.K * L
    return Call("hash", (p.h, None, family), flops, 4 * p.size.B * (p.size.d + L))


def hash_sparse(p: Problem) -> Call:
    """Examples themselves, as a first layer with tables needs them."""
    family = p.family("dwta", p.size.n_features)
    flops = p.x.nnz * -(-family.K * L * 8 // family.d)  # each entry in each order of coordinates
    return Call("hash", (p.x, None, family), flops, 8 * p.x.nnz + 4 * p.size.B * L)


def build(p: Problem) -> Call:
    arguments = p.codes, p.tables.n_buckets, 0, "reservoir"
    return Call("build", arguments, p.size.n * L, 8 * p.size.n * L)


def reinsert(p: Problem) -> Call:
    """The neurons that a step of scope `batch` has touched."""
    n_moved = p.size.wanted["block"]
    rows = np.sort(p.rng.choice(p.size.n, n_moved, replace=False)).astype(np.int32)
    codes = p.codes[p.backend.put(p.rng.permutation(p.size.n)[:n_moved])]
    moved = 8 * (p.size.n + n_moved) * L
    return Call("reinsert", (p.tables, p.backend.put(rows), codes), n_moved * L, moved)


def query(p: Problem, layout: Layout) -> Call:
    family, wanted = p.family("simhash", p.size.d), p.size.wanted[layout]
    codes = p.backend.hash(p.h, None, family)
    shared = layout == "block"
    how = Query("topk", -(-wanted // (2 * p.size.B)) if shared else wanted // 2, LIMIT, shared)
    buckets = np.arange(L) * p.tables.n_buckets + p.backend.get(codes)
    lengths = np.diff(p.backend.get(p.tables.offsets))[buckets]
    extra = p.extra(layout)
    read = int(np.minimum(lengths, LIMIT).sum()) + extra.nnz
    arguments = p.tables, codes, p.y, extra, how, 0
    return Call("query", arguments, read, 4 * read)


def product(p: Problem, kernel: str, pattern: CSR | Block, arguments: tuple[Any, ...]) -> Call:
    """Any of the three: as many flops, and a row for each entry or each neuron of a block."""
    is_block = isinstance(pattern, Block)
    rows = len(pattern.ids) if is_block else pattern.nnz
    entries = p.size.B * rows if is_block else rows
    cells = (rows + p.size.B) * p.size.d + entries
    return Call(kernel, arguments, 2 * entries * p.size.d, 4 * cells)


def sddmm(p: Problem, layout: Layout) -> Call:
    active = p.active[layout]
    return product(p, "sddmm", active, (p.h, p.w, active))


def spmm(p: Problem, layout: Layout) -> Call:
    z = p.logits(layout)
    return product(p, "spmm", z, (z, p.w))


def spmm_t(p: Problem, layout: Layout) -> Call:
    z = p.logits(layout)
    return product(p, "spmm_t", z, (z, p.h))


def spmm_features(p: Problem) -> Call:
    """The input layer, forward."""
    return product(p, "spmm", p.x, (p.x, p.w_features))


def spmm_t_features(p: Problem) -> Call:
    """The input layer, backward."""
    return product(p, "spmm_t", p.x, (p.x, p.h))


def loss(p: Problem, layout: Layout, name: LossName) -> Call:
    z = p.logits(layout)
    arguments = z, log_weights(p.active[layout]), p.y, name
    per_entry = {"softmax": 1, "bce": 2, "saros": 2 * p.y.nnz / p.size.B}[name]
    return Call("loss", arguments, per_entry * z.nnz, 8 * z.nnz)


def update_rows(p: Problem, name: str) -> Call:
    """The neurons that a step of scope `batch` has touched."""
    n, d, R = p.size.n, p.size.d, p.size.wanted["block"]
    rows = np.sort(p.rng.choice(n, R, replace=False)).astype(np.int32)
    param: Param = OPTIMIZERS[name].begin(p.backend.put(np.zeros((n, d), np.float32)))
    grad = RowGrad(p.backend.put(rows), p.normal(R, d))
    state = 1 + (param.mean.shape[1] + param.square.shape[1]) / d
    flops = {"adam": 12, "adagrad": 6, "sgd": 3}[name] * R * d
    arguments = param, grad, OPTIMIZERS[name], 1e-3, 1
    return Call("update_rows", arguments, flops, 4 * R * d * (1 + 2 * state))


def top_k_of_all(p: Problem) -> Call:
    flops = 2 * p.size.B * p.size.n * p.size.d
    cells = (p.size.B + p.size.n) * p.size.d
    return Call("top_k", (p.h, p.w, None, 5), flops, 4 * cells)


def top_k_of_candidates(p: Problem) -> Call:
    candidates = p.active["csr"]
    call = product(p, "top_k", candidates, (p.h, p.w, candidates, 5))
    return Call(call.kernel, call.arguments, call.flops, call.bytes - 4 * candidates.nnz)


CALLS: dict[str, Callable[[Problem], Call]] = {
    "hash, SimHash, neurons": hash_neurons,
    "hash, SimHash, queries": hash_queries,
    "hash, DWTA, sparse examples": hash_sparse,
    "build": build,
    "reinsert": reinsert,
    "query, block": lambda p: query(p, "block"),
    "query, csr": lambda p: query(p, "csr"),
    "sddmm, block": lambda p: sddmm(p, "block"),
    "sddmm, csr": lambda p: sddmm(p, "csr"),
    "spmm, block": lambda p: spmm(p, "block"),
    "spmm, csr": lambda p: spmm(p, "csr"),
    "spmm, features": spmm_features,
    "spmm_t, block": lambda p: spmm_t(p, "block"),
    "spmm_t, csr": lambda p: spmm_t(p, "csr"),
    "spmm_t, features": spmm_t_features,
    "loss, softmax, block": lambda p: loss(p, "block", "softmax"),
    "loss, softmax, csr": lambda p: loss(p, "csr", "softmax"),
    "loss, bce, block": lambda p: loss(p, "block", "bce"),
    "loss, bce, csr": lambda p: loss(p, "csr", "bce"),
    "loss, saros, block": lambda p: loss(p, "block", "saros"),
    "loss, saros, csr": lambda p: loss(p, "csr", "saros"),
    "update_rows, Adam": lambda p: update_rows(p, "adam"),
    "update_rows, Adagrad": lambda p: update_rows(p, "adagrad"),
    "update_rows, SGD": lambda p: update_rows(p, "sgd"),
    "top_k, all neurons": top_k_of_all,
    "top_k, candidates": top_k_of_candidates,
}
"""All kernels but `put` and `get`, which copy or do nothing."""
