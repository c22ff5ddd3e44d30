"""A run: all checks of a backend by name, the longest first, as many at once as there are jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from slide.backends.verifying.jobs import BranchJob, Job, cell_jobs
from slide.backends.verifying.pool import WorkerPool
from slide.backends.verifying.report import Report
from slide.core.contract.backend import KERNELS
from slide.reference.cases.choices import ANY_SIZE
from slide.reference.checks import Check

Watch = Callable[[Job, Any], None]
"""Told of each job twice: when it begins, with None, and when it is done, with what was found."""


def verify_backend(
    target: str,
    n_examples: int,
    seed: int,
    n_jobs: int,
    watch: Watch = lambda job, found: None,
    largest: int = ANY_SIZE,
) -> Report:
    """All checks of a backend, the same as `slide.reference.checks.verify` finds in one process.

    Args:
        target: name or `module:Class`; each process makes an instance of its own.
        n_examples: arguments to draw for each cell of the grid.
        seed: of all that is drawn.
        n_jobs: processes at once.
        watch: told what goes on.
        largest: no size is drawn above it.

    Raises:
        BackendError: there is no such backend, or it cannot be made.
    """
    began = time.perf_counter()
    cells = list(cell_jobs(n_examples, seed, largest))
    branches = BranchJob(target, n_examples, seed)
    longest_first: list[Job] = [branches, *sorted(cells, key=lambda job: -job.cost)]
    with WorkerPool(target, n_jobs) as pool:
        found = dict(run_jobs(pool, longest_first, watch))
        checks: list[Check] = [found[job] for job in cells]
        if (place := first_training_failure(checks)) is not None:
            smaller = replace(cells[place], shrink=True)
            checks[place] = dict(run_jobs(pool, [smaller], watch))[smaller]
    seconds = time.perf_counter() - began
    return Report(pool.backend, target, seed, n_examples, n_jobs, seconds, checks, found[branches])


def run_jobs(pool: WorkerPool, jobs: Sequence[Job], watch: Watch) -> Iterator[tuple[Job, Any]]:
    """Jobs with what was found, of which somebody else is told, too."""
    for job, found in pool.run_jobs(jobs, lambda job: watch(job, None)):
        watch(job, found)
        yield job, found


def first_training_failure(checks: Sequence[Check]) -> int | None:
    """The place of the first failure if it is one of training: no wrong kernel explains it."""
    failed = (place for place, one in enumerate(checks) if one.outcome == "fail")
    first = next(failed, None)
    return None if first is None or checks[first].kernel in KERNELS else first
