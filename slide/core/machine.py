"""Cores and memory that this process may use: those of the machine, or what it was given of them.

A container is given its share by control groups of Linux, version 1, 2 or both beside each other.
A group lies in others, whose limits hold for it, too. Files that are missing, or say what they
never should, limit nothing. A shell limits its processes by `ulimit -v`.

Source: the kernel's admin-guide, cgroup-v1 and cgroup-v2.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/")
USUAL_PERIOD = 100_000  # microseconds, of the share of a core that a group has


def cores() -> int:
    """Cores that this process may use; of a quota of 1.5 the half one is used, too."""
    return math.ceil(min(cores_of_machine(), cpu_quota()))


def memory() -> float:
    """Bytes that this process may use; infinite where the system does not tell."""
    return min(memory_of_machine(), memory_limit(), address_space())


def cores_of_machine() -> int:
    """Cores that the scheduler gives this process."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS, nor on Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_of_machine() -> float:
    """Bytes of it; infinite where the system does not tell, as Windows does not by this way."""
    if not hasattr(os, "sysconf"):
        return math.inf
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def address_space() -> float:
    """Bytes that `ulimit -v` leaves to this process; infinite if it does not say."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return math.inf
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if limit == resource.RLIM_INFINITY else limit


def cpu_model() -> str:
    """As the system calls it."""
    info = ROOT / "proc" / "cpuinfo"
    for line in (
        info.read_text(encoding="utf-8", errors="replace").splitlines() if info.exists() else ()
    ):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def cpu_quota(root: Path = ROOT) -> float:
    """Cores' worth of time that control groups give; infinite if they do not say.

    Args:
        root: of the file system.
    """
    quotas = [math.inf]
    for folder in group_folders(root):
        words = words_in(folder / "cpu.max")  # version 2
        quotas.append(number(words) / number(words[1:], USUAL_PERIOD))
        quota, period = (words_in(folder / f"cpu.cfs_{each}_us") for each in ("quota", "period"))
        quotas.append(number(quota) / number(period, USUAL_PERIOD))  # version 1
    return min(quotas)


def memory_limit(root: Path = ROOT) -> float:
    """Bytes that control groups allow; infinite if they do not say.

    Args:
        root: of the file system.
    """
    names = "memory.max", "memory.limit_in_bytes"  # versions 2 and 1
    folders = group_folders(root)
    found = [number(words_in(folder / name)) for folder in folders for name in names]
    return min(found, default=math.inf)


def group_folders(root: Path) -> Iterator[Path]:
    """The folders of our groups, and of those around them, whatever is limited there.

    In a container the group may be told by its name outside, of which only the outermost folder,
    that is the container's own, is seen there.
    """
    mounts = root / "sys/fs/cgroup"
    for names, group in our_groups(root):
        mounted = [mounts / names, *(mounts / name for name in names.split(","))]
        if not names:  # version 2, in the place of version 1 or beside it
            mounted = [mounts, mounts / "unified"]
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for mount in dict.fromkeys(mounted):
            for depth in range(len(parts) + 1):
                yield mount.joinpath(*parts[:depth])


def our_groups(root: Path) -> Iterator[tuple[str, str]]:
    """Names of controllers with commas between them, none in version 2, and the group's path."""
    with suppress(OSError):
        for line in (
            (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
        ):
            _, _, said = line.partition(":")  # after the number of the hierarchy
            names, _, group = said.partition(":")
            yield names, group


def words_in(path: Path) -> list[str]:
    """Of a file; none if it cannot be read."""
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="ascii").split()
    return []


def number(words: list[str], otherwise: float = math.inf) -> float:
    """The number that words begin with; `max`, -1, 0 and no word at all are none."""
    given = int(words[0]) if words and words[0].isdecimal() else 0
    return given or otherwise
