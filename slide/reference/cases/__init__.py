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

from slide.core.contract.arrays import CSR, Block, Param, RowGrad
from slide.core.contract.backend import KERNELS, Backend
from slide.core.contract.families import Family
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.contract.tables import Tables
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.reference.cases.codes import hash_arguments
from slide.reference.cases.direct_training import direct_training_arguments
from slide.reference.cases.drawing import Draw
from slide.reference.cases.losses import loss_arguments
from slide.reference.cases.optimizers import update_rows_arguments
from slide.reference.cases.products import (
    array_argument,
    sddmm_arguments,
    spmm_arguments,
    spmm_t_arguments,
    top_k_arguments,
)
from slide.reference.cases.sizes import Sizes
from slide.reference.cases.sparse import (
    invert_arguments,
    masked_spgemm_arguments,
    search_arguments,
    solve_rows_arguments,
    spgemm_t_arguments,
    update_entries_arguments,
)
from slide.reference.cases.tables import build_arguments, query_arguments, reinsert_arguments
from slide.reference.cases.training import training_arguments
from slide.reference.cases.written import written

TRAINING_ARGUMENTS = ("config", "params", "data", "steps_before", "seed")
DIRECT_ARGUMENTS = ("config", "data", "drift", "seed")


@dataclass(frozen=True, slots=True)
class Case:
    """A kernel, or a training step, and the arguments to call it with, arrays on the host."""

    kernel: str
    arguments: tuple[Any, ...]

    @property
    def is_direct(self) -> bool:
        """Whether it is training without hidden layers."""
        return self.kernel.endswith(" direct")

    @property
    def names(self) -> list[str]:
        """What the arguments are called."""
        if self.kernel not in KERNELS:
            return list(DIRECT_ARGUMENTS if self.is_direct else TRAINING_ARGUMENTS)
        return list(inspect.signature(getattr(Backend, self.kernel)).parameters)[1:]

    @property
    def call(self) -> str:
        """The call as Python; training as its `slide.reference.stepping`."""
        arguments = ", ".join(self.names)
        if self.kernel in KERNELS:
            return f"backend.{self.kernel}({arguments})"
        stepper = "DirectStepper" if self.is_direct else "Stepper"
        return f"{stepper}(backend, {arguments}).step()"

    @property
    def assignments(self) -> str:
        """One line an argument, as Python."""
        arguments = zip(self.names, self.arguments, strict=True)
        return "\n".join(f"{name} = {written(thing)}" for name, thing in arguments)

    def __str__(self) -> str:
        return f"{self.kernel}({', '.join(map(described, self.names, self.arguments))})"


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
        case SparseParam():
            return f"{name} {thing.weight.shape} of {thing.weight.nnz}"
        case InvertedIndex():
            return f"{name} of {len(thing.base)} neurons, {len(thing.ids)} entries"
        case tuple():
            return f"{name} {' '.join(str(param.shape) for param in thing)}"
        case Config():
            return f"{thing.loss}, {thing.optimizer}, {thing.sampler} by {thing.scope}"
        case Dataset():
            return f"{thing.n_samples} examples"
        case Family():
            kind = type(thing).__name__
            return f"{kind} K={thing.K} L={thing.L} d={thing.d}, {thing.n_buckets} buckets"
        case Tables():
            kind = f"{thing.L} {thing.policy} tables of {thing.n_buckets} buckets"
            return f"{kind}, {thing.n_neurons} neurons"
        case _:
            return f"{name}={thing}"


def draw_case(kernel: str, sizes: Callable[[Draw], Sizes], draw: Draw) -> Case:
    """Arguments for one kernel, or one step or more of training."""
    return Case(kernel, ARGUMENTS[kernel](draw, sizes(draw)))


ARGUMENTS: dict[str, Callable[[Draw, Sizes], tuple[Any, ...]]] = {
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
    "spgemm_t": spgemm_t_arguments,
    "invert": invert_arguments,
    "search": search_arguments,
    "masked_spgemm": masked_spgemm_arguments,
    "update_entries": update_entries_arguments,
    "solve_rows": solve_rows_arguments,
    "train_step": training_arguments,
    "train 20 steps": training_arguments,
    "train_step direct": direct_training_arguments,
    "train 20 steps direct": direct_training_arguments,
}
