"""Backends by name, and their threads: what whoever hands a backend over may say instead of it.

The engine does not import the registry of backends. What knows it says how one is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slide.core.errors import BackendError, ConfigError

if TYPE_CHECKING:
    from slide.core.contract.backend import Backend

MOST_THREADS = 4096

Opener = Callable[[str | None], "Backend"]
_openers: list[Opener] = []


def opens_backends(opener: Opener) -> Opener:
    """Let this function, of a name or None for the default, open backends from now on."""
    _openers.append(opener)
    return opener


def opened(backend: Backend | str | None) -> Backend:
    """A backend itself, or the one of this name, or the default one for None.

    Raises:
        BackendError: it cannot be opened, or is none.
    """
    if backend is None or isinstance(backend, str):
        return _openers[-1](backend)
    if not callable(getattr(backend, "put", None)):
        raise BackendError(
            f"backend is {backend!r}: expected the name of one, or what slide.load_backend gives"
        )
    return backend


def n_threads(n: Any) -> int:
    """A number of threads as an int.

    Raises:
        ConfigError: there cannot be so many.
    """
    from slide.core.contract.handed import is_whole

    if not (is_whole(n) and 1 <= n <= MOST_THREADS):
        raise ConfigError(
            f"threads is {n!r}: expected a whole number from 1 to {MOST_THREADS}, such as the "
            "cores of the machine"
        )
    return int(n)
