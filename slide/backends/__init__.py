"""The registry of backends: built-ins, then entry points of the group `slide.backends`.

A backend is asked for by name, or as `module:Class` without being registered. Only the one asked
for is imported. Nothing is chosen by what the machine has: the same script does the same thing on
two machines.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from slide.core.contract.backend import KERNELS, Backend
from slide.core.errors import BackendError, ConfigError, SlideError, said
from slide.core.settings.demands import close_to, did_you_mean

BUILT_IN = {
    "cupy": "slide.backends.cupy_gpu:CupyBackend",
    "numba": "slide.backends.numba_threads:NumbaBackend",
    "processes": "slide.backends.processes:ProcessesBackend",
    "processes-numba": "slide.backends.processes:CompiledProcessesBackend",
    "reference": "slide.reference.kernels:ReferenceBackend",
}
DEFAULT = "numba"
GROUP = "slide.backends"
VARIABLE = "SLIDE_BACKEND"
CHECKS = "SLIDE_CHECK"
OF_POSIX = ("fcntl", "resource", "_posixshmem")
"""Modules of the standard library that Windows does not have."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One registered backend.

    Args:
        name: what to ask for.
        target: `module:Class`.
        origin: `built in`, or the distribution whose entry point it is.
        problem: why it cannot be used here, in one sentence; None if it can.
    """

    name: str
    target: str
    origin: str
    problem: str | None


def default_name() -> str:
    """The backend of a run that names none: $SLIDE_BACKEND if set, else `numba`."""
    return os.environ.get(VARIABLE) or DEFAULT


def create(name: str, **options: Any) -> object:
    """An instance of the backend of this name, complete or not (see `load`).

    Raises:
        BackendError: the name is unknown or registered twice, the backend cannot be imported, or
            has no such option.
    """
    target, owner = find(name)
    module, _, attribute = target.partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
        refuse_unknown(name, kind, options)
        return kind(**options)
    except BackendError:
        raise
    except ModuleNotFoundError as error:
        lacking = "which is not installed"
        if error.name in OF_POSIX:
            other = said("backend")
            lacking = f"which POSIX systems alone have: choose another {other}, such as numba"
        raise BackendError(
            f"backend {name!r}{owner} needs the module {error.name!r}, {lacking}"
        ) from error
    except Exception as error:  # whatever a stranger's module may raise
        raise BackendError(
            f"backend {name!r}{owner} is broken: {target} raised {type(error).__name__}: "
            f"{' '.join(str(error).split())}"
        ) from error


def refuse_unknown(name: str, kind: Any, options: dict[str, Any]) -> None:
    """Raise BackendError if a backend is given options that it does not have."""
    known = inspect.signature(kind).parameters if options else {}
    if unknown := sorted(set(options) - set(known)):
        raise BackendError(
            f"backend {name!r} has no option {' and '.join(unknown)}: leave it out, or choose "
            f"{said('backend', 'processes')}"
        )


def load(name: str | None = None, **options: Any) -> Backend:
    """A complete backend; with $SLIDE_CHECK=1 some of its calls are checked while they are made.

    Args:
        name: of a built-in, of an entry point, or `module:Class`; None for `default_name()`.
        options: of the backend's own, as `mode` of `processes`.

    Raises:
        BackendError: see `complete`; or its calls cannot be checked.
        ConfigError: $SLIDE_CHECK is neither 1 nor 0.
    """
    name, is_checked = name or default_name(), wants_checks()
    backend = complete(name, **options)
    return checked(backend, name, options) if is_checked else backend


def complete(name: str, **options: Any) -> Backend:
    """An instance of a backend that has every kernel of the protocol.

    Raises:
        BackendError: see `create`; or kernels are missing.
    """
    backend = create(name, **options)
    try:
        sentence = incompleteness(backend)
    except Exception as error:  # whatever a stranger's attributes may raise
        raise BackendError(
            f"backend {name!r} is broken: looking for its methods raised "
            f"{type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    if sentence:
        raise BackendError(f"backend {name!r} {sentence}")
    return cast(Backend, backend)


def incompleteness(backend: object) -> str:
    """What a backend lacks, and the remedy; empty if it lacks nothing."""
    wanted = (*KERNELS, "set_threads")
    missing = [method for method in wanted if not callable(getattr(backend, method, None))]
    if missing:
        return f"lacks {', '.join(missing)}: see slide.core.contract.backend for the protocol"
    if not isinstance(getattr(backend, "name", None), str):
        return "has no name: set its attribute `name` to a string"
    return ""


def use_threads(backend: Backend, n: int) -> int:
    """How many threads a backend uses after it was told to use n at most.

    Raises:
        BackendError: it raised something, or gave no such number.
    """
    wanted = f"expected an int from 1 to {n}, how many it will use"
    told = f"backend {backend.name!r}: set_threads({n})"
    try:
        used = backend.set_threads(n)
    except SlideError:
        raise
    except Exception as error:  # whatever a stranger's method may raise
        raise BackendError(
            f"{told} raised {type(error).__name__}: {' '.join(str(error).split())}; {wanted}"
        ) from error
    if not isinstance(used, int) or isinstance(used, bool) or not 1 <= used <= n:
        raise BackendError(f"{told} gave {used!r}: {wanted}")
    return used


def wants_checks() -> bool:
    """Whether $SLIDE_CHECK asks for checks; raises ConfigError if it is not understood."""
    value = os.environ.get(CHECKS, "")
    if value not in ("", "0", "1"):
        raise ConfigError(
            f"{CHECKS} is {value!r}: expected 1 to check kernels while they run, or 0 not to"
        )
    return value == "1"


def checked(backend: Backend, name: str, options: dict[str, Any]) -> Backend:
    """The backend with some of its calls checked.

    Raises:
        BackendError: it is of mode hogwild, in which arguments change while a kernel computes, so
            that there is no result to compare with.
    """
    from slide.reference.spot_checks import SpotChecked

    if getattr(backend, "mode", None) == "hogwild":
        raise BackendError(
            f"{CHECKS} is 1, but in mode hogwild weights change while a kernel reads them: leave "
            "one of them out"
        )
    arguments = [repr(name), *(f"{option}={value!r}" for option, value in options.items())]
    loading = f"slide.load_backend({', '.join(arguments)})"
    return cast(Backend, SpotChecked(backend, loading=loading))


def find(name: str) -> tuple[str, str]:
    """The target `module:Class` of a name, and a phrase that says whose entry point it is."""
    if not isinstance(name, str):
        raise BackendError(f"backend is {name!r:.60}: expected the name of one, such as 'numba'")
    if ":" in name:
        return name, ""
    registered = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    owners = [distribution(entry) for entry in registered]
    if name in BUILT_IN:
        owners.insert(0, "slide-engine")
    if len(owners) > 1:
        raise BackendError(
            f"backend {name!r} is registered by {' and by '.join(owners)}: uninstall all but one"
        )
    if name in BUILT_IN:
        return BUILT_IN[name], ""
    if registered:
        return registered[0].value, f" (entry point of distribution {owners[0]})"
    known = sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})
    meant = f"; {did_you_mean(name, known)}" if close_to(name, known) else ""
    raise BackendError(
        f"unknown backend {name!r}: expected one of {', '.join(known)}, or module:Class{meant}"
    )


def listings() -> Iterator[Listing]:
    """All registered backends, built-ins first, each with its problem if it has one."""
    for name, target in BUILT_IN.items():
        yield Listing(name, target, "built in", problem_of(name))
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        yield Listing(entry.name, entry.value, distribution(entry), problem_of(entry.name))


def problem_of(name: str) -> str | None:
    """Why a backend cannot be used here, or None."""
    try:
        complete(name)
    except BackendError as error:
        return str(error)
    return None


def distribution(entry: EntryPoint) -> str:
    """Name of the distribution that declares an entry point."""
    return entry.dist.name if entry.dist else "unknown"
