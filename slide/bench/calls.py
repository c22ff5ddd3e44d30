"""A call of each kernel as a training step makes it, and what it costs at least.

Bytes and flops are those of the `Cost` lines of `slide.core.contract.backend`: each operand is read
once and each result written once, but a CSR reads the row of a neuron or a feature anew for each
entry. An exponential, a comparison and a hash of an id count as one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slide.bench.drawn import draw_examples
from slide.bench.problem import BUCKET_LIMIT, LIST_LIMIT, NEGATIVES, L, Layout, Problem
from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import FROM_LABELS, Backend, Query
from slide.core.contract.losses import LossName
from slide.core.contract.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.contract.sparse import SparseParam
from slide.core.sampled.sampling import log_weights
from slide.reference.running import WRITERS, map_arrays

OPTIMIZERS: dict[str, Optimizer] = {"adam": Adam(), "adagrad": Adagrad(), "sgd": SGD()}
PASSES = 3  # over what a row wants


@dataclass(frozen=True, slots=True)
class Call:
    """Arguments of a kernel on the host, and the least that it has to compute and to move."""

    kernel: str
    arguments: tuple[Any, ...]
    flops: float
    bytes: float

    def arguments_on(self, backend: Backend) -> tuple[Any, ...]:
        """The arguments in the backend's arrays; copies where the kernel writes to them."""
        if self.kernel in WRITERS:
            return tuple(map_arrays(self.arguments, lambda array: backend.put(array.copy())))
        return tuple(map_arrays(self.arguments, backend.put))

    def operand_bytes(self) -> int:
        """Of all arrays among the arguments."""
        sizes: list[int] = []
        map_arrays(self.arguments, lambda array: sizes.append(array.nbytes))
        return sum(sizes)


def hash_neurons(p: Problem) -> Call:
    """As a rebuild does it."""
    family = p.family("simhash", p.size.d)
    flops = 2 * p.size.n * family.d * family.K * L
    arguments = p.w, p.w.mean(axis=0), family
    return Call("hash", arguments, flops, 4 * p.size.n * (p.size.d + L))


def hash_queries(p: Problem) -> Call:
    """The hidden units of a batch."""
    family = p.family("simhash", p.size.d)
    flops = 2 * p.size.B * family.d * family.K * L
    return Call("hash", (p.h, None, family), flops, 4 * p.size.B * (p.size.d + L))


