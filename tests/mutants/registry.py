"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from collections.abc import Callable

from slide.reference.kernels import ReferenceBackend

Mutant = tuple[type[ReferenceBackend], str, str]
"""A backend of which something is wrong, a row of the grid, and the property that rejects it."""

REFERENCE = ReferenceBackend()
MUTANTS: list[Mutant] = []
LONE_KILLS: list[Mutant] = []
AT_DEFAULT: list[Mutant] = []


def mutant(
    kernel: str, killer: str, alone: bool = False, row: str = "", at_default: bool = False
) -> Callable[[Callable], Callable]:
    """Register a wrong kernel and a property that must reject it.

    `alone`: no other property of a kernel does, but for those that see more than one property
    (see `test_only_one_property_sees_it`). `row`: of the grid, if it is not the kernel's.
    `at_default`: it does so at the default number of examples, whatever the seed is.
    """

    def register(wrong: Callable) -> Callable:
        backend = type(wrong.__name__, (ReferenceBackend,), {kernel: wrong})
        mutant_class(row or kernel, killer, alone, at_default)(backend)
        return wrong

    return register


def mutant_class(
    row: str, killer: str, alone: bool = False, at_default: bool = False
) -> Callable[[type], type]:
    """Register a whole backend of which something is wrong."""

    def register(backend: type) -> type:
        (AT_DEFAULT if at_default else MUTANTS).append((backend, row, killer))
        if alone:
            LONE_KILLS.append((backend, row, killer))
        return backend

    return register


def at_scale(
    kernel: str, killer: str = "scale", alone: bool = False
) -> Callable[[Callable], Callable]:
    """Register a kernel that is wrong at the sizes of use."""
    return mutant(kernel, killer, alone, at_default=True)


def remembers(row: str, killer: str = "sequence", alone: bool = False) -> Callable[[type], type]:
    """Register a backend that is wrong after other calls, or on parts of larger arrays."""
    return mutant_class(row, killer, alone, at_default=True)
