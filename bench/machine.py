"""What a figure depends on beside the code: machine, versions, commit, neighbours."""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("numpy", "scipy", "numba", "torch")
LAST_LEVEL = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
USUAL_CACHE = 32 << 20  # where the system does not tell


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_counts(most: int) -> list[int]:
    """1, 2, 4 and so on, and the most itself."""
    return sorted({2**i for i in range(most.bit_length()) if 2**i < most} | {most})


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def cache_bytes() -> int:
    """The cache that all cores share."""
    text = LAST_LEVEL.read_text().strip() if LAST_LEVEL.exists() else ""
    return int(text[:-1]) << 10 if text.endswith("K") else USUAL_CACHE


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


def facts() -> dict[str, str]:
    """The header of a report."""
    commit = git("rev-parse", "--short=12", "HEAD") or "no git checkout"
    dirty = " with uncommitted changes" if git("status", "--porcelain") else ""
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
        "commit": commit + dirty,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def cpu_seconds() -> float:
    """Of this process, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class Busy:
    """How many cores were ours: CPU seconds over wall seconds, since it was made.

    With all threads at work and nobody else on the machine it is the number of threads.
    """

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), cpu_seconds()

    def seconds(self) -> float:
        return time.perf_counter() - self.wall

    def cores(self) -> float:
        return (cpu_seconds() - self.cpu) / self.seconds()
