"""The report of a machine with a GPU: `python -m bench.gpu.verify_and_time`, or `make gpu`.

Verifies the backend `cupy`, then runs all benches with it. Writes verify.txt (the grid), report.md
and report.json (the benches), and gpu.md, which has all of it for people. Nothing is timed that is
not verified. Exit status: 0 if all went well, 1 if something failed, and then the files say what,
2 if the backend cannot be used here, and then no file is touched.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from bench import ROOT
from bench.harness.machine import facts
from bench.harness.tables import Table, document
from slide.backends import problem_of

FILES = ("verify.txt", "report.md", "report.json", "gpu.md")


class Verified(NamedTuple):
    """What `slide verify` said.

    Args:
        command: as a user types it.
        grid: all that it printed.
        status: with which it ended.
    """

    command: str
    grid: str
    status: int

    def text(self) -> str:
        return f"$ {self.command}\n{self.grid}exit status {self.status}\n"

    def table(self) -> Table:
        verdict = "passed" if not self.status else "**failed, so that nothing was timed**"
        note = f"`{self.command}` {verdict}: exit status {self.status}."
        return Table("Verification", [], f"{note}\n\n```\n{self.grid.strip()}\n```")


def verify(backend: str, n_examples: int) -> Verified:
    """Check every kernel of a backend in a process of its own, and show what it prints."""
    arguments = ["verify", backend, "--examples", str(n_examples)]
    done = subprocess.run(
        [sys.executable, "-m", "slide", *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout, flush=True)
    return Verified(" ".join(["slide", *arguments]), done.stdout, done.returncode)


def bench(args: argparse.Namespace) -> int:
    """Run all benches into the folder, and return their exit status."""
    data = ["--data", str(args.data.resolve())] if args.data else []
    quick = ["--quick"] if args.quick else []
    command = ["-m", "bench.report", "--backend", args.backend, "--out", str(args.out.resolve())]
    whole = [sys.executable, *command, *data, *quick]
    return subprocess.run(whole, cwd=ROOT, check=False).returncode


def report_in(folder: Path) -> dict[str, Any]:
    """What the benches left: header and tables, or that they left nothing."""
    path = folder / "report.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found | {"tables": [Table(**table) for table in found["tables"]]}
    note = "**They ended without a report: see what they printed.**"
    return {"about": {}, "tables": [Table("Benches: not complete", [], note)]}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="cupy", help="name or module:Class (cupy)")
    parser.add_argument("--examples", type=int, default=200, help="per check, at most (200)")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="X_train.npz and so on; else drawn"
    )
    parser.add_argument("--quick", action="store_true", help="benches of small sizes, few rounds")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "gpu", metavar="DIR")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if problem := problem_of(args.backend):
        print(f"gpu: {problem}", file=sys.stderr)
        sys.exit(2)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (args.out / name).unlink(missing_ok=True)  # of another run
    header = {"GPU": "none that CuPy sees", **facts()}
    verified = verify(args.backend, args.examples)
    (args.out / "verify.txt").write_text(verified.text(), encoding="utf-8")
    status, tables = verified.status, [verified.table()]
    if not status:
        status, report = bench(args), report_in(args.out)
        header = header | report["about"] | header  # where both know a fact, that of before counts
        tables += report["tables"]
    text = document("slide on a GPU", header, tables)
    (args.out / "gpu.md").write_text(text, encoding="utf-8")
    print(f"--- {args.out / 'gpu.md'}")
    sys.exit(bool(status))


if __name__ == "__main__":
    main()
