"""The loop of a worker process: it makes a backend, and does one job after the other."""

from __future__ import annotations

import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from types import FrameType
from typing import NoReturn

from threadpoolctl import threadpool_limits

from slide.backends import create
from slide.backends.shared.starting import leave_with_parent
from slide.core.errors import BackendError
from slide.core.interrupts import OF_TERMINAL, resend_dropped_signal


def serve_jobs(connection: Connection, target: str) -> None:
    """Make the backend, say its name, and do one job after the other until the parent hangs up.

    Args:
        connection: to the parent, which gets a name first, or the error that there is no backend.
        target: of the backend.
    """
    os.dup2(2, 1)  # what a kernel prints is no part of the report
    for number in OF_TERMINAL:
        signal.signal(number, signal.SIG_IGN)  # the parent's business: it ends its workers
    signal.signal(signal.SIGTERM, exit_on_signal)
    resend_dropped_signal(SystemExit, signal.SIGTERM, exit_on_signal)
    threading.Thread(target=leave_with_parent, daemon=True).start()
    try:
        backend = create(target)
    except BackendError as error:
        connection.send(error)
        return
    connection.send(name_of_backend(backend, target))
    with threadpool_limits(limits=1):  # BLAS with more threads has other last bits
        while True:
            try:
                connection.send(connection.recv().run(backend))
            except (EOFError, BrokenPipeError):  # the parent wants no more
                return


def name_of_backend(backend: object, target: str) -> str:
    """What a backend calls itself; what it was asked for by if it does not tell."""
    try:
        return str(getattr(backend, "name", target))
    except Exception:  # whatever a stranger's attributes may raise
        return target


def exit_on_signal(number: int, frame: FrameType | None) -> NoReturn:
    """Clean up and end: a backend may have processes and memory of its own."""
    sys.exit(128 + number)
