"""The end of a run with checkpoints: between its last solves, and when its model stands."""

import os
import signal
from contextlib import contextmanager
from dataclasses import replace

import pytest
from interrupted import CONFIGS, TRAIN, StopsAt, bits, trained

from slide.backends import load
from slide.core.checkpoints.every import Checkpoints, checkpoints_of
from slide.core.checkpoints.shelf import Shelf
from slide.core.errors import ConfigError, ModelError
from slide.core.interrupts import Interrupted, unwrapping
from slide.core.models import folder as folders
from slide.core.models.model import Model
from slide.core.runs import ending, to_folder
from slide.core.runs.to_folder import train_to_folder
from slide.core.runs.trainer import Trainer
from slide.core.svm.layer import Layer
from slide.core.svm.run import SvmRun

DIRECT = CONFIGS["direct"]


class Killed(BaseException):
    """What stands for the end of the process."""


def kill(*arguments):
    raise Killed


@contextmanager
def killing(owner, name, function=kill):
    """Within it something else is called, and the run comes to its end there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, function)
        with pytest.raises(Killed):
            yield


@pytest.mark.parametrize(
    "config", [replace(CONFIGS["svm"], epochs=1), CONFIGS["stacked"]], ids=["svm", "stacked"]
)
def test_between_the_last_two_solves_there_is_a_checkpoint(config, tmp_path, monkeypatch):
    backend = load("numba")
    trained(tmp_path / "whole", config, backend)
    mined, solve, solves = Layer.mined, SvmRun.solve, []

    def mine_or_die(self, rows, *others):
        if len(rows) == TRAIN.n_samples:  # nothing is held out any more
            raise Killed
        return mined(self, rows, *others)

    def noted(self, layer):
        solves.append(self.data.n_samples)
        solve(self, layer)

    with killing(Layer, "mined", mine_or_die):
        trained(tmp_path / "m", config, backend, every="1")
    monkeypatch.setattr(SvmRun, "solve", noted)
    with pytest.raises(ConfigError, match="has had its last epoch"):
        trained(tmp_path / "m", replace(config, epochs=config.epochs + 2), backend, resume=True)
    trained(tmp_path / "m", config, backend, resume=True)
    assert solves.count(TRAIN.n_samples) == 1
    (files, lines), (expected, expected_lines) = bits(tmp_path / "m"), bits(tmp_path / "whole")
    assert lines == expected_lines
    assert files["weights.safetensors"] == expected["weights.safetensors"]
    assert files["calibration.json"] == expected["calibration.json"]


@pytest.fixture
def killed_at_last(backend, tmp_path):
    """The folder of a model that stands, whose run was killed before it removed its checkpoints."""
    with killing(Trainer, "remove_checkpoints"):
        trained(tmp_path / "m", DIRECT, backend, every="2")
    assert sorted(os.listdir(tmp_path)) == ["m", "m.checkpoints"]
    return tmp_path / "m"


def test_a_run_that_was_killed_when_its_model_stood_is_complete(
    killed_at_last, backend, monkeypatch
):
    before = bits(killed_at_last)
    checkpoints = Checkpoints(checkpoints_of(killed_at_last), resume=True)
    monkeypatch.setattr(to_folder, "Trainer", kill)
    model, figures = train_to_folder(
        TRAIN, None, killed_at_last, DIRECT, backend, checkpoints=checkpoints
    )
    assert (figures["steps"], model.n_samples) == (9, TRAIN.n_samples)
    assert bits(killed_at_last) == before
    assert os.listdir(killed_at_last.parent) == ["m"]


def test_so_it_is_on_the_command_line(killed_at_last, slide):
    code, out, err = slide("train", "unread.txt", "--model", killed_at_last, "--resume")
    assert (code, err) == (
        0,
        f"slide: the run was complete: its model is in {killed_at_last}, and its checkpoints are "
        "removed\n",
    )
    assert out.startswith(f"Model in {killed_at_last}: slide evaluate")
    assert not checkpoints_of(killed_at_last).exists()


def test_a_new_run_is_told_that_the_model_is_there(killed_at_last, backend):
    with pytest.raises(ModelError, match="m exists: choose another folder, or replace it"):
        trained(killed_at_last, DIRECT, backend, every="2")
    checkpoints = Checkpoints(checkpoints_of(killed_at_last), every="2", fresh=True)
    train_to_folder(
        TRAIN, None, killed_at_last, CONFIGS["layers"], backend, True, checkpoints=checkpoints
    )
    assert os.listdir(killed_at_last.parent) == ["m"]


def test_what_is_said_of_another_model_is_not_believed(killed_at_last, backend):
    end = checkpoints_of(killed_at_last) / "ended.json"
    for text in ("", "[]", "{}", '{"metrics": 1}', end.read_text().replace('"metrics": "', "\\0x")):
        assert ending.reported(text, killed_at_last) is None
    with (killed_at_last / "metrics.jsonl").open("a") as file:
        file.write("{}\n")
    assert ending.reported(end.read_text(), killed_at_last) is None


def test_a_run_that_was_killed_before_its_model_stood_goes_on(backend, tmp_path):
    trained(tmp_path / "whole", DIRECT, backend)
    with killing(folders, "put_in_place"):
        trained(tmp_path / "m", DIRECT, backend, every="2")
    assert (checkpoints_of(tmp_path / "m") / "ended.json").exists()
    trained(tmp_path / "m", DIRECT, backend, resume=True)
    assert bits(tmp_path / "m") == bits(tmp_path / "whole")
    assert sorted(os.listdir(tmp_path)) == ["m", "whole"]


def test_an_interrupt_at_the_end_waits_until_others_may_have_the_folder(
    backend, tmp_path, monkeypatch
):
    release, before = Shelf.release, signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(self):
        signal.raise_signal(signal.SIGINT)
        release(self)

    try:
        monkeypatch.setattr(Shelf, "release", interrupted)
        said = trained(tmp_path / "m", DIRECT, backend, every="2")
    finally:
        signal.signal(signal.SIGINT, before)
    assert said.startswith("interrupted; the last checkpoint is of step 8, in")
    free = Shelf(checkpoints_of(tmp_path / "m"))
    free.acquire()
    free.lock.close()
    assert os.listdir(tmp_path) == ["m.checkpoints"]


@pytest.mark.parametrize("end", [KeyboardInterrupt(), ModelError("cannot write: no room")])
def test_a_model_that_is_not_written_is_one_to_go_on_for(end, backend, tmp_path, monkeypatch):
    def fail(*arguments):
        raise end

    with monkeypatch.context() as patched:
        patched.setattr(Model, "write_into", fail)
        with pytest.raises((KeyboardInterrupt, ModelError)) as told:
            train_to_folder(TRAIN, None, tmp_path / "m", DIRECT, backend)  # without checkpoints
        assert told.value is end
        checkpoints = Checkpoints(checkpoints_of(tmp_path / "m"), every="2")
        with pytest.raises((Interrupted, ModelError)) as told:
            train_to_folder(TRAIN, None, tmp_path / "m", DIRECT, backend, checkpoints=checkpoints)
    assert str(told.value).startswith(("interrupted; the last", "cannot write: no room; the last"))
    assert "the last checkpoint is of step 8, in" in str(told.value)
    trained(tmp_path / "m", DIRECT, backend, resume=True)
    assert os.listdir(tmp_path) == ["m"]


def test_the_model_is_on_the_disk_before_its_checkpoints_go(backend, tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(ending, "sync_file", lambda path: done.append(path.name))
    monkeypatch.setattr(to_folder, "sync_folder", lambda path: done.append(path))
    monkeypatch.setattr(Trainer, "remove_checkpoints", lambda self: done.append("removed"))
    trained(tmp_path / "m", DIRECT, backend, every="2")
    assert sorted(done[:-2]) == sorted(os.listdir(tmp_path / "m"))
    assert done[-2:] == [tmp_path, "removed"]


class StopsWithin(StopsAt):
    """Interrupts while a library in C calls Python, which goes on with the error set."""

    def on_step(self, step, n_steps):
        try:
            super().on_step(step, n_steps)
        except KeyboardInterrupt as interrupt:
            raise SystemError("returned a result with an exception set") from interrupt


def test_an_interrupt_within_a_library_is_one(backend, tmp_path):
    asked = Checkpoints(checkpoints_of(tmp_path / "m"), every="2")
    watcher = StopsWithin(5)
    with pytest.raises(Interrupted, match="the last checkpoint is of step 5"):
        train_to_folder(
            TRAIN, None, tmp_path / "m", DIRECT, backend, watcher=watcher, checkpoints=asked
        )
    with pytest.raises(SystemError, match="of its own"), unwrapping():
        raise SystemError("of its own")
