"""The branches that a backend does not take, found in a process whose kernels are not compiled.

Run as a module it is that process: `python -m slide.backends.branches TARGET N_EXAMPLES SEED`. It
ends when its standard input does, which whoever began it holds open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import numba
from threadpoolctl import threadpool_limits

from slide.backends import create, find
from slide.core.errors import SlideError
from slide.reference.branches.marking import Hook
from slide.reference.branches.recording import Recorder
from slide.reference.branches.untaken import Untaken, list_untaken
from slide.reference.branches.workers import WorkerMarks, collect_notes

PATIENCE = 300  # seconds
LEAST_EXAMPLES = 32  # small calls of each kind: with fewer, what is seldom drawn would seem untaken
NOT_OWN = (
    "slide.core.",
    "slide.backends.binding",
    "slide.reference.cases.",
    "slide.reference.branches.",
)
"""Modules that are no backend's own."""


def find_untaken(target: str, n_examples: int, seed: int) -> tuple[list[Untaken], list[str]]:
    """Call all kernels of a backend where none is compiled, and see where they did not go.

    Args:
        target: registered name, or `module:Class`.
        n_examples: calls of each kernel with each kind of small arguments, if that is enough;
            those with large ones come on top.
        seed: of the arguments.

    Returns:
        The untaken branches of the backend's own source, by file and line; and a sentence about
        each part of it that could not be seen. Nothing that a backend does makes this raise.
    """
    command = [sys.executable, "-m", __name__, target, str(n_examples), str(seed)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)
    }
    held, holding = os.pipe()
    try:
        done = subprocess.run(
            command, env=environment, stdin=held, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [], [f"uncompiled it is so slow that after {PATIENCE} seconds nothing was known"]
    finally:
        os.close(held)
        os.close(holding)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        return [], [f"the kernels could not be run uncompiled: {last[0]}"]
    found = json.loads(done.stdout)
    return [Untaken(**one) for one in found["untaken"]], found["unseen"]


def find_untaken_here(
    target: str, n_examples: int, seed: int, folder: Path
) -> tuple[list[Untaken], list[str]]:
    """The same in this process, where nothing of the backend was imported before.

    Args:
        target, n_examples, seed: see `find_untaken`.
        folder: empty.
    """
    top = find(target)[0].partition(":")[0].partition(".")[0]
    hook = Hook(top, Recorder(), NOT_OWN if top == "slide" else ())
    sys.meta_path.insert(0, hook)
    WorkerMarks(folder, hook.top, hook.but).install()
    stop_compiling()
    from slide.reference.branches.driving import drive_kernels  # imports modules of the reference

    sentences = drive_kernels(create(target), hook.recorder, max(n_examples, LEAST_EXAMPLES), seed)
    all_seen = collect_notes(hook, folder)
    found = list_untaken(hook.marked, hook.recorder, hook.root, all_seen)
    return found, [*sentences, *unseen_parts(hook, all_seen)]


def stop_compiling() -> None:
    """Let numba leave functions as they are, here and in workers, before any is imported.

    One that was made before would be compiled when it is first called, which fails where functions
    of numba's own, that it calls, have been left as they are.
    """
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    config: Any = numba.config
    config.reload_config()


def unseen_parts(hook: Hook, all_seen: bool) -> Iterator[str]:
    """A sentence about each part of the source that has no marks, or whose marks are elsewhere."""
    if not hook.marked:
        yield f"no source in Python was found of {hook.top}"
    for one in hook.marked:
        for name in one.opaque:
            yield f"{name} in {one.path.relative_to(hook.root)} is compiled whatever one asks for"
    if not all_seen:
        yield "worker processes did not end by themselves: what they computed was not seen"


def leave_with_parent() -> NoReturn:
    """End this process when nobody waits for it any more, however the other one has ended."""
    os.read(0, 1)
    os._exit(1)


def main() -> None:
    """Print what `find_untaken_here` gives as JSON, and nothing that a backend prints."""
    target, n_examples, seed = sys.argv[1:]
    threading.Thread(target=leave_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")  # integers that wrap around, as they do when compiled
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        try:
            with threadpool_limits(limits=1), TemporaryDirectory() as folder:
                found, sentences = find_untaken_here(
                    target, int(n_examples), int(seed), Path(folder)
                )
        except SlideError as error:
            sys.exit(str(error))
        json.dump({"untaken": list(map(asdict, found)), "unseen": sentences}, out)


if __name__ == "__main__":
    main()
