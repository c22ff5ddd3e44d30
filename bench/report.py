"""All benches in one report: `python -m bench.report`, or `make bench`.

Runs the benches one after the other, each in a process of its own, and writes report.md for people
and report.json for programs. What fails is said in the report, and by the exit status.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import slide
from bench import ROOT
from bench.harness.machine import facts
from bench.harness.options import verified
from bench.harness.tables import Table, document, duration, left_out
from bench.serving.read_speed import BUNDLED, READINGS, seconds_to_read
from slide.bench.devices import is_on_device
from slide.bench.machine import Busy
from slide.core.machine import cores
from slide.data.source import chunks

NOTES = {
    "Kernels": "Bytes and flops are the least that the kernel needs (`slide/bench/calls.py`): what "
    "fits into the cache is there, for each round has the same arguments.",
    "Training steps": "The network of size A; *full* is a dense softmax, *uniform* a sampled one: "
    "the baselines. Tables are built outside of the time.",
    "Training runs": "Each with the P@1 that it buys on held-out examples; *time* is that of the "
    "whole run, the warm-up included, *ms a step* that of training.",
    "Compilation": "What the first run waits for before its first step: in a fresh process, with "
    "compiled kernels on disk or without. *time* is that of the whole process.",
    "Scaling with labels": "The active set stays as large, so the step should take as long.",
    "Scaling with threads": "The same step.",
    "All rows": "What is done for all neurons: rare in training, always in exact inference.",
    "Memory": "A training run in a fresh process, in 10^6 bytes of the machine's memory: arrays on "
    "a GPU are not in it.",
    "Inference frontier": "Up to 1,024 queries at once, exact and by tables. Recall is against the "
    "exact top 5 of the same network.",
    "Two pools of threads": "Why the backend keeps BLAS on one thread: the same work with BLAS on "
    "all threads, on a machine that is ours, and beside processes that keep half its cores busy.",
}
"""How to read the tables that pytest-benchmark fills, by section."""

OF_CORES = ("Scaling with threads", "Two pools of threads")
"""Those among them that `conftest.py` leaves empty for a backend on a GPU."""

ORDER = (
    "Time taken", "Limits", "Kernels", "Training steps", "Training runs", "Against PyTorch",
    "Roofline", "Compilation", "Scaling", "All rows", "Memory", "Inference", "Two pools", "Reading",
)  # fmt: skip
"""How titles begin, in the order of the report."""


class Section(NamedTuple):
    """What one process gave.

    Args:
        tables: for the report.
        name: of the section.
        seconds: of wall.
        busy: cores kept busy by it and its children, mean.
        status: 0 if all went well.
    """

    tables: list[Table]
    name: str
    seconds: float
    busy: float
    status: int


def run(name: str, command: list[str], result: Path) -> Section:
    """A bench in a process of its own; `result` is the JSON that it leaves."""
    print(f"--- {name}", flush=True)
    busy = Busy()
    status = subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode
    seconds, share = busy.seconds(), busy.cores()
    tables = tables_in(json.loads(result.read_text())) if result.exists() else []
    if status:
        note = f"**It failed with exit status {status}: see what it printed.**"
        tables.append(Table(f"{name}: not complete", [], note))
    return Section(tables, name, seconds, share, status)


def tables_in(content: Any) -> list[Table]:
    """Those that a script wrote, or one for each section that pytest-benchmark timed."""
    if isinstance(content, list):
        return [Table(**table) for table in content]
    by_section: dict[str, list[dict[str, Any]]] = {}
    for one in content["benchmarks"]:
        by_section.setdefault(one["extra_info"]["section"], []).append(row_of(one))
    return [Table(title, rows, NOTES.get(title, "")) for title, rows in by_section.items()]


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """What was timed, how long it took, and what the bench noted of it."""
    stats, noted = one["stats"], dict(one["extra_info"])
    del noted["section"]
    seconds = stats["median"]
    row = dict(one["params"] or {}) | {"time": seconds}
    if stats["rounds"] > 1:
        row["spread %"] = 100 * stats["iqr"] / seconds
    for name, unit in (("flops", "GFLOP/s"), ("bytes", "GB/s")):
        if name in noted:
            row[unit] = noted.pop(name) / seconds / 1e9
    return row | noted


def pytest_command(args: argparse.Namespace, result: Path) -> list[str]:
    few = ["--benchmark-max-time=0.1", "--benchmark-min-rounds=3"] if args.quick else []
    backends = [option for name in args.backend for option in ("--backend", name)]
    return ["-m", "pytest", "bench", "--benchmark-quiet", f"--benchmark-json={result}",
            *few, *backends, *common(args)]  # fmt: skip


def common(args: argparse.Namespace) -> list[str]:
    """The options that are passed on to every bench."""
    data = ["--data", str(args.data)] if args.data else []
    return ["--threads", str(args.threads), *data, *(["--quick"] if args.quick else [])]


def sections(args: argparse.Namespace) -> list[Section]:
    """All benches."""
    with TemporaryDirectory() as folder:
        results = (Path(folder) / f"{number}.json" for number in count())
        found = []
        for name in args.backend:
            options, result = ["--backend", name, *common(args), "--json"], next(results)
            command = ["-m", "bench.kernels.roofline", *options, str(result)]
            found.append(run(f"roofline, {name}", command, result))
            if importlib.util.find_spec("torch"):
                result = next(results)
                command = ["-m", "bench.rivals.against_torch", *options, str(result)]
                found.append(run(f"against PyTorch, {name}", command, result))
        result = next(results)
        found.append(run("benches", pytest_command(args, result), result))
    return found


def not_for(name: str) -> list[Table]:
    """What the report says where benches left a backend out."""
    if not is_on_device(slide.load_backend(name)):
        return []
    return [left_out(title, name) for title in OF_CORES]


def reading() -> Table:
    """How fast the bundled set is read (`bench.serving.read_speed`)."""
    megabytes = sum(map(len, chunks(BUNDLED))) / 1e6
    seconds_to_read(BUNDLED)
    seconds = statistics.median(seconds_to_read(BUNDLED) for _ in range(READINGS))
    row = {"file": BUNDLED.name, "MB": megabytes, "time": seconds}
    note = "XMC text, compressed; in 10^6 bytes of plain text a second."
    return Table("Reading", [row | {"MB/s": megabytes / seconds}], note)


def about(args: argparse.Namespace) -> dict[str, str]:
    """What the figures are figures of."""
    data = "from a folder" if args.data else "drawn by chance"
    return facts() | {
        "backends": ", ".join(args.backend),
        "threads": str(args.threads),
        "examples of size A": f"{data}, {'quick' if args.quick else 'full'} sizes",
    }


def effort(found: list[Section]) -> Table:
    """Where the time of the report went, and whether the cores were ours."""
    rows = [{"part": one.name, "time": one.seconds, "CPU / wall": one.busy} for one in found]
    note = "CPU seconds over wall seconds: the number of threads at most, less if neighbours were."
    return Table("Time taken", rows, note)


def tables_of(found: list[Section], backends: list[str]) -> list[Table]:
    """In the order in which they are read."""
    tables = [table for section in found for table in section.tables]
    tables += [table for name in backends for table in not_for(name)]
    if importlib.util.find_spec("torch") is None:
        note = "**PyTorch is not installed, so there is no race: `pip install torch`.**"
        tables.append(Table("Against PyTorch", [], note))
    return sorted([*tables, reading(), effort(found)], key=lambda table: place(table.title))


def place(title: str) -> int:
    """Where a table comes in the report; what did not run as it should comes first."""
    return next((i for i, start in enumerate(ORDER) if title.startswith(start)), -1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", action="append", help="name or module:Class; may be repeated")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="X_train.npz and so on; else drawn"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench", metavar="DIR")
    args = parser.parse_args()
    args.backend = args.backend or ["numba"]
    args.data = args.data and args.data.resolve()  # benches run in another folder
    return args


def main() -> None:
    args = arguments()
    for name in args.backend:
        try:
            verified(name, args.threads)
        except slide.BackendError as error:
            print(f"bench: {error}", file=sys.stderr)
            sys.exit(2)
    began, header = time.perf_counter(), about(args)
    found = sections(args)
    tables = tables_of(found, args.backend)
    header["time taken"] = duration(time.perf_counter() - began)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "report.md").write_text(
        document("Benchmarks of slide", header, tables), encoding="utf-8"
    )
    content = {"about": header, "tables": [asdict(table) for table in tables]}
    (args.out / "report.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(f"--- {args.out / 'report.md'} and report.json")
    sys.exit(any(section.status for section in found))


if __name__ == "__main__":
    main()
