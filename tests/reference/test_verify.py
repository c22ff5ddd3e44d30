"""`verify` accepts the reference and rejects deliberately wrong kernels."""

import subprocess
import sys
from unittest.mock import patch

import numpy as np
import pytest
from all_pass import assert_all_pass
from mutants import LONE_KILLS, MUTANTS, REFERENCE
from mutants.guises import Borrowed, Empty, Innermost, Lambdas, OnThreads, Wrapper
from mutants.rounding import HalfItsBounds
from verified_stub import NoBranches

from slide.core.contract.backend import KERNELS
from slide.core.sampled import step
from slide.reference.bounds import BOUNDS
from slide.reference.checks import GRID, PROPERTIES, check, is_inherited, passed, verify
from slide.reference.kernels import ReferenceBackend
from slide.reference.running import map_arrays

N_EXAMPLES = 200  # of a cell, for a mutant that errs in rare cases alone
FEW = 10
SMALL = 200  # the largest size where sizes are not the point
BROAD = ("scale", "sequence", "callers")
"""They judge small calls, too, by another formula, if not as closely: what they see and nothing
else does shows what they are for, what they do not see shows nothing of the other properties."""
HIDDEN = ("train_step", "train 20 steps")
TRAINING = (*HIDDEN, "train_step direct", "train 20 steps direct")


def named(mutants):
    return [pytest.param(*mutant, id=mutant[0].__name__) for mutant in mutants]


def cells(checks, outcome):
    return {(one.kernel, one.property) for one in checks if one.outcome == outcome}


@pytest.mark.slow  # and in `make check`
def test_the_reference_passes_in_every_cell() -> None:
    checks = verify(REFERENCE, 2, largest=5000)
    assert_all_pass(checks)
    assert passed(checks)
    assert {one.examples for one in checks} == {2, 6}  # more in `scale`
    cells = [(row, name) for row, names in GRID.items() for name in names]
    assert [(one.kernel, one.property) for one in checks] == cells


def test_the_grid_names_every_kernel_and_only_known_properties() -> None:
    assert list(GRID) == [*KERNELS, *TRAINING]
    assert {name for names in GRID.values() for name in names} == set(PROPERTIES)


@pytest.mark.parametrize(("backend", "row", "killer"), named(MUTANTS))
def test_a_mutant_is_rejected(backend, row: str, killer: str) -> None:
    one = check(backend(), row, killer, N_EXAMPLES, shrink=False)
    assert one.outcome == "fail"
    assert one.message.startswith(f"{row}(")
    assert len(one.message) < 500


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "row", "killer"), named(LONE_KILLS))
def test_only_one_property_sees_it(backend, row: str, killer: str) -> None:
    mutant = backend()
    others = [
        check(mutant, kernel, name, FEW, shrink=False)
        for kernel in KERNELS
        for name in GRID[kernel]
        if not is_inherited(mutant, kernel) and (kernel, name) != (row, killer)
        if name not in BROAD or killer in BROAD
    ]
    assert others
    assert {one.outcome for one in others} == {"inherited"}


def test_every_property_kills_alone() -> None:
    assert {killer for _, _, killer in LONE_KILLS} == set(PROPERTIES)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("log_weights", lambda active: active.with_values(0 * active.values)),
        ("dropout_mask", lambda shape, dropout, rng: rng.random(shape, np.float32) >= dropout),
        ("input_of", lambda x, backend: x.with_constant().map(backend.put)),
    ],
)
def test_training_judges_the_step_itself(name: str, wrong) -> None:
    with patch.object(step, name, wrong):
        assert check(REFERENCE, "train_step", "step", N_EXAMPLES, shrink=False).outcome == "fail"


@pytest.mark.parametrize(
    ("row", "name", "n"),
    [(kernel, "bound", FEW) for kernel in BOUNDS]
    + [
        pytest.param(row, name, n, marks=[pytest.mark.slow] if n == FEW else [])
        for row in TRAINING
        for name in GRID[row]
        if name != "repeatable"
        for n in (3, FEW)
    ],
)
def test_who_rounds_within_the_bounds_is_not_rejected(row: str, name: str, n: int) -> None:
    assert check(HalfItsBounds(), row, name, n).outcome == "inherited"  # not "fail"


def test_missing_kernels_are_reported() -> None:
    class Half(ReferenceBackend):
        sddmm = None

    class Bare:
        name = "bare"

    class Unthreaded(ReferenceBackend):
        set_threads = None

        def put(self, array):
            return array

    missing = {row for row, _ in cells(verify(Half(), 1, largest=SMALL), "missing")}
    assert missing == {"sddmm", *TRAINING}
    assert {one.outcome for one in verify(Bare(), 1)} == {"missing"}
    assert {name for _, name in cells(verify(Unthreaded(), 1, largest=SMALL), "missing")} == {
        "repeatable"
    }


@pytest.mark.parametrize("backend", [Empty, Borrowed])
def test_inherited_kernels_never_pass(backend) -> None:
    checks = verify(backend(), 1)
    assert {(one.outcome, one.examples) for one in checks} == {("inherited", 0)}
    assert not passed(checks)


@pytest.mark.parametrize("backend", [Wrapper, pytest.param(Lambdas, marks=pytest.mark.slow)])
def test_whoever_hands_on_inherits(backend) -> None:
    checks = verify(backend(), 2, largest=SMALL)
    assert {one.outcome for one in checks} == {"inherited"}


