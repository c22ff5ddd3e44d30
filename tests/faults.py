"""Runs of `slide train` that something happens to: what the tests of the `processes` backend do."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil

SHARED = Path("/dev/shm")
SECONDS = (
    60  # for a run to end whose worker has died, or a worker whose parent has, on a busy machine
)
DRIVER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background inherit none
from slide.cli import main, screen
fails_at = int(sys.argv.pop(1))
def tell(self, step, n_steps):
    print(step, flush=True)
    if step == fails_at:
        raise RuntimeError("a watcher failed")
screen.Screen.on_step = tell
main()
"""


class Training:
    """A run in a session of its own, which tells each step.

    Args:
        folder: where the data is, and the model goes.
        options: of `slide train`.
        fails_at: step after which the parent raises an exception; 0 for none.
    """

    def __init__(self, folder, *options, fails_at=0):
        self.folder = folder
        arguments = ["train", folder / "train.npz", "--model", folder / "model", "--quiet"]
        command = [sys.executable, "-c", DRIVER, fails_at, *arguments, "--threads", 2, *options]
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.workers = []
        self.prefix = ""

    def until(self, step):
        """Wait for a step; by then all workers are there."""
        for line in self.process.stdout:
            if int(line) >= step:
                break
        children = psutil.Process(self.process.pid).children()
        self.workers = [one for one in children if "spawn_main" in " ".join(one.cmdline())]
        maps = Path(f"/proc/{self.process.pid}/maps").read_text()
        self.prefix = re.search(r"/dev/shm/(slide-[0-9a-f]{16})-", maps)[1]
        assert len(self.workers) == 2
        assert self.names()
        return self

    def names(self):
        """Of this run in shared memory."""
        return sorted(path.name for path in SHARED.glob(f"{self.prefix}*"))

    def end(self):
        """Exit code and what was said, if the run ends soon enough."""
        _, said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, said

    def finish(self):
        """The same for a run that is to go on."""
        _, said = self.process.communicate(timeout=300)
        return self.process.returncode, said

    def leaves_nothing(self):
        """Whether no process, no segment and nothing half written is left."""
        alive = [one for one in self.workers if is_alive(one)]
        return (alive, self.names(), list(self.folder.glob(".*"))) == ([], [], [])

    def workers_leave(self):
        """Whether all workers have ended soon enough."""
        return not psutil.wait_procs(
            [one for one in self.workers if is_alive(one)], timeout=SECONDS
        )[1]

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def is_alive(process):
    """Whether it computes: one that nobody has asked for its exit code does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