def hash_sparse(p: Problem) -> Call:
    """Examples themselves, as a first layer with tables needs them."""
    family = p.family("dwta", p.size.n_features)
    flops = p.x.nnz * -(-family.K * L * 8 // family.d)  # each entry in each order of coordinates
    return Call("hash", (p.x, None, family), flops, 8 * p.x.nnz + 4 * p.size.B * L)


def build(p: Problem) -> Call:
    """The tables of all neurons."""
    arguments = p.codes, p.tables.n_buckets, 0, "reservoir"
    return Call("build", arguments, p.size.n * L, 8 * p.size.n * L)


def reinsert(p: Problem) -> Call:
    """The neurons that a step of scope `batch` has touched."""
    rows = p.touched("reinsert")
    codes = p.codes[p.rng("codes").permutation(p.size.n)[: len(rows)]]
    moved = 8 * (p.size.n + len(rows)) * L
    return Call("reinsert", (p.tables, rows, codes), len(rows) * L, moved)


def query(p: Problem, layout: Layout) -> Call:
    """Half of the neurons from the tables."""
    family, wanted = p.family("simhash", p.size.d), p.size.wanted[layout]
    codes = p.maker.hash(p.h, None, family)
    shared = layout == "block"
    budget = -(-wanted // (2 * p.size.B)) if shared else wanted // 2
    how = Query("topk", budget, BUCKET_LIMIT, shared)
    buckets = np.arange(L) * p.tables.n_buckets + codes
    lengths = np.diff(p.tables.offsets)[buckets]
    extra = p.extra(layout)
    read = int(np.minimum(lengths, BUCKET_LIMIT).sum()) + extra.nnz
    arguments = p.tables, codes, p.y, extra, how, 0
    return Call("query", arguments, read, 4 * read)


def product(p: Problem, kernel: str, pattern: CSR | Block, arguments: tuple[Any, ...]) -> Call:
    """Any of the three: as many flops, and a row for each entry or each neuron of a block."""
    rows = len(pattern.ids) if isinstance(pattern, Block) else pattern.nnz
    entries = p.size.B * rows if isinstance(pattern, Block) else rows
    cells = (rows + p.size.B) * p.size.d + entries
    return Call(kernel, arguments, 2 * entries * p.size.d, 4 * cells)


def sddmm(p: Problem, layout: Layout) -> Call:
    """Logits of the active neurons."""
    active = p.active[layout]
    return product(p, "sddmm", active, (p.h, p.w, active))


def spmm(p: Problem, layout: Layout) -> Call:
    """Back to the hidden layer."""
    z = p.logits(layout)
    return product(p, "spmm", z, (z, p.w))


def spmm_t(p: Problem, layout: Layout) -> Call:
    """The gradient of the output layer."""
    z = p.logits(layout)
    return product(p, "spmm_t", z, (z, p.h))


def spmm_features(p: Problem) -> Call:
    """The input layer, forward."""
    return product(p, "spmm", p.x, (p.x, p.w_features))


def spmm_t_features(p: Problem) -> Call:
    """The input layer, backward."""
    return product(p, "spmm_t", p.x, (p.x, p.h))


def loss(p: Problem, layout: Layout, name: LossName) -> Call:
    """Of the active neurons."""
    z = p.logits(layout)
    arguments = z, log_weights(p.active[layout]), p.y, name
    per_entry = {"softmax": 1, "bce": 2, "saros": 2 * p.y.nnz / p.size.B}[name]
    return Call("loss", arguments, per_entry * z.nnz, 8 * z.nnz)


def update_rows(p: Problem, name: str) -> Call:
    """The neurons that a step of scope `batch` has touched."""
    rows, d = p.touched("update_rows"), p.size.d
    param: Param = OPTIMIZERS[name].begin(np.zeros((p.size.n, d), np.float32))
    grad = RowGrad(rows, p.normal("gradient", len(rows), d))
    state = 1 + (param.mean.shape[1] + param.square.shape[1]) / d
    flops = {"adam": 12, "adagrad": 6, "sgd": 3}[name] * len(rows) * d
    arguments = param, grad, OPTIMIZERS[name], 1e-3, 1
    return Call("update_rows", arguments, flops, 4 * len(rows) * d * (1 + 2 * state))


def top_k_of_all(p: Problem) -> Call:
    """Exact inference."""
    flops = 2 * p.size.B * p.size.n * p.size.d
    cells = (p.size.B + p.size.n) * p.size.d
    return Call("top_k", (p.h, p.w, None, 5), flops, 4 * cells)


def top_k_of_candidates(p: Problem) -> Call:
    """Sampled inference."""
    candidates = p.active["csr"]
    call = product(p, "top_k", candidates, (p.h, p.w, candidates, 5))
    assert isinstance(candidates, CSR)
    return Call(call.kernel, call.arguments, call.flops, call.bytes - 4 * candidates.nnz)


def spgemm_t(p: Problem) -> Call:
    """The inputs that the examples of each neuron have most of, of a whole training set."""
    size = p.size
    train = draw_examples(size.n_samples, size.n_features, size.n)
    x, z = train.features.with_unit_rows(), train.y
    limits = np.full(size.n, size.connections, np.int64)
    nothing = CSR(np.zeros(size.n + 1, np.int64), z.indices[:0], z.values[:0], x.n_cols)
    products = int(x.row_lengths()[z.row_numbers()].sum())
    return Call("spgemm_t", (z, x, limits, nothing), 2 * products, 8 * products)


def invert(p: Problem) -> Call:
    """The index that a rebuild makes."""
    nnz = p.connected.nnz
    return Call("invert", (p.connected, p.base, LIST_LIMIT), nnz, 16 * nnz)


def search(p: Problem) -> Call:
    """The hardest neurons beside the labels."""
    met = int(np.diff(p.index.offsets)[p.inputs.indices].sum())
    arguments = p.index, p.inputs, p.y, NEGATIVES
    return Call("search", arguments, 2 * met, 16 * met)


def masked_spgemm(p: Problem) -> Call:
    """Logits of labels and the hardest neurons."""
    steps = int(shorter_rows(p).sum())
    arguments = p.inputs, p.connected, p.hardest
    return Call("masked_spgemm", arguments, steps, 8 * (steps + p.hardest.nnz))


def update_entries(p: Problem) -> Call:
    """The neurons of such a step."""
    dz = p.hardest.with_values(p.normal("dz", p.hardest.nnz))
    weight = p.connected
    param = SparseParam(weight, np.ones_like(weight.values))
    steps = int(shorter_rows(p).sum())
    written = int(weight.row_lengths()[np.unique(dz.indices)].sum())
    return Call("update_entries", (param, dz, p.inputs, 0.01), steps, 8 * steps + 20 * written)


def solve_rows(p: Problem) -> Call:
    """The neurons that examples meet, each from its connections: labels are wanted, others not."""
    signs = np.where(p.hardest.values == FROM_LABELS, np.float32(1), np.float32(-0.1))
    wanted = CSR.from_scipy(p.hardest.with_values(signs).to_scipy().T)
    x, start, n = p.inputs, p.connected, p.size.n
    limits, none = np.full(n, p.size.connections, np.int64), np.zeros(wanted.nnz, np.float32)
    arguments = x, wanted, none, start, p.base, 1.0, limits, PASSES, 0
    terms = (2 * PASSES + 1) * int(x.row_lengths()[wanted.indices].sum())
    return Call("solve_rows", arguments, 2 * terms, 8 * (terms + start.nnz))


def shorter_rows(p: Problem) -> Array:
    """For each entry of `hardest` as many inputs as its example or its neuron has, if less."""
    of_neuron = p.connected.row_lengths()[p.hardest.indices]
    return np.minimum(of_neuron, p.inputs.row_lengths()[p.hardest.row_numbers()])


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
    "spgemm_t": spgemm_t,
    "invert": invert,
    "search": search,
    "masked_spgemm": masked_spgemm,
    "update_entries": update_entries,
    "solve_rows": solve_rows,
}
"""All kernels but `put` and `get`, which copy or do nothing."""

TIMED = tuple(dict.fromkeys(call.split(",")[0] for call in CALLS))
"""The kernels that there are calls of."""


def calls_of(kernels: Sequence[str]) -> list[str]:
    """The names of their calls, in the order of `CALLS`."""
    return [call for call in CALLS if call.split(",")[0] in kernels]
