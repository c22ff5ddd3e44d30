"""What a figure depends on beside the code: machine, versions, commit."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from bench import ROOT
from slide.bench.machine import cpu_model
from slide.core.machine import cores

PACKAGES = ("numpy", "scipy", "numba", "torch")


def thread_counts(most: int) -> list[int]:
    """1, 2, 4 and so on, and the most itself."""
    return sorted({2**i for i in range(most.bit_length()) if 2**i < most} | {most})


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def git(*arguments: str) -> str:
    """What git answers, or nothing where there is no checkout."""
    try:
        return subprocess.check_output(
            ["git", *arguments], cwd=ROOT, text=True, stderr=subprocess.DEVNULL
        ).strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def commit() -> str:
    """The commit of the checkout, and whether tracked files differ from it."""
    head = git("rev-parse", "--short=12", "HEAD") or "no git checkout"
    changed = git("status", "--porcelain", "--untracked-files=no")
    return head + (" with uncommitted changes" if changed else "")


def gpu() -> dict[str, str]:
    """The GPU that CuPy computes on, and what is between them; nothing if there is none."""
    if importlib.util.find_spec("cupy") is None:
        return {}
    try:
        import cupy

        runtime = cupy.cuda.runtime
        found = runtime.getDeviceProperties(runtime.getDevice())
        driver, library = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    except (ImportError, RuntimeError):  # no GPU, or no driver or library that CuPy can load
        return {}
    return {
        "GPU": f"{found['name'].decode()}, {found['totalGlobalMem'] / 1e9:.1f} GB",
        "CUDA": f"{cuda_version(driver)} of the driver, {cuda_version(library)} of the runtime",
        "CuPy": cupy.__version__,
    }


def cuda_version(number: int) -> str:
    """12040 is 12.4."""
    return f"{number // 1000}.{number % 1000 // 10}"


def in_one_line() -> str:
    """Processor, cores, memory, system and Python, where the system tells of its memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cpu_model()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def facts() -> dict[str, str]:
    """The header of a report."""
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "CPU": cpu_model(),
        "cores": f"{cores()} of {os.cpu_count()}",
        "load before": load,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        **gpu(),
        "Python": platform.python_version(),
        **{package: version_of(package) for package in PACKAGES},
        "slide": version_of("slide-engine"),
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
