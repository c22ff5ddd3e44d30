"""Run one command in a fresh process and measure what it took."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import ROOT

PAUSE = 0.05


class FailedError(Exception):
    """A run that gave no figures; the message says why in a few words."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took from its start to its end.

    Args:
        seconds: by the clock.
        cpu_seconds: of all its threads.
        peak_mb: its largest resident memory, in units of 10**6 bytes.
        timeline: now and then, the time of day (as `time.time`) and the CPU seconds until then.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    timeline: list[tuple[float, float]]

    def cpu_between(self, begin: float, end: float) -> float:
        """CPU seconds between two times of day."""
        times, spent = zip(*self.timeline, strict=True)
        return float(np.diff(np.interp([begin, end], times, spent))[0])


def measured(command: list[str], log: Path, limit: float, environment: dict[str, str]) -> Usage:
    """Run the command to its end, its output to `log`, in the root of the checkout.

    Args:
        command: program and arguments.
        log: stdout goes there, stderr to the file with `.err` added.
        limit: seconds after which the process is ended.
        environment: variables to add to those of this process.

    Raises:
        FailedError: the command failed or reached the limit.
    """
    errors = log.with_name(log.name + ".err")
    with log.open("wb") as out, errors.open("wb") as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=err, env=os.environ | environment
        )
        try:
            usage = watched(process, began, limit)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    if process.returncode:
        raise FailedError(reason(process.returncode, errors))
    return usage


def watched(process: subprocess.Popen[bytes], began: float, limit: float) -> Usage:
    """Wait for the process, looking at its memory and CPU seconds from time to time."""
    peak, timeline = 0.0, [(time.time(), 0.0)]
    while True:
        peak = max(peak, high_water(process.pid))
        timeline.append((time.time(), cpu_seconds(process.pid)))
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        seconds = time.perf_counter() - began
        if ended:
            process.returncode = os.waitstatus_to_exitcode(status)
            spent = usage.ru_utime + usage.ru_stime
            return Usage(seconds, spent, peak, [*timeline[:-1], (time.time(), spent)])
        if seconds > limit:
            raise FailedError(f"not done after {limit:,.0f} s")
        time.sleep(PAUSE)


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process, all its threads, so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def high_water(pid: int) -> float:
    """The most memory a process has held so far, in MB.

    Not `ru_maxrss`, which counts what the parent held before the child became another program.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = (int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return next(kib, 0) * 1024 / 1e6


def reason(code: int, errors: Path) -> str:
    """The end of the last line a failed process wrote, or the signal that ended it."""
    if code < 0:
        return f"ended by signal {-code}"
    last = errors.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    return last[-300:] or f"exit status {code}"


def size_mb(path: Path) -> float:
    """Bytes of all files below a folder, in units of 10**6."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
