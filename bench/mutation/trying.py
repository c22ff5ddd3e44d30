"""One mutation: the module is changed in a copy of the checkout, judged, and changed back.

A worker has the libraries loaded and never the engine. For each stage it forks a child that imports
the engine from the copy, so that nothing of another mutation is left.
"""

from __future__ import annotations

import difflib
import importlib
import json
import os
import resource
import signal
import sys
import time
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

from bench.mutation.judges import Named
from bench.mutation.mutations import Mutation

LOADED = ("numpy", "scipy.sparse", "numba", "hypothesis.strategies", "threadpoolctl", "pytest")
MOST_MEMORY = 6 << 30
PATIENCE = 10  # wall seconds allowed for each second of CPU: others are at work, too

SURVIVED, KILLED, STUCK, INCOMPETENT = "survived", "killed", "timed out", "incompetent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutation.

    Args:
        end: one of the four above.
        stage: which judge had the last word.
        told: what it found wrong.
        seconds: of wall time in all.
    """

    end: str
    stage: str
    told: str = ""
    seconds: float = 0.0


def load_libraries() -> None:
    """Import what every child needs; one thread of BLAS, for a fork has no others."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for name in LOADED:
        importlib.import_module(name)


def tried(checkout: Path, mutation: Mutation, stages: list[Named]) -> WorkResult | None:
    """The result of a mutation, for its session; None if it changes nothing."""
    path, spec = checkout / mutation.module, mutation.spec
    operator = get_operator(spec.operator_name)(**spec.operator_args)
    with use_mutation(path, operator, spec.occurrence) as (before, after):
        if after is None:
            return None
        outcome = judged(checkout, mutation.module, stages)
    ends = {SURVIVED: TestOutcome.SURVIVED, INCOMPETENT: TestOutcome.INCOMPETENT}
    return WorkResult(
        WorkerOutcome.NORMAL,
        json.dumps(asdict(outcome)),
        ends.get(outcome.end, TestOutcome.KILLED),
        changed_lines(before, after),
    )


def judged(checkout: Path, module: str, stages: list[Named]) -> Outcome:
    """The first stage that finds something wrong, or else the last one."""
    start = time.monotonic()
    for stage in stages:
        end, told = in_child(checkout, module, stage)
        if end != SURVIVED:
            break
    return Outcome(end, stage.name, told, time.monotonic() - start)


def changed_lines(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def in_child(checkout: Path, module: str, stage: Named) -> tuple[str, str]:
    """How a stage ends, and what it says."""
    ours, theirs = Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        answer(theirs, checkout, module, stage)
    theirs.close()
    try:
        if not ours.poll(stage.most_seconds * PATIENCE):
            return STUCK, "wall time"
        return ours.recv()
    except EOFError:
        return cause_of_death(pid)
    finally:
        with suppress(ProcessLookupError, ChildProcessError):
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def cause_of_death(pid: int) -> tuple[str, str]:
    """How a child ended that has said nothing."""
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        return KILLED, f"ended with exit status {os.waitstatus_to_exitcode(status)}"
    name = signal.Signals(os.WTERMSIG(status)).name
    return (STUCK, "CPU time") if name == "SIGXCPU" else (KILLED, f"died by {name}")


def answer(line: Connection, checkout: Path, module: str, stage: Named) -> NoReturn:
    """What a child does: import the mutated module, run the stage, say how it ended."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    resource.setrlimit(resource.RLIMIT_CPU, (stage.most_seconds, stage.most_seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    os.chdir(checkout)
    sys.path[:0] = [str(checkout), str(checkout / "tests")]
    warnings.simplefilter("ignore")  # integers that wrap around do so without a word if compiled
    with TemporaryDirectory(dir=checkout) as cache:
        outcome = said(module, stage, cache)
    line.send(outcome)
    os._exit(0)


def said(module: str, stage: Named, cache: str) -> tuple[str, str]:
    """How a stage ends within the child.

    What is compiled is not looked for where it was before: a kernel takes in functions of other
    modules.
    """
    import numba

    numba.config.DISABLE_JIT = not stage.is_compiled
    numba.config.CACHE_DIR = cache
    try:
        importlib.import_module(module.removesuffix(".py").replace("/", "."))
    except BaseException as error:
        return INCOMPETENT, f"cannot be imported: {type(error).__name__}: {error}"
    try:
        told = stage.run()
    except BaseException as error:
        told = f"raised {type(error).__name__}: {error}"
    return (KILLED, told) if told else (SURVIVED, "")
