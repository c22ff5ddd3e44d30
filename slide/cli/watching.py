"""What a person sees while `slide verify` runs: a grid that fills, and how long it will take."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from slide.backends.verifying import CellJob, Job
from slide.backends.verifying.jobs import BRANCHES_COST, cell_jobs
from slide.cli.grid import grid_of

EARLY = 0.05  # of all that is to be done, before which nobody can tell how long it takes
PER_SECOND = 4  # pictures


class Watching:
    """A live picture on stderr, if that is a terminal; as a context, which takes it off again.

    Args:
        target: the backend that was asked for.
        n_examples: of each check.
        console: where the picture is.
    """

    def __init__(self, target: str, n_examples: int, console: Console) -> None:
        jobs = list(cell_jobs(n_examples, 0))
        self.target, self.console = target, console
        self.marks = {(job.kernel, job.name): "waiting" for job in jobs}
        self.running: list[str] = []
        self.began = time.monotonic()
        self.cost = sum(job.cost for job in jobs) + BRANCHES_COST
        self.done, self.n_done, self.n_begun, self.n_jobs = 0.0, 0, 0, len(jobs) + 1
        self.live = Live(
            console=console, get_renderable=self.picture, transient=True,
            refresh_per_second=PER_SECOND,
        )  # fmt: skip

    def __enter__(self) -> Watching:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.live.stop()

    def watch(self, job: Job, found: Any) -> None:
        """Note that a job begins, or what was found."""
        if found is None:
            self.begin(job)
        else:
            self.running.remove(job.title)
            self.done, self.n_done = self.done + job.cost, self.n_done + 1
        if isinstance(job, CellJob):
            self.marks[job.kernel, job.name] = found.outcome if found else "running"

    def begin(self, job: Job) -> None:
        """One more is running; a failure that is made smaller at the end was not foreseen."""
        self.running.append(job.title)
        self.n_begun += 1
        if self.n_begun > self.n_jobs:
            self.n_jobs, self.cost = self.n_begun, self.cost + job.cost

    def picture(self) -> Text:
        """A line on how far it is, above the grid; a low screen lacks the first kernels."""
        status = Text(self.status(), "bold", no_wrap=True, overflow="ellipsis")
        status.truncate(self.console.width, overflow="ellipsis")
        grid = grid_of(self.marks, self.console.options.ascii_only)
        del grid[1 : max(2 + len(grid) - self.console.height, 1)]  # not the heading
        return Text("\n").join([status, *grid])

    def status(self) -> str:
        """How far it is, how long it will take, and what is being done."""
        seconds = time.monotonic() - self.began
        left = ""
        if self.done > EARLY * self.cost:
            left = f", about {max(0.0, seconds * (self.cost / self.done - 1)):.0f} s left"
        now = f": {', '.join(self.running)}" if self.running else ""
        return f"{self.target} {self.n_done}/{self.n_jobs}, {seconds:.0f} s{left}{now}"
