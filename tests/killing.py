"""Runs that are killed again and again, and go on each time: python tests/killing.py TIMES BACKEND

A child trains; its parent kills it at a random moment, or it kills itself in the middle of writing
a checkpoint. The next child goes on. Whenever one comes to the end, what it has left is compared
with an undisturbed run. Prints a table; exit code 1 if a bit differs, or a child fails.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from interrupted import CONFIGS, TRAIN, VALID, bits
from threadpoolctl import threadpool_limits

import slide
from slide.core.checkpoints import files, shelf
from slide.core.checkpoints.every import Checkpoints, checkpoints_of
from slide.core.runs.keeping import Keeping
from slide.core.runs.to_folder import train_to_folder

LEARNERS = "layers", "direct", "svm"
CALLS = 60  # of the system that are waited for at most before one is the last


def dies_at(number):
    """Let this process be killed when it asks the system for the n-th time to write something."""
    calls = count(1)

    def deadly(function):
        def called(*arguments, **rest):
            if next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **rest)

        return called

    files.os.fsync = deadly(os.fsync)
    files.blocks_of = deadly(files.blocks_of)
    shelf.Path.rename = deadly(Path.rename)
    shelf.shutil.rmtree = deadly(shutil.rmtree)


def train(name, backend, threads, folder, **asked):
    """A whole run; with checkpoints if something is asked of them."""
    computer = slide.load_backend(backend)
    if hasattr(computer, "set_threads"):
        computer.set_threads(threads)
    checkpoints = Checkpoints(checkpoints_of(folder), **asked) if asked else None
    train_to_folder(
        TRAIN, VALID, folder, CONFIGS[name], computer,
        keeping=Keeping("best"), checkpoints=checkpoints,
    )  # fmt: skip


def child(deadly_call, *arguments, **asked):
    """The number of a process that trains, and is killed at a call if that is not 0."""
    number = os.fork()
    if number:
        return number
    if deadly_call:
        dies_at(deadly_call)
    code = 1
    try:
        train(*arguments, **asked)
        code = 0
    finally:
        os._exit(code)


def killed(name, backend, times, folder, seed):
    """Kills a run so many times; how many of them while it wrote, ends, and whether all is well."""
    rng, model = random.Random(f"{seed} {name} {backend}"), folder / "m"
    began = time.monotonic()
    train(name, backend, 1, folder / "undisturbed")
    expected, longest = bits(folder / "undisturbed"), time.monotonic() - began
    kills = in_writes = ends = 0
    is_well = True
    while is_well and (kills < times or not ends):
        by_itself = kills < times and rng.random() < 0.5
        call = rng.randrange(1, CALLS) if by_itself else 0
        number = child(call, name, backend, rng.randrange(1, 4), model, every="1", resume=True)
        if not by_itself and kills < times:
            time.sleep(rng.uniform(0, longest))
            os.kill(number, signal.SIGKILL)
        _, status = os.waitpid(number, 0)
        if os.WIFSIGNALED(status):
            kills += 1
            in_writes += bool(list(checkpoints_of(model).glob(".*partial*")))
            if not model.exists():
                continue
            shutil.rmtree(checkpoints_of(model))  # they were being removed: the run was complete
        ends += 1
        is_well = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        is_well = is_well and bits(model) == expected and not checkpoints_of(model).exists()
        shutil.rmtree(model, ignore_errors=True)
    return kills, in_writes, ends, is_well


def main(times, *backends):
    """A line of the table for each backend and learner."""
    print("backend          learner    kills  in a write  runs that ended  same bits", flush=True)
    all_well = True
    with threadpool_limits(1):
        for backend in backends:
            for name in LEARNERS:
                with tempfile.TemporaryDirectory() as folder:
                    found = killed(name, backend, int(times), Path(folder), "moments")
                kills, in_writes, ends, is_well = found
                all_well = all_well and is_well
                print(
                    f"{backend:16} {name:8} {kills:7} {in_writes:11} {ends:16}  "
                    f"{'yes' if is_well else 'NO'}",
                    flush=True,
                )
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
