"""Times in the format of pytest-benchmark's files, so that its `compare` reads them."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from slide.bench.machine import cpu_model
from slide.bench.racing import Entry

VERSION = "5.3.1"  # of pytest-benchmark, whose format it is


def as_text(entries: Sequence[Entry], threads: int) -> str:
    """The whole file; entries without times are left out."""
    return json.dumps(content(entries, threads), indent=1) + "\n"


def content(entries: Sequence[Entry], threads: int) -> dict[str, Any]:
    """What the file holds."""
    return {
        "machine_info": machine_info(),
        "commit_info": {},
        "benchmarks": [benchmark(entry, threads) for entry in entries if entry.seconds],
        "datetime": datetime.now(UTC).isoformat(),
        "version": VERSION,
    }


def machine_info() -> dict[str, Any]:
    """What figures depend on, and nothing that tells whose machine it is."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "release": platform.release(),
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
        "cpu": {"brand_raw": cpu_model(), "count": os.cpu_count()},
    }


def benchmark(entry: Entry, threads: int) -> dict[str, Any]:
    """One backend at one call."""
    params = {"call": entry.call, "size": entry.size, "backend": entry.backend}
    param = "-".join(params.values()).replace(", ", "-")
    return {
        "group": entry.group,
        "name": f"bench[{param}]",
        "fullname": f"slide::bench[{param}]",
        "params": params,
        "param": param,
        "extra_info": {
            "kernel": entry.made.kernel,
            "threads": threads,
            "flops": entry.made.flops,
            "bytes": entry.made.bytes,
            "floor": entry.floor,
        },
        "options": {"warmup": True},
        "stats": stats(entry.seconds),
    }


def stats(seconds: Sequence[float]) -> dict[str, Any]:
    """Of the rounds, each of one call."""
    several = len(seconds) > 1
    mean = statistics.fmean(seconds)
    stddev = statistics.stdev(seconds) if several else 0.0
    q1, median, q3 = (
        statistics.quantiles(seconds, n=4, method="inclusive") if several else [*seconds] * 3
    )
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    inside = [value for value in seconds if low <= value <= high]
    far = sum(abs(value - mean) > stddev for value in seconds)
    return {
        "min": min(seconds), "max": max(seconds), "mean": mean, "stddev": stddev,
        "rounds": len(seconds), "median": median, "iqr": q3 - q1, "q1": q1, "q3": q3,
        "iqr_outliers": len(seconds) - len(inside), "stddev_outliers": far,
        "outliers": f"{far};{len(seconds) - len(inside)}",
        "ld15iqr": min(inside), "hd15iqr": max(inside),
        "ops": 1 / mean, "total": sum(seconds), "iterations": 1,
    }  # fmt: skip
