"""What a worker process does."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from threadpoolctl import threadpool_limits

from slide.backends.shared.memory import Store, Windows
from slide.backends.shared.messages import packed, portable, unpacked
from slide.backends.shared.parts import CUTS
from slide.core.backend import Backend

PATIENCE = 2.0  # seconds for what is being computed when the parent has gone


@dataclass(frozen=True, slots=True)
class Request:
    """What a worker is asked to do.

    Args:
        number: of the request, one more each time.
        function: called with the desk, what was packed, and `arguments`.
        message: arguments whose arrays lie in shared memory.
        arguments: small ones.
        read: numbers of requests whose answers nobody needs any more.
        dropped: segments that their owner has given back.
    """

    number: int
    function: Callable[..., Any]
    message: bytes
    arguments: tuple[Any, ...]
    read: list[int]
    dropped: list[str]


@dataclass(slots=True)
class Desk:
    """What a worker has before it.

    Args:
        backend: its own, which computes.
        windows: into the parent's memory.
        store: for answers.
        answers: arrays of answers that the parent may still read, by request.
        run, config: those that it takes part in, where workers take steps of their own.
    """

    backend: Backend
    windows: Windows
    store: Store
    answers: dict[int, Any] = field(default_factory=dict)
    run: Any = None
    config: Any = None

    def answer(self, request: Request) -> bytes:
        """What the function gives, or the error that it raised, as a message."""
        for number in request.read:
            self.answers.pop(number, None)
        self.windows.forget(request.dropped)
        try:
            thing = unpacked(request.message, self.windows, self.backend)
            found = request.function(self, thing, *request.arguments)
        except Exception as error:  # the parent raises it
            found = portable(error)
        answer, copies = packed(found, self.store)
        if copies:
            self.answers[request.number] = copies
        dropped, self.store.dropped = self.store.dropped, []
        return pickle.dumps((dropped, answer))


def compute(
    desk: Desk, call: tuple[str, tuple[Any, ...]], cut: str, spans: list[tuple[int, int]]
) -> list[Any]:
    """The results of some parts of a kernel."""
    kernel, arguments = call
    function, part = getattr(desk.backend, kernel), CUTS[cut].part
    return [function(*part(start, stop, *arguments)) for start, stop in spans]


def work(line: Connection, inner: str, name: str) -> None:
    """What a worker does all day: until the line goes dead, because the parent has left.

    Args:
        line: to the parent.
        inner: the backend that computes.
        name: how the names of its segments begin.
    """
    from slide.backends import load

    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent's business: it sends everybody home
    threading.Thread(target=leave_with_parent, daemon=True).start()
    desk = Desk(load(inner), Windows(), Store(name))
    with threadpool_limits(limits=1):
        desk.backend.set_threads(1)
        while True:
            try:
                request = cast(Request, pickle.loads(line.recv_bytes()))
                line.send_bytes(desk.answer(request))
            except (EOFError, OSError):  # the parent has gone, or does not want an answer
                break
    desk.answers.clear()
    desk.store.close()


def leave_with_parent() -> None:
    """End this process some seconds after the parent has ended, whatever is being computed."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    threading.Event().wait(PATIENCE)
    os._exit(1)
