"""Backends that compute on a device, a GPU for instance: their kernels return before they are done.

Such a backend has a method `synchronize`, which waits (see `slide.core.contract.backend.Backend`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slide.core.contract.backend import Backend


def is_on_device(backend: Backend) -> bool:
    """Whether kernels run elsewhere than on the cores of this machine."""
    return hasattr(backend, "synchronize")


def wait_for_device(backend: Backend) -> None:
    """Return when all is done that the backend was asked for."""
    getattr(backend, "synchronize", lambda: None)()


def waiting_for_device(backend: Backend, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which returns when all is done that it asked the backend for."""
    if not is_on_device(backend):
        return function

    def whole(*arguments: Any) -> Any:
        result = function(*arguments)
        wait_for_device(backend)
        return result

    return whole
