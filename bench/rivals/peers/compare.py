"""Compare slide with its peers: `python -m bench.rivals.peers.compare [--data DIR] ...`.

Trains every contestant on every set with every seed, each time in a fresh process, and writes
out/peers/report.md, a PNG of accuracy over time for each set, and runs.json with every figure.
What is in runs.json already is not measured again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.harness.machine import commit, in_one_line
from bench.rivals.peers import sets
from bench.rivals.peers.contestant import Contestant, Task
from bench.rivals.peers.curves import draw, draw_all
from bench.rivals.peers.engine import Slide
from bench.rivals.peers.environments import OUT
from bench.rivals.peers.lock import machine_lock
from bench.rivals.peers.measure import FailedError, size_mb
from bench.rivals.peers.peer import PEERS
from bench.rivals.peers.records import Record, Records
from bench.rivals.peers.scores import Judge
from bench.rivals.peers.standings import write_report


@dataclass(slots=True)
class Harness:
    """Args: what was measured so far, and the options of the command line."""

    records: Records
    args: argparse.Namespace

    def compare(self, source: sets.Source, contestants: list[Contestant]) -> None:
        """All contestants on one set, in alternating order from seed to seed."""
        folder = sets.prepare(source, self.args.out / "data")
        judge = Judge(folder, source.recommender)
        for seed in range(self.args.seeds):
            for contestant in contestants[:: 1 if seed % 2 == 0 else -1]:
                key = self.key(source, contestant, seed)
                if self.args.again or not (self.records.has("runs", key) or self.known_bad(key)):
                    self.run(key, contestant, folder, judge)
        for contestant in contestants:
            if isinstance(contestant, Slide) and not self.args.no_curves:
                self.trace(self.key(source, contestant, 0), contestant, folder)

    def key(self, source: sets.Source, contestant: Contestant, seed: int) -> Record:
        names = {"set": source.name, "contestant": contestant.name, "seed": seed}
        return {**names, "version": contestant.version(), "threads": self.args.threads}

    def known_bad(self, key: Record) -> bool:
        return not self.args.again and self.records.failed(key)

    def run(self, key: Record, contestant: Contestant, folder: Path, judge: Judge) -> None:
        """One run, and its record, also of a failure."""
        started = about(judge)
        with self.task(key, folder, judge.k) as task:
            try:
                figures = figures_of(contestant, task, judge) | {"failed": None}
            except FailedError as error:
                figures = {"failed": str(error)}
        self.records.add("runs", key | started | figures)
        print(told(key, figures), flush=True)

    def trace(self, key: Record, contestant: Slide, folder: Path) -> None:
        """One more run, whose accuracy is watched."""
        if self.records.failed(key) or (self.records.has("curves", key) and not self.args.again):
            return
        with self.task(key, folder, 0) as task:
            try:
                points = contestant.curve(task)
            except FailedError as error:
                print(f"{key['set']:18} {key['contestant']:14} no curve: {error}", flush=True)
                return
        self.records.add("curves", key | {"date": now(), "points": points})

    @contextmanager
    def task(self, key: Record, folder: Path, k: int) -> Iterator[Task]:
        """A task in a scratch folder, which is removed after it."""
        scratch = Path(tempfile.mkdtemp(prefix="run-", dir=self.args.out))
        try:
            yield Task(folder, scratch, key["threads"], key["seed"], k, self.args.limit)
        finally:
            shutil.rmtree(scratch)


def about(judge: Judge) -> Record:
    return {"date": now(), "commit": commit(), "machine": in_one_line(), **judge.sizes}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def figures_of(contestant: Contestant, task: Task, judge: Judge) -> Record:
    """Train, predict, and judge."""
    training = contestant.train(task)
    model_mb = size_mb(task.model)
    prediction = contestant.predict(task)
    return {
        "seconds_train": training.seconds,
        "cpu_per_wall_train": training.cpu_seconds / training.seconds,
        "seconds_process": training.process.seconds,
        "cpu_seconds_train": training.cpu_seconds,
        "cpu_seconds_process": training.process.cpu_seconds,
        "peak_mb": training.process.peak_mb,
        "model_mb": model_mb,
        "predictions_per_second": len(prediction.top) / prediction.seconds,
        "cpu_per_wall_predict": prediction.cpu_seconds / prediction.seconds,
        "scores": judge.scores(prediction.top),
        "masked_scores": judge.masked_scores(prediction.deep),
        "settings": training.settings,
    }


def told(key: Record, figures: Record) -> str:
    """A line for the screen."""
    name = f"{key['set']:18} {key['contestant']:14} seed {key['seed']}"
    if figures["failed"]:
        return f"{name}  failed: {figures['failed']}"
    p1, p5 = (100 * figures["scores"][f"precision_at_{k}"] for k in (1, 5))
    seconds, rate = figures["seconds_train"], figures["predictions_per_second"]
    return f"{name}  {seconds:8.1f} s  P@1 {p1:5.2f}  P@5 {p5:5.2f}  {rate:9,.0f} predictions/s"


def contestants_of(args: argparse.Namespace) -> list[Contestant]:
    """Those asked for and installed."""
    known: dict[str, Contestant] = {each.name: each for each in (Slide(), *PEERS)}
    if unknown := set(args.peers) - set(known):
        raise ValueError(f"no peer named {', '.join(unknown)}: expected {', '.join(known)}")
    found: list[Contestant] = []
    for name in args.peers:
        if known[name].version() is None:
            print(f"{name} is not installed and is left out: python -m bench.rivals.peers.install")
        else:
            found.append(known[name])
    found += [Slide.variant(text) for text in args.variant]
    if not found:
        raise ValueError("nobody is left to compare")
    return found


def sources_of(args: argparse.Namespace) -> list[sets.Source]:
    """The sets asked for; without --sets, all that are there."""
    found = []
    for name in args.sets if args.sets is not None else sets.REAL:
        source = sets.real(name, args.data)
        if source is not None:
            found.append(source)
        elif args.sets is not None:
            raise ValueError(f"no set named {name} there: expected DIR/{name}/train.txt.gz")
    if unknown := set(args.synthetic) - set(sets.SYNTHETIC):
        raise ValueError(f"--synthetic got {', '.join(unknown)}: expected S or A")
    if args.synthetic and not args.synthetic_tool:
        raise ValueError("--synthetic needs --synthetic-tool, the path of make_synthetic.py")
    folder = args.out / "data"
    return found + [sets.synthetic(size, args.synthetic_tool, folder) for size in args.synthetic]


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def parsed() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, metavar="DIR", help="folder of sets: NAME/{train,test}.txt.gz")
    add("--sets", type=names, metavar="A,B", help="all in DIR and the bundled one if not given")
    add("--synthetic", type=names, default=[], metavar="S,A", help="sizes to generate as well")
    add("--synthetic-tool", type=Path, metavar="PATH", help="make_synthetic.py, which makes them")
    everyone = ["slide", *(peer.name for peer in PEERS)]
    add("--peers", type=names, default=everyone, metavar="X,Y", help=", ".join(everyone))
    add("--variant", action="append", default=[], metavar="'NAME: OPTIONS'",
        help="slide once more, with options of slide train; repeatable")  # fmt: skip
    add("--seeds", type=int, default=3, help="runs of each contestant (3)")
    add("--threads", type=int, default=2, help="of each, on as many cores (2)")
    add("--limit", type=float, default=3600, help="seconds that a process may take (3600)")
    add("--again", action="store_true", help="measure also what is in runs.json")
    add("--no-curves", action="store_true", help="no extra runs for accuracy over time")
    add("--out", type=Path, default=OUT, help="where data, results and report go (out/peers)")
    return parser, parser.parse_args()


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # and what it started, with it
    parser, args = parsed()
    args.out = args.out.resolve()
    (args.out / "data").mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])  # children inherit it
    try:
        contestants, sources = contestants_of(args), sources_of(args)
    except ValueError as error:
        parser.error(str(error))
    with machine_lock():
        harness = Harness(Records.open(args.out / "runs.json"), args)
        for source in sources:
            harness.compare(source, contestants)
            draw(harness.records, source.name, args.threads, args.out)
            write_report(harness.records, args.threads, args.out)
        draw_all(harness.records, [source.name for source in sources], args.threads, args.out)
    print(f"Report: {args.out / 'report.md'}")


if __name__ == "__main__":
    main()
