"""The judges of how kernels are called: one after the other on arrays that change, and by whom.

A kernel that is right when it is called once can still remember what it should not: arguments by
their identity, a buffer that it answers from, the thread that it was made on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from threading import Barrier
from typing import Any, cast

import numpy as np

from slide.core.arrays import CSR, Array, Block
from slide.core.backend import KERNELS
from slide.core.sparse import InvertedIndex
from slide.reference.bounds import difference
from slide.reference.cases import Case
from slide.reference.cases.drawing import Draw
from slide.reference.cases.scale import Scaled, draw_at_scale
from slide.reference.running import Watched, call, compute, mapped, raw_call
from slide.reference.vectorised import verdict

N_CALLS = 5  # of a sequence
N_CALLERS = 3
N_ROUNDS = 2  # of calls at once
SEQUENCE_SIZES = (8, 70, 70, 600, 1 << 20)
CALLERS_SIZES = (70, 600)


def draw_call(kernel: str, draw: Draw, bounds: tuple[int, ...]) -> Case:
    """Arguments of which no size is above one of some bounds."""
    largest = draw.choices.largest
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
class Kept:
    """A call, its result as it was, and what holds it, on the backend and on the host."""

    case: Case
    told: str
    bits: Any
    held: tuple[Any, Any]


def in_sequence(backend: Any, case: Case, draw: Draw) -> str:
    """Each of several calls is right, whatever was called before, and its result stays."""
    kept: list[Kept] = []
    told = str(case)
    for number in range(N_CALLS):
        before = mapped(case.arguments, np.copy)
        result = raw_call(backend, case, mapped(case.arguments, backend.put))
        host = mapped(result, backend.get)
        got = mapped(host, np.copy)
        if sentence := verdict(case.kernel, before, got, exact=not draw.rough).sentence:
            return f"call {number + 1} of a sequence, {told}: {sentence}"
        kept.append(Kept(case, told, got, (result, host)))
        case, told = next_call(backend, case, draw, kept)
    return changed_since(backend, kept)


def next_call(backend: Any, case: Case, draw: Draw, kept: list[Kept]) -> tuple[Case, str]:
    """Another call and its description: the last one on changed arrays, or a new one.

    Where arrays of a call change, its result may too, for it may consist of them.
    """
    way = draw.one_of("new", "in place", "same sizes", "views", "after another kernel")
    if way == "in place":
        kept[:] = [each for each in kept if each.case.arguments is not case.arguments]
        change(case.arguments, cast(Scaled, draw))
        return case, f"{case} with arrays changed in place"
    if way == "same sizes":
        other = Case(case.kernel, mapped(case.arguments, np.copy))
        change(other.arguments, cast(Scaled, draw))
        return other, str(other)
    drawn = draw_call(case.kernel, draw, SEQUENCE_SIZES)
    if way == "views":
        drawn = Case(case.kernel, mapped(drawn.arguments, in_the_middle))
        return drawn, f"{drawn} in the middle of larger arrays"
    if way == "after another kernel":
        other = draw_call(draw.one_of(*KERNELS), draw, SEQUENCE_SIZES)
        with suppress(Exception):  # which is judged in cells of its own
            compute(backend, other)
        return drawn, f"{drawn} after {other}"
    return drawn, str(drawn)


def change(thing: Any, draw: Scaled) -> None:
    """Other contents in the same arrays, or their ends, of the same sizes and invariants."""
    match thing:
        case tuple():
            for part in thing:
                change(part, draw)
        case np.ndarray() if thing.dtype.kind in "fu":
            end = thing[draw.one_of(0, len(thing) // 2) :]
            end[:] = end[::-1].copy()
        case CSR():
            thing.indices[:] = draw.distinct(thing.row_lengths(), thing.n_cols)
            change(thing.values, draw)
        case InvertedIndex():
            thing.ids[:] = draw.distinct(np.diff(thing.offsets), len(thing.base))
            change((thing.values, thing.base), draw)
        case Block():
            thing.ids[:] = draw.distinct(np.array([len(thing.ids)]), thing.n_cols)
            change(thing.values, draw)
        case _ if is_dataclass(thing):
            change(tuple(getattr(thing, field.name) for field in fields(thing)), draw)


def in_the_middle(array: Array) -> Array:
    """A copy that neither begins nor ends where its memory does, an odd number of items in."""
    whole = np.zeros(array.size + 8, array.dtype)
    middle = whole[3 : 3 + array.size].reshape(array.shape)
    middle[...] = array
    return middle


def changed_since(backend: Any, kept: list[Kept]) -> str:
    """The first result that is no longer what it was."""
    for number, each in enumerate(kept[:-1]):
        result, host = each.held
        name = f"after {len(kept) - number - 1} more calls the result of {each.told}"
        for now in (mapped(result, backend.get), host):
            if sentence := difference(now, each.bits, name=name):
                return f"a result does not stay as it was (its memory is used again): {sentence}"
    return ""


def by_many_callers(backend: Any, case: Case, draw: Draw) -> str:
    """Each call is right on whatever thread it is made, and beside others."""
    others = [draw_call(case.kernel, draw, CALLERS_SIZES) for _ in range(N_CALLERS - 1)]
    cases = [case, *others]
    for each in cases:
        with ThreadPoolExecutor(1) as caller:  # which is a new thread
            got = caller.submit(compute, backend, each).result()
        if sentence := wrong(each, got, draw):
            return f"on a thread of its own, {each}: {sentence}"
    alone = backend.backend if isinstance(backend, Watched) else backend
    for each, results in zip(cases, at_once(alone, cases), strict=True):
        for got in results:
            if sentence := wrong(each, got, draw):
                return f"beside {N_CALLERS - 1} others, {each}: {sentence}"
    return ""


def wrong(case: Case, got: Any, draw: Draw) -> str:
    """Where a result is wrong."""
    return verdict(case.kernel, case.arguments, got, exact=not draw.rough).sentence


def at_once(backend: Any, cases: list[Case]) -> list[list[Any]]:
    """The results of some rounds of calls, each case on a thread of its own, all at the same time.

    Whoever watches which functions run would watch all threads: `backend` is not watched.
    """
    start = Barrier(len(cases))

    def rounds(case: Case) -> list[Any]:
        placed = [mapped(case.arguments, putting(backend)) for _ in range(N_ROUNDS)]
        start.wait()
        return [call(backend, case, arguments) for arguments in placed]

    with ThreadPoolExecutor(len(cases)) as callers:
        return list(callers.map(rounds, cases))


def putting(backend: Any) -> Callable[[Array], Any]:
    """Puts copies."""
    return lambda array: backend.put(array.copy())
