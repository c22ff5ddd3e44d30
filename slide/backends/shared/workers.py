"""A pool of worker processes, and what becomes of it when one of them dies."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from selectors import EVENT_READ, DefaultSelector
from threading import RLock
from typing import Any

import numpy as np

from slide.backends.shared import OnLoss
from slide.backends.shared.memory import Owner, Store, Windows, remove, sweep, unlink
from slide.backends.shared.messages import NoType, packed, unpacked
from slide.backends.shared.parts import CUTS, cut_of
from slide.backends.shared.starting import without_main
from slide.backends.shared.working import Request, compute, spin, work
from slide.core.contract.backend import Backend
from slide.core.contract.workers import Packed, Task
from slide.core.errors import BackendError, said
from slide.core.interrupts import INTERRUPTS, OF_TERMINAL, ignoring_signals

FLOAT = np.dtype(np.float32)
MOST_LOSSES = 3  # of one worker, one after the other without an answer
PATIENCE = 1.0  # seconds for a worker to leave by itself


@dataclass(slots=True)
class Worker:
    """A worker, and the connection to it.

    Args:
        number: its place in the pool.
        process: the worker.
        connection: to it.
        prefix: how the names of its segments begin.
        windows: into its memory.
        read: its segments that nobody looks at any more, of which it was not told yet.
        tasks: asked and not answered, oldest first.
        n_dropped: segments given back of which it was told.
        n_lost: workers at this place that have died since the last answer.
    """

    number: int
    process: SpawnProcess
    connection: Connection
    prefix: str
    windows: Windows
    read: deque[str]
    tasks: deque[Task] = field(default_factory=deque)
    n_dropped: int = 0
    n_lost: int = 0


class WorkerPool:
    """Workers, and the memory that they share: what `slide.core.contract.workers` asks for.

    Args:
        inner: the backend whose kernels they compute with, as `slide.backends.load` takes it.
        on_loss: what to do when one dies.

    Attributes:
        pid: of the process that has made it; another one may not use it.
        lock: held by the thread that uses it.
        n_workers: that take part; those started before may be more.
        workers: those that were started so far.
        first_tasks: tasks that a worker which takes the place of another has to do first.
    """

    def __init__(self, inner: str, on_loss: OnLoss = "fail") -> None:
        self.pid, self.lock = os.getpid(), RLock()
        self.n_workers = 1
        self.owner = Owner()
        self.store = Store(self.owner.name)
        self.inner, self.on_loss = inner, on_loss
        self.numbers = count()
        self.selector = DefaultSelector()
        self.workers: list[Worker] = []
        self.first_tasks: list[Task] = []

    def start(self, n: int) -> None:
        """Have n workers at least.

        Raises:
            BackendError: the pool is of the process that this one was forked from.
        """
        if os.getpid() != self.pid:
            raise BackendError(
                "this backend was made before the process was forked: make another one after it"
            )
        if not self.workers:
            sweep()
        while len(self.workers) < n:
            self.workers.append(self.started(len(self.workers)))

    def started(self, number: int) -> Worker:
        """A new worker; it has not been asked for anything."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        prefix = f"{self.store.name}-w{next(self.numbers)}"
        process = context.Process(
            target=work, args=(theirs, self.inner, prefix), name=f"worker {number}", daemon=True
        )
        with without_main(), ignoring_signals(*OF_TERMINAL):
            process.start()  # which ignores them, too, from its beginning
        theirs.close()
        self.selector.register(ours, EVENT_READ, (number, True))
        self.selector.register(process.sentinel, EVENT_READ, (number, False))
        read = deque[str]()
        windows = Windows(self.store, read.append)
        return Worker(
            number, process, ours, prefix, windows, read, n_dropped=len(self.store.dropped)
        )

    def pack(self, thing: Any, backend: Backend | None = None) -> Packed:
        """A thing for tasks; a worker finds its own backend in the place of ours."""
        return packed(thing, self.store, absent=absent_type(backend))

    def share(self, thing: Any, backend: Backend | None = None) -> Any:
        """The same thing with all its arrays in shared memory, and with the same backend."""
        everything = packed(thing, self.store, small=0, absent=absent_type(backend))
        return unpacked(everything.message, self.store, backend)

    def compute(self, kernel: str, arguments: tuple[Any, ...]) -> Any:
        """The result of a kernel.

        Raises:
            BackendError: a worker has died.
            Exception: whatever the kernel raised.
        """
        with self.lock:
            return self.computed(cut_of(kernel, arguments), kernel, arguments)

    def computed(self, name: str, kernel: str, arguments: tuple[Any, ...]) -> Any:
        """The same by the cut of this name, for the thread that holds the lock."""
        cut, n = CUTS[name], self.n_workers
        spans = cut.spans(n, *arguments)
        out = self.store.empty(cut.room(*arguments), FLOAT) if cut.room else None
        call = packed((kernel, arguments, out), self.store)
        self.start(n)
        parts: list[Any] = [None] * len(spans)
        n_asked = min(n, len(spans))
        left = set(range(n_asked))

        def collect(first: int, found: list[Any]) -> None:
            parts[first::n_asked] = found
            left.remove(first)

        for first in range(n_asked):
            own = (name, spans[first::n_asked])
            done = partial(collect, first)
            self.ask(first, Task(f"computing {kernel}", compute, call, own, done))
        while left:
            self.wait()
        written = () if out is None else (out,)
        return cut.joined(self.store.joined, parts, *arguments, *written)

    def ask(self, number: int, task: Task) -> None:
        """Let a worker do something after all that it was asked before."""
        worker = self.workers[number]
        dropped = self.store.dropped[worker.n_dropped :]
        read = [worker.read.popleft() for _ in range(len(worker.read))]
        request = Request(task.function, task.packed.message, task.arguments, read, dropped)
        worker.tasks.append(task)
        worker.n_dropped = len(self.store.dropped)
        with suppress(OSError):  # it has died, as `wait` will find
            worker.connection.send_bytes(pickle.dumps(request))

    def wait(self) -> None:
        """Wait for an answer, and for whatever else has come meanwhile.

        Raises:
            BackendError: a worker has died, and none takes its place.
            Exception: whatever a worker raised.
        """
        try:
            for worker, has_answered in self.heard():
                if has_answered:
                    self.receive(worker)
                else:
                    self.replace_or_fail(worker)
        except KeyboardInterrupt:  # an answer may have been read in half
            self.stop()
            raise

    def heard(self) -> list[tuple[Worker, bool]]:
        """Wait until some workers have answered, or have died without an answer."""
        spin(lambda: self.selector.select(0))
        ready = sorted(key.data for key, _ in self.selector.select())
        answered = dict(ready)  # of both that may be ready of a worker its connection comes last
        return [(self.workers[number], has_answered) for number, has_answered in answered.items()]

    def receive(self, worker: Worker) -> None:
        """Take an answer of a worker; there is none after all if it has died in the middle."""
        try:
            answer = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self.replace_or_fail(worker)
            return
        task = worker.tasks.popleft()
        worker.n_lost = 0
        dropped, body = pickle.loads(answer)
        found = unpacked(body, worker.windows)
        worker.windows.forget(dropped)
        self.store.dropped += dropped  # others may have looked into them, too
        if isinstance(found, Exception):
            raise found
        task.done(found)

    def unregister(self, worker: Worker) -> None:
        """Wait for this worker no longer."""
        self.selector.unregister(worker.connection)
        self.selector.unregister(worker.process.sentinel)

    def replace_or_fail(self, worker: Worker) -> None:
        """Replace a worker that has died, or end the run.

        Raises:
            BackendError: it is not replaced.
        """
        worker.process.join(PATIENCE)
        self.clean_up_after(worker)
        if not is_replaced(self.on_loss, worker.n_lost):
            self.stop()
            raise BackendError(death_notice(worker, self.on_loss))
        self.replace(worker)

    def clean_up_after(self, worker: Worker) -> None:
        """Give back what a worker that has died had, but the segments that are still read."""
        self.unregister(worker)
        worker.connection.close()
        worker.windows.closed = unlink  # what is still read goes with its last view
        remove(worker.prefix, but=worker.windows.memories)

    def replace(self, worker: Worker) -> None:
        """Start another worker, which does all that this one has not answered."""
        new = self.workers[worker.number] = self.started(worker.number)
        new.n_lost = worker.n_lost + 1
        for task in [*self.first_tasks, *worker.tasks]:
            self.ask(worker.number, task)

    def stop(self) -> None:
        """End all workers, by force those that do not leave by themselves."""
        with ignoring_signals(*INTERRUPTS):
            for worker in self.workers:
                if not worker.connection.closed:
                    self.unregister(worker)
                worker.windows.is_open = False
                worker.connection.close()
            deadline = time.monotonic() + PATIENCE
            for worker in self.workers:
                worker.process.join(max(deadline - time.monotonic(), 0))
                if worker.process.is_alive():
                    worker.process.kill()
                    worker.process.join()
                remove(worker.prefix)
            self.workers, self.first_tasks = [], []

    def close(self) -> None:
        """End all workers, and give the memory back; in the process that made the pool alone."""
        if os.getpid() != self.pid:
            return
        with ignoring_signals(*INTERRUPTS):
            self.stop()
            self.store.close()
            remove(self.store.name)  # what was being made when the run was interrupted
            self.owner.close()


def absent_type(backend: Backend | None) -> type:
    """The type of the backend that is not packed; one that nothing has if there is none."""
    return NoType if backend is None else type(backend)


def is_replaced(on_loss: OnLoss, n_lost: int) -> bool:
    """Whether another worker takes the place of one that has died.

    Args:
        on_loss: what was asked for.
        n_lost: workers that have died in this place before it, since the last answer.
    """
    return on_loss == "respawn" and n_lost < MOST_LOSSES


def death_notice(worker: Worker, on_loss: OnLoss) -> str:
    """Which worker has died, how, and of what work."""
    code = worker.process.exitcode
    how = f"ended with code {code}"
    if code is not None and code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
    phase = worker.tasks[0].phase if worker.tasks else "waiting for work"
    remedy = "free memory if the system took it away"
    if on_loss == "fail":
        remedy += f", or choose {said('on_worker_loss', 'respawn')}"
    elif worker.n_lost:
        phase += f", and {worker.n_lost} before it at once"
    return (
        f"{worker.process.name} (process {worker.process.pid}) {how} while {phase}: this run ends, "
        f"and nothing is left half written; {remedy}"
    )
