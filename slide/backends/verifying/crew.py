"""Processes at one job each, and what becomes of a job whose process dies."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from slide.backends.shared.workers import without_main
from slide.backends.verifying.jobs import Job
from slide.backends.verifying.worker import work
from slide.core.errors import BackendError
from slide.core.interrupts import ignoring_signals

LOOK = 1.0  # seconds after which somebody is missed who has not hung up
PATIENCE = 2.0  # seconds for those who are sent home


@dataclass(slots=True, eq=False)
class Member:
    """A process of the crew.

    Args:
        process: itself.
        line: to it.
        job: that it is at.
        has_backend: whether it has said so.
    """

    process: SpawnProcess
    line: Connection
    job: Job | None = None
    has_backend: bool = False

    def begin(self, job: Job) -> None:
        """Give it a job; if it has died that is noticed by whoever waits for the answer."""
        self.job = job
        with suppress(BrokenPipeError, ConnectionError):
            self.line.send(job)

    def heard(self) -> Any:
        """What it has said; None if it has died."""
        if self.line.poll():
            with suppress(EOFError, ConnectionError):
                return self.line.recv()
        return None

    def end(self) -> str:
        """How it has died."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with exit status {code}"
        name = signal.Signals(-code).name
        hint = " (has the system run out of memory?)" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}"


class Crew:
    """Processes that have a backend each; a context, at whose end they are gone.

    Args:
        target: of the backend, as `slide.backends.create` takes it.
        size: of the crew.

    Attributes:
        backend: what the backend calls itself, once there is one.
    """

    def __init__(self, target: str, size: int) -> None:
        self.target, self.size = target, size
        self.backend = ""
        self.members: list[Member] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def results(
        self, jobs: Iterable[Job], on_start: Callable[[Job], None]
    ) -> Iterator[tuple[Job, Any]]:
        """Jobs with what was found, as soon as each is done; they begin in the order given.

        Raises:
            BackendError: there is no such backend, or it cannot be made.
        """
        waiting = deque(jobs)
        while True:
            for member in self.free(len(waiting)):
                on_start(waiting[0])
                member.begin(waiting.popleft())
            busy = [member for member in self.members if member.job]
            if not busy:
                return
            for member in speaking(busy):
                yield from self.answer(member)

    def free(self, n: int) -> list[Member]:
        """Up to n that have nothing to do, newly hired ones among them."""
        idle = [member for member in self.members if not member.job]
        while len(idle) < n and len(self.members) < self.size:
            idle.append(self.hired())
        return idle[:n]

    def hired(self) -> Member:
        """A new process."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, self.target), name="verifying")
        with without_main(), ignoring_signals(signal.SIGINT, signal.SIGHUP):
            process.start()
        theirs.close()
        self.members.append(Member(process, ours))
        return self.members[-1]

    def answer(self, member: Member) -> Iterator[tuple[Job, Any]]:
        """The job that a process has done, or died at; nothing if it only says that it is there."""
        said = member.heard()
        if not member.has_backend:
            self.greet(member, said)
            return
        assert member.job is not None
        yield member.job, member.job.died(member.end()) if said is None else said
        member.job = None
        if said is None:
            self.members.remove(member)

    def greet(self, member: Member, said: Any) -> None:
        """A process has its backend, or cannot have it."""
        if isinstance(said, BackendError):
            raise said
        if said is None:
            raise BackendError(
                f"backend {self.target!r} cannot be made: the process that did so {member.end()}"
            )
        self.backend, member.has_backend = said, True

    def close(self) -> None:
        """Send everybody home, and wait for those only who go at once."""
        for member in self.members:
            member.line.close()
            if member.job:
                member.process.terminate()
        deadline = time.monotonic() + PATIENCE
        for member in self.members:
            member.process.join(max(0.0, deadline - time.monotonic()))
            member.process.kill()
            member.process.join()
        self.members.clear()


def speaking(busy: list[Member]) -> list[Member]:
    """Those that have something to say, or have died; waits until there is one, or `LOOK`."""
    wait([member.line for member in busy], LOOK)
    return [one for one in busy if one.line.poll() or one.process.exitcode is not None]
