"""Who judges a mutated module: stages, cheap ones first, that run in a process of their own.

A stage imports the engine from a copy of the checkout and says what it finds wrong, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

Stage = Callable[[], str]
REJECTING = "wrong kernels"

SPARSE = ("spgemm_t", "masked_spgemm", "update_entries", "search", "invert")
PRODUCTS = ("sddmm", "spmm", "spmm_t")
TABLES = ("build", "reinsert")
TRAINING = ("train_step", "train 20 steps")
DIRECT = ("train_step direct", "train 20 steps direct")

ROWS = {
    "buckets": ("query",), "elementary": ("loss",), "hashing": ("hash",),
    "index": ("invert", "search"), "layouts": ("spmm_t", *SPARSE), "losses": ("loss",),
    "optimizers": ("update_rows",),
    "products": (*PRODUCTS, "top_k"), "query": ("query",), "querying": ("query",),
    "scratch": SPARSE, "solving": ("solve_rows",), "sparse": (*SPARSE, "solve_rows"),
    "tables": (*TABLES, "query"), "top_k": ("top_k",),
    "rankings": ("top_k", "search", "spgemm_t", "invert"), "strategies": ("query",),
    "families": ("hash",), "codes": ("hash",), "digits": ("hash",), "probing": ("hash",),
    "projections": ("hash",), "inputs": ("hash",), "updates": ("update_rows", "update_entries"),
    "terms": (*PRODUCTS, *SPARSE), "training": TRAINING, "stepping": TRAINING, "steps": TRAINING,
    "moves": TRAINING, "balls": (*TRAINING, *DIRECT), "deciding": (*TRAINING, *DIRECT),
    "direct_training": DIRECT, "direct_stepping": DIRECT, "direct_start": DIRECT,
    "direct_steps": DIRECT, "plain/hashing": (*TABLES, "query"),
}  # fmt: skip
"""Rows of the grid that a module computes or judges, by its name; all kernels for others."""

FEW = {
    "exact": 8, "bound": 8, "empty": 8, "dtype": 4, "pure": 4, "wide": 2, "repeatable": 6,
    "metamorphic": 4, "step": 6, "forced": 3, "free": 3, "scale": 6, "sequence": 3, "callers": 1,
}  # fmt: skip
MANY = FEW | {"bound": 25, "scale": 25, "wide": 4, "repeatable": 12, "sequence": 6, "callers": 3}
"""Fewer than `slide verify` runs where a first stage has seen most, and as many at scale."""
SMALL, ANY = 48, 1 << 62  # the largest of any size

DEFINITION = ("families", "kernels", "losses", "optimizers", "sparse", "strategies", "tables")
TESTS = {
    "vectorised": ("test_vectorised.py", "test_vectorised_choices.py"),
    "spot_checks": ("test_spot_samples.py", "test_spot_saved.py", "test_spot_runs.py"),
    "bounds": ("test_verify.py", "-k", "rounds"),
    "plain": ("test_kernel_hash.py", "test_kernel_loss.py", "test_kernel_products.py",
              "test_kernel_sparse.py", "test_kernel_tables.py", "test_kernel_update.py"),
}  # fmt: skip
OF_THREADS = {"elementary": "exp or log1p", "pool": "spans or raises or child"}
OF_DEFINITION = (*TESTS["plain"], "test_families.py")


@dataclass(frozen=True, slots=True)
class Named:
    """A stage.

    Args:
        name: in the report.
        run: what it does.
        most_seconds: of CPU, after which it counts as stuck.
        is_compiled: whether kernels of numba are.
    """

    name: str
    run: Stage
    most_seconds: int
    is_compiled: bool = True

    @property
    def is_short(self) -> bool:
        """Whether it can well be run without a mutation first, to see that nothing is wrong."""
        return self.name not in (REJECTING, "cells, compiled", "cells at scale")


def stages_of(module: str, weak: frozenset[str]) -> list[Named]:
    """How a module is judged.

    Args:
        module: its path in the checkout.
        weak: names of wrong kernels that pass the suite as it is.
    """
    path = PurePosixPath(module)
    rows = ROWS.get(f"{path.parent.name}/{path.stem}", ROWS.get(path.stem, ()))
    if path.is_relative_to("slide/backends"):
        stages = [
            Named("cells, uncompiled", partial(native, rows, FEW, SMALL), 30, is_compiled=False),
            Named("cells, compiled", partial(native, rows, MANY, ANY), 300),
        ]
        if tests := OF_THREADS.get(path.stem):
            stages.append(Named("tests", partial(tested, ("test_numba.py", "-k", tests)), 200))
        return stages
    if path.parent.name == "reference" and path.stem in DEFINITION:
        return [
            Named("cells", partial(defined, rows, FEW, SMALL), 40),
            Named("cells at scale", partial(defined, rows, MANY, ANY), 300),
            Named("tests", partial(tested, OF_DEFINITION), 120),
        ]
    package = path.relative_to("slide/reference").parts[0]
    stages = [
        Named("cells", partial(defined, rows, FEW, SMALL), 40),
        Named(REJECTING, partial(rejecting, rows, weak), 300),
    ]
    if package in TESTS:
        stages.append(Named("tests", partial(tested, TESTS[package]), 200))
    if rows:
        stages.append(Named("cells at scale", partial(defined, rows, MANY, ANY), 300))
    return stages


def native(rows: tuple[str, ...], examples: Mapping[str, int], largest: int) -> str:
    """The numba backend against the definition."""
    from slide.backends.numba_threads import NumbaBackend

    return cells(NumbaBackend(), rows, examples, largest)


def defined(rows: tuple[str, ...], examples: Mapping[str, int], largest: int) -> str:
    """The reference against the definition."""
    from slide.reference.kernels import ReferenceBackend

    return cells(ReferenceBackend(), rows, examples, largest)


def cells(backend: object, rows: tuple[str, ...], examples: Mapping[str, int], largest: int) -> str:
    """The first cell that fails, property by property."""
    from slide.core.contract.backend import KERNELS
    from slide.reference.checks import GRID, check

    for name, n_examples in examples.items():
        for row in rows or KERNELS:
            if name in GRID[row]:
                one = check(backend, row, name, n_examples, shrink=False, largest=largest)
                if one.outcome == "fail":
                    return f"{row} {name}: {one.message}"
    return ""


def survivors_of(rows: tuple[str, ...]) -> list[str]:
    """Wrong kernels of the tests that are not rejected, by their names.

    Where all rows are asked for, a part of those that are wrong at the sizes of use must do.
    """
    from mutants import AT_DEFAULT, MUTANTS

    from slide.reference.checks import check

    at_default = AT_DEFAULT if rows else AT_DEFAULT[::4]
    wrong = [(one, 200) for one in MUTANTS] + [(one, 25) for one in at_default]
    return [
        backend.__name__
        for (backend, row, name), n_examples in wrong
        if (row in rows or not rows)
        and check(backend(), row, name, n_examples, shrink=False).outcome != "fail"
    ]


def rejecting(rows: tuple[str, ...], weak: frozenset[str]) -> str:
    """Whether wrong kernels are rejected."""
    survivors = [name for name in survivors_of(rows) if name not in weak]
    return f"{survivors[0]} is not rejected" if survivors else ""


def tested(arguments: tuple[str, ...]) -> str:
    """Whether tests pass."""
    import pytest

    rewritten = "ignore:Module already imported"  # hypothesis is loaded before pytest begins
    places = [path_of_tests(word) if word.endswith(".py") else word for word in arguments]
    code = pytest.main(["-x", "-p", "no:cacheprovider", "-W", rewritten, *places])
    return f"pytest ends with exit code {int(code)}: {arguments[0]}" if code else ""


def path_of_tests(name: str) -> str:
    """The path of a file of tests, whose names differ whatever folder they are in."""
    return str(next(Path("tests").rglob(name)))
