"""Jobs of the worker processes: one for each cell of the grid, one for the branches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from slide.backends.verifying.report import Branches
from slide.core.contract.backend import KERNELS
from slide.reference.cases.choices import ANY_SIZE
from slide.reference.checks import GRID, Check, check

COSTS = {
    "free": 7.0, "forced": 3.0, "scale": 3.0, "sequence": 2.0, "callers": 1.5, "repeatable": 0.7,
    "wide": 1.0,
}  # fmt: skip
"""Seconds that some examples take, roughly, so that the longest begin first."""
USUAL_COST = 0.3  # of all other properties
COSTED = 25  # examples
BRANCHES_COST = 20.0


class Job(Protocol):
    """Something that one process does by itself.

    Attributes:
        title: of the job, in a few words.
        cost: seconds that it takes, roughly.
    """

    @property
    def title(self) -> str: ...

    @property
    def cost(self) -> float: ...

    def run(self, backend: object) -> Any:
        """What is found."""

    def crash_result(self, how: str) -> Any:
        """What stands for the result if the process at it `how`, as in "was killed by SIGSEGV"."""


@dataclass(frozen=True, slots=True)
class CellJob:
    """One check: see `slide.reference.checks.check`."""

    kernel: str
    name: str
    n_examples: int
    seed: int
    shrink: bool
    largest: int = ANY_SIZE

    @property
    def title(self) -> str:
        return f"{self.kernel} {self.name}"

    @property
    def cost(self) -> float:
        return COSTS.get(self.name, USUAL_COST) * self.n_examples / COSTED

    def run(self, backend: object) -> Check:
        """The check of a backend."""
        return check(
            backend, self.kernel, self.name, self.n_examples, self.seed, self.shrink, self.largest
        )

    def crash_result(self, how: str) -> Check:
        """A failure, and how to see it again: which example it was is not known."""
        message = f"{self.kernel}: the process that computed it {how}"
        again = self.kernel, self.name, self.n_examples, self.seed, False, self.largest
        snippet = f"from slide.reference.checks import check\nprint(check(backend, *{again}))"
        return Check(self.kernel, self.name, "fail", 0, message, snippet)


@dataclass(frozen=True, slots=True)
class BranchJob:
    """Which branches of its own source a backend does not take."""

    target: str
    n_examples: int
    seed: int

    title = "branches"
    cost = BRANCHES_COST

    def run(self, backend: object) -> Branches:
        """The branches, found in a process whose kernels are not compiled."""
        from slide.backends.branches import find_untaken

        return Branches(*find_untaken(self.target, self.n_examples, self.seed))

    def crash_result(self, how: str) -> Branches:
        """That nothing is known."""
        return Branches([], [f"the process that looked for branches {how}"])


def cell_jobs(n_examples: int, seed: int, largest: int = ANY_SIZE) -> Iterator[CellJob]:
    """A job for each cell, in the order of the grid.

    What training fails with is not made smaller, which takes long: a wrong kernel is told by
    itself.
    """
    for kernel, names in GRID.items():
        for name in names:
            yield CellJob(kernel, name, n_examples, seed, kernel in KERNELS, largest)
