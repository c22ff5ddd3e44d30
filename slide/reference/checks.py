"""What matching the definition means: every kernel of a backend against every property that fits.

A property is a way to draw arguments (`cases`) and a judge of what the backend makes of them
(`judging`, `calling` for how kernels are called, and `training` for whole steps).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from slide.core.contract.backend import KERNELS
from slide.reference.cases.choices import ANY_SIZE, Choices
from slide.reference.cases.dimensions import dimensions_of, larger
from slide.reference.falsifying import Example, Failure, run_examples, run_numbered_examples
from slide.reference.judging import N_THREADS
from slide.reference.kernels import ReferenceBackend
from slide.reference.properties import GRID, PROPERTIES
from slide.reference.replaying import snippet_of
from slide.reference.running import WatchedBackend, source_of

__all__ = ["GRID", "PROPERTIES", "Check", "check", "checking", "is_inherited", "passed", "verify"]

Outcome = Literal["pass", "fail", "missing", "inherited", "taken"]


@dataclass(frozen=True, slots=True)
class Check:
    """One cell of the grid kernel x property.

    Args:
        kernel: one of `slide.core.contract.backend.KERNELS`, or `train_step` or `train 20 steps`.
        property: one of `PROPERTIES`.
        outcome: `inherited` where code of the reference has done the work, which says nothing
            about the backend; `missing` where there is none; `taken` where the backend says that
            the kernel is another backend's, so that nothing is run (`slide.backends.delegating`).
        examples: how many were run, up to the first that failed.
        message: why not `pass`, in one sentence; empty for `pass`.
        snippet: the smallest call that was found to fail, as Python; empty unless one did.
        sizes: the largest of each dimension among the examples (see `cases.dimensions`).
        worst: the largest deviation of a number over its bound, where that was measured.
        seconds: that it took.
        source: the other backend where the outcome is `taken`; empty otherwise.
    """

    kernel: str
    property: str
    outcome: Outcome
    examples: int
    message: str
    snippet: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    worst: float = 0.0
    seconds: float = field(default=0.0, compare=False)
    source: str = ""


def verify(
    backend: object,
    n_examples: int,
    seed: int = 0,
    shrink: bool = True,
    largest: int = ANY_SIZE,
) -> list[Check]:
    """All checks, one after the other: see `checking`."""
    return list(checking(backend, n_examples, seed, shrink, largest))


def checking(
    backend: object,
    n_examples: int,
    seed: int = 0,
    shrink: bool = True,
    largest: int = ANY_SIZE,
) -> Iterator[Check]:
    """Try every kernel on random arguments; nothing that a backend does makes this raise.

    Args:
        backend: an instance, complete or not.
        n_examples: arguments to draw for each cell of the grid; three times as many in `scale`.
        seed: of all that is drawn.
        shrink: whether to make failing arguments smaller before they are told.
        largest: no size is drawn above it, for backends that take too long, as an emulator does.

    Yields:
        A check per kernel and property that applies to it (see `GRID`), as soon as it is done.
    """
    has_failed = False
    for kernel, names in GRID.items():
        explained = kernel not in KERNELS and has_failed
        small = shrink and not explained  # a wrong kernel is told by itself, and sooner
        for name in names:
            one = check(backend, kernel, name, n_examples, seed, small, largest)
            has_failed |= one.outcome == "fail"
            yield one


def passed(checks: list[Check]) -> bool:
    """Whether every cell is `pass` or `taken`: what is missing or inherited has shown nothing."""
    return all(one.outcome in ("pass", "taken") for one in checks)


def check(
    backend: object,
    kernel: str,
    name: str,
    n_examples: int,
    seed: int = 0,
    shrink: bool = True,
    largest: int = ANY_SIZE,
) -> Check:
    """One cell of the grid, up to its first failure."""
    try:
        known = known_before(backend, kernel, name)
    except Exception as error:  # whatever a stranger's attributes may raise
        sentence = f"{kernel}: looking for the method raised {type(error).__name__}: {error}"
        return Check(kernel, name, "fail", 0, sentence)
    if known:
        return known
    watched = backend if type(backend) is ReferenceBackend else WatchedBackend(backend)
    seen, began = Seen(), time.perf_counter()
    prop = PROPERTIES[name]
    try_examples = run_numbered_examples if prop.in_turn else run_examples
    example = example_of(watched, kernel, name, seen)
    trial = try_examples(
        example, prop.times * n_examples, seed_of(seed, kernel, name), shrink, largest
    )
    outcome: Outcome = "pass"
    message = snippet = ""
    if failure := trial.failure:
        outcome, message = "fail", f"{failure.case or kernel}: {failure.sentence}"
        snippet = snippet_of(name, failure)
    elif isinstance(watched, WatchedBackend) and watched.borrows:
        outcome, message = "inherited", "code of the reference ran while this backend computed"
    seconds = time.perf_counter() - began
    return Check(
        kernel, name, outcome, trial.n_examples, message, snippet, seen.sizes, seen.worst, seconds
    )


def known_before(backend: object, kernel: str, name: str) -> Check | None:
    """The check of a cell of which nothing has to be run; None of another one."""
    kernels = (kernel,) if kernel in KERNELS else KERNELS
    needed = ("set_threads", *kernels) if name == "repeatable" else kernels
    lacking = [method for method in needed if not callable(getattr(backend, method, None))]
    if lacking:
        return Check(kernel, name, "missing", 0, f"the backend has no method {lacking[0]}")
    if all(is_inherited(backend, one) for one in kernels):
        return Check(kernel, name, "inherited", 0, "this is the reference's own function")
    if source := source_of(backend, kernel):
        return Check(kernel, name, "taken", 0, f"this is the kernel of {source}", source=source)
    return None


@dataclass(slots=True)
class Seen:
    """What the examples of a cell were like: the largest of each size, the worst deviation."""

    sizes: dict[str, int] = field(default_factory=dict)
    worst: float = 0.0


def is_inherited(backend: object, kernel: str) -> bool:
    """Whether another class than the reference answers with the reference's function."""
    function = getattr(backend, kernel)
    own = getattr(ReferenceBackend, kernel)
    return type(backend) is not ReferenceBackend and getattr(function, "__func__", function) is own


def seed_of(seed: int, kernel: str, name: str) -> int:
    """Another one for every cell, so that all cells together see more."""
    return int.from_bytes(f"{seed} {kernel} {name}".encode(), "big")


def example_of(backend: Any, kernel: str, name: str, seen: Seen) -> Example:
    """One example of a cell: drawn, computed, judged."""
    prop = PROPERTIES[name]

    def example(choices: Choices) -> Failure | None:
        draw = prop.numbers(choices)
        case = prop.draw_case(kernel, draw)
        seen.sizes = larger(seen.sizes, dimensions_of(case))
        try:
            if hasattr(backend, "set_threads"):
                backend.set_threads(N_THREADS)
            verdict = prop.judge(backend, case, draw)
        except Exception as error:  # whatever a stranger's kernel may raise
            return Failure(case, f"raised {type(error).__name__}: {error}", choices)
        seen.worst = max(seen.worst, verdict.worst)
        return Failure(case, verdict.sentence, choices) if verdict.sentence else None

    return example
