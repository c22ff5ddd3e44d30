"""What `slide verify` cannot see of the processes backend: whole runs, its memory, its manners."""

import multiprocessing
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from all_pass import assert_all_pass
from conftest import planted
from faults import is_alive
from threadpoolctl import threadpool_info
from worker_runs import HIDDEN, answers, settings

from slide.backends import load
from slide.backends.processes import CompiledProcessesBackend, ProcessesBackend
from slide.backends.shared import memory
from slide.backends.shared.memory import place_of
from slide.backends.shared.workers import MOST_LOSSES, is_replaced
from slide.core.contract.arrays import Block, RowGrad
from slide.core.contract.optim import SGD
from slide.core.contract.workers import Task
from slide.core.errors import BackendError
from slide.core.runs.trainer import Trainer
from slide.reference.checks import GRID, check, verify
from slide.reference.kernels import ReferenceBackend


@pytest.fixture(scope="module")
def backend():
    found = ProcessesBackend()
    yield found
    found.pool.close()


def trained(backend, n_workers, config, data):
    backend.set_threads(n_workers)
    model = Trainer(config, backend).fit(data)
    ids, scores = model.predict(data.x, 3)
    return ids.tobytes(), scores.tobytes()


LARGEST = 5000  # which is far above what is left to one worker


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ProcessesBackend, CompiledProcessesBackend])
def test_every_kernel_matches_its_definition(kind):
    found = kind()
    checks = verify(found, 1, largest=LARGEST)
    found.pool.close()
    assert_all_pass(checks)


@pytest.mark.slow
def test_every_kernel_is_right_at_scale_and_in_sequence():
    found = CompiledProcessesBackend()
    checks = [
        check(found, row, name, 1, largest=LARGEST)
        for row in GRID
        for name in ("exact", "bound", "scale", "sequence", "step")
        if name in GRID[row]
    ]
    found.pool.close()
    assert_all_pass(checks)


@pytest.mark.parametrize("kind", ["direct", "batch", "example"])
def test_any_number_of_workers_gives_the_same_bits(backend, kind):
    data = planted(700)
    config = settings(kind, data)
    one = trained(backend, 1, config, data)
    assert trained(backend, 2, config, data) == one
    assert trained(backend, 3, config, data) == one


def test_what_a_kernel_raises_reaches_the_caller_and_the_workers_live_on(backend):
    backend.set_threads(2)
    h = np.ones((4, 3), np.float32)
    with pytest.raises(ValueError, match="matmul"):
        backend.top_k(h, np.ones((5, 2), np.float32), None, 1)
    ids, _ = backend.top_k(h, np.ones((5, 3), np.float32), None, 1)
    assert ids.tolist() == [[0]] * 4


def full(context, nothing):
    memory.free_bytes = lambda: 0
    return np.zeros(1000)


def test_a_worker_says_that_shared_memory_is_full():
    found = ProcessesBackend()
    found.pool.start(1)
    with pytest.raises(BackendError, match="8,192 bytes of shared memory are needed"):
        answers(found.pool, full)
    found.pool.close()


def test_parameters_have_to_be_in_shared_memory(backend):
    param = SGD().begin(np.zeros((4, 2), np.float32))
    grad = RowGrad(np.array([1], np.int32), np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match="expected what `put` gave"):
        backend.update_rows(param, grad, SGD(), 0.1, 1)


def test_options_are_refused_in_a_sentence():
    with pytest.raises(BackendError, match="'numba' has no option mode"):
        load("numba", mode="hogwild")
    with pytest.raises(BackendError, match="expected synchronous or hogwild"):
        load("processes", mode="wild")
    with pytest.raises(BackendError, match="expected fail or respawn"):
        load("processes", on_worker_loss="wait")


def threads_of_blas(context, nothing):
    return [library["num_threads"] for library in threadpool_info()]


def test_workers_keep_blas_at_one_thread(backend):
    backend.pool.start(1)
    assert {number for found in answers(backend.pool, threads_of_blas) for number in found} == {1}


