"""Arguments to try a kernel with, drawn at random in sizes and numbers chosen to find mistakes.

Layouts, strategies, missing tables, rows of very different lengths, examples without labels and
the like are all drawn here, so that every property of `checks.py` meets all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from slide.core.arrays import CSR, Block, Param, RowGrad
from slide.core.backend import Backend
from slide.core.families import Family
from slide.core.hashing import Tables
from slide.reference.cases.codes import hash_arguments
from slide.reference.cases.losses import loss_arguments
from slide.reference.cases.optimizers import update_rows_arguments
from slide.reference.cases.products import (
    array_argument,
    sddmm_arguments,
    spmm_arguments,
    spmm_t_arguments,
    top_k_arguments,
)
from slide.reference.cases.sizes import Numbers, Rng, Sizes
from slide.reference.cases.tables import build_arguments, query_arguments, reinsert_arguments


@dataclass(frozen=True, slots=True)
class Case:
    """A kernel and the arguments to call it with, arrays on the host."""

    kernel: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        names = list(inspect.signature(getattr(Backend, self.kernel)).parameters)[1:]
        return f"{self.kernel}({', '.join(map(described, names, self.arguments))})"


def described(name: str, thing: Any) -> str:
    """Name, type and shape of one argument."""
    match thing:
        case np.ndarray():
            return f"{name} {thing.dtype} {thing.shape}"
        case CSR():
            return f"{name} CSR {thing.shape} of {thing.nnz}"
        case Block():
            return f"{name} Block {thing.values.shape} of {thing.n_cols}"
        case RowGrad() | Param():
            return f"{name} {thing.values.shape if isinstance(thing, RowGrad) else thing.shape}"
        case Family():
            kind = type(thing).__name__
            return f"{kind} K={thing.K} L={thing.L} d={thing.d}, {thing.n_buckets} buckets"
        case Tables():
            kind = f"{thing.L} {thing.policy} tables of {thing.n_buckets} buckets"
            return f"{kind}, {thing.n_neurons} neurons"
        case _:
            return f"{name}={thing}"


def draw(kernel: str, sizes: Callable[[Rng], Sizes], numbers: Numbers, rng: Rng) -> Case:
    """Random arguments for one kernel."""
    return Case(kernel, ARGUMENTS[kernel](rng, sizes(rng), numbers))


ARGUMENTS: dict[str, Callable[[Rng, Sizes, Numbers], tuple[Any, ...]]] = {
    "put": array_argument,
    "get": array_argument,
    "hash": hash_arguments,
    "build": build_arguments,
    "reinsert": reinsert_arguments,
    "query": query_arguments,
    "sddmm": sddmm_arguments,
    "spmm": spmm_arguments,
    "spmm_t": spmm_t_arguments,
    "loss": loss_arguments,
    "update_rows": update_rows_arguments,
    "top_k": top_k_arguments,
}
