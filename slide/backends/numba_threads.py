"""The `numba` backend: compiled loops and BLAS on blocks, on as many threads as are wanted."""

from __future__ import annotations

from slide.backends.threads import hashing, losses, optimizers, products, sparse, top_k
from slide.backends.threads import index as inverted
from slide.backends.threads import query as buckets
from slide.backends.threads import tables as flat
from slide.backends.threads.pool import Pool
from slide.backends.threads.scratch import Scratch
from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import Query
from slide.core.contract.families import Family
from slide.core.contract.losses import LossName
from slide.core.contract.optim import Optimizer
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.contract.tables import Policy, Tables


class NumbaBackend:
    """Every kernel native; the same bits for any number of threads, on any thread of the caller.

    Kernels are compiled when first called and kept on disk next to the package, or where
    NUMBA_CACHE_DIR says.
    """

    name = "numba"

    def __init__(self) -> None:
        self.pool = Pool()
        self.scratch = Scratch()

    def set_threads(self, n: int) -> int:
        self.pool = Pool(n)
        return n

    def put(self, array: Array) -> Array:
        return array

    def get(self, array: Array) -> Array:
        return array

    def hash(self, x: Array | CSR, center: Array | None, family: Family, probes: int = 1) -> Array:
        return hashing.hash_rows(self.pool, x, center, family, probes)

    def build(self, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
        return flat.build(self.pool, codes, n_buckets, salt, policy)

    def reinsert(self, tables: Tables, rows: Array, codes: Array) -> Tables:
        return flat.reinsert(self.pool, tables, rows, codes)

    def query(
        self,
        tables: Tables | None,
        codes: Array,
        required: CSR,
        extra: CSR,
        query: Query,
        salt: int,
    ) -> CSR | Block:
        return buckets.query(self.pool, tables, codes, required, extra, query, salt)

    def sddmm(self, h: Array, w: Array, active: CSR | Block) -> CSR | Block:
        return products.sddmm(self.pool, h, w, active)

    def spmm(self, z: CSR | Block, w: Array) -> Array:
        return products.spmm(self.pool, z, w)

    def spmm_t(self, z: CSR | Block, h: Array) -> RowGrad:
        return products.spmm_t(self.pool, z, h)

    def loss(
        self, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
    ) -> tuple[Array, CSR | Block]:
        return losses.loss(self.pool, z, log_weights, y, name)

    def update_rows(
        self, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
    ) -> None:
        optimizers.update_rows(self.pool, param, grad, optimizer, lr, step)

    def top_k(self, h: Array, w: Array, candidates: CSR | None, k: int) -> tuple[Array, Array]:
        return top_k.top_k(self.pool, h, w, candidates, k)

    def spgemm_t(self, z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
        return sparse.spgemm_t(self.pool, self.scratch, z, x, limits, excluded)

    def invert(self, w: CSR, base: Array, limit: int) -> InvertedIndex:
        return inverted.invert(self.pool, w, base, limit)

    def search(self, index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> tuple[Array, Array]:
        return inverted.search(self.pool, self.scratch, index, x, excluded, k)

    def masked_spgemm(self, x: CSR, w: CSR, active: CSR) -> CSR:
        return sparse.masked_spgemm(self.pool, self.scratch, x, w, active)

    def update_entries(self, param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
        sparse.update_entries(self.pool, self.scratch, param, dz, x, lr)