def blocked(context, nothing):
    threading.Event().wait()


def test_a_worker_that_does_not_leave_is_made_to():
    found = ProcessesBackend()
    z = found.spmm(Block.of(np.eye(30, dtype=np.float32)), np.eye(30, dtype=np.float32))
    assert "-w0" in place_of(z).segment
    found.pool.ask(0, Task("waiting", blocked, found.pool.pack(None)))
    process = found.pool.workers[0].process
    found.pool.close()
    assert process.exitcode == -signal.SIGKILL
    assert list(memory.FOLDER.glob(f"{found.pool.store.name}*")) == []


def test_a_worker_that_computes_leaves_when_its_parent_is_killed():
    script = (
        "import sys, threading; sys.path[:0] = sys.argv[1:]\n"
        "import test_processes as tests\n"
        "pool = tests.ProcessesBackend().pool; pool.start(1)\n"
        "pool.ask(0, tests.Task('waiting', tests.blocked, pool.pack(None)))\n"
        "print(pool.workers[0].process.pid, pool.store.name, flush=True)\n"
        "threading.Event().wait()\n"
    )
    command = [sys.executable, "-c", script, *map(str, Path(__file__).parents[:2])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid, _ = parent.stdout.readline().split()
        worker = psutil.Process(int(pid))
        parent.kill()
    assert not psutil.wait_procs([worker] if is_alive(worker) else [], timeout=60)[1]
    memory.sweep()


def test_threads_of_the_caller_take_turns(backend):
    backend.set_threads(2)
    h = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    want = ReferenceBackend().top_k(h, h, None, 3)[0]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: backend.top_k(h, h, None, 3)[0], range(40)))
    assert all(np.array_equal(ids, want) for ids in found)


def test_a_result_outlives_the_worker_that_has_it():
    found = ProcessesBackend(on_worker_loss="respawn")
    h = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    z = Block.of(found.spmm(Block.of(h), np.eye(8, dtype=np.float32)))
    name = place_of(z.values).segment
    assert "-w0" in name  # where the worker has left it
    found.pool.workers[0].process.kill()
    np.testing.assert_array_equal(found.spmm(z, np.eye(8, dtype=np.float32)), h)
    del z
    assert not (memory.FOLDER / name).exists()
    found.pool.close()


def test_a_worker_is_replaced_if_one_asks_for_it_and_not_for_ever():
    assert not is_replaced("fail", 0)
    assert [is_replaced("respawn", n) for n in range(MOST_LOSSES + 1)] == [True] * 3 + [False]


def in_a_fork(backend, line):
    try:
        eye = np.eye(2, dtype=np.float32)
        backend.top_k(eye, eye, None, 1)
    except BackendError as error:
        backend.pool.close()
        line.send(str(error))


def test_a_forked_process_leaves_the_workers_alone(backend):
    eye = np.eye(2, dtype=np.float32)
    backend.top_k(eye, eye, None, 1)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=in_a_fork, args=(backend, theirs))
    process.start()
    assert "make another one" in ours.recv()
    process.join()
    assert backend.top_k(eye, eye, None, 1)[0].ravel().tolist() == [0, 1]


def test_a_script_without_a_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\n"
        "from slide.backends.processes import ProcessesBackend\n"
        "print('begin')\n"
        "eye = np.eye(3, dtype=np.float32)\n"
        "print(ProcessesBackend().top_k(eye, eye, None, 1)[0].ravel())\n"
    )
    said = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("begin\n[0 1 2]\n", "")


def test_too_little_room_is_refused_before_training(monkeypatch, train_set):
    monkeypatch.setattr(memory, "free_bytes", lambda: 10_000)
    found = ProcessesBackend()
    with pytest.raises(BackendError, match=r"[\d,]+ bytes of shared memory .* has 10,000 left"):
        Trainer(HIDDEN, found).fit(train_set)
    assert found.pool.workers == []
