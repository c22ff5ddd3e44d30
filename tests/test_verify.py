"""`verify` accepts the reference and rejects deliberately wrong kernels."""

import pytest
from mutants import LONE_KILLS, MUTANTS, REFERENCE

from slide.core.backend import KERNELS
from slide.reference.checks import GRID, PROPERTIES, check, passed, verify
from slide.reference.kernels import ReferenceBackend
from slide.reference.running import mapped

N_EXAMPLES = 25


def named(mutants):
    return [pytest.param(*mutant, id=mutant[0].__name__) for mutant in mutants]


def test_the_reference_passes() -> None:
    checks = verify(REFERENCE, N_EXAMPLES)
    assert [one.message for one in checks if one.outcome != "pass"] == []
    assert passed(checks)
    assert {one.examples for one in checks} == {N_EXAMPLES}


def test_the_grid_names_every_kernel_and_only_known_properties() -> None:
    assert set(GRID) == set(KERNELS)
    assert {name for names in GRID.values() for name in names} == set(PROPERTIES)
    cells = [(one.kernel, one.property) for one in verify(REFERENCE, 1)]
    assert cells == [(kernel, name) for kernel in KERNELS for name in GRID[kernel]]


@pytest.mark.parametrize(("backend", "kernel", "killer"), named(MUTANTS))
def test_a_mutant_is_rejected(backend, kernel: str, killer: str) -> None:
    one = check(backend(), kernel, killer, N_EXAMPLES, seed=0)
    assert one.outcome == "fail"
    assert one.message.startswith(f"{kernel}(")
    assert len(one.message) < 500


@pytest.mark.parametrize(("backend", "kernel", "killer"), named(LONE_KILLS))
def test_only_one_property_sees_it(backend, kernel: str, killer: str) -> None:
    checks = verify(backend(), N_EXAMPLES)
    assert [(one.kernel, one.property) for one in checks if one.outcome == "fail"] == [
        (kernel, killer)
    ]
    assert {one.outcome for one in checks if one.kernel != kernel} == {"inherited"}
    assert not passed(checks)


def test_every_property_kills_alone() -> None:
    assert {killer for _, _, killer in LONE_KILLS} == set(PROPERTIES)


def test_missing_kernels_are_reported() -> None:
    class Half(ReferenceBackend):
        sddmm = None

    class Bare:
        name = "bare"

    checks = verify(Half(), 1)
    assert {one.kernel for one in checks if one.outcome == "missing"} == {"sddmm"}
    assert {one.outcome for one in verify(Bare(), 1)} == {"missing"}


def test_inherited_kernels_never_pass() -> None:
    class Borrowed:
        name = "borrowed"

    for kernel in KERNELS:
        setattr(Borrowed, kernel, getattr(ReferenceBackend, kernel))
    for backend in (type("Empty", (ReferenceBackend,), {}), Borrowed):
        checks = verify(backend(), 1)
        assert {(one.outcome, one.examples) for one in checks} == {("inherited", 0)}
        assert not passed(checks)


def test_a_kernel_that_raises_fails_with_its_sentence() -> None:
    class Raises(ReferenceBackend):
        def spmm(self, z, w):
            raise MemoryError("out of device memory")

    failed = [one for one in verify(Raises(), 2) if one.outcome == "fail"]
    assert {one.kernel for one in failed} == {"spmm"}
    assert len(failed) == len(GRID["spmm"])
    assert all(one.message.endswith("raised MemoryError: out of device memory") for one in failed)
    assert {one.examples for one in failed} == {1}


def test_a_backend_with_arrays_of_its_own_passes() -> None:
    class Wrapped:
        def __init__(self, array):
            self.array = array

    class Device(ReferenceBackend):
        """Lets no NumPy array in and none out, except through `put` and `get`."""

        def put(self, array):
            return Wrapped(array.copy())

        def get(self, array):
            return array.array

    for kernel in KERNELS[2:]:
        setattr(Device, kernel, on_device(getattr(REFERENCE, kernel), Wrapped))
    checks = verify(Device(), 4)
    assert [one.message for one in checks if one.outcome != "pass"] == []


def on_device(function, wrapped):
    def kernel(self, *arguments):
        return mapped(function(*mapped(arguments, lambda array: array.array)), wrapped)

    return kernel
