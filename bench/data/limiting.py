"""A job under a limit of memory, and what it holds while it runs.

The limit is that of a control group (Linux), version 1 or 2, in which pages of mapped files count,
too, and give way. Where no group can be made, it is RLIMIT_DATA: of anonymous memory alone.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

GROUPS = Path("/sys/fs/cgroup")
MB = 1_000_000

Curve = list[tuple[float, float, float]]
"""Seconds, resident MB and anonymous MB."""


def made_group(limit: int) -> Path | None:
    """A new control group with this limit, bytes; None where none can be made."""
    own = {names: group for _, names, group in group_lines()}
    places = [(GROUPS / "memory", own.get("memory"), "memory.limit_in_bytes"),
              (GROUPS, own.get(""), "memory.max")]  # fmt: skip
    for mount, group, name in places:
        if group is None:
            continue
        folder = mount / group.lstrip("/") / f"slide-bench-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / name).write_text(str(limit))
        except OSError:
            folder.rmdir()
            continue
        return folder
    return None


def group_lines() -> Iterator[list[str]]:
    """Of /proc/self/cgroup: number, controllers, group."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        yield line.split(":", 2)


@contextmanager
def limited(limit: int | None) -> Iterator[tuple[str, Callable[[], None]]]:
    """What holds the limit, in words, and what a process does to come under it."""
    if limit is None:
        yield "no limit", lambda: None
        return
    folder = made_group(limit)
    if folder is None:
        yield "RLIMIT_DATA", lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        return
    try:
        yield "cgroup", lambda: put_into(folder)
    finally:
        folder.rmdir()


def put_into(folder: Path) -> None:
    """Have this process in a control group."""
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def run(job: str, limit: int | None, *arguments: str) -> tuple[dict[str, Any], Curve, str]:
    """The JSON that a program prints, what it held, and what limited it.

    Args:
        job: Python.
        limit: bytes; None for none.
        arguments: of the program.

    Raises:
        RuntimeError: it did not end well, as one does that is killed for want of memory.
    """
    curve: Curve = []
    with limited(limit) as (held_by, enter):
        began = time.perf_counter()
        command = [sys.executable, "-c", job, *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, preexec_fn=enter
        ) as child:
            while child.poll() is None:
                curve.append((time.perf_counter() - began, *memory_of(child.pid)))
                time.sleep(0.05)
            assert child.stdout is not None
            printed = child.stdout.read()
    if child.returncode:
        raise RuntimeError(f"exit code {child.returncode} under {limit} bytes")
    return json.loads(printed.splitlines()[-1]), curve, held_by


def memory_of(pid: int) -> tuple[float, float]:
    """Resident and anonymous MB of a process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    kilobytes = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
    return tuple(int(kilobytes.get(name, 0)) * 1024 / MB for name in ("VmRSS", "RssAnon"))
