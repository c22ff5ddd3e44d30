"""Calls of every kernel that take its branches, small enough for code that is not compiled.

Many times all sizes are small. Then each is as large once as in use, while the others stay small,
for interpreted loops over several large ones take too long; and several of them are middling.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import KERNELS
from slide.reference.branches.recording import Recorder
from slide.reference.cases import Case, draw_case, sizes
from slide.reference.cases.choices import SeededChoices
from slide.reference.cases.drawing import ChoicePerEntry, Rough
from slide.reference.cases.scale import Scaled, draw_at_scale
from slide.reference.cases.scale.drawing import Caps
from slide.reference.running import WRITERS, call_kernel, map_arrays, source_of

MOST_SECONDS = 30.0  # of one kernel, after which it is not called any more
LARGEST = dict.fromkeys(KERNELS, 1 << 20) | {
    "hash": 1 << 14, "build": 1 << 16, "reinsert": 1 << 16,
}  # fmt: skip
"""Of any size; less where much is done for each neuron."""
MIDDLING = dict.fromkeys(KERNELS, (32, 1 << 10, 1 / 128)) | {
    "query": (96, 1 << 12, 1 / 64), "top_k": (32, 1 << 10, 1 / 512),
}  # fmt: skip
"""Calls with several sizes that are neither small nor large, and what their `MostlySmall` gets.

A query has to find some hundreds of neurons.
"""
VISITS = 1 << 17  # entries of buckets that a query looks at


class MostlySmall(Scaled):
    """At scale, but all sizes are few other than the one whose turn it is.

    Args:
        choices: who chooses.
        few: what the others are at most.
        share: of what products of sizes may be.
    """

    def __init__(self, choices: SeededChoices, few: int, share: float) -> None:
        super().__init__(choices)
        self.few, self.share = few, share
        self.n_turns = 1

    def turns(self, *counts: int) -> list[int]:
        """The same turns in another order: the size to be large changes every time."""
        self.n_turns = max(self.n_turns, math.prod(counts))
        return super().turns(*counts[::-1])[::-1]

    def tops(self, limits: Mapping[str, int]) -> list[tuple[str, ...]]:
        """Each alone, and none."""
        return [*((name,) for name in limits), ()]

    def much_of(self, high: int) -> int:
        """Nearly all of it, for the others need little."""
        return self.upto(high, at_top=True)

    def extents(
        self, limits: Mapping[str, int], caps: Caps, top: int, **known: int
    ) -> dict[str, int]:
        """One at its top, few of all others, and of examples even fewer."""
        large = self.tops(limits)[top]
        fewer = {
            name: most if name in large else min(most, 3 if name == "B" else self.few)
            for name, most in limits.items()
        }
        shares = [(cap, int(most * self.share)) for cap, most in caps]
        return super().extents(fewer, shares, top, **known)


def with_few_visits(case: Case) -> Case:
    """The same; a query that would look at very many entries of buckets looks at fewer."""
    if case.kernel != "query" or case.arguments[0] is None:
        return case
    tables, codes, required, extra, query, salt = case.arguments
    most = VISITS // max(codes.size, 1)
    if min(query.bucket_limit, tables.n_neurons) > most:
        query = replace(query, bucket_limit=max(most, 1))
    return replace(case, arguments=(tables, codes, required, extra, query, salt))


def cases_of(kernel: str, n_examples: int, seed: int) -> Iterator[Case]:
    """Cases of a kernel, cheap ones first."""
    for number in range(3 * n_examples):
        choices = SeededChoices(seed, number, LARGEST[kernel])
        drawn, numbers = SMALL[number % 3]
        yield draw_case(kernel, drawn, numbers(choices))
    n_middling, few, share = MIDDLING[kernel]
    for number in range(n_middling):
        draw = MostlySmall(SeededChoices(seed, number, 1 << 12), few, share)
        yield with_few_visits(draw_at_scale(kernel, draw))
    number, n_turns = 0, 1
    while number < n_turns:
        draw = MostlySmall(SeededChoices(seed, number, LARGEST[kernel]), 3, 1.0)
        yield with_few_visits(draw_at_scale(kernel, draw))
        number, n_turns = number + 1, draw.n_turns


def fill_caches(backend: Any) -> None:
    """Let the backend hold more memory at a time than it may want to keep for later."""
    sizes = (HEAVY + 1, *[HEAVY // 4 * 3] * 3)
    placed = [backend.put(np.zeros(size, np.uint8)) for size in sizes]
    for array in placed:
        backend.get(array)


HEAVY = 1 << 28  # bytes
SMALL = ((sizes.small, ChoicePerEntry), (sizes.partly_empty, ChoicePerEntry), (sizes.medium, Rough))


def place_arguments(backend: Any, case: Case, number: int) -> tuple[Any, ...]:
    """Arguments where the backend wants them; what it does not write to in several ways.

    By turns they are arrays of their own, read-only ones, and views of one array for each dtype.
    """
    n_written = 1 if case.kernel in WRITERS else 0
    written = map_arrays(case.arguments[:n_written], lambda array: backend.put(array.copy()))
    others = case.arguments[n_written:]
    if number % 3 == 2:
        return *written, *side_by_side(backend, others)

    def put(array: Array) -> Any:
        copy = array.copy()
        copy.setflags(write=number % 3 == 0)
        return backend.put(copy)

    return *written, *map_arrays(others, put)


def side_by_side(backend: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same arguments, all arrays of one dtype in one array."""
    arrays: dict[np.dtype, list[Array]] = {}
    map_arrays(
        arguments, lambda array: arrays.setdefault(array.dtype, []).append(array.reshape(-1))
    )
    whole = {dtype: backend.put(np.concatenate(parts)) for dtype, parts in arrays.items()}
    begins = dict.fromkeys(whole, 0)

    def view(array: Array) -> Any:
        begin = begins[array.dtype]
        begins[array.dtype] += array.size
        return whole[array.dtype][begin : begin + array.size].reshape(array.shape)

    placed: tuple[Any, ...] = map_arrays(arguments, view)
    return placed


