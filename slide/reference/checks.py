"""What matching the definition means: every kernel of a backend against every property that fits.

A property is a way to draw arguments (`cases`) and a judge of what the backend makes of them
(`judging`, and `training` for whole steps). Hypothesis draws, and makes smaller what fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from slide.core.backend import KERNELS
from slide.reference import judging, training
from slide.reference.cases import draw_case, sizes
from slide.reference.cases.drawing import Data, Draw, Rough, Seeded, Spelled
from slide.reference.cases.sizes import Sizes
from slide.reference.judging import N_THREADS, Judge
from slide.reference.kernels import ReferenceBackend
from slide.reference.running import Watched
from slide.reference.trying import Example, Failure, tried

Outcome = Literal["pass", "fail", "missing", "inherited"]


@dataclass(frozen=True, slots=True)
class Check:
    """One cell of the grid kernel x property.

    Args:
        kernel: one of `slide.core.backend.KERNELS`, or `train_step` or `train 20 steps`.
        property: one of `PROPERTIES`.
        outcome: `inherited` where code of the reference has done the work, which says nothing
            about the backend; `missing` where there is none.
        examples: how many were run, up to the first that failed.
        message: why not `pass`, in one sentence; empty for `pass`.
        snippet: the smallest call that was found to fail, as Python; empty unless one did.
    """

    kernel: str
    property: str
    outcome: Outcome
    examples: int
    message: str
    snippet: str = ""


def verify(backend: object, n_examples: int, seed: int = 0, shrink: bool = True) -> list[Check]:
    """All checks, one after the other: see `checking`."""
    return list(checking(backend, n_examples, seed, shrink))


def checking(
    backend: object, n_examples: int, seed: int = 0, shrink: bool = True
) -> Iterator[Check]:
    """Try every kernel on random arguments; nothing that a backend does makes this raise.

    Args:
        backend: an instance, complete or not.
        n_examples: arguments to draw for each cell of the grid.
        seed: of all that is drawn.
        shrink: whether to make failing arguments smaller before they are told.

    Yields:
        A check per kernel and property that applies to it (see `GRID`), as soon as it is done.
    """
    has_failed = False
    for kernel, names in GRID.items():
        explained = kernel not in KERNELS and has_failed
        small = shrink and not explained  # a wrong kernel is told by itself, and sooner
        for name in names:
            one = check(backend, kernel, name, n_examples, seed, small)
            has_failed |= one.outcome == "fail"
            yield one


def passed(checks: list[Check]) -> bool:
    """Whether every cell is `pass`: a kernel that is missing or inherited has shown nothing."""
    return all(one.outcome == "pass" for one in checks)


def check(
    backend: object, kernel: str, name: str, n_examples: int, seed: int = 0, shrink: bool = True
) -> Check:
    """One cell of the grid, up to its first failure."""
    kernels = (kernel,) if kernel in KERNELS else KERNELS
    needed = ("set_threads", *kernels) if name == "repeatable" else kernels
    lacking = [method for method in needed if not callable(getattr(backend, method, None))]
    if lacking:
        return Check(kernel, name, "missing", 0, f"the backend has no method {lacking[0]}")
    if all(is_inherited(backend, one) for one in kernels):
        return Check(kernel, name, "inherited", 0, "this is the reference's own function")
    watched = backend if type(backend) is ReferenceBackend else Watched(backend)
    example = example_of(watched, kernel, name)
    trial = tried(example, n_examples, seed_of(seed, kernel, name), shrink)
    if failure := trial.failure:
        snippet = failure.case.snippet if failure.case else ""
        message = f"{failure.case or kernel}: {failure.sentence}"
        return Check(kernel, name, "fail", trial.n_examples, message, snippet)
    if isinstance(watched, Watched) and watched.borrows:
        message = "code of the reference ran while this backend computed"
        return Check(kernel, name, "inherited", trial.n_examples, message)
    return Check(kernel, name, "pass", trial.n_examples, "")


def is_inherited(backend: object, kernel: str) -> bool:
    """Whether another class than the reference answers with the reference's function."""
    function = getattr(backend, kernel)
    own = getattr(ReferenceBackend, kernel)
    return type(backend) is not ReferenceBackend and getattr(function, "__func__", function) is own


def seed_of(seed: int, kernel: str, name: str) -> int:
    """Another one for every cell, so that all cells together see more."""
    return int.from_bytes(f"{seed} {kernel} {name}".encode(), "big")


def example_of(backend: Any, kernel: str, name: str) -> Example:
    """One example of a cell: drawn, computed, judged."""
    prop = PROPERTIES[name]

    def example(data: Data, largest: int) -> Failure | None:
        draw = prop.numbers(data, largest)
        case = draw_case(kernel, prop.sizes, draw)
        try:
            if hasattr(backend, "set_threads"):
                backend.set_threads(N_THREADS)
            sentence = prop.judge(backend, case, draw)
        except Exception as error:  # whatever a stranger's kernel may raise
            sentence = f"raised {type(error).__name__}: {error}"
        return Failure(case, sentence) if sentence else None

    return example


@dataclass(frozen=True, slots=True)
class Property:
    """How to draw arguments, and how to judge what becomes of them.

    Args:
        sizes: draws the sizes.
        numbers: draws all else.
        judge: says in one sentence what is wrong, or nothing; it may draw, too.
    """

    sizes: Callable[[Draw], Sizes]
    numbers: Callable[[Data, int], Draw]
    judge: Judge


PROPERTIES = {
    "exact": Property(sizes.small, Spelled, judging.is_equal),
    "bound": Property(sizes.medium, Rough, judging.is_within_bound),
    "wide": Property(sizes.wide, Seeded, judging.is_within_bound),
    "empty": Property(sizes.hollow, Spelled, judging.is_within_bound),
    "dtype": Property(sizes.small, Spelled, judging.has_form),
    "pure": Property(sizes.small, Spelled, judging.is_pure),
    "repeatable": Property(sizes.parallel, Rough, judging.is_repeatable),
    "metamorphic": Property(sizes.large, Seeded, judging.keeps_relation),
    "step": Property(sizes.network, Seeded, training.steps_once),
    "forced": Property(sizes.network, Seeded, training.follows),
    "free": Property(sizes.network, Seeded, training.arrives),
}

ALWAYS = ("empty", "dtype", "pure", "repeatable")
GRID: dict[str, Sequence[str]] = {
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
    "spgemm_t": ("exact", "bound", *ALWAYS, "metamorphic"),
    "invert": ("exact", "bound", *ALWAYS, "metamorphic"),
    "search": ("exact", "bound", *ALWAYS, "metamorphic"),
    "masked_spgemm": ("exact", "bound", *ALWAYS, "metamorphic"),
    "update_entries": ("bound", *ALWAYS, "metamorphic"),
    "train_step": ("repeatable", "step"),
    "train 20 steps": ("forced", "free"),
}
"""The properties that apply to each kernel, and to training with all of them.

Left out: `exact` where a result is irrational, `bound` where nothing is rounded, `wide` where
there is no matrix whose cells could be numbered, `metamorphic` where nothing is computed.
"""
