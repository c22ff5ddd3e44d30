"""The judges of how kernels are called: one after the other on arrays that change, and by whom.

A kernel that is right when it is called once can still remember what it should not: arguments by
their identity, a buffer that it answers from, the thread that it was made on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from threading import Barrier
from typing import Any, cast

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import KERNELS
from slide.core.contract.sparse import InvertedIndex
from slide.core.contract.tables import Tables
from slide.reference.bounds import difference
from slide.reference.cases import Case
from slide.reference.cases.drawing import Draw
from slide.reference.cases.scale import Scaled, draw_at_scale
from slide.reference.running import (
    WatchedBackend,
    call_kernel,
    call_kernel_raw,
    map_arrays,
    run_case,
)
from slide.reference.vectorised import verdict

N_CALLS = 5  # of a sequence
N_STEADY_CALLS = 7  # of one that stays with its sizes, so that buffers in turn are used again
N_CALLERS = 3
N_ROUNDS = 2  # of calls at once
SEQUENCE_SIZES = (8, 70, 70, 600, 1 << 20)
CALLERS_SIZES = (70, 600)


def draw_call(kernel: str, draw: Draw, bounds: tuple[int, ...]) -> Case:
    """Arguments of which no size is above one of some bounds."""
    largest = draw.choices.largest
    if kernel in ("put", "get"):
        bounds = (64 * bounds[0], 1 << 19, 1 << 20)  # for copies of large arrays alone may be kept
    draw.choices.largest = min(largest, draw.one_of(*bounds))
    try:
        return draw_at_scale(kernel, draw)
    finally:
        draw.choices.largest = largest


def first_of_sequence(kernel: str, draw: Draw) -> Case:
    """The call that a sequence begins with."""
    return draw_call(kernel, draw, SEQUENCE_SIZES)


def first_caller(kernel: str, draw: Draw) -> Case:
    """The call of the first of several callers."""
    return draw_call(kernel, draw, CALLERS_SIZES)


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call that is to be made.

    Args:
        case: kernel and arguments on the host.
        placed: the arguments as the backend has them.
        told: what is special about it.
    """

    case: Case
    placed: tuple[Any, ...]
    told: str = ""

    def __str__(self) -> str:
        return f"{self.case}{self.told}"


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A call, its result as it was, and what holds it, on the backend and on the host."""

    call: PlacedCall
    bits: Any
    held: tuple[Any, Any]


def is_right_in_sequence(backend: Any, case: Case, draw: Draw) -> str:
    """Each of several calls is right, whatever was called before, and its result stays."""
    kept: list[KeptResult] = []
    one = PlacedCall(case, map_arrays(case.arguments, backend.put))
    steady = draw.one_of("", "", "", "same sizes", "same sizes", "in place")
    for number in range(N_STEADY_CALLS if steady else N_CALLS):
        before = map_arrays(one.case.arguments, np.copy)
        result = call_kernel_raw(backend, one.case, one.placed)
        host = map_arrays(result, backend.get)
        got = map_arrays(host, np.copy)
        if sentence := verdict(case.kernel, before, got, exact=not draw.rough).sentence:
            return f"call {number + 1} of a sequence, {one}: {sentence}"
        kept.append(KeptResult(one, got, (result, host)))
        way = steady or draw.one_of(*WAYS)
        one = WAYS[way](backend, one, cast(Scaled, draw))
        if way in ("in place", "other numbers"):  # results may consist of their arguments
            kept[:] = [each for each in kept if each.call.placed[0] is not one.placed[0]]
    return changed_since(backend, kept)


def with_other_sizes(backend: Any, one: PlacedCall, draw: Scaled) -> PlacedCall:
    """Other arguments of other sizes."""
    case = draw_call(one.case.kernel, draw, SEQUENCE_SIZES)
    return PlacedCall(case, map_arrays(case.arguments, backend.put))


def with_same_sizes(backend: Any, one: PlacedCall, draw: Scaled) -> PlacedCall:
    """Other arguments of the same sizes."""
    case = Case(one.case.kernel, map_arrays(one.case.arguments, np.copy))
    change_arrays(case.arguments, draw)
    return PlacedCall(case, map_arrays(case.arguments, backend.put))


def with_changed_arrays(backend: Any, one: PlacedCall, draw: Scaled) -> PlacedCall:
    """The same arrays after a change, in the same objects where those are the backend's."""
    change_arrays(one.case.arguments, draw)
    placed = (
        one.placed if keeps_host_arrays(backend) else map_arrays(one.case.arguments, backend.put)
    )
    return PlacedCall(one.case, placed, " with arrays changed in place")


