"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from collections.abc import Callable

from slide.reference.kernels import ReferenceBackend

REFERENCE = ReferenceBackend()
MUTANTS: list[tuple[type[ReferenceBackend], str, str]] = []
LONE_KILLS: list[tuple[type[ReferenceBackend], str, str]] = []


def mutant(kernel: str, killer: str, alone: bool = False) -> Callable[[Callable], Callable]:
    """Register a wrong kernel and a property that must reject it; `alone`: no other one does."""

    def register(wrong: Callable) -> Callable:
        backend = type(wrong.__name__, (ReferenceBackend,), {kernel: wrong})
        MUTANTS.append((backend, kernel, killer))
        if alone:
            LONE_KILLS.append((backend, kernel, killer))
        return wrong

    return register
