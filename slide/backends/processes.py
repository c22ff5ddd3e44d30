"""The `processes` backend: worker processes that share memory, for where threads do not scale.

Weights, optimizer state, tables and batches lie once in shared memory; a worker gets the places of
a kernel's arguments, computes its parts of the result by the kernels of another backend on one
thread, and leaves them where the parent finds them.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import replace
from typing import Any, get_args

from slide.backends.shared import Mode, OnLoss
from slide.backends.shared.memory import refuse_too_large
from slide.backends.shared.workers import WorkerPool
from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import Query
from slide.core.contract.families import Family
from slide.core.contract.losses import LossName
from slide.core.contract.opening import n_threads
from slide.core.contract.optim import Optimizer
from slide.core.contract.sparse import InvertedIndex, SolvedRows, SparseParam
from slide.core.contract.tables import Policy, Tables
from slide.core.contract.workers import Workers
from slide.core.errors import BackendError


class ProcessesBackend:
    """Every kernel cut into parts; the same bits for any number of workers.

    Workers start when first needed. `set_threads` says how many they are.

    Args:
        mode: `synchronous`, a step after the other; or `hogwild`, every worker takes steps of its
            own, which claims accuracy and not bits (see `slide.core.runs.hogwild`).
        on_worker_loss: when a worker dies, `fail` with a sentence, or `respawn` it: then its part
            is computed again, and rows that it was updating may take that step twice.
    """

    name = "processes"
    inner = "reference"

    def __init__(self, mode: Mode = "synchronous", on_worker_loss: OnLoss = "fail") -> None:
        demand_choice("mode", mode, get_args(Mode))
        demand_choice("on_worker_loss", on_worker_loss, get_args(OnLoss))
        self.mode = mode
        self.pool = WorkerPool(self.inner, on_worker_loss)
        weakref.finalize(self, self.pool.close)  # also when the interpreter ends

    def __reduce__(self) -> tuple[Any, ...]:
        """Of a copy, in whatever process: it is opened again, and starts workers of its own."""
        return reopened, (type(self), self.mode, self.pool.on_loss, self.pool.n_workers)

    def set_threads(self, n: int) -> int:
        self.pool.n_workers = n_threads(n)
        return self.pool.n_workers

    def run(self, kernel: str, *arguments: Any) -> Any:
        """The result of a kernel."""
        return self.pool.compute(kernel, arguments)

    @property
    def hogwild_workers(self) -> Workers | None:
        """Those that take training steps of their own; None where steps have an order."""
        return self.pool if self.mode == "hogwild" else None

    def demand_room(self, n_bytes: float) -> None:
        """Raise BackendError unless there is so much shared memory."""
        refuse_too_large(math.ceil(n_bytes))

    def put(self, array: Array) -> Array:
        return self.pool.store.put(array)

    def get(self, array: Array) -> Array:
        return array

    def hash(self, x: Array | CSR, center: Array | None, family: Family, probes: int = 1) -> Array:
        codes: Array = self.run("hash", x, center, family, probes)
        return codes

    def build(self, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
        return self.in_shared_memory(self.run("build", codes, n_buckets, salt, policy))

    def reinsert(self, tables: Tables, rows: Array, codes: Array) -> Tables:
        return self.in_shared_memory(self.run("reinsert", tables, rows, codes))

    def query(
        self,
        tables: Tables | None,
        codes: Array,
        required: CSR,
        extra: CSR,
        query: Query,
        salt: int,
    ) -> CSR | Block:
        active: CSR | Block = self.run("query", tables, codes, required, extra, query, salt)
        return active

    def sddmm(self, h: Array, w: Array, active: CSR | Block) -> CSR | Block:
        z: CSR | Block = self.run("sddmm", h, w, active)
        return z

    def spmm(self, z: CSR | Block, w: Array) -> Array:
        h: Array = self.run("spmm", z, w)
        return h

    def spmm_t(self, z: CSR | Block, h: Array) -> RowGrad:
        grad: RowGrad = self.run("spmm_t", z, h)
        return grad

    def loss(
        self, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
    ) -> tuple[Array, CSR | Block]:
        losses, dz = self.run("loss", z, log_weights, y, name)
        return losses, dz

    def update_rows(
        self, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
    ) -> None:
        self.demand_shared(param.weight, param.mean, param.square)
        self.run("update_rows", param, grad, optimizer, lr, step)

    def top_k(self, h: Array, w: Array, candidates: CSR | None, k: int) -> tuple[Array, Array]:
        ids, scores = self.run("top_k", h, w, candidates, k)
        return ids, scores

    def spgemm_t(self, z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
        product: CSR = self.run("spgemm_t", z, x, limits, excluded)
        return product

    def invert(self, w: CSR, base: Array, limit: int) -> InvertedIndex:
        index: InvertedIndex = self.run("invert", w, base, limit)
        return InvertedIndex(
            self.put(index.offsets), self.put(index.ids), self.put(index.values), index.base
        )

    def search(self, index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> tuple[Array, Array]:
        ids, scores = self.run("search", index, x, excluded, k)
        return ids, scores

    def masked_spgemm(self, x: CSR, w: CSR, active: CSR) -> CSR:
        z: CSR = self.run("masked_spgemm", x, w, active)
        return z

    def update_entries(self, param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
        self.demand_shared(param.weight.values, param.square)
        self.run("update_entries", param, dz, x, lr)

    def solve_rows(
        self,
        x: CSR,
        wanted: CSR,
        duals: Array,
        start: CSR,
        base: Array,
        constant: float,
        limits: Array,
        passes: int,
        salt: int,
    ) -> SolvedRows:
        solved: SolvedRows = self.run(
            "solve_rows", x, wanted, duals, start, base, constant, limits, passes, salt
        )
        return solved

    def in_shared_memory(self, tables: Tables) -> Tables:
        """Tables that are looked into at every step: in shared memory once and for all."""
        return replace(tables, offsets=self.put(tables.offsets), ids=self.put(tables.ids))

    def demand_shared(self, *arrays: Array) -> None:
        """Raise ValueError unless workers would write where the caller sees it."""
        for array in arrays:
            if array.size and not self.pool.store.owns(array):
                raise ValueError("a parameter is not in shared memory: expected what `put` gave")


class CompiledProcessesBackend(ProcessesBackend):
    """The same with compiled kernels in the workers."""

    name = "processes-numba"
    inner = "numba"


def reopened(
    kind: type[ProcessesBackend], mode: Mode, on_worker_loss: OnLoss, n_workers: int
) -> ProcessesBackend:
    """A backend with the options of another one."""
    backend = kind(mode, on_worker_loss)
    backend.set_threads(n_workers)
    return backend


def demand_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise BackendError unless it is one of them."""
    if value not in known:
        raise BackendError(f"{name} is {value!r}: expected {' or '.join(known)}")