def keeps_host_arrays(backend: Any) -> bool:
    """Whether the arrays of a backend are those that were put."""
    probe = np.zeros(1, np.float32)
    return backend.put(probe) is probe


def with_other_numbers(backend: Any, one: PlacedCall, draw: Scaled) -> PlacedCall:
    """The same objects, but for arguments that are numbers."""

    def varied(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        pairs = zip(one.case.names, arguments, strict=True)
        return tuple(numbers.get(name, thing) for name, thing in pairs)

    def copied(array: Any) -> Array:
        return np.copy(backend.get(array))

    host = one.case.arguments if keeps_host_arrays(backend) else map_arrays(one.placed, copied)
    given = dict(zip(one.case.names, host, strict=True))
    numbers = {name: NUMBERS[name](draw, given[name]) for name in given if name in NUMBERS}
    case = Case(one.case.kernel, varied(host))
    return PlacedCall(case, varied(one.placed), " on the arrays of the call before")


def on_parts(backend: Any, one: PlacedCall, draw: Scaled) -> PlacedCall:
    """Arguments in the middle of larger arrays."""
    case = draw_call(one.case.kernel, draw, SEQUENCE_SIZES)
    case = Case(case.kernel, map_arrays(case.arguments, in_the_middle))
    return PlacedCall(
        case, map_arrays(case.arguments, backend.put), " in the middle of larger arrays"
    )


def after_another(backend: Any, one: PlacedCall, draw: Scaled) -> PlacedCall:
    """Another kernel comes before, often one that goes with this one."""
    kernel = one.case.kernel
    kin = next((group for group in GROUPS if kernel in group), KERNELS)
    other = draw_call(draw.one_of(*(kin if draw.chance(60) else KERNELS)), draw, SEQUENCE_SIZES)
    with suppress(Exception):  # which is judged in cells of its own
        run_case(backend, other)
    case = draw_call(kernel, draw, SEQUENCE_SIZES)
    return PlacedCall(case, map_arrays(case.arguments, backend.put), f" after {other}")


WAYS: dict[str, Callable[[Any, PlacedCall, Scaled], PlacedCall]] = {
    "new": with_other_sizes,
    "in place": with_changed_arrays,
    "other numbers": with_other_numbers,
    "same sizes": with_same_sizes,
    "parts": on_parts,
    "after another kernel": after_another,
}
"""How a call comes about from the one before."""

GROUPS = (
    ("hash", "build", "reinsert", "query"),
    ("sddmm", "spmm", "spmm_t", "top_k", "update_rows", "loss"),
    ("spgemm_t", "invert", "search", "masked_spgemm", "update_entries", "solve_rows"),
)
"""Kernels that may share something."""

NUMBERS: dict[str, Callable[[Scaled, Any], Any]] = {
    "k": lambda draw, k: draw.whole(1, 2 * k),
    "limit": lambda draw, limit: draw.whole(1, 2 * limit),
    "lr": lambda draw, lr: draw.one_of(0.5, 0.125, 0.0),
    "step": lambda draw, step: step + draw.whole(0, 3),
    "constant": lambda draw, constant: draw.one_of(0.5, 0.0),
    "passes": lambda draw, passes: draw.whole(0, 2),
    "salt": lambda draw, salt: salt + 1,
    "probes": lambda draw, probes: draw.whole(1, 16),
    "n_buckets": lambda draw, n_buckets: 2 * n_buckets,
    "name": lambda draw, name: draw.one_of("softmax", "bce"),  # saros may take too long
    "policy": lambda draw, policy: draw.one_of("reservoir", "fifo"),
    "query": lambda draw, query: replace(query, budget=draw.whole(0, 2 * query.budget + 1)),
}
"""Arguments that are no arrays, and others that go with the same arrays."""


def all_places(n: int) -> slice:
    """All of n places."""
    return slice(0, n)


def second_half(n: int) -> slice:
    """The second half of n places."""
    return slice(n // 2, n)


def inner_part(n: int) -> slice:
    """A part of n places without the first and the last ones."""
    return slice(n // 4, n - n // 4)


def change_arrays(thing: Any, draw: Scaled) -> None:
    """Other contents in the same arrays, of the same sizes and invariants.

    Of each array of numbers all changes, or the end, or what lies between the ends while ids stay.
    """
    change_parts(
        thing, draw, draw.one_of(all_places, second_half, inner_part, inner_part, inner_part)
    )


def change_parts(thing: Any, draw: Scaled, part_of: Callable[[int], slice]) -> None:
    """The same, given which part of an array of n rows."""

    def change_ids(ids: Array, lengths: Array, n: int) -> None:
        if part_of is not inner_part:
            ids[:] = draw.distinct(lengths, n)

    match thing:
        case (Tables() as tables, np.ndarray() as rows, np.ndarray() as codes):
            if draw.chance(60):  # else the same ones move again
                rows[:] = draw.distinct(np.array([len(rows)]), tables.n_neurons)
            change_parts(codes, draw, part_of)
        case (Param() as param, RowGrad() as grad, *_):
            change_ids(grad.rows, np.array([len(grad.rows)]), len(param.weight))
            change_parts((param.weight, param.mean, param.square), draw, part_of)
            change_parts(grad.values, draw, part_of)
        case (np.ndarray() as only,):  # to be moved, so that anything goes
            flat = only.reshape(-1)
            reverse_part(flat[part_of(flat.size)])
        case tuple():
            for part in thing:
                change_parts(part, draw, part_of)
        case np.ndarray() if thing.dtype.kind in "fu":
            reverse_part(thing[part_of(len(thing))])
        case CSR():
            change_ids(thing.indices, thing.row_lengths(), thing.n_cols)
            change_parts(thing.values, draw, part_of)
        case InvertedIndex():
            change_ids(thing.ids, np.diff(thing.offsets), len(thing.base))
            change_parts((thing.values, thing.base), draw, part_of)
        case Block():
            change_ids(thing.ids, np.array([len(thing.ids)]), thing.n_cols)
            change_parts(thing.values, draw, part_of)
        case _ if is_dataclass(thing):
            inner = tuple(getattr(thing, field.name) for field in fields(thing))
            change_parts(inner, draw, part_of)


def reverse_part(part: Array) -> None:
    """Turn its contents round, in place."""
    part[:] = part[::-1].copy()


def in_the_middle(array: Array) -> Array:
    """A copy that neither begins nor ends where its memory does, an odd number of items in."""
    whole = np.zeros(array.size + 8, array.dtype)
    middle = whole[3 : 3 + array.size].reshape(array.shape)
    middle[...] = array
    return middle


def changed_since(backend: Any, kept: list[KeptResult]) -> str:
    """The first result that is no longer what it was."""
    for number, each in enumerate(kept[:-1]):
        result, host = each.held
        name = f"after {len(kept) - number - 1} more calls the result of {each.call}"
        for now in (map_arrays(result, backend.get), host):
            if sentence := difference(now, each.bits, name=name):
                return f"a result does not stay as it was (its memory is used again): {sentence}"
    return ""


def is_right_for_callers(backend: Any, case: Case, draw: Draw) -> str:
    """Each call is right on whatever thread it is made, and beside others."""
    others = [draw_call(case.kernel, draw, CALLERS_SIZES) for _ in range(N_CALLERS - 1)]
    cases = [case, *others]
    for each in cases:
        with ThreadPoolExecutor(1) as caller:  # which is a new thread
            got = caller.submit(run_case, backend, each).result()
        if sentence := find_fault(each, got, draw):
            return f"on a thread of its own, {each}: {sentence}"
    alone = backend.backend if isinstance(backend, WatchedBackend) else backend
    for each, results in zip(cases, call_at_once(alone, cases), strict=True):
        for got in results:
            if sentence := find_fault(each, got, draw):
                return f"beside {N_CALLERS - 1} others, {each}: {sentence}"
    return ""


def find_fault(case: Case, got: Any, draw: Draw) -> str:
    """Where a result is wrong."""
    return verdict(case.kernel, case.arguments, got, exact=not draw.rough).sentence


def call_at_once(backend: Any, cases: list[Case]) -> list[list[Any]]:
    """The results of some rounds of calls, each case on a thread of its own, all at the same time.

    Whoever watches which functions run would watch all threads: `backend` is not watched.
    """
    start = Barrier(len(cases))

    def rounds(case: Case) -> list[Any]:
        placed = [map_arrays(case.arguments, copier_to(backend)) for _ in range(N_ROUNDS)]
        start.wait()
        return [call_kernel(backend, case, arguments) for arguments in placed]

    with ThreadPoolExecutor(len(cases)) as callers:
        return list(callers.map(rounds, cases))


def copier_to(backend: Any) -> Callable[[Array], Any]:
    """What puts copies of arrays."""
    return lambda array: backend.put(array.copy())
