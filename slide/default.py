"""The backend of whoever names none: chosen as the command line does, with as many threads."""

from __future__ import annotations

from slide.backends import load, use_threads
from slide.core.contract.backend import Backend
from slide.core.contract.opening import opens_backends
from slide.core.machine import cores


@opens_backends
def open_backend(name: str | None) -> Backend:
    """The backend of this name, or the default one, on all cores that this process may use."""
    backend = load(name)
    use_threads(backend, cores())
    return backend