def drive_kernels(backend: Any, recorder: Recorder, n_examples: int, seed: int) -> list[str]:
    """Call all kernels that a backend has of its own, with 1 to 3 threads, and take notes.

    Returns:
        A sentence for each kernel that was not seen as a whole.
    """
    present = [kernel for kernel in KERNELS if is_own(backend, kernel)]
    present.sort(key=lambda kernel: kernel != "hash")  # first: what is put later meets workers
    told = (drive_kernel(backend, kernel, recorder, n_examples, seed) for kernel in present)
    return [sentence for sentence in told if sentence]


def is_own(backend: Any, kernel: str) -> bool:
    """Whether there is something to call that the backend does not take from another one.

    A kernel that cannot even be looked for fails when it is called, which tells why.
    """
    try:
        return callable(getattr(backend, kernel, None)) and not source_of(backend, kernel)
    except Exception:  # whatever a stranger's attributes may raise
        return True


def drive_kernel(backend: Any, kernel: str, recorder: Recorder, n_examples: int, seed: int) -> str:
    """Call one kernel; the sentence, or nothing."""
    errors, n_calls, spent = list[Exception](), 0, 0.0
    for run in calls_of(backend, kernel, n_examples, seed):
        if spent > MOST_SECONDS:
            return f"{kernel} takes so long uncompiled that it was called {n_calls} times only"
        start = time.process_time()
        try:
            with recorder.on():
                run()
        except Exception as error:  # whatever a stranger's kernel may raise
            errors.append(error)
        spent += time.process_time() - start
        n_calls += 1
    return describe_errors(kernel, errors, n_calls)


def calls_of(
    backend: Any, kernel: str, n_examples: int, seed: int
) -> Iterator[Callable[[], object]]:
    """What to call one after the other."""
    for number, case in enumerate(cases_of(kernel, n_examples, seed)):
        yield partial(call_in_turn, backend, case, number)
    if kernel == "get" and callable(getattr(backend, "put", None)):
        yield partial(fill_caches, backend)


def call_in_turn(backend: Any, case: Case, number: int) -> None:
    """One call, with any number of threads, and with arguments that may be written to or not."""
    if hasattr(backend, "set_threads"):
        backend.set_threads(1 + number // 3 % 3)
    call_kernel(backend, case, place_arguments(backend, case, number))


def describe_errors(kernel: str, errors: list[Exception], n_calls: int) -> str:
    """Why a kernel was not seen as a whole; nothing if it was."""
    if not errors:
        return ""
    reason = f"{type(errors[0]).__name__}: {' '.join(str(errors[0]).split())}"
    if len(errors) == n_calls:
        return f"{kernel} could not be run uncompiled: {reason}"
    return f"{kernel} failed uncompiled in {len(errors)} of {n_calls} calls: {reason}"
