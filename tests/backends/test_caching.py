"""Compiled kernels on disk: what is damaged, in the way, or written by two at once."""

import errno
import importlib.util
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numba.core import config
from numba.core.caching import IndexDataCacheFile

from slide.backends.shared.workers import WorkerPool
from slide.backends.threads import caching
from slide.backends.verifying.pool import WorkerPool as VerifyingPool
from slide.core.errors import SlideWarning

CALLEE = "from slide.backends.threads.compiling import compiled\n\n"
KERNELS = CALLEE + "@compiled\ndef twice(x):\n    return x + x\n"
THRICE = "\n\n@compiled\ndef thrice(x):\n    return 3 * x\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of one kernel, whose cache lies beside it."""
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(caching, "_said", [])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernels.py").write_text(KERNELS)
    return tmp_path


def fresh(folder, name="kernels"):
    """The module as a new process has it."""
    caching.digest_of_sources.cache_clear()
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loads(folder, x=2.0):
    """Whether the kernel comes from disk; it gives what it should in any case."""
    kernel = fresh(folder).twice
    assert kernel(x) == 2 * x
    return bool(kernel.stats.cache_hits)


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def empty(path):
    path.write_bytes(b"")


def randomize(path):
    path.write_bytes(random.Random(0).randbytes(path.stat().st_size))


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def of_another_version(path):
    path.write_bytes(path.read_bytes().replace(b"0.", b"9."))


def link_to_nowhere(path):
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES = [cut, empty, randomize, flip, of_another_version, link_to_nowhere]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_replaced(folder, damage):
    assert not loads(folder)
    assert loads(folder)
    [path] = folder.rglob("*.nbc")
    damage(path)
    loads(folder)  # from disk if what was changed is of no account
    assert loads(folder)


def test_an_unreadable_file_is_no_obstacle(folder):
    loads(folder)
    for path in folder.rglob("*.nbc"):
        path.unlink()
        path.mkdir()  # as no user can read it, root not either
    with pytest.warns(SlideWarning, match="NUMBA_CACHE_DIR"):
        assert not loads(folder)


def test_a_file_of_another_kernel_is_not_taken(folder):
    (folder / "kernels.py").write_text(
        KERNELS + "\n\n@compiled\ndef thrice(x):\n    return 3 * x\n"
    )
    module = fresh(folder)
    assert (module.twice(2.0), module.thrice(2.0)) == (4.0, 6.0)
    [twice], [thrice] = (list(folder.rglob(f"*.{each}-*.nbc")) for each in ("twice", "thrice"))
    shutil.copy(thrice, twice)
    assert not loads(folder)


def test_a_kernel_is_compiled_anew_when_one_that_it_takes_in_has_changed(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    (folder / "inner_kernel.py").write_text(CALLEE + "@compiled\ndef once(x):\n    return x\n")
    outer = "from inner_kernel import once\n\n\n@compiled\ndef twice(x):\n    return once(x) + x\n"
    (folder / "kernels.py").write_text(CALLEE + outer)
    assert not loads(folder)
    (folder / "inner_kernel.py").write_text(CALLEE + "@compiled\ndef once(x):\n    return 5 * x\n")
    sys.modules.pop("inner_kernel")
    for path in folder.rglob("*.pyc"):  # whose stamps are of whole seconds
        path.unlink()
    assert fresh(folder).twice(2.0) == 12.0
    sys.modules.pop("inner_kernel")


def without_places(folder, monkeypatch):
    """No folder can be made beside the module, nor where users have theirs."""
    (folder / "__pycache__").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)


