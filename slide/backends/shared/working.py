"""What runs in a worker process: requests are received, computed and answered."""

from __future__ import annotations

import pickle
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from selectors import EVENT_READ, DefaultSelector
from typing import Any, NamedTuple, cast

from threadpoolctl import threadpool_limits

from slide.backends.shared.memory import Place, Store, Windows, place_of
from slide.backends.shared.messages import packed, portable, unpacked
from slide.backends.shared.parts import CUTS
from slide.backends.shared.starting import leave_with_parent
from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.interrupts import OF_TERMINAL

AWAKE = 2e-4  # seconds


class Request(NamedTuple):
    """What a worker is asked to do.

    Args:
        function: called with the worker's context, what was packed, and `arguments`.
        message: arguments whose arrays lie in shared memory.
        arguments: small ones.
        read: segments of its own that nobody looks at any more.
        dropped: segments that their owner has given back.
    """

    function: Callable[..., Any]
    message: bytes
    arguments: tuple[Any, ...]
    read: list[str]
    dropped: list[str]


@dataclass(slots=True)
class WorkerContext:
    """What a function that runs in a worker can use.

    Args:
        backend: its own, which computes.
        windows: into the parent's memory.
        store: for answers.
        answers: arrays that the parent may still read, by their segments.
        state: of whoever asks, from one request to the next.
    """

    backend: Backend
    windows: Windows
    store: Store
    answers: dict[str, Array] = field(default_factory=dict)
    state: Any = None

    def answer(self, request: Request) -> bytes:
        """What the function gives, or the error that it raised, as a message."""
        for name in request.read:
            self.answers.pop(name, None)
        self.windows.forget(request.dropped)
        try:
            thing = unpacked(request.message, self.windows, self.backend)
            found = request.function(self, thing, *request.arguments)
            answer, copies = packed(found, self.store)
        except Exception as error:  # the parent raises it
            answer, copies = packed(portable(error), self.store)
        self.answers |= {place_in_store(array).segment: array for array in copies}
        dropped, self.store.dropped = self.store.dropped, []
        return pickle.dumps((dropped, answer))


def place_in_store(array: Array) -> Place:
    """The place of an array that lies in this process's store."""
    place = place_of(array)
    assert place is not None
    return place


def compute(
    context: WorkerContext, call: tuple[str, tuple[Any, ...], Array | None], name: str,
    spans: list[tuple[int, int]],
) -> list[Any]:  # fmt: skip
    """The results of some parts of a kernel, less what was written where the parent wants it."""
    kernel, arguments, out = call
    function, cut = getattr(context.backend, kernel), CUTS[name]
    found = []
    for start, stop in spans:
        result = function(*cut.part(start, stop, *arguments))
        found.append(cut.write(out, result, start, stop, *arguments) if cut.write else result)
    return found


def work(connection: Connection, inner: str, name: str) -> None:
    """Answer requests until the connection ends, because the parent has left.

    Args:
        connection: to the parent.
        inner: the backend that computes.
        name: how the names of its segments begin.
    """
    from slide.backends import complete

    for number in OF_TERMINAL:
        signal.signal(number, signal.SIG_IGN)  # the parent's business: it ends its workers
    threading.Thread(target=leave_with_parent, daemon=True).start()
    store = Store(name)
    context = WorkerContext(complete(inner), Windows(store), store)
    selector = DefaultSelector()
    selector.register(connection, EVENT_READ)
    with threadpool_limits(limits=1):
        context.backend.set_threads(1)
        while True:
            try:
                spin(lambda: selector.select(0))
                request = cast(Request, pickle.loads(connection.recv_bytes()))
                connection.send_bytes(context.answer(request))
            except (EOFError, OSError):  # the parent has gone, or does not want an answer
                break
    context.answers.clear()
    context.store.close()


def spin(is_ready: Callable[[], object]) -> None:
    """Wait awake for a moment: to be woken up takes longer than most kernels."""
    deadline = time.perf_counter() + AWAKE
    while not is_ready() and time.perf_counter() < deadline:
        pass
