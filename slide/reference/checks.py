"""What matching the definition means: every kernel of a backend against every property that fits.

A property is a way to draw arguments and a judge of what the backend makes of them. The judges
know only the contract and `plain`, never the reference backend, which is judged like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from slide.core.arrays import CSR, Array, Block, RowGrad
from slide.core.backend import KERNELS
from slide.core.hashing import Tables
from slide.reference import cases
from slide.reference.bounds import (
    bound_of,
    difference,
    hash_difference,
    parts,
    top_k_difference,
)
from slide.reference.cases import Case, sizes
from slide.reference.cases.sizes import Numbers, Rng, Sizes
from slide.reference.kernels import ReferenceBackend
from slide.reference.relations import RELATIONS
from slide.reference.running import call, compute, expected, mapped

Outcome = Literal["pass", "fail", "missing", "inherited"]


@dataclass(frozen=True, slots=True)
class Check:
    """One cell of the grid kernel x property.

    Args:
        kernel: one of `slide.core.backend.KERNELS`.
        property: one of `PROPERTIES`.
        outcome: `inherited` where the kernel is the reference's own function, which says nothing
            about the backend; `missing` where there is none.
        examples: how many were run, the failing one included.
        message: why not `pass`, in one sentence; empty for `pass`.
    """

    kernel: str
    property: str
    outcome: Outcome
    examples: int
    message: str


def verify(backend: object, n_examples: int, seed: int = 0) -> list[Check]:
    """Try every kernel on random arguments; nothing that a backend does makes this raise.

    Args:
        backend: an instance, complete or not.
        n_examples: arguments to draw for each cell of the grid.
        seed: of the one generator behind each example.

    Returns:
        A check per kernel and property that applies to it (see `GRID`).
    """
    return [
        check(backend, kernel, name, n_examples, seed)
        for kernel in KERNELS
        for name in GRID[kernel]
    ]


def passed(checks: list[Check]) -> bool:
    """Whether every cell is `pass`: a kernel that is missing or inherited has shown nothing."""
    return all(one.outcome == "pass" for one in checks)


def check(backend: object, kernel: str, name: str, n_examples: int, seed: int) -> Check:
    """One cell of the grid, up to its first failure."""
    function = getattr(backend, kernel, None)
    if not callable(function):
        return Check(kernel, name, "missing", 0, f"the backend has no method {kernel}")
    if is_inherited(backend, kernel):
        return Check(kernel, name, "inherited", 0, "this is the reference's own function")
    prop = PROPERTIES[name]
    for example in range(n_examples):
        rng = np.random.default_rng([seed, *map(ord, kernel + name), example])
        case = cases.draw(kernel, prop.sizes, prop.numbers, rng)
        try:
            sentence = prop.judge(backend, case, rng)
        except Exception as error:  # whatever a stranger's kernel may raise
            sentence = f"raised {type(error).__name__}: {error}"
        if sentence:
            return Check(kernel, name, "fail", example + 1, f"{case}: {sentence}")
    return Check(kernel, name, "pass", n_examples, "")


def is_inherited(backend: object, kernel: str) -> bool:
    """Whether another class than the reference answers with the reference's function."""
    function = getattr(backend, kernel)
    own = getattr(ReferenceBackend, kernel)
    return type(backend) is not ReferenceBackend and getattr(function, "__func__", function) is own


@dataclass(frozen=True, slots=True)
class Property:
    """How to draw arguments, and how to judge what becomes of them.

    Args:
        sizes: draws the sizes.
        numbers: draws the entries of arrays.
        judge: says in one sentence what is wrong, or nothing; it may draw, too.
    """

    sizes: Callable[[Rng], Sizes]
    numbers: Numbers
    judge: Callable[[Any, Case, Rng], str]


def is_equal(backend: Any, case: Case, rng: Rng) -> str:
    """The result of `plain`, whatever the order of summation."""
    return difference(compute(backend, case), expected(case))


def is_within_bound(backend: Any, case: Case, rng: Rng) -> str:
    """As near to the result of `plain` as the contract demands."""
    got = compute(backend, case)
    if case.kernel == "hash":
        return hash_difference(got, *case.arguments)
    if case.kernel == "top_k":
        return top_k_difference(got, *case.arguments)
    return difference(got, expected(case), bound_of(case.kernel, case.arguments))


