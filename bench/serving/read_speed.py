"""How fast files are read: `python -m bench.serving.read_speed [PATH...]`.

Median of five readings of each file, by default of the bundled set, in MB (10^6 bytes) of plain
text a second; for a compressed file the time to decompress is part of it. A first reading warms the
file cache and is not counted.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from pathlib import Path

import numpy as np

import slide.data
from slide.data import read
from slide.data.source import chunks

READINGS = 5
BUNDLED = Path(slide.data.__file__).parent / "demo" / "train.txt.zst"


def seconds_to_read(path: Path) -> float:
    begin = time.perf_counter()
    read(path)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", default=[BUNDLED])
    paths = parser.parse_args().paths
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    for path in paths:
        megabytes = sum(map(len, chunks(path))) / 1e6
        seconds_to_read(path)
        median = statistics.median(seconds_to_read(path) for _ in range(READINGS))
        print(f"{megabytes / median:7.1f} MB/s  {megabytes:7.1f} MB  {median:.3f} s  {path}")


if __name__ == "__main__":
    main()
