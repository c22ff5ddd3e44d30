"""Which changes of the engine does nobody notice? `python -m bench.mutation.survivors`.

cosmic-ray makes the mutations of the chosen modules; an even random sample of them is judged in
copies of the checkout, as many at once as there are processes, until the time is over. What is left
is out/mutation/report.md and a session of cosmic-ray for each module. docs/mutation.md tells more.
"""

from __future__ import annotations

import argparse
import compileall
import multiprocessing
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkResult

from bench import ROOT
from bench.mutation.findings import line_of, write_report
from bench.mutation.judges import REJECTING, Named, stages_of, survivors_of
from bench.mutation.mutations import Mutation, begin_session, in_order, session_file
from bench.mutation.trying import SURVIVED, in_child, load_libraries, tried

MODULES = ("slide/backends/threads", "slide/backends/numba_threads.py", "slide/reference")
COPIED = ("slide", "tests", "pyproject.toml", "examples", "docs")
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Task:
    """A mutation for a worker.

    Args:
        mutation: itself.
        weak: names of wrong kernels that pass the suite as it is.
        stages: which of the judges are asked.
        deadline: on the monotonic clock; later it is not begun.
    """

    mutation: Mutation
    weak: frozenset[str]
    stages: slice
    deadline: float


FIRST, LATER = slice(1), slice(1, None)
checkout: Path  # of this worker


def begin_worker(checkouts: multiprocessing.Queue[Path]) -> None:
    global checkout
    checkout = checkouts.get()


def work(task: Task) -> tuple[Mutation, WorkResult | None]:
    stages = stages_of(task.mutation.module, task.weak)[task.stages]
    if time.monotonic() > task.deadline or not stages:
        return task.mutation, None
    return task.mutation, tried(checkout, task.mutation, stages)


def copy_to(folder: Path) -> Path:
    """A copy of what the judges need, compiled so that a change of the source is always seen."""
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    mode = PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(folder, quiet=2, invalidation_mode=mode)
    return folder


def modules_in(chosen: list[str]) -> list[str]:
    """Paths in the checkout of the modules in some folders."""
    found = []
    for name in chosen:
        path = ROOT / name
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        found += [str(file.relative_to(ROOT)) for file in files]
    return found


def weak_kernels(checkout: Path, modules: list[str]) -> frozenset[str]:
    """Wrong kernels of the tests that pass as things are; nothing where none of them judges."""
    if not any(stage.name == REJECTING for one in modules for stage in stages_of(one, NONE)):
        return NONE

    def told() -> str:
        from slide.reference.checks import GRID

        return " ".join(survivors_of(tuple(GRID)))

    stage = Named("weak", told, 600)
    _, names = in_child(checkout, "slide/__init__.py", stage)
    return frozenset(names.split())


def wrong_without(checkout: Path, modules: list[str]) -> list[str]:
    """What the shorter judges find wrong without any mutation: there should be nothing."""
    stages = {str(one.run): one for each in modules for one in stages_of(each, NONE)}
    found = [
        (one, *in_child(checkout, "slide/__init__.py", one))
        for one in stages.values()
        if one.is_short
    ]
    return [f"{one.name} {end}: {told}" for one, end, told in found if end != SURVIVED]


def run(args: argparse.Namespace) -> None:
    sessions = args.out / "sessions"
    sessions.mkdir(parents=True, exist_ok=True)
    load_libraries()
    modules = modules_in(args.modules)
    with tempfile.TemporaryDirectory(prefix="mutation-") as scratch:
        checkouts = [copy_to(Path(scratch) / str(i)) for i in range(args.processes)]
        if wrong := wrong_without(checkouts[0], modules):
            raise SystemExit(f"a judge finds fault with the code as it is: {wrong[0]}")
        weak = weak_kernels(checkouts[0], modules)
        found = [one for name in modules for one in begin_session(checkouts[0], sessions, name)]
        sample = in_order(found, args.seed)[: args.sample]
        for mutation, result in results(checkouts, sample, 60 * args.minutes, weak):
            with use_db(str(session_file(sessions, mutation.module))) as session:
                session.set_result(mutation.item.job_id, result)
            print(line_of(mutation, result), flush=True)
    write_report(args.out)
    print(f"Report: {args.out / 'report.md'}")


def results(
    checkouts: list[Path], sample: list[Mutation], seconds: float, weak: frozenset[str]
) -> Iterator[tuple[Mutation, WorkResult]]:
    """What became of mutations, each as soon as it is known, until the time is over.

    The first judges, who are quick, see all of the sample, in half of the time at most. What
    survives them goes to the others, and is told again.
    """
    context = multiprocessing.get_context("fork")
    free = context.Queue()
    for one in checkouts:
        free.put(one)
    begin = time.monotonic()
    with context.Pool(len(checkouts), begin_worker, (free,)) as pool:
        for stages, end in ((FIRST, begin + seconds / 2), (LATER, begin + seconds)):
            left = []
            tasks = [Task(one, weak, stages, end) for one in sample]
            for mutation, result in pool.imap_unordered(work, tasks):
                if result is not None:
                    yield mutation, result
                    left += [mutation] * (result.test_outcome == TestOutcome.SURVIVED)
            sample = left


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # and what it started, with it
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("modules", nargs="*", default=list(MODULES), help="modules or folders of them")
    add("--minutes", type=float, default=60, help="after which no other mutation is tried (60)")
    add("--sample", type=int, help="how many mutations at most; all if not given")
    add("--seed", type=int, default=0, help="of the sample (0)")
    add("--processes", type=int, default=2, help="that try mutations at once (2)")
    add("--out", type=Path, default=ROOT / "out" / "mutation", help="folder for the report")
    args = parser.parse_args()
    args.out = args.out.resolve()
    run(args)


if __name__ == "__main__":
    main()
