"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from collections.abc import Callable

from slide.reference.kernels import ReferenceBackend

REFERENCE = ReferenceBackend()
MUTANTS: list[tuple[type[ReferenceBackend], str, str]] = []
LONE_KILLS: list[tuple[type[ReferenceBackend], str, str]] = []


def mutant(
    kernel: str, killer: str, alone: bool = False, row: str = ""
) -> Callable[[Callable], Callable]:
    """Register a wrong kernel and a property that must reject it.

    `alone`: no other property of a kernel does. `row`: of the grid, if it is not the kernel's.
    """

    def register(wrong: Callable) -> Callable:
        backend = type(wrong.__name__, (ReferenceBackend,), {kernel: wrong})
        mutant_class(row or kernel, killer, alone)(backend)
        return wrong

    return register


def mutant_class(row: str, killer: str, alone: bool = False) -> Callable[[type], type]:
    """Register a whole backend of which something is wrong."""

    def register(backend: type) -> type:
        MUTANTS.append((backend, row, killer))
        if alone:
            LONE_KILLS.append((backend, row, killer))
        return backend

    return register