def test_where_nothing_can_be_written_kernels_work_and_it_is_said_once(folder, monkeypatch):
    without_places(folder, monkeypatch)
    with pytest.warns(SlideWarning, match="set NUMBA_CACHE_DIR to a folder") as told:
        assert [loads(folder), loads(folder, 3)] == [False, False]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("name", "n"), [("worker 0", 1), ("worker 1", 0), ("verifying 0", 1), ("SpawnProcess-1", 0)]
)
def test_of_workers_the_first_says_it(folder, monkeypatch, name, n):
    without_places(folder, monkeypatch)
    monkeypatch.setattr(caching, "parent_process", lambda: "somebody")
    monkeypatch.setattr(multiprocessing.current_process(), "name", name)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert not loads(folder)
    assert len(told) == n


def test_workers_have_names_that_are_known(monkeypatch):
    names = []

    class Process:
        sentinel = 0

        def __init__(self, name, **others):
            names.append(name)

        def start(self):
            pass

    monkeypatch.setattr("multiprocessing.context.SpawnContext.Process", Process)
    monkeypatch.setattr("selectors.DefaultSelector.register", lambda *arguments: None)
    worker_pool = WorkerPool("numba")
    worker_pool.started(0)
    worker_pool.owner.close()
    VerifyingPool("numba", 1).start_worker()
    assert tuple(names) == caching.FIRST_WORKERS


def test_what_can_only_be_read_is_read(folder, monkeypatch):
    loads(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)

    def refuse(dir):
        raise PermissionError(errno.EACCES, "Permission denied", dir)

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # to root everything can be written
    assert loads(folder)
    with pytest.warns(SlideWarning, match=r"Permission denied.*NUMBA_CACHE_DIR"):
        assert not loads(folder, 3)


def test_without_a_home_no_folder_gets_its_name(folder, monkeypatch):
    without_places(folder, monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", "~/.cache")  # as `expanduser` leaves it
    with pytest.warns(SlideWarning):
        assert not loads(folder)
    assert not (folder / "~").exists()


@pytest.mark.parametrize("place", ["a file", "below a file"])
def test_a_cache_folder_that_is_none_is_said_once(folder, monkeypatch, place):
    (folder / "taken").write_text("")
    named = folder / "taken" if place == "a file" else folder / "taken" / "below"
    monkeypatch.setattr(config, "CACHE_DIR", str(named))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(named))
    with pytest.warns(SlideWarning, match="NUMBA_CACHE_DIR is .*taken") as told:
        assert [loads(folder), loads(folder)] == [False, True]
    assert len(told) == 1


def test_a_full_disk_stops_nothing(folder, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "_save_data", full)
    with pytest.warns(SlideWarning, match=r"No space left.*NUMBA_CACHE_DIR") as told:
        assert [loads(folder), loads(folder)] == [False, False]
    assert len(told) == 1


def test_what_another_keeps_meanwhile_stays(folder, monkeypatch):
    others, kept = [3, np.float32(1), True], []
    write = IndexDataCacheFile._open_for_write

    def write_after_another(self, path):
        with monkeypatch.context() as patched:
            patched.setattr(IndexDataCacheFile, "_open_for_write", write)
            kept.append(others.pop())
            assert not loads(folder, kept[-1])
        return write(self, path)

    with monkeypatch.context() as patched:
        patched.setattr(IndexDataCacheFile, "_open_for_write", write_after_another)
        assert not loads(folder)
    assert kept
    assert [loads(folder, x) for x in [2.0, *kept]] == [True] * (1 + len(kept))


AT_ONCE = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
input()
from kernels import twice
print(twice(2.0), twice(3), twice(np.ones(3))[0], len(twice.stats.cache_hits))
"""


@pytest.mark.parametrize("n", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_processes_that_fill_an_empty_cache_at_once_end_well(folder, n):
    for results in at_once(folder, n):
        assert results[:3] == ["4.0", "6", "2.0"]
    assert list(at_once(folder, 1)) == [["4.0", "6", "2.0", "3"]]  # all of it from disk


def at_once(folder, n):
    """What processes print that compile at the same time."""
    command = [sys.executable, "-c", AT_ONCE, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(n)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (0, "")
        yield out.split()
