"""Checkpoints that the system refuses, and runs whose weights are none: a sentence, and no harm."""

import errno
import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
from interrupted import CONFIGS, TRAIN, StopsAt, bits, trained

from slide.core.checkpoints import shelf as shelves
from slide.core.checkpoints import snapshot
from slide.core.checkpoints.every import Checkpoints, checkpoints_of
from slide.core.checkpoints.shelf import Shelf
from slide.core.checkpoints.writer import Writer
from slide.core.direct.run import DirectRun
from slide.core.errors import ConfigError, ModelError, SlideWarning
from slide.core.runs.to_folder import train_to_folder

resource = pytest.importorskip("resource")

ON_THE_WAY = {
    "No space left on device": (os, "write", errno.ENOSPC),
    "Disk quota exceeded": (os, "write", errno.EDQUOT),
    "Input/output error": (os, "fsync", errno.EIO),
    "Read-only file system": (shelves.secrets, "token_hex", errno.EROFS),  # of a new folder's name
}


def steps(folder):
    return [int(path.name[5:]) for path in Shelf(checkpoints_of(folder)).steps()]


def refusing(number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("reason", ON_THE_WAY)
def test_what_cannot_be_written_is_a_sentence_and_training_goes_on(
    reason, backend, tmp_path, monkeypatch
):
    owner, name, number = ON_THE_WAY[reason]
    original = Writer.write

    def write(self, *arguments):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, refusing(number))
            original(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "write", write)
        with pytest.warns(SlideWarning) as told:
            said = trained(tmp_path / "m", CONFIGS["direct"], backend, every="1", at=3)
    (sentence,) = {str(each.message) for each in told}
    assert f"{reason}; training goes on, there is no checkpoint to go on from" in sentence
    assert said.startswith(f"interrupted, no checkpoint could be written ({reason}); there is no")
    assert os.listdir(tmp_path) == []


class Limited(StopsAt):
    """A watcher, after whose second step no file may be larger than a limit until the fifth."""

    def __init__(self):
        super().__init__(0)
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_step(self, step, n_steps):
        soft = 5000 if 2 <= step < 5 else self.limits[0]
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, self.limits[1]))


def test_a_file_that_may_not_be_so_large_is_one_that_was_not_written(backend, tmp_path):
    trained(tmp_path / "whole", CONFIGS["direct"], backend)
    checkpoints = Checkpoints(tmp_path / "c", every="1")
    with pytest.warns(
        SlideWarning, match="File too large; training goes on, the last checkpoint is"
    ):
        train_to_folder(
            TRAIN, None, tmp_path / "m", CONFIGS["direct"], backend,
            watcher=Limited(), checkpoints=checkpoints,
        )  # fmt: skip
    assert bits(tmp_path / "m") == bits(tmp_path / "whole")


def test_memory_that_is_not_there_is_a_sentence_and_training_goes_on(
    backend, tmp_path, monkeypatch
):
    def none():
        raise MemoryError

    monkeypatch.setattr(snapshot, "aligned", none)
    with pytest.warns(SlideWarning, match="out of memory; training goes on, there is no"):
        trained(tmp_path / "m", CONFIGS["direct"], backend, every="100")  # before one is due
    with pytest.warns(SlideWarning, match="out of memory; training goes on, there is no"):
        trained(tmp_path / "n", CONFIGS["direct"], backend, every="1")
    assert sorted(os.listdir(tmp_path)) == ["m", "n"]


def test_a_place_where_nothing_can_be_written_is_refused_at_once(backend, tmp_path, monkeypatch):
    (tmp_path / "m.checkpoints").write_text("a file")
    with pytest.raises(ModelError, match=r"cannot write checkpoints to .*: File exists"):
        trained(tmp_path / "m", CONFIGS["direct"], backend, every="1")
    monkeypatch.setattr(shelves, "locked", refusing(errno.EROFS))
    with pytest.raises(ModelError, match=r"cannot write checkpoints to .*: Read-only file system"):
        trained(tmp_path / "n", CONFIGS["direct"], backend, every="1")


@pytest.mark.parametrize("whose", ["weights", "loss"])
def test_what_is_not_finite_stops_a_run_with_the_last_good_checkpoint(
    whose, backend, tmp_path, monkeypatch
):
    original = DirectRun.train_on

    def train_on(self, batch, lr):
        report = original(self, batch, lr)
        if self.n_steps == 4 and whose == "weights":
            self.network.param.weight.values[0] = np.nan
        return replace(report, loss=np.inf) if self.n_steps == 4 and whose == "loss" else report

    monkeypatch.setattr(DirectRun, "train_on", train_on)
    figure = "nan" if whose == "weights" else "inf"
    said = (
        rf"are {figure} after step 4, .*lr = .* is too large.*the last checkpoint is of step 3, in"
    )
    with pytest.raises(ConfigError, match=said):
        trained(tmp_path / "m", CONFIGS["direct"], backend, every="1")
    assert steps(tmp_path / "m") == [3, 2]


class Interrupted(threading.Thread):
    """A thread that is waited for with a signal when it begins."""

    def start(self):
        signal.raise_signal(signal.SIGINT)
        super().start()


@pytest.mark.parametrize("every", ["1", "100"])  # it writes, and it asks for memory
def test_an_interrupt_while_a_thread_begins_waits_for_it(every, backend, tmp_path, monkeypatch):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(threading, "Thread", Interrupted)
    try:
        said = trained(tmp_path / "m", CONFIGS["direct"], backend, every=every)
    finally:
        signal.signal(signal.SIGINT, before)
    assert said.startswith("interrupted; the last checkpoint is of step 1, in")
