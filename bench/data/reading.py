"""Parser threads: `python -m bench.data.reading [--megabytes N] [--rounds N]`.

Reads made-up XMC text with one and with two threads that parse, in turn, each a process of its own;
the file is cached. Seconds by the clock, and of the CPUs, which do not count what others take.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.data.folders import write_text

JOB = """
import json, sys, time
from unittest.mock import patch
import slide
import slide.data
from slide.data import ordered
with patch.object(ordered, "MOST_THREADS", int(sys.argv[2])):
    began, cpu = time.perf_counter(), time.process_time()
    slide.read(sys.argv[1])
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]))
"""


def seconds(path: Path, n_threads: int) -> tuple[float, float]:
    """By the clock, and of the CPUs."""
    command = [sys.executable, "-c", JOB, str(path), str(n_threads)]
    clock, cpu = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return clock, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    gains = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "made.txt"
        write_text(path, asked.megabytes)
        megabytes = path.stat().st_size / 1e6
        for _ in range(asked.rounds):
            one, two = seconds(path, 1), seconds(path, 2)
            gains.append(one[0] / two[0])
            for n, (clock, cpu) in ((1, one), (2, two)):
                print(f"{n} threads: {megabytes / clock:6.1f} MB/s, {clock:.2f} s by the clock, "
                      f"{cpu:.2f} s of the CPUs", flush=True)  # fmt: skip
    print(
        f"two threads are {median(gains):.2f} times as fast, {min(gains):.2f} to {max(gains):.2f}"
    )


if __name__ == "__main__":
    main()
