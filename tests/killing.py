"""Runs that are interrupted again and again, and go on each time: python tests/killing.py 50 numba

A child trains; its parent sends it a signal at a random moment, or it kills itself in the middle of
writing a checkpoint. The next child goes on. Whenever one comes to the end, what it has left is
compared with an undisturbed run. Prints a table; exit code 1 if a bit differs, or a child fails.
Of HOGWILD workers, the backend `hogwild` here, nobody claims bits: their runs have to end.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from itertools import count
from pathlib import Path

from interrupted import CONFIGS, TRAIN, VALID, bits
from threadpoolctl import threadpool_limits

import slide
from slide.core.checkpoints import files, shelf
from slide.core.checkpoints.every import Checkpoints, checkpoints_of
from slide.core.learners.kinds import kind_of
from slide.core.runs.keeping import Keeping
from slide.core.runs.to_folder import train_to_folder

LEARNERS = "layers", "direct", "svm", "stacked"
HOGWILD = "hogwild"
KILLED, ASKED = "SIGKILL", "SIGINT, SIGTERM"
POLITE = signal.SIGINT, signal.SIGTERM  # after which a run writes a checkpoint and leaves
FEWER = 5  # interrupts by those than by SIGKILL
CALLS = 60  # of the system that are waited for at most before one is the last
LEFT = 130  # exit code of a run that was asked to


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
    files.write_all = deadly(files.write_all)
    shelf.Path.rename = deadly(Path.rename)
    shelf.shutil.rmtree = deadly(shutil.rmtree)


def computer_of(backend, threads):
    """The backend, on so many threads if that can be chosen."""
    if backend == HOGWILD:
        return slide.load_backend("processes", mode="hogwild")
    computer = slide.load_backend(backend)
    if hasattr(computer, "set_threads"):
        computer.set_threads(threads)
    return computer


class Tells:
    """A watcher that writes into a pipe when the first step is done.

    Args:
        pipe: the end that is written into.

    Attributes:
        seconds: since then.
    """

    def __init__(self, pipe):
        self.pipe, self.began = pipe, None

    def on_step(self, step, n_steps):
        if self.began is None:
            self.began = time.monotonic()
            os.write(self.pipe, b".")

    def on_evaluation(self, record):
        pass

    @property
    def seconds(self):
        return time.monotonic() - self.began


def train(name, backend, threads, folder, watcher, **asked):
    """A whole run; with checkpoints if something is asked of them."""
    config = CONFIGS[name]
    if backend == HOGWILD and name == "layers":
        config = replace(config, catch_up=False)  # there is no order to catch up in
    checkpoints = Checkpoints(checkpoints_of(folder), **asked) if asked else None
    train_to_folder(
        TRAIN, VALID, folder, config, computer_of(backend, threads),
        watcher=watcher, keeping=Keeping("best"), checkpoints=checkpoints,
    )  # fmt: skip


def child(deadly_call, *arguments, **asked):
    """A process that trains, and is killed at a call if that is not 0.

    Returns:
        Its number, and a pipe that can be read when the first step is done, or when it has ended.
    """
    told, telling = os.pipe()
    number = os.fork()
    if number:
        os.close(telling)
        return number, told
    code = 1
    try:
        for one in POLITE:
            signal.signal(one, signal.default_int_handler)
        if deadly_call:
            dies_at(deadly_call)
        train(*arguments, Tells(telling), **asked)
        code = 0
    except KeyboardInterrupt:
        code = LEFT
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def status_of(number, seconds, sent):
    """Exit status of a process, which is sent a signal after so long if it has not ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    os.kill(number, sent)
    return os.waitpid(number, 0)[1]


class Loop:
    """Runs of a learner on a backend, interrupted one after the other.

    Args:
        name: of the learner, in CONFIGS.
        backend: by its name.
        folder: for what they leave.
    """

    def __init__(self, name, backend, folder):
        self.name, self.backend, self.model = name, backend, folder / "m"
        self.rng = random.Random(f"{name} {backend}")
        with open(os.devnull, "wb") as nobody:
            for again in range(2):  # kernels are compiled in the first
                watcher = Tells(nobody.fileno())
                train(name, backend, 1, folder / f"undisturbed-{again}", watcher)
        self.longest = watcher.seconds
        self.expected = bits(folder / "undisturbed-1")

    def run(self, kind, is_last):
        """One run, which goes on where the one before it was; its exit status."""
        by_itself = kind == KILLED and not is_last and self.rng.random() < 0.5
        call = self.rng.randrange(1, CALLS) if by_itself else 0
        threads = self.rng.randrange(1, 4)
        arguments = call, self.name, self.backend, threads, self.model
        number, told = child(*arguments, every="1", resume=True)
        with open(told, "rb") as told:
            if by_itself or is_last:
                return os.waitpid(number, 0)[1]
            if self.rng.random() < 0.8:  # others are interrupted while they begin
                told.read(1)
            sent = signal.SIGKILL if kind == KILLED else self.rng.choice(POLITE)
            return status_of(number, self.rng.uniform(0, self.longest), sent)

    def is_right(self):
        """Whether what a run has left that came to its end is what it should be."""
        is_left = bool(list(self.model.iterdir())) and not checkpoints_of(self.model).exists()
        return is_left and (self.backend == HOGWILD or bits(self.model) == self.expected)

    def interrupted(self, kind, times):
        """How often runs were interrupted, how often in a write, how many ended, and how well."""
        interrupts = in_writes = ends = 0
        is_well = True
        while is_well and (interrupts < times or not ends):
            status = self.run(kind, is_last=interrupts >= times)
            left = os.WIFEXITED(status) and os.WEXITSTATUS(status) == LEFT
            if os.WIFSIGNALED(status) or left:
                interrupts += 1
                in_writes += bool(list(checkpoints_of(self.model).glob(".*partial*")))
                if checkpoints_of(self.model).exists() or not self.model.exists():
                    continue
                status = 0  # it was killed when there was nothing more to do
            ends += 1
            is_well = os.WEXITSTATUS(status) == 0 and self.is_right()
            shutil.rmtree(self.model, ignore_errors=True)
        return interrupts, in_writes, ends, is_well


def combinations(backends):
    """Those of backends and learners that there are."""
    for backend in backends:
        for name in LEARNERS:
            if backend != HOGWILD or kind_of(CONFIGS[name]).takes_steps:  # rounds are no steps
                yield backend, name


def verdict(backend, is_well):
    """The last column."""
    if not is_well:
        return "NO"
    return "not claimed" if backend == HOGWILD else "yes"


def main(times, *backends):
    """A line of the table for each backend, learner and kind of interruption."""
    print("| backend | learner | interrupted by | times | in a write | ended | same bits |")
    print("|---|---|---|---:|---:|---:|---|", flush=True)
    all_well = True
    with threadpool_limits(1):
        for backend, name in combinations(backends):
            with tempfile.TemporaryDirectory() as folder:
                loop = Loop(name, backend, Path(folder))
                for kind, few in ((KILLED, 1), (ASKED, FEWER)):
                    *counts, is_well = loop.interrupted(kind, -(-int(times) // few))
                    all_well = all_well and is_well
                    cells = backend, name, kind, *counts, verdict(backend, is_well)
                    print("|", " | ".join(map(str, cells)), "|", flush=True)
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
