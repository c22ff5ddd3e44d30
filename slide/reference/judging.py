"""The judges: what a backend makes of a case, held against a property of the contract.

Each says in one sentence what is wrong, or nothing. They know only the contract and `plain`, never
the reference backend, which is judged like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, RowGrad
from slide.core.contract.sparse import SolvedRows
from slide.core.contract.tables import Tables
from slide.core.errors import a_type
from slide.reference.bounds import (
    bound_of,
    difference,
    hash_difference,
    named_arrays,
    search_difference,
    solve_rows_difference,
    spgemm_t_difference,
    top_k_difference,
)
from slide.reference.cases import Case
from slide.reference.cases.drawing import Draw
from slide.reference.relations import RELATIONS
from slide.reference.running import WRITERS, call_kernel, expected_result, map_arrays, run_case
from slide.reference.vectorised import Verdict, verdict

Judge = Callable[[Any, Case, Draw], str]
"""Backend, case, and where the judge may draw from in its turn."""

N_THREADS = 2  # with which a backend is judged, as far as it has any use for them
THREADS_TO_COMPARE = (1, 1, 2, 3, 8)


def is_equal(backend: Any, case: Case, draw: Draw) -> str:
    """The result of `plain`, whatever the order of summation."""
    return difference(run_case(backend, case), expected_result(case))


def is_within_bound(backend: Any, case: Case, draw: Draw) -> Verdict:
    """As near to the result of `plain` as the contract demands."""
    got = run_case(backend, case)
    if sentence := deviation(case, got):
        return Verdict(sentence, 0.0)
    return Verdict("", verdict(case.kernel, case.arguments, got).worst)


def is_right_at_scale(backend: Any, case: Case, draw: Draw) -> Verdict:
    """What `vectorised` says, which is fast at any size; arguments are left as they were."""
    placed = map_arrays(case.arguments, lambda array: backend.put(array.copy()))
    got = call_kernel(backend, case, placed)
    found = verdict(case.kernel, case.arguments, got, not draw.rough)
    if not found.sentence and (sentence := layout_fault(got)):
        return Verdict(sentence, found.worst)
    return (
        found
        if found.sentence
        else Verdict(overwritten_argument(backend, case, placed), found.worst)
    )


def deviation(case: Case, got: Any) -> str:
    """Where a result is further from that of `plain` than the contract allows."""
    if case.kernel == "hash":
        return hash_difference(got, *case.arguments)
    if case.kernel == "top_k":
        return top_k_difference(got, *case.arguments)
    if case.kernel == "search":
        return search_difference(got, *case.arguments)
    if case.kernel == "spgemm_t":
        return spgemm_t_difference(got, *case.arguments)
    if case.kernel == "solve_rows":
        return solve_rows_difference(got, *case.arguments)
    return difference(got, expected_result(case), bound_of(case.kernel, case.arguments))


def has_form(backend: Any, case: Case, draw: Draw) -> str:
    """The types, dtypes, shapes and invariants of the contract."""
    got, want = run_case(backend, case), expected_result(case)
    found, wanted = named_arrays(got, "result"), named_arrays(want, "result")
    if found.keys() != wanted.keys():
        return f"the result is {a_type(got)}, expected {a_type(want)}"
    for name, array in wanted.items():
        dtype = np.dtype(np.float32) if array.dtype.kind == "f" else array.dtype
        if (found[name].dtype, found[name].shape) != (dtype, array.shape):
            return (
                f"{name} is {found[name].dtype} {found[name].shape}, expected {dtype} {array.shape}"
            )
    if sentence := layout_fault(got):
        return sentence
    for thing in got if isinstance(got, tuple) else (got,):
        if isinstance(thing, CSR | Block | RowGrad | SolvedRows):
            thing.check()
        if isinstance(thing, Tables):
            check_tables(thing)
    return ""


def layout_fault(got: Any) -> str:
    """The first array of a result that is not contiguous in C order."""
    for name, array in named_arrays(got, "result").items():
        if not array.flags.c_contiguous:
            return f"{name} {array.shape} has strides {array.strides}, expected C order, contiguous"
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


def is_pure(backend: Any, case: Case, draw: Draw) -> str:
    """Arguments are as before and may be read-only, except what a step has to touch."""
    n_written = 1 if case.kernel in WRITERS else 0
    placed = map_arrays(case.arguments, lambda array: backend.put(array.copy()))
    call_kernel(backend, case, placed)
    if sentence := overwritten_argument(backend, case, placed):
        return sentence
    if n_written:
        after = map_arrays(placed[0], backend.get)
        now, before = (untouched_part(case, thing) for thing in (after, case.arguments[0]))
        if sentence := difference(now, before, name="untouched param"):
            return f"it writes to what the step does not touch: {sentence}"
    locked = map_arrays(case.arguments[n_written:], lambda array: backend.put(read_only(array)))
    call_kernel(backend, case, placed[:n_written] + locked)
    return ""


def overwritten_argument(backend: Any, case: Case, placed: tuple[Any, ...]) -> str:
    """The first argument that is no longer what it was, but for that which a kernel writes to."""
    n_written = 1 if case.kernel in WRITERS else 0
    after = map_arrays(placed, backend.get)
    for name, now, before in list(zip(case.names, after, case.arguments, strict=True))[n_written:]:
        if sentence := difference(now, before, name=name):
            return f"it writes to its argument {name}: {sentence}"
    return ""


def untouched_part(case: Case, param: Any) -> Any:
    """What a step has to leave as it is: other rows, and the pattern of sparse weights."""
    touched = case.arguments[1]
    if isinstance(touched, RowGrad):
        return map_arrays(param, lambda array: np.delete(array, touched.rows, axis=0))
    weight = param.weight
    others = ~np.isin(weight.row_numbers(), touched.indices)
    return weight.indptr, weight.indices, weight.values[others], param.square[others]


def read_only(array: Array) -> Array:
    """A copy that refuses to be written to."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy


def is_repeatable(backend: Any, case: Case, draw: Draw) -> str:
    """The same bits a second time, and with any number of threads."""
    first: dict[str, Array] = {}
    for n_threads in THREADS_TO_COMPARE:
        used = backend.set_threads(n_threads)
        if not isinstance(used, int) or not 1 <= used <= n_threads:
            return f"set_threads({n_threads}) returns {used!r}, expected how many: 1 to {n_threads}"
        bits = named_arrays(run_case(backend, case), "result")
        first = first or {name: array.copy() for name, array in bits.items()}
        for name, array in first.items():
            if array.tobytes() != bits[name].tobytes():
                told = f"with {n_threads} threads after 1, {name}"
                return difference(bits[name], array, name=told) or f"{told} has other bits"
    backend.set_threads(N_THREADS)
    return ""


def keeps_relation(backend: Any, case: Case, draw: Draw) -> str:
    """The metamorphic relation that the contract implies for this kernel."""
    return RELATIONS[case.kernel](backend, case, draw)
