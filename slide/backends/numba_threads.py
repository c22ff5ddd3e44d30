"""The `numba` backend: compiled loops and BLAS on blocks, on as many threads as are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

# The BLAS that Numba calls from kernels: it would load it with the first one, behind the back of
# whoever has limited BLAS to a thread before, and then compute with as many as there are cores.
import scipy.linalg.cython_blas  # noqa: F401

from slide.backends.binding import bound
from slide.backends.threads import hashing, losses, optimizers, products, solving, sparse, top_k
from slide.backends.threads import index as inverted
from slide.backends.threads import query as buckets
from slide.backends.threads import tables as flat
from slide.backends.threads.pool import Pool, Result
from slide.backends.threads.scratch import Scratch
from slide.core.contract.arrays import Array
from slide.core.contract.opening import n_threads

if TYPE_CHECKING:
    from slide.core.contract.backend import Backend


class NumbaBackend:
    """Every kernel native; the same bits for any number of threads, on any thread of the caller.

    Kernels are compiled when first called and kept on disk next to the package, or where
    NUMBA_CACHE_DIR says. A copy, or what is unpickled elsewhere, starts threads of its own.
    """

    name = "numba"

    def __init__(self) -> None:
        self.pool = Pool()
        self.scratch = Scratch(self.pool)

    def set_threads(self, n: int) -> int:
        self.pool.resize(n_threads(n))
        return self.pool.n_threads

    def put(self, array: Array) -> Array:
        return array

    def get(self, array: Array) -> Array:
        return array

    def concurrently(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        return self.pool.run([(call,) for call in calls])

    hash = bound(hashing.hash_rows, "pool")
    build = bound(flat.build, "pool")
    reinsert = bound(flat.reinsert, "pool")
    query = bound(buckets.query, "pool")
    sddmm = bound(products.sddmm, "pool")
    spmm = bound(products.spmm, "pool")
    spmm_t = bound(products.spmm_t, "pool")
    loss = bound(losses.loss, "pool")
    update_rows = bound(optimizers.update_rows, "pool")
    top_k = bound(top_k.top_k, "pool")
    spgemm_t = bound(sparse.spgemm_t, "scratch")
    invert = bound(inverted.invert, "pool")
    search = bound(inverted.search, "scratch")
    masked_spgemm = bound(sparse.masked_spgemm, "scratch")
    update_entries = bound(sparse.update_entries, "scratch")
    solve_rows = bound(solving.solve_rows, "pool")


if TYPE_CHECKING:  # mypy compares every signature with the protocol's
    _: Backend = NumbaBackend()
