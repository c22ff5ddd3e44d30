"""A team of worker processes, and what becomes of it when one of them dies."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from selectors import EVENT_READ, DefaultSelector
from threading import RLock
from types import ModuleType
from typing import Any

import numpy as np

from slide.backends.shared import OnLoss
from slide.backends.shared.memory import Owner, Store, Windows, remove, sweep, unlink
from slide.backends.shared.messages import packed, unpacked
from slide.backends.shared.parts import CUTS, cut_of
from slide.backends.shared.working import Request, compute, spin, work
from slide.core.errors import BackendError
from slide.core.interrupts import ignoring_signals

FLOAT = np.dtype(np.float32)
MOST_LOSSES = 3  # of one worker, one after the other without an answer
PATIENCE = 1.0  # seconds for a worker to leave by itself


@dataclass(slots=True)
class Task:
    """A request that was not answered yet.

    Args:
        phase: what the worker does meanwhile, as "while ..." goes on.
        function, message, arguments: see `Request`.
        kept: arrays that the message speaks of, or who has them.
        done: called with the answer.
    """

    phase: str
    function: Callable[..., Any]
    message: bytes
    arguments: tuple[Any, ...]
    kept: list[Any]
    done: Callable[[Any], None]


@dataclass(slots=True)
class Member:
    """A worker, and the line to it.

    Args:
        number: its place in the team.
        process: the worker.
        line: to it.
        home: how the names of its segments begin.
        windows: into its memory.
        read: its segments that nobody looks at any more, of which it was not told yet.
        tasks: asked and not answered, oldest first.
        n_dropped: segments given back of which it was told.
        n_lost: workers at this place that have died since the last answer.
    """

    number: int
    process: SpawnProcess
    line: Connection
    home: str
    windows: Windows
    read: deque[str]
    tasks: deque[Task] = field(default_factory=deque)
    n_dropped: int = 0
    n_lost: int = 0


class Team:
    """Workers, and the memory that they share.

    Args:
        inner: the backend whose kernels they compute with, as `slide.backends.load` takes it.
        on_loss: what to do when one dies.

    Attributes:
        pid: of the process that has made it; another one may not use it.
        lock: held by the thread that uses it.
        members: those that were hired so far.
        opening: tasks that a worker which takes the place of another has to do first.
    """

    def __init__(self, inner: str, on_loss: OnLoss = "fail") -> None:
        self.pid, self.lock = os.getpid(), RLock()
        self.owner = Owner()
        self.store = Store(self.owner.name)
        self.inner, self.on_loss = inner, on_loss
        self.numbers = count()
        self.selector = DefaultSelector()
        self.members: list[Member] = []
        self.opening: list[Task] = []

    def hire(self, n: int) -> None:
        """Have n workers at least.

        Raises:
            BackendError: the team is of the process that this one was forked from.
        """
        if os.getpid() != self.pid:
            raise BackendError(
                "this backend was made before the process was forked: make another one after it"
            )
        if not self.members:
            sweep()
        while len(self.members) < n:
            self.members.append(self.hired(len(self.members)))

    def hired(self, number: int) -> Member:
        """A new worker; it has not been asked for anything."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        home = f"{self.store.name}-w{next(self.numbers)}"
        process = context.Process(
            target=work, args=(theirs, self.inner, home), name=f"worker {number}", daemon=True
        )
        with without_main(), ignoring_signals(signal.SIGINT, signal.SIGHUP):  # as it does
            process.start()
        theirs.close()
        self.selector.register(ours, EVENT_READ, (number, True))
        self.selector.register(process.sentinel, EVENT_READ, (number, False))
        read = deque[str]()
        windows = Windows(self.store, read.append)
        return Member(number, process, ours, home, windows, read, n_dropped=len(self.store.dropped))

    def compute(self, kernel: str, arguments: tuple[Any, ...], n: int) -> Any:
        """The result of a kernel, by n workers.

        Raises:
            BackendError: a worker has died.
            Exception: whatever the kernel raised.
        """
        with self.lock:
            return self.computed(cut_of(kernel, arguments), kernel, arguments, n)

    def computed(self, name: str, kernel: str, arguments: tuple[Any, ...], n: int) -> Any:
        """The same by the cut of this name, for the thread that holds the lock."""
        cut = CUTS[name]
        spans = cut.spans(n, *arguments)
        out = self.store.empty(cut.room(*arguments), FLOAT) if cut.room else None
        message, copies = packed((kernel, arguments, out), self.store)
        self.hire(n)
        parts: list[Any] = [None] * len(spans)
        n_asked = min(n, len(spans))
        left = set(range(n_asked))

        def take(first: int, found: list[Any]) -> None:
            parts[first::n_asked] = found
            left.remove(first)

        for first in range(n_asked):
            own = (name, spans[first::n_asked])
            done = partial(take, first)
            self.ask(first, Task(f"computing {kernel}", compute, message, own, copies, done))
        while left:
            self.pump()
        written = () if out is None else (out,)
        return cut.joined(self.store.joined, parts, *arguments, *written)

    def ask(self, number: int, task: Task) -> None:
        """Let a worker do something after all that it was asked before."""
        member = self.members[number]
        dropped = self.store.dropped[member.n_dropped :]
        read = [member.read.popleft() for _ in range(len(member.read))]
        request = Request(task.function, task.message, task.arguments, read, dropped)
        member.tasks.append(task)
        member.n_dropped = len(self.store.dropped)
        with suppress(OSError):  # it has died, as `pump` will find
            member.line.send_bytes(pickle.dumps(request))

    def pump(self) -> None:
        """Wait for an answer, and for whatever else has come meanwhile.

        Raises:
            BackendError: a worker has died, and none takes its place.
            Exception: whatever a worker raised.
        """
        try:
            for member, has_answered in self.heard():
                if has_answered:
                    self.receive(member)
                else:
                    self.lose(member)
        except KeyboardInterrupt:  # an answer may have been read in half
            self.dismiss()
            raise

    def heard(self) -> list[tuple[Member, bool]]:
        """Wait until some workers have answered, or have died without an answer."""
        spin(lambda: self.selector.select(0))
        ready = sorted(key.data for key, _ in self.selector.select())
        answered = dict(ready)  # of both that may be ready of a worker the line comes last
        return [(self.members[number], has_answered) for number, has_answered in answered.items()]

    def receive(self, member: Member) -> None:
        """Take an answer of a worker; there is none after all if it has died in the middle."""
        try:
            answer = member.line.recv_bytes()
        except (EOFError, OSError):
            self.lose(member)
            return
        task = member.tasks.popleft()
        member.n_lost = 0
        dropped, body = pickle.loads(answer)
        found = unpacked(body, member.windows)
        member.windows.forget(dropped)
        self.store.dropped += dropped  # others may have looked into them, too
        if isinstance(found, Exception):
            raise found
        task.done(found)

    def forget(self, member: Member) -> None:
        """Wait for this worker no longer."""
        self.selector.unregister(member.line)
        self.selector.unregister(member.process.sentinel)

    def lose(self, member: Member) -> None:
        """Put a new worker in the place of one that has died, or give up.

        Raises:
            BackendError: nobody is to take its place, or several have died in it.
        """
        sentence = epitaph(member, self.on_loss)
        self.forget(member)
        member.line.close()
        member.windows.closed = unlink
        remove(member.home, but=member.windows.memories)  # what is still read goes later
        if self.on_loss == "fail" or member.n_lost == MOST_LOSSES:
            self.dismiss()
            raise BackendError(sentence)
        new = self.members[member.number] = self.hired(member.number)
        new.n_lost = member.n_lost + 1
        for task in [*self.opening, *member.tasks]:
            self.ask(member.number, task)

    def dismiss(self) -> None:
        """Send everybody home, by force who does not go."""
        with ignoring_signals(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for member in self.members:
                if not member.line.closed:
                    self.forget(member)
                member.windows.is_open = False
                member.line.close()
            deadline = time.monotonic() + PATIENCE
            for member in self.members:
                member.process.join(max(deadline - time.monotonic(), 0))
                if member.process.is_alive():
                    member.process.kill()
                    member.process.join()
                remove(member.home)
            self.members, self.opening = [], []

    def close(self) -> None:
        """Send everybody home, and give the memory back: by whoever has made the team."""
        if os.getpid() != self.pid:
            return
        with ignoring_signals(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.dismiss()
            self.store.close()
            remove(self.store.name)  # what was being made when the run was interrupted
            self.owner.close()


@contextmanager
def without_main() -> Iterator[None]:
    """A process that is started within it does not run the caller's script once more.

    Nothing of a script is needed there, and a script without `if __name__ == "__main__"` would
    train again in each of its workers.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def epitaph(member: Member, on_loss: OnLoss) -> str:
    """Which worker has died, how, and of what work."""
    member.process.join(PATIENCE)
    code = member.process.exitcode
    how = f"ended with code {code}"
    if code is not None and code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
    phase = member.tasks[0].phase if member.tasks else "waiting for work"
    remedy = "free memory if the system took it away"
    if on_loss == "fail":
        remedy += ", or choose --on-worker-loss respawn"
    elif member.n_lost:
        phase += f", and {member.n_lost} before it at once"
    return (
        f"{member.process.name} (process {member.process.pid}) {how} while {phase}: this run ends, "
        f"and nothing is left half written; {remedy}"
    )
