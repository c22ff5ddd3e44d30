"""What `slide verify` cannot see of the processes backend: whole runs, its memory, its manners."""

import multiprocessing
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from all_pass import assert_all_pass
from conftest import csr_of, planted
from faults import is_alive
from threadpoolctl import threadpool_info

import slide
from slide.backends import load
from slide.backends.processes import CompiledProcessesBackend, ProcessesBackend
from slide.backends.shared import memory
from slide.backends.shared.memory import Owner, Store, place_of
from slide.backends.shared.messages import packed, unpacked
from slide.backends.shared.workers import MOST_LOSSES, is_replaced
from slide.core.contract.arrays import Block, Param, RowGrad
from slide.core.contract.optim import SGD
from slide.core.contract.timed import TimedBackend
from slide.core.contract.workers import Task
from slide.core.direct.run import DirectRun
from slide.core.errors import BackendError, ConfigError
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.runs.hogwild import Counted, Hogwild
from slide.core.runs.trainer import Trainer
from slide.reference.checks import verify
from slide.reference.kernels import ReferenceBackend

HIDDEN = Config(hidden=(16,), epochs=2, batch_size=100, active=60, K=3, L=6, rebuild_every=5)


@pytest.fixture
def store():
    owner = Owner()
    found = Store(owner.name)
    yield found
    found.close()
    owner.close()


@pytest.fixture(scope="module")
def backend():
    found = ProcessesBackend()
    yield found
    found.pool.close()


def settings(kind, data):
    return (
        slide.recipe(data, by_steps=True, epochs=2)
        if kind == "direct"
        else replace(HIDDEN, scope=kind)
    )


def trained(backend, n_workers, config, data):
    backend.set_threads(n_workers)
    model = Trainer(config, backend).fit(data)
    ids, scores = model.predict(data.x, 3)
    return ids.tobytes(), scores.tobytes()


@pytest.mark.parametrize(
    "kind", [pytest.param(ProcessesBackend, marks=pytest.mark.slow), CompiledProcessesBackend]
)
def test_every_kernel_matches_its_definition(kind):
    found = kind()
    checks = verify(found, 1, largest=5000)  # which is far above what is left to one worker
    found.pool.close()
    assert_all_pass(checks)


@pytest.mark.parametrize("kind", ["direct", "batch", "example"])
def test_any_number_of_workers_gives_the_same_bits(backend, kind):
    data = planted(700)
    config = settings(kind, data)
    one = trained(backend, 1, config, data)
    assert trained(backend, 2, config, data) == one
    assert trained(backend, 3, config, data) == one


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_hogwild_learns_as_well(train_set, test_set, kind):
    data = train_set.take(np.arange(1500)) if kind == "direct" else train_set
    config = settings(kind, data)
    if kind == "batch":
        config = replace(config, hidden=(64,), epochs=6, lr=0.01)
    backends = ReferenceBackend(), hogwild(2)
    found = [
        Trainer(config, one).fit(data).evaluate(test_set)["precision_at_1"] for one in backends
    ]
    backends[1].pool.close()
    assert found[0] > 0.5
    assert abs(found[0] - found[1]) < 0.05


def hogwild(n_workers):
    found = ProcessesBackend("hogwild")
    found.set_threads(n_workers)
    return found


def tables_seen(context, nothing):
    """What a worker chooses active neurons by, as bytes."""
    learner = context.state.learner
    found = learner.found_by
    return (found if isinstance(learner, DirectRun) else found[-1].tables).ids.tobytes()


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_workers_are_told_of_new_tables(kind):
    data = planted(700)
    config = replace(settings(kind, data), rebuild_every=2)
    backend = hogwild(2)
    run = kind_of(config).begin(config, TimedBackend(backend), data)
    batches = [(np.arange(i, i + 64), 0.1) for i in range(0, 640, 64)]
    steps = Hogwild(backend.hogwild_workers).steps(run, batches)
    assert len(list(steps)) == len(batches)
    found = run.found_by if kind == "direct" else run.found_by[-1].tables
    assert answers(backend.pool, tables_seen) == [found.ids.tobytes()] * 2
    age = run.diagnostics()["table_age"]
    assert 0 <= age < 10  # they are not those of the beginning
    backend.pool.close()


def answers(pool, function):
    """What each worker makes of a function."""
    found = []
    task = Task("answering", function, pool.pack(None), done=found.append)
    for number in range(len(pool.workers)):
        pool.ask(number, task)
    while len(found) < len(pool.workers):
        pool.wait()
    return found


def test_hogwild_takes_every_step_once_and_tells_what_was_lost(train_set):
    class Told:
        steps, records = [], []

        def on_step(self, step, n_steps):
            self.steps.append((step, n_steps))

        def on_evaluation(self, record):
            self.records.append(record)

    trainer = Trainer(HIDDEN, hogwild(2), watcher=Told())
    trainer.fit(train_set)
    assert Told.steps == [(i + 1, 80) for i in range(80)]
    assert trainer.examples == 2 * train_set.n_samples
    assert all(0 <= record["lost_updates"] < 1 for record in Told.records)
    assert Told.records[-1]["table_age"] < 40  # they were rebuilt meanwhile
    assert Told.records[-1]["dead_neurons"] < 1  # the workers' marks are seen here


