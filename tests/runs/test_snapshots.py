"""The copy of a state, its memory, and the way that it takes to the disk."""

import errno
import os
import threading

import numpy as np
import pytest
from interrupted import CONFIGS, StopsAt, bits, trained

from slide.core.checkpoints import around, snapshot
from slide.core.checkpoints.every import checkpoints_of
from slide.core.checkpoints.files import ARRAYS, read_checkpoint, write_arrays, write_checkpoint
from slide.core.checkpoints.shelf import Shelf
from slide.core.checkpoints.snapshot import Memory, Snapshot, n_bytes_of


def state_of(n, plus=0):
    """Arrays of odd sizes, one of them not in C order."""
    square = np.arange(n * n, dtype=np.float32).reshape(n, n) + plus
    return {"a": [square.T, np.arange(n + 3, dtype=np.uint8)], "b": np.zeros(0), "n": n}


@pytest.mark.parametrize("n", [1, 7, 41, 64])
def test_a_copy_is_what_a_state_was(n, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "BLOCK", 4096)
    memory = Memory()
    for plus in range(3):
        state, folder = state_of(n, plus), tmp_path / str(plus)
        copied = Snapshot.copied(state, memory)
        state["a"][0][:] = -1
        folder.mkdir()
        write_checkpoint(folder, copied)
        back, expected = read_checkpoint(folder), state_of(n, plus)
        np.testing.assert_array_equal(back["a"][0], expected["a"][0], strict=True)
        np.testing.assert_array_equal(back["a"][1], expected["a"][1], strict=True)
        assert back["n"] == n
        assert n_bytes_of(expected) == (folder / ARRAYS).stat().st_size
    assert len(memory.blocks) == -(-n_bytes_of(state) // 4096)


def test_memory_is_there_before_it_is_wanted(monkeypatch):
    monkeypatch.setattr(snapshot, "BLOCK", 4096)
    memory = Memory()
    memory.obtain(n_bytes_of(state_of(64)))
    before = list(memory.blocks)
    Snapshot.copied(state_of(64), memory)
    assert [id(block) for block in memory.blocks] == [id(block) for block in before]
    assert all(block.ctypes.data % snapshot.PAGE == 0 for block in before)


def test_what_is_not_copied_is_written_from_one_block(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "BLOCK", 4096)
    made, aligned = [], snapshot.aligned
    monkeypatch.setattr(snapshot, "aligned", lambda: made.append(aligned()) or made[-1])
    write_checkpoint(tmp_path, Snapshot.of(state_of(64)))
    np.testing.assert_array_equal(read_checkpoint(tmp_path)["a"][0], state_of(64)["a"][0])
    assert len(made) == 1


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="the system knows no way around its cache")
def test_what_cannot_go_around_the_cache_goes_through_it(tmp_path, monkeypatch):
    import fcntl

    write, seen = os.write, []

    def only_half(number, data):
        seen.append(bool(fcntl.fcntl(number, fcntl.F_GETFL) & os.O_DIRECT))
        if seen[-1]:
            raise OSError(errno.EINVAL, "Invalid argument")
        return write(number, data[:1000])

    expected = Snapshot.of(state_of(64))
    write_arrays(tmp_path / "plain", expected)
    monkeypatch.setattr(around.os, "write", only_half)
    write_arrays(tmp_path / "halves", Snapshot.of(state_of(64)))
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "halves").read_bytes()
    assert not any(seen[1:])


def test_another_refusal_is_not_hidden(tmp_path, monkeypatch):
    def refuse(number, data):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(around.os, "write", refuse)
    with pytest.raises(OSError, match="Invalid argument"):
        write_arrays(tmp_path / "f", Snapshot.of(state_of(4)))


class Releases(StopsAt):
    """A watcher that lets a checkpoint be written two steps later."""

    def __init__(self):
        super().__init__(4)
        self.may = threading.Event()

    def on_step(self, step, n_steps):
        if step == 3:
            self.may.set()
        super().on_step(step, n_steps)


@pytest.mark.parametrize("name", ["layers", "direct"])
def test_a_checkpoint_is_of_one_moment_whatever_steps_come_after_it(
    name, backend, tmp_path, monkeypatch
):
    trained(tmp_path / "whole", CONFIGS[name], backend)
    watcher, write = Releases(), Shelf.write

    def later(self, copied, step):
        if step == 2:
            assert watcher.may.wait(60)
        write(self, copied, step)

    monkeypatch.setattr(Shelf, "write", later)
    monkeypatch.setattr("interrupted.StopsAt", lambda at: watcher if at else StopsAt(0))
    trained(tmp_path / "m", CONFIGS[name], backend, at=4, every="2")
    shelf = Shelf(checkpoints_of(tmp_path / "m"))
    last, before = shelf.steps()
    assert (last.name[-1], before.name[-1]) == ("4", "2")
    (last / ARRAYS).unlink()
    with pytest.warns(UserWarning, match="goes on from the one before"):
        trained(tmp_path / "m", CONFIGS[name], backend, resume=True)
    assert bits(tmp_path / "m") == bits(tmp_path / "whole")
