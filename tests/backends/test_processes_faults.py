"""What is left when something dies in the middle of a run: nothing, or a finished model."""

import contextlib
import os
import random
import re
import signal
import sys
from threading import Event, Thread

import pytest
from conftest import planted

import slide
from slide.backends.shared import memory
from slide.core.interrupts import ignoring_signals

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="segments are seen on Linux alone")
if sys.platform == "linux":
    from faults import SECONDS, Training

WANTED = os.environ.get("SLIDE_FAULTS")  # by `make faults`
TIMES = int(WANTED or 2)  # that each thing happens, each time elsewhere
OFTEN = "fail", "interrupted"  # in `make test`, too
MODES = [
    ["--lr", "2"],
    ["--mode", "hogwild"],
    ["--hidden", "16"],
    ["--hidden", "16", "--mode", "hogwild"],
]
ENDLESS = ["--epochs", "1000", "--backend", "processes"]
A_FEW = ["--epochs", "3", "--set", "batch_size=32", "--backend", "processes"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    slide.data.write(planted(800), folder / "train.npz")
    return folder


@pytest.fixture
def training(data, tmp_path):
    """Starts runs, each in a folder of its own, and ends those that have not ended."""
    runs = []

    def start(*options, fails_at=0):
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        (folder / "train.npz").symlink_to(data / "train.npz")
        runs.append(Training(folder, *options, fails_at=fails_at))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()


def moments(name):
    """A mode, and the number of a step, for each time that something happens."""
    rng = random.Random(name)
    return [
        pytest.param(
            MODES[i % len(MODES)],
            rng.randrange(1, 60),
            rng.randrange(2),
            marks=[pytest.mark.slow] if (i or name not in OFTEN) and not WANTED else [],
        )
        for i in range(TIMES)
    ]


@pytest.mark.parametrize(("mode", "step", "number"), moments("fail"))
def test_a_run_ends_when_a_worker_is_killed(training, mode, step, number):
    run = training(*ENDLESS, *mode).until(step)
    run.workers[number].kill()
    code, said = run.end()
    assert code == 2
    told = r"slide: worker \d \(process \d+\) was killed by SIGKILL while [^:]+: [^\n]+\n"
    assert re.fullmatch(told, said), said
    assert run.leaves_nothing()


@pytest.mark.parametrize(("mode", "step", "number"), moments("respawn"))
def test_a_run_goes_on_with_another_worker(training, mode, step, number):
    run = training(*A_FEW, *mode, "--on-worker-loss", "respawn").until(step)
    run.workers[number].kill()
    assert run.finish() == (0, "")
    assert run.leaves_nothing()
    assert {path.name for path in (run.folder / "model").iterdir()} == {
        "config.json", "weights.safetensors", "metrics.jsonl", "run.json",
    }  # fmt: skip


@pytest.mark.parametrize(("mode", "step", "number"), moments("interrupted"))
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_run_that_was_interrupted(training, mode, step, number, name):
    run = training(*ENDLESS, *mode).until(step)
    if name == signal.SIGINT:
        os.killpg(run.process.pid, name)  # as the terminal does
    else:
        run.process.terminate()
    code, said = run.end()
    assert (code, said) == (130, "slide: interrupted, nothing is left half written\n")
    assert run.leaves_nothing()


@pytest.mark.parametrize(("mode", "step", "number"), moments("twice"))
def test_nothing_is_left_of_a_run_that_was_interrupted_twice(training, mode, step, number):
    run = training(*ENDLESS, *mode).until(step)
    os.killpg(run.process.pid, signal.SIGINT)
    with contextlib.suppress(ProcessLookupError):
        run.workers[number].wait(SECONDS)  # the run is ending its workers
        os.killpg(run.process.pid, signal.SIGINT)
    code, said = run.end()
    assert (code, said) == (130, "slide: interrupted, nothing is left half written\n")
    assert run.leaves_nothing()


@pytest.mark.parametrize(("mode", "step", "number"), moments("raised"))
def test_nothing_is_left_of_a_run_that_raised(training, mode, step, number):
    run = training(*ENDLESS, *mode, fails_at=step + 60).until(step)
    code, said = run.end()
    assert code == 1
    assert said.endswith("RuntimeError: a watcher failed\n")
    assert run.leaves_nothing()


@pytest.mark.parametrize(("mode", "step", "number"), moments("orphans"))
def test_workers_leave_when_the_parent_is_killed(training, mode, step, number):
    run = training(*ENDLESS, *mode).until(step)
    run.process.kill()
    assert run.workers_leave()
    memory.sweep()  # as the next run does
    assert run.names() == []


def interrupted(steps):
    """An interrupt amid what must not be interrupted."""
    with ignoring_signals(signal.SIGINT):
        os.kill(os.getpid(), signal.SIGINT)
        steps.append("done")
    while True:  # another thread may take it, and pass it on when it has its turn
        pass


@pytest.mark.parametrize("n_others", [0, 3])
def test_an_interrupt_while_a_worker_starts_is_heard_afterwards(n_others):
    """Other threads do not block it."""
    before, steps, over = signal.signal(signal.SIGINT, signal.default_int_handler), [], Event()
    others = [Thread(target=over.wait) for _ in range(n_others)]
    for other in others:
        other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted(steps)
    finally:
        signal.signal(signal.SIGINT, before)
        over.set()
    assert steps == ["done"]
