"""Fuzz all targets, one after the other, and tell what was found.

    python -m fuzzing.run [--seconds N] [--out FOLDER] [TARGET ...]

Prints a table of executions, the corpus and findings, row by row; exit code 1 if anything was
found. The corpus stays in FOLDER, for the next run to go on from. A finding is a file: where it is
of use for longer, put it into tests/fuzzing/findings/TARGET/, where a test reads it from then on.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzzing.targets import TARGETS

OUT = Path("out/fuzz")
IN_MEMORY = Path("/dev/shm")
N_RUN = re.compile(r"number_of_executed_units: (\d+)|^Done (\d+) in|^#(\d+)\s", re.MULTILINE)
WIDTHS = (12, 9, 13, 9, 10)
Report = tuple[str, int, int, int, int]


def fuzzed(name: str, seconds: int, out: Path) -> Report:
    """Fuzz one target for so long: its name, seconds, executions, corpus and findings.

    A process that dies is begun anew, and counts as a finding.
    """
    corpus, findings = out / "corpus" / name, out / "findings" / name
    shutil.rmtree(findings, ignore_errors=True)
    began, n_run, n_died = time.monotonic(), 0, 0
    while (left := seconds - (time.monotonic() - began)) >= 1:
        with TemporaryDirectory(prefix="fuzz", dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as at:
            ended = child(name, max(1, int(left)), corpus.parent, findings.parent, Path(at))
        said = ended.stdout + ended.stderr
        counts = [int(next(filter(None, each))) for each in N_RUN.findall(said)]
        n_run += max(counts, default=0)
        print("".join(f"  {line}\n" for line in said.splitlines() if line[:6] == "found "), end="")
        if ended.returncode:
            n_died += 1
            keep_last(findings, n_died, said)
        if not counts:  # it did not even begin
            break
    return name, seconds, n_run, count(corpus), count(findings, "*.txt")


def child(name: str, seconds: int, *folders: Path) -> subprocess.CompletedProcess[str]:
    """The process that fuzzes."""
    command = [sys.executable, "-m", "fuzzing.child", name, str(seconds), *map(str, folders)]
    compiled = os.environ | {"SLIDE_BACKEND": "numba"}  # whose loops may crash
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, env=compiled
    )


def keep_last(findings: Path, n: int, said: str) -> None:
    """Keep the bytes that a process died of."""
    findings.mkdir(parents=True, exist_ok=True)
    (findings / f"died-{n}.txt").write_text(said[-10_000:])
    if (findings / "running").exists():
        shutil.copy(findings / "running", findings / f"died-{n}")


def count(folder: Path, pattern: str = "*") -> int:
    """Files in a folder."""
    return len(list(folder.glob(pattern)))


def row(cells: tuple[object, ...]) -> str:
    """A line of the table."""
    first, *others = (f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells)
    numbers = zip(others, WIDTHS[1:], strict=False)
    return f"{first:<{WIDTHS[0]}}" + "".join(f"{cell:>{width}}" for cell, width in numbers)


def main(fuzz: Callable[[str, int, Path], Report] = fuzzed) -> int:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(description="Fuzz readers and model folders.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--out", type=Path, default=OUT)
    said = parser.parse_args()
    unknown = set(said.targets) - set(TARGETS)
    if unknown:
        parser.error(f"there is no target {unknown.pop()}: expected one of {', '.join(TARGETS)}")
    reports = []
    print(row(("target", "seconds", "executions", "corpus", "findings")), flush=True)
    for name in said.targets or TARGETS:
        reports.append(fuzz(name, said.seconds, said.out))
        print(row(reports[-1]), flush=True)
    return 1 if any(report[-1] for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
