"""What this machine offers to the engine: cores, memory, compiler, BLAS, GPU, optional packages."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from slide import __version__
from slide.backends import default_name, listings
from slide.core import machine

PROJECT = "slide-engine"
SHARED = Path("/dev/shm")
LITTLE_SHARED = 1 << 30  # bytes, with which worker processes soon have too little
BRINGS = {
    "cupy": "the backend cupy, which computes on an NVIDIA GPU",
    "distributed": "training on several machines, by Ray",
    "report": "slide report, and plots in the reports of the benches",
    "sklearn": "slide.SlideClassifier, and vectorizers for texts",
    "text": "training on texts in JSON lines, CSV, Parquet and Arrow",
    "onnx": "slide export",
    "service": "the service of examples/service",
    "tensorboard": "slide train --tensorboard, event files",
    "testing": "pytest, for backends of your own (slide.testing)",
    "docs": "the site of the documentation (make docs)",
    "bench": "the benches, beside PyTorch",
    "fuzz": "fuzzing of the readers",
    "mutation": "changes at random, to test the tests",
    "dist": "make dist, which builds the package",
    "dev": "all that make check and make test use",
}
"""What each extra of the package is for."""
REQUIREMENT = re.compile(r"^([\w.-]+)(\[[^\]]*\])?([^;]*);.*extra\s*==\s*['\"]([\w-]+)['\"]")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at.

    Args:
        name: of it.
        said: what was found.
        problem: what is wrong with it, and what helps; "" if nothing is.
    """

    name: str
    said: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Extra:
    """A set of optional packages.

    Args:
        name: of it.
        brings: what it is for.
        installed: the version of each of its packages; None where one is missing.
        install: the command that brings what is missing.
    """

    name: str
    brings: str
    installed: dict[str, str | None]
    install: str

    @property
    def is_whole(self) -> bool:
        """Whether all its packages are there."""
        return all(self.installed.values())


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found.

    Args:
        findings: one for each thing.
        extras: optional packages.
        can_run: whether the engine can compute here at all, by numba.
    """

    findings: tuple[Finding, ...]
    extras: tuple[Extra, ...]
    can_run: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def examined() -> Examination:
    """Look at everything; nothing is written, but what numba keeps of a kernel."""
    compiler = of_compiler()
    findings = [
        Finding("slide", f"{__version__}, in {Path(__file__).parents[1]}"),
        Finding("python", f"{platform.python_version()}, {sys.executable}"),
        Finding("machine", f"{cpu_model()}, {platform.system()} {platform.machine()}"),
        of_cores(),
        of_memory(),
        compiler,
        of_cache(),
        *of_blas(),
        of_shared_memory(),
        *of_backends(),
    ]
    return Examination(tuple(findings), tuple(extras()), can_run=not compiler.problem)


def cpu_model() -> str:
    """As the system calls it."""
    return machine.cpu_model()


def of_cores() -> Finding:
    """Cores that there are, and that this process may use."""
    n, used, quota = machine.cores_of_machine(), machine.cores(), machine.cpu_quota()
    limit = "" if quota == float("inf") else f"; a control group gives {quota:.1f}"
    return Finding("cores", f"{used} to compute with, of {n} by affinity{limit}")


def of_memory() -> Finding:
    """Memory of the machine, and what this process may use of it."""
    whole, usable = machine.memory_of_machine(), machine.memory()
    if whole == float("inf"):
        return Finding("memory", "the system does not tell")
    less = f", {in_gigabytes(usable)} for this process" if usable < whole else ""
    return Finding("memory", in_gigabytes(whole) + less)


def in_gigabytes(n: float) -> str:
    """So many bytes."""
    return f"{n / 1e9:,.1f} GB"


def of_compiler() -> Finding:
    """Numba, which has to compile for anything to run."""
    try:
        import numba

        compiler: Any = numba.njit
        if (found := compiler(add_one)(1)) != 2:
            raise ArithmeticError(f"1 + 1 is {found}")
    except Exception as error:  # whatever a broken installation raises
        problem = f"nothing can be computed ({type(error).__name__}: {error}): install numba anew"
        return Finding("numba", "broken", problem)
    said = f"{numba.__version__}, compiles; kernels run on threads of slide's own, not on numba's"
    return Finding("numba", said)


def add_one(n: int) -> int:
    """What is compiled to see that something can be."""
    return n + 1


def of_cache() -> Finding:
    """Where compiled kernels are kept, and whether that can be written."""
    try:
        from slide.backends.threads.products import sum_rows

        kernel: Any = sum_rows
        path = Path(kernel.stats.cache_path)
    except Exception as error:
        return Finding("kernel cache", "unknown", f"numba does not tell ({error})")
    place = next((each for each in (path, *path.parents) if each.exists()), path)
    if os.access(place, os.W_OK):
        return Finding("kernel cache", str(path))
    problem = "cannot be written, so each run compiles: set NUMBA_CACHE_DIR to a folder that can be"
    return Finding("kernel cache", str(path), problem)


def of_blas() -> Iterator[Finding]:
    """Each BLAS that is loaded, and its threads, of which a run takes one."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    found = [each for each in threadpool_info() if each["user_api"] == "blas"]
    for each in found:
        said = f"{each['internal_api']} {each['version']}, {each['num_threads']} threads"
        yield Finding("BLAS", f"{said}; slide limits it to 1 beside its own")
    if not found:
        problem = "its threads cannot be limited, and may fight with slide's for cores"
        yield Finding("BLAS", "none that threadpoolctl knows", problem)


def of_shared_memory() -> Finding:
    """What worker processes share."""
    if not SHARED.exists():
        return Finding(str(SHARED), "is not there: the backends processes need a POSIX system")
    room = os.statvfs(SHARED)
    free, whole = room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
    said = f"{in_gigabytes(free)} free of {in_gigabytes(whole)}"
    problem = ""
    if free < LITTLE_SHARED:
        problem = "little for --backend processes: mount -o remount,size=8G /dev/shm"
    return Finding(str(SHARED), said, problem)


def of_backends() -> Iterator[Finding]:
    """Each backend that is registered."""
    default = default_name()
    for listing in listings():
        mark = ", the default" if listing.name == default else ""
        said = f"not available{mark}" if listing.problem else f"available{mark}"
        yield Finding(f"backend {listing.name}", said, listing.problem or "")


def extras() -> Iterator[Extra]:
    """Each set of optional packages, as the installed package declares them."""
    found: dict[str, dict[str, str | None]] = {name: {} for name in BRINGS}
    for line in requirements():
        if match := REQUIREMENT.match(line):
            package, _, _, name = match.groups()
            if package.lower() != PROJECT:  # sets that are made of others
                found.setdefault(name, {})[package] = version_of(package)
    for name, installed in found.items():
        if installed:
            yield Extra(name, BRINGS.get(name, ""), installed, f"pip install '{PROJECT}[{name}]'")


def requirements() -> list[str]:
    """What the installed package requires; nothing where only its sources are there."""
    try:
        return metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        return []


def version_of(package: str) -> str | None:
    """The one that is installed, if any is."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