def test_an_update_is_lost_when_another_came_in_between():
    counts = np.zeros(4, np.int64)
    param = SGD().begin(np.zeros((4, 2), np.float32))
    grad = RowGrad(np.array([1, 2], np.int32), np.ones((2, 2), np.float32))

    class Interrupted(ReferenceBackend):
        def update_rows(self, *arguments):
            super().update_rows(*arguments)
            counts[1] += 1  # by another worker

    counted = Counted(Interrupted(), param.weight, counts)
    counted.update_rows(param, grad, SGD(), 0.1, 1)
    assert counts.tolist() == [0, 1, 1, 0]  # of three updates
    assert counted.n_updates == 2
    other = Param(param.weight.copy(), param.mean, param.square)
    counted.update_rows(other, grad, SGD(), 0.1, 1)
    assert counted.n_updates == 2  # of the output layer alone


def test_hogwild_refuses_what_needs_an_order(train_set):
    with pytest.raises(ConfigError, match="no order in mode hogwild"):
        Trainer(replace(HIDDEN, catch_up=True), hogwild(2)).fit(train_set)


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
    assert not psutil.wait_procs([worker] if is_alive(worker) else [], timeout=5)[1]
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


@pytest.mark.parametrize("shape", [(), (0,), (3,), (5, 7), (2, 0, 4), (300, 5000)])
def test_an_array_lies_where_its_place_says(store, shape):
    array = store.put(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    place = place_of(array)
    np.testing.assert_array_equal(store.array_at(place), array)
    assert store.put(array) is array
    assert place_of(array.copy()) is None


def test_views_have_places_too(store):
    array = store.put(np.arange(24, dtype=np.int32).reshape(4, 6))
    for view in (array[1:3, ::2], array.T, array[:, -1], array[::-1]):
        np.testing.assert_array_equal(store.array_at(place_of(view)), view)


def test_a_message_carries_places_and_small_arrays(store):
    x = csr_of([{0: 1.0, 2: 2.0}, {1: 3.0}], 3)
    large = store.put(np.arange(5000))
    message, copies = packed((x, large, np.arange(1000)), store)
    assert len(message) < 2000
    assert len(copies) == 1  # the array that was not there
    again, same, copied = unpacked(message, store)
    same[0] = 7
    assert large[0] == 7
    np.testing.assert_array_equal(copied, np.arange(1000))
    np.testing.assert_array_equal(again.to_scipy().toarray(), x.to_scipy().toarray())


def test_a_segment_is_used_again_when_nobody_looks_at_it(store):
    first = store.put(np.zeros(1000))
    name = place_of(first).segment
    view = first[10:]
    del first
    assert place_of(store.put(np.zeros(1000))).segment != name
    del view
    assert place_of(store.put(np.ones(1000))).segment == name


def test_large_segments_are_given_back(store, monkeypatch):
    monkeypatch.setattr(memory, "LARGE", 1 << 16)
    array = store.put(np.zeros(1 << 17, np.int8))
    name = place_of(array).segment
    del array
    assert store.dropped == [name]
    assert name not in store.owned


def test_sizes_waste_little():
    for n_bytes in (0, 1, 4096, 4097, 1 << 20, (1 << 22) + 1, 50_000_000, 100_000_001):
        size = memory.size_for(n_bytes)
        assert size >= max(n_bytes, 1)
        assert size % 4096 == 0
        assert n_bytes <= memory.MEDIUM or size < 1.13 * n_bytes


def test_too_little_room_is_refused_before_training(monkeypatch, train_set):
    monkeypatch.setattr(memory, "free_bytes", lambda: 10_000)
    found = ProcessesBackend()
    with pytest.raises(BackendError, match=r"[\d,]+ bytes of shared memory .* has 10,000 left"):
        Trainer(HIDDEN, found).fit(train_set)
    assert found.pool.workers == []


def test_names_are_never_shared_and_orphans_are_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "FOLDER", tmp_path)
    monkeypatch.setattr(memory, "remove", lambda prefix: removed.append(prefix))
    removed = []
    alive, dead = Owner(), Owner()
    assert alive.name != dead.name
    dead.file.close()  # as the system does when a process dies
    orphan = "slide-0123456789abcdef-3"
    for name in (orphan, f"{alive.name}-1"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(memory, "unlink", lambda name: (tmp_path / name).unlink())
    (tmp_path / "slide-of-somebody-else.owner").write_text("")
    memory.sweep()
    assert removed == [dead.name]
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{alive.name}.owner", f"{alive.name}-1", "slide-of-somebody-else.owner",
    }  # fmt: skip
    alive.close()
