"""What a result has to look like as a whole, whatever part of it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, RowGrad
from slide.core.contract.sparse import InvertedIndex, SolvedRows
from slide.core.contract.tables import Policy, Tables
from slide.core.errors import a_type


@dataclass(frozen=True, slots=True)
class Form:
    """Dtype and shape of an array; a letter is any size, the same one wherever it stands."""

    dtype: type
    shape: tuple[int | str, ...]


def find_misfit(kernel: str, arguments: tuple[Any, ...], got: Any) -> str:
    """What is wrong with the types, dtypes, shapes or invariants of a result on the host."""
    if kernel not in WANTED:
        return ""
    if sentence := misfit(got, WANTED[kernel](*arguments), "result", {}):
        return sentence
    for part in got if isinstance(got, tuple) else (got,):
        try:
            if hasattr(part, "check"):
                part.check()
        except ValueError as error:
            return f"result: {error}"
    return ""


def misfit(got: Any, want: Any, name: str, sizes: dict[int | str, int]) -> str:
    """The first part of a result that is not as wanted, in one sentence; empty if there is none."""
    if isinstance(want, Form):
        return array_misfit(got, want, name, sizes)
    if isinstance(want, tuple):
        if not isinstance(got, tuple) or len(got) != len(want):
            return f"{name} is {a_type(got)}, expected a tuple of {len(want)}"
        parts = [(g, w, f"{name}[{i}]") for i, (g, w) in enumerate(zip(got, want, strict=True))]
    elif is_dataclass(want):
        if not isinstance(got, type(want)):
            return f"{name} is {a_type(got)}, expected {a_type(want)}"
        names = [field.name for field in fields(want)]
        parts = [(getattr(got, part), getattr(want, part), f"{name}.{part}") for part in names]
    else:
        return "" if got == want else f"{name} is {got}, expected {want}"
    return next(filter(None, (misfit(*part, sizes) for part in parts)), "")


def array_misfit(got: Any, want: Form, name: str, sizes: dict[int | str, int]) -> str:
    """Whether an array has a form; sizes of letters that are met first are kept in `sizes`."""
    if not isinstance(got, np.ndarray):
        return f"{name} is {a_type(got)}, expected an array"
    for letter, size in zip(want.shape, got.shape, strict=False):
        if isinstance(letter, str):
            sizes.setdefault(letter, size)
    shape = tuple(sizes.get(size, size) for size in want.shape)
    if got.dtype == want.dtype and got.shape == shape:
        return ""
    return f"{name} is {got.dtype} {got.shape}, expected {np.dtype(want.dtype)} {shape}"


def array(dtype: type, *shape: int | str) -> Any:
    """The form of an array, where an array will be."""
    return Form(dtype, shape)


def csr(n_rows: int, n_cols: int, nnz: int | str = "nnz") -> CSR:
    """The form of a CSR."""
    entries = array(np.int32, nnz), array(np.float32, nnz)
    return CSR(array(np.int64, n_rows + 1), *entries, n_cols)


def block(n_rows: int, n_cols: int, n_ids: int | str) -> Block:
    """The form of a Block."""
    return Block(array(np.int32, n_ids), array(np.float32, n_rows, n_ids), n_cols)


def like(pattern: CSR | Block, n_rows: int) -> CSR | Block:
    """The form of numbers over a pattern."""
    if isinstance(pattern, Block):
        return block(n_rows, pattern.n_cols, len(pattern.ids))
    return csr(n_rows, pattern.n_cols, pattern.nnz)


def ranking(n_rows: int, k: int) -> tuple[Any, Any]:
    """The form of ids and scores."""
    return array(np.int32, n_rows, k), array(np.float32, n_rows, k)


def active_set(required: CSR, is_shared: bool) -> CSR | Block:
    """The form of what `query` gives."""
    return block(1, required.n_cols, "R") if is_shared else csr(*required.shape)


def grad(z: CSR | Block, d: int) -> RowGrad:
    """The form of a row for each column that z stores."""
    R = len(z.ids) if isinstance(z, Block) else n_distinct(z.indices)
    return RowGrad(array(np.int32, R), array(np.float32, R, d))


def n_distinct(numbers: Array) -> int:
    """How many different ones there are."""
    return int((np.diff(np.sort(numbers)) != 0).sum()) + (len(numbers) > 0)


def tables(n: int, L: int, n_buckets: int, salt: int, policy: Policy) -> Tables:
    """The form of tables."""
    offsets, ids = array(np.int64, L * n_buckets + 1), array(np.int32, L * n)
    return Tables(offsets, ids, L, n_buckets, n, salt, policy)


def index(w: CSR) -> InvertedIndex:
    """The form of an inverted index."""
    entries = array(np.int32, "nnz"), array(np.float32, "nnz")
    return InvertedIndex(array(np.int64, w.n_cols + 1), *entries, array(np.float32, w.n_rows))


def solved(wanted: CSR, start: CSR) -> SolvedRows:
    """The form of rows after their visits."""
    bias, duals = array(np.float32, start.n_rows), array(np.float32, wanted.nnz)
    return SolvedRows(csr(*start.shape), bias, duals)


def n_rows(x: Array | CSR) -> int:
    """Rows of an array or a CSR."""
    return x.n_rows if isinstance(x, CSR) else len(x)


WANTED: dict[str, Callable[..., Any]] = {
    "put": lambda given: array(given.dtype.type, *given.shape),
    "get": lambda given: array(given.dtype.type, *given.shape),
    "hash": lambda x, center, family, P: array(np.uint32, n_rows(x), family.L * P),
    "build": lambda codes, *others: tables(*codes.shape, *others),
    "reinsert": lambda old, *moved: tables(
        old.n_neurons, old.L, old.n_buckets, old.salt, old.policy
    ),
    "query": lambda old, codes, required, extra, query, salt: active_set(required, query.shared),
    "sddmm": lambda h, w, active: like(active, len(h)),
    "spmm": lambda z, w: array(np.float32, z.n_rows, w.shape[1]),
    "spmm_t": lambda z, h: grad(z, h.shape[1]),
    "loss": lambda z, *others: (array(np.float32, z.n_rows), like(z, z.n_rows)),
    "top_k": lambda h, w, candidates, k: ranking(len(h), k),
    "spgemm_t": lambda z, x, *others: csr(z.n_cols, x.n_cols),
    "invert": lambda w, *others: index(w),
    "search": lambda found, x, excluded, k: ranking(x.n_rows, k),
    "masked_spgemm": lambda x, w, active: like(active, active.n_rows),
    "solve_rows": lambda x, wanted, duals, start, *others: solved(wanted, start),
}
"""By kernel, from its arguments; the two that write give nothing back."""