def has_form(backend: Any, case: Case, rng: Rng) -> str:
    """The types, dtypes, shapes and invariants of the contract."""
    got, want = compute(backend, case), expected(case)
    found, wanted = parts(got, "result"), parts(want, "result")
    if found.keys() != wanted.keys():
        return f"the result is a {type(got).__name__}, expected a {type(want).__name__}"
    for name, array in wanted.items():
        dtype = np.dtype(np.float32) if array.dtype.kind == "f" else array.dtype
        if (found[name].dtype, found[name].shape) != (dtype, array.shape):
            return (
                f"{name} is {found[name].dtype} {found[name].shape}, expected {dtype} {array.shape}"
            )
    for thing in got if isinstance(got, tuple) else (got,):
        if isinstance(thing, CSR | Block | RowGrad):
            thing.check()
        if isinstance(thing, Tables):
            check_tables(thing)
    return ""


def check_tables(tables: Tables) -> None:
    """Raise ValueError unless each table has each neuron once, in buckets one after the other."""
    n, L = tables.n_neurons, tables.L
    if np.any(np.sort(tables.ids.reshape(L, n), axis=1) != np.arange(n)):
        raise ValueError("a table does not have every neuron once")
    if np.any(np.diff(tables.offsets) < 0):
        raise ValueError("offsets decrease")
    if np.any(tables.offsets[:: tables.n_buckets] != n * np.arange(L + 1)):
        raise ValueError("the offsets of a table do not span its n neurons")


def is_pure(backend: Any, case: Case, rng: Rng) -> str:
    """Arguments are as before and may be read-only, except the rows that `update_rows` touches."""
    n_written = 1 if case.kernel == "update_rows" else 0
    placed = mapped(case.arguments, lambda array: backend.put(array.copy()))
    call(backend, case, placed)
    after, before = mapped(placed, backend.get)[n_written:], case.arguments[n_written:]
    if sentence := difference(after, before, name="argument"):
        return sentence
    if n_written:
        param, grad = case.arguments[:2]
        after, before = (
            mapped(thing, lambda array: np.delete(array, grad.rows, axis=0))
            for thing in (mapped(placed[0], backend.get), param)
        )
        if sentence := difference(after, before, name="untouched param"):
            return sentence
    locked = mapped(case.arguments[n_written:], lambda array: backend.put(read_only(array)))
    call(backend, case, placed[:n_written] + locked)
    return ""


def read_only(array: Array) -> Array:
    """A copy that refuses to be written to."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy


def is_repeatable(backend: Any, case: Case, rng: Rng) -> str:
    """The same bits a second time."""
    first, second = compute(backend, case), compute(backend, case)
    again = parts(second, "result")
    for name, array in parts(first, "result").items():
        if array.tobytes() != again[name].tobytes():
            where = difference(second, first, name="the second time, result")
            return where or f"{name} has other bits the second time"
    return ""


def keeps_relation(backend: Any, case: Case, rng: Rng) -> str:
    """The metamorphic relation that the contract implies for this kernel."""
    return RELATIONS[case.kernel](backend, case, rng)


PROPERTIES = {
    "exact": Property(sizes.small, sizes.quarters, is_equal),
    "bound": Property(sizes.medium, sizes.rough, is_within_bound),
    "wide": Property(sizes.wide, sizes.quarters, is_within_bound),
    "empty": Property(sizes.hollow, sizes.quarters, is_within_bound),
    "dtype": Property(sizes.small, sizes.rough, has_form),
    "pure": Property(sizes.small, sizes.rough, is_pure),
    "repeatable": Property(sizes.large, sizes.rough, is_repeatable),
    "metamorphic": Property(sizes.large, sizes.quarters, keeps_relation),
}

ALWAYS = ("empty", "dtype", "pure", "repeatable")
GRID = {
    "put": ("exact", *ALWAYS),
    "get": ("exact", *ALWAYS),
    "hash": ("exact", "bound", *ALWAYS, "metamorphic"),
    "build": ("exact", *ALWAYS, "metamorphic"),
    "reinsert": ("exact", *ALWAYS, "metamorphic"),
    "query": ("exact", "wide", *ALWAYS, "metamorphic"),
    "sddmm": ("exact", "bound", "wide", *ALWAYS, "metamorphic"),
    "spmm": ("exact", "bound", "wide", *ALWAYS, "metamorphic"),
    "spmm_t": ("exact", "bound", "wide", *ALWAYS, "metamorphic"),
    "loss": ("bound", "wide", *ALWAYS, "metamorphic"),
    "update_rows": ("bound", *ALWAYS, "metamorphic"),
    "top_k": ("exact", "bound", "wide", *ALWAYS, "metamorphic"),
}
"""The properties that apply to each kernel.

Left out: `exact` where a result is irrational, `bound` where nothing is rounded, `wide` where
there is no matrix whose cells could be numbered, `metamorphic` where nothing is computed.
"""