@pytest.mark.parametrize(
    ("backend", "kernel"), [(OnThreads, "spmm"), (Innermost, "loss"), (Innermost, "update_rows")]
)
def test_other_guises_inherit_too(backend, kernel: str) -> None:
    assert check(backend(), kernel, "dtype", 2).outcome == "inherited"


def test_a_kernel_that_raises_fails_with_its_sentence() -> None:
    class Raises(ReferenceBackend):
        def spmm(self, z, w):
            raise MemoryError("out of device memory")

    failed = [one for one in verify(Raises(), 2, largest=SMALL) if one.outcome == "fail"]
    assert {one.kernel for one in failed} == {"spmm", *HIDDEN}
    assert len(failed) == sum(len(GRID[row]) for row in ("spmm", *HIDDEN))
    assert all(one.message.endswith("raised MemoryError: out of device memory") for one in failed)
    assert {one.examples for one in failed} == {1}


def test_a_failure_is_told_with_the_smallest_arguments() -> None:
    class Rounds(ReferenceBackend):
        def sddmm(self, h, w, active):
            z = REFERENCE.sddmm(h, w, active)
            return z.with_values(np.floor(z.values))

    one = check(Rounds(), "sddmm", "exact", 50)
    scope = {"backend": Rounds()}
    exec("from slide.reference.pasting import *", scope)
    exec(one.snippet.replace("\nbackend.", "\nz = backend."), scope)
    assert scope["h"].shape == scope["w"].shape == (1, 1)
    assert scope["z"].values.size == 1
    assert scope["h"] * scope["w"] % 1 != 0
    product, rounded = (scope["h"] * scope["w"])[0, 0], scope["z"].values.reshape(-1)[0]
    assert f"is {rounded}, expected {product}" in one.message


class WrongAtFirst(ReferenceBackend):
    """Moves too far as long as nothing was ever moved: a call changes what the next one finds."""

    def update_rows(self, param, grad, optimizer, lr, step):
        is_new = param.mean.size > 0 and not param.mean[grad.rows].any()
        super().update_rows(param, grad, optimizer, 1.01 * lr if is_new else lr, step)


@pytest.mark.parametrize(
    ("backend", "row", "name"),
    [(WrongAtFirst, "update_rows", "bound")]
    + [
        pytest.param(
            *next(one for one in MUTANTS if one[1] == row),
            marks=[] if row in ("sddmm", "train_step") else [pytest.mark.slow],
        )
        for row in sorted({one[1] for one in MUTANTS})
    ],
)
def test_a_snippet_shows_the_failure_again_and_none_of_the_reference(
    backend, row, name, capsys
) -> None:
    snippet = check(backend(), row, name, 200).snippet
    for wrong, is_told in (backend(), True), (REFERENCE, False):
        scope: dict[str, object] = {"backend": wrong}
        exec("from slide.reference.pasting import *", scope)
        exec(snippet, scope)
        assert bool(capsys.readouterr().out.strip()) is is_told


def test_the_same_seed_draws_the_same() -> None:
    kernel, killer = "query", "exact"
    backend = next(backend for backend, row, name in MUTANTS if (row, name) == (kernel, killer))
    first, second, other = (check(backend(), kernel, killer, 50, seed) for seed in (1, 1, 2))
    assert first == second
    assert first.outcome == other.outcome == "fail"


def test_only_verify_needs_hypothesis() -> None:
    program = "import slide, slide.cli, sys; sys.exit('hypothesis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.slow
def test_nothing_is_left_in_the_present_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    backend, row, killer = MUTANTS[0]
    checks = [check(backend(), row, name, FEW, largest=SMALL) for name in GRID[row]]
    assert (row, killer) in cells(checks, "fail")  # which Hypothesis would keep for the next time
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_backend_with_arrays_of_its_own_is_understood() -> None:
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
    cells_of_kernels = [(kernel, name) for kernel in KERNELS for name in GRID[kernel]]
    checks = [check(Device(), *cell, 2, largest=SMALL) for cell in cells_of_kernels]
    assert cells(checks, "fail") == set()
    assert {one.outcome for one in checks if one.kernel in ("put", "get")} == {"pass"}


def on_device(function, wrapped):
    def kernel(self, *arguments):
        return map_arrays(function(*map_arrays(arguments, lambda array: array.array)), wrapped)

    return kernel


MODULE = """
from slide.reference.kernels import ReferenceBackend
class Toy(ReferenceBackend):
    name = "toy"
    def put(self, array): return array
    def get(self, array): return array
    def spmm(self, z, w): return -super().spmm(z, w)
"""


def test_a_package_with_an_entry_point_is_verified_by_its_name(
    tmp_path, monkeypatch, capsys
) -> None:
    from slide.cli import main

    monkeypatch.syspath_prepend(tmp_path)
    info = tmp_path / "toy_dist-1.0.dist-info"
    info.mkdir()
    (tmp_path / "toybackend.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-dist\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[slide.backends]\ntoy = toybackend:Toy\n")
    monkeypatch.setattr("slide.backends.verifying.running.BranchJob", NoBranches)
    monkeypatch.setattr(
        "sys.argv", ["slide", "verify", "toy", "--examples", "2", "--largest", "200"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    out = capsys.readouterr().out
    assert ended.value.code == 1
    rows = [line.split() for line in out.splitlines()]
    assert ["put", *"✓" * 5] in [row[:6] for row in rows]
    assert ["hash", *"○" * len(GRID["hash"])] in rows
    assert "spmm exact: fail. spmm(" in out
    assert "from slide.reference.pasting import *" in out
    assert "\nz = " in out
    assert "inherited" in out
