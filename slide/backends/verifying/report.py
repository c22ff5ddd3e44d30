"""What is known of a backend after a run of `slide verify`."""

from __future__ import annotations

import math
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from slide.reference.branches.untaken import Untaken
from slide.reference.checks import Check, passed

SCALE = "scale"  # the property whose sizes are told


def versions() -> dict[str, str]:
    """Of what takes part in every computation."""
    found = {"slide": version("slide-engine"), "python": platform.python_version()}
    return found | {name: version(name) for name in ("numpy", "scipy", "numba")}


@dataclass(frozen=True, slots=True)
class Branches:
    """What a run did not take of the backend's own source.

    Args:
        untaken: branches, by file and line.
        unseen: a sentence about each part of it that could not be watched.
    """

    untaken: list[Untaken] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """A backend, its checks, and how they were made.

    Args:
        backend: what the backend calls itself.
        target: what it was asked for by.
        seed: of all that was drawn.
        examples: of each check, at most.
        jobs: processes at work at once.
        seconds: wall time of the whole.
        checks: in the order of `slide.reference.properties.GRID`.
        branches: those that were not taken.
        versions: of slide, Python and packages.
        cpus: of the machine.
    """

    backend: str
    target: str
    seed: int
    examples: int
    jobs: int
    seconds: float
    checks: list[Check]
    branches: Branches
    versions: dict[str, str] = field(default_factory=versions)
    cpus: int = field(default_factory=lambda: os.cpu_count() or 1)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong, missing or inherited."""
        return passed(self.checks)

    @property
    def command(self) -> str:
        """What to type for the same checks."""
        return f"slide verify {self.target} --examples {self.examples} --seed {self.seed}"

    @property
    def whose(self) -> str:
        """The name of the backend, and what it was asked for by, where that is something else."""
        if self.target == self.backend:
            return self.backend
        return f"{self.backend} ({self.target})"

    @property
    def sizes(self) -> dict[str, dict[str, int]]:
        """By kernel the largest of each dimension with which it was compared and right."""
        return {
            one.kernel: {name: int(size) for name, size in one.sizes.items()}
            for one in self.checks
            if one.property == SCALE and one.outcome == "pass" and one.sizes
        }

    @property
    def worst(self) -> dict[str, Check]:
        """By kernel the check with the largest deviation over its bound, where one is above 0."""
        found: dict[str, Check] = {}
        for one in self.checks:
            if one.worst > (found[one.kernel].worst if one.kernel in found else 0.0):
                found[one.kernel] = one
        return found

    def as_dict(self) -> dict[str, Any]:
        """All of it as what JSON knows; a deviation that is not finite is None."""
        worst = {
            kernel: {"property": one.property, "of_bound": finite(one.worst)}
            for kernel, one in self.worst.items()
        }
        grid: dict[str, dict[str, str]] = {}
        for one in self.checks:
            grid.setdefault(one.kernel, {})[one.property] = one.outcome
        return {
            "backend": self.backend,
            "target": self.target,
            "passed": self.passed,
            "seed": self.seed,
            "examples": self.examples,
            "jobs": self.jobs,
            "cpus": self.cpus,
            "seconds": round(self.seconds, 3),
            "versions": self.versions,
            "grid": grid,
            "sizes": self.sizes,
            "worst": worst,
            "untaken": [asdict(one) for one in self.branches.untaken],
            "unseen": self.branches.unseen,
            "checks": [check_as_dict(one) for one in self.checks],
        }


def check_as_dict(one: Check) -> dict[str, Any]:
    """A check as what JSON knows."""
    sizes = {name: int(size) for name, size in one.sizes.items()}
    rounded = {"sizes": sizes, "worst": finite(one.worst), "seconds": round(one.seconds, 3)}
    return asdict(one) | rounded


def finite(number: float) -> float | None:
    """The number, or None where JSON has no word for it."""
    return number if math.isfinite(number) else None
