"""A pool of worker processes with one job each, and what becomes of a job whose process dies."""

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

from slide.backends.shared.starting import without_main
from slide.backends.verifying.jobs import Job
from slide.backends.verifying.worker import serve_jobs
from slide.core.errors import BackendError
from slide.core.interrupts import OF_TERMINAL, ignoring_signals

POLL_SECONDS = 1.0  # after which a death is noticed that has not closed its connection
EXIT_SECONDS = 2.0  # in which a worker may end by itself


@dataclass(slots=True, eq=False)
class Worker:
    """A process of the pool.

    Args:
        process: itself.
        connection: to it.
        job: that it is at; None if it is idle.
        has_backend: whether it has answer so.
    """

    process: SpawnProcess
    connection: Connection
    job: Job | None = None
    has_backend: bool = False

    def send_job(self, job: Job) -> None:
        """Give it a job; if it has died that is noticed by whoever waits for the answer."""
        self.job = job
        with suppress(BrokenPipeError, ConnectionError):
            self.connection.send(job)

    def receive_answer(self) -> Any:
        """What it has sent; None if it has died."""
        if self.connection.poll():
            with suppress(EOFError, ConnectionError):
                return self.connection.recv()
        return None

    def describe_death(self) -> str:
        """How it has died."""
        self.process.join(EXIT_SECONDS)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with exit status {code}"
        name = signal.Signals(-code).name
        hint = " (has the system run out of memory?)" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}"


class WorkerPool:
    """Processes that have a backend each; a context, at whose end they have ended.

    Args:
        target: of the backend, as `slide.backends.create` takes it.
        size: processes at most.

    Attributes:
        backend: what the backend calls itself, once there is one.
    """

    def __init__(self, target: str, size: int) -> None:
        self.target, self.size = target, size
        self.backend = ""
        self.workers: list[Worker] = []

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def run_jobs(
        self, jobs: Iterable[Job], on_start: Callable[[Job], None]
    ) -> Iterator[tuple[Job, Any]]:
        """Jobs with what was found, as soon as each is done; they begin in the order given.

        Raises:
            BackendError: there is no such backend, or it cannot be made.
        """
        waiting = deque(jobs)
        while True:
            for worker in self.idle_workers(len(waiting)):
                on_start(waiting[0])
                worker.send_job(waiting.popleft())
            busy = [worker for worker in self.workers if worker.job]
            if not busy:
                return
            for worker in ready_workers(busy):
                yield from self.finish_job(worker)

    def idle_workers(self, n: int) -> list[Worker]:
        """Up to n that have nothing to do, newly started ones among them."""
        idle = [worker for worker in self.workers if not worker.job]
        while len(idle) < n and len(self.workers) < self.size:
            idle.append(self.start_worker())
        return idle[:n]

    def start_worker(self) -> Worker:
        """A new process, which makes its backend first."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        name = f"verifying {len(self.workers)}"
        process = context.Process(target=serve_jobs, args=(theirs, self.target), name=name)
        with without_main(), ignoring_signals(*OF_TERMINAL):
            process.start()
        theirs.close()
        self.workers.append(Worker(process, ours))
        return self.workers[-1]

    def finish_job(self, worker: Worker) -> Iterator[tuple[Job, Any]]:
        """The job that a process has done, or died at; nothing if it only says that it is there."""
        answer = worker.receive_answer()
        if not worker.has_backend:
            self.confirm_backend(worker, answer)
            return
        assert worker.job is not None
        has_died = answer is None
        result = worker.job.crash_result(worker.describe_death()) if has_died else answer
        yield worker.job, result
        worker.job = None
        if has_died:
            self.workers.remove(worker)

    def confirm_backend(self, worker: Worker, answer: Any) -> None:
        """A process has its backend, or cannot have it."""
        if isinstance(answer, BackendError):
            raise answer
        if answer is None:
            how = worker.describe_death()
            raise BackendError(
                f"backend {self.target!r} cannot be made: the process that did so {how}"
            )
        self.backend, worker.has_backend = answer, True

    def close(self) -> None:
        """End all workers; those who are at a job, or take too long, are terminated."""
        for worker in self.workers:
            worker.connection.close()
            if worker.job:
                worker.process.terminate()
        deadline = time.monotonic() + EXIT_SECONDS
        for worker in self.workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()
        self.workers.clear()


def ready_workers(busy: list[Worker]) -> list[Worker]:
    """Those that have sent an answer, or have died; waits for one, `POLL_SECONDS` at most."""
    wait([worker.connection for worker in busy], POLL_SECONDS)
    return [one for one in busy if one.connection.poll() or one.process.exitcode is not None]
