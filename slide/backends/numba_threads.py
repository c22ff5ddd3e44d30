"""The `numba` backend: compiled loops and BLAS on blocks, on as many threads as are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from slide.backends.binding import Bound
from slide.backends.threads import hashing, losses, optimizers, products, sparse, top_k
from slide.backends.threads import index as inverted
from slide.backends.threads import query as buckets
from slide.backends.threads import tables as flat
from slide.backends.threads.pool import Pool
from slide.backends.threads.scratch import Scratch
from slide.core.contract.arrays import Array

if TYPE_CHECKING:
    from slide.core.contract.backend import Backend

Given = ParamSpec("Given")
Result = TypeVar("Result")


def on_pool(
    kernel: Callable[Concatenate[Pool, Given], Result],
) -> Callable[Concatenate[NumbaBackend, Given], Result]:
    """A function as a method of the backend, whose threads it computes on."""

    method: Any = Bound(kernel, "pool")
    return method  # type: ignore[no-any-return]


def with_scratch(
    kernel: Callable[Concatenate[Scratch, Given], Result],
) -> Callable[Concatenate[NumbaBackend, Given], Result]:
    """The same of a function that borrows zeros beside them."""

    method: Any = Bound(kernel, "scratch")
    return method  # type: ignore[no-any-return]


class NumbaBackend:
    """Every kernel native; the same bits for any number of threads, on any thread of the caller.

    Kernels are compiled when first called and kept on disk next to the package, or where
    NUMBA_CACHE_DIR says.
    """

    name = "numba"

    def __init__(self) -> None:
        self.pool = Pool()
        self.scratch = Scratch(self.pool)

    def set_threads(self, n: int) -> int:
        self.pool.resize(n)
        return n

    def put(self, array: Array) -> Array:
        return array

    def get(self, array: Array) -> Array:
        return array

    hash = on_pool(hashing.hash_rows)
    build = on_pool(flat.build)
    reinsert = on_pool(flat.reinsert)
    query = on_pool(buckets.query)
    sddmm = on_pool(products.sddmm)
    spmm = on_pool(products.spmm)
    spmm_t = on_pool(products.spmm_t)
    loss = on_pool(losses.loss)
    update_rows = on_pool(optimizers.update_rows)
    top_k = on_pool(top_k.top_k)
    spgemm_t = with_scratch(sparse.spgemm_t)
    invert = on_pool(inverted.invert)
    search = with_scratch(inverted.search)
    masked_spgemm = with_scratch(sparse.masked_spgemm)
    update_entries = with_scratch(sparse.update_entries)


if TYPE_CHECKING:  # mypy compares every signature with the protocol's
    _: Backend = NumbaBackend()
