"""The kernels for a GPU without one: array code over NumPy, CUDA kernels compiled for the CPU."""

import importlib.util
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from inspect import signature

import numpy as np
import pytest
from all_pass import assert_all_pass
from conftest import planted

import slide
from slide.backends.gpu.device import source
from slide.backends.gpu.stand_in import StandInBackend, StandInDevice, arrays, emulator
from slide.backends.gpu.stand_in.arrays import FUNCTIONS
from slide.core.contract.arrays import Block
from slide.core.errors import BackendError
from slide.core.examples.dataset import Dataset
from slide.core.learner import LAST
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.reference.checks import verify
from slide.reference.kernels import ReferenceBackend

pytestmark = pytest.mark.skipif(
    emulator.compiler() is None, reason="needs a C++ compiler to run CUDA kernels on a CPU"
)

BASE = Config(hidden=(16,), epochs=1, batch_size=32, active=20, K=3, L=4, lr=0.05)
DIRECT = Config(
    hidden=(), scope="example", sampler="index", optimizer="adagrad", loss="bce", lr=0.5,
    epochs=1, batch_size=32, active=10, grown=5,
)  # fmt: skip
SPREAD = replace(BASE, scope="example", rebuild_every=3, reinsert_every=1, rehash_every=4)
RUNS = {
    "direct": DIRECT,
    "pairs": replace(DIRECT, pairs=True, list_limit=3, connections=20),
    "batch": BASE,
    "example": replace(SPREAD, probes=2),
    "wta": replace(SPREAD, hash="wta", policy="fifo", strategy="vanilla"),
    "dwta": replace(SPREAD, hash="dwta", loss="saros"),
    "doph": replace(SPREAD, hash="doph", optimizer="adagrad", strategy="threshold"),
    "two hidden layers": replace(SPREAD, hidden=(16, 16), hidden_active=(8, 8), dropout=0.2),
    "two shared": replace(BASE, hidden=(16, 16), hidden_active=(8, 8), loss="bce"),
    "catching up": replace(BASE, catch_up=True, weight_decay=0.01, stale_recall=0.9),
    "uniform": replace(BASE, sampler="uniform", optimizer="sgd"),
}


@pytest.fixture(scope="module")
def data():
    return planted(300, 40), planted(60, 40, seed=1)


@pytest.fixture(scope="module")
def verification():
    """All checks of the stand-in, and every kind of call to array code in them and in two runs."""
    call_numpy, calls = arrays.call_numpy, {}

    def noting(memory, name, inputs, options):
        names = sorted(set(options) - {"like"})
        calls[name, len(inputs), *names] = inputs, {one: options[one] for one in names}
        return call_numpy(memory, name, inputs, options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "call_numpy", noting)
        backend = StandInBackend()
        checks = verify(backend, 2, shrink=False, largest=100)  # it takes long for more
        for name in ("direct", "two hidden layers"):
            Trainer(RUNS[name], backend).fit(planted(100, 40)).predict(planted(20, 40).x)
    return checks, calls


def test_every_kernel_matches_its_definition(verification):
    checks, calls = verification
    assert_all_pass(checks)
    assert {name for name, *_ in calls} == set(FUNCTIONS)


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="needs CuPy")
def test_cupy_takes_the_arguments_that_the_stand_in_is_given(verification):
    """Whether CuPy's functions have such parameters."""
    import cupy

    for (name, *_), (inputs, options) in verification[1].items():
        signature(getattr(cupy, name)).bind(*inputs, **options)


def everything_of(config, backend, train, test):
    """What a run and its model give, in numbers."""
    model = Trainer(config, backend).fit(train)
    figures = [model.predict(test.x)[1], *(model.evaluate(test, s) for s in (False, True))]
    if config.hidden:
        model.prepare_sampled(examples=train)
        figures.append(model.evaluate(test, sampled=True))
    return figures, model


@pytest.mark.parametrize(
    ("name", "is_dense"),
    [(name, False) for name in RUNS]
    + [(name, True) for name in ("direct", "example", "two hidden layers")],
)
def test_a_whole_run_is_that_of_the_reference(name, is_dense, data, tmp_path):
    train, test = (densified(part) for part in data) if is_dense else data
    backend = StandInBackend()
    (scores, *expected), _ = everything_of(RUNS[name], ReferenceBackend(), train, test)
    (found, *got), model = everything_of(RUNS[name], backend, train, test)
    np.testing.assert_allclose(found, scores, rtol=1e-3, atol=1e-4)
    for one, other in zip(got, expected, strict=True):
        assert one == pytest.approx(other, abs=0.02)
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model", backend)
    np.testing.assert_array_equal(again.predict(test.x)[0], model.predict(test.x)[0])


@pytest.mark.parametrize("name", ["direct", "batch", "two hidden layers"])
def test_labels_without_example_are_named_last(name, data):
    train, test = data
    train = replace(train, y=train.y.where(train.y.indices % 3 > 0))
    seen = np.flatnonzero(train.y.column_counts())
    model = Trainer(RUNS[name], StandInBackend()).fit(train)
    ids, scores = model.predict(test.x, 40)
    np.testing.assert_array_equal(np.sort(ids[:, : len(seen)]), np.tile(seen, (60, 1)))
    assert (scores[:, len(seen) :] == np.float32(LAST)).all()
    found, _ = model.predict(test.x, len(seen), sampled=True)
    assert set(found.ravel().tolist()) <= {*seen.tolist(), -1}


def densified(part):
    return Dataset(Block.of(part.x.to_scipy().toarray().astype(np.float32)), part.y)


@pytest.mark.parametrize("name", ["direct", "example"])
def test_between_kernels_nothing_leaves_the_device(name, data):
    """But for what the host keeps count of: which rows were updated."""
    backend = StandInBackend()
    others = {} if name == "direct" else {"reinsert_every": 0, "rehash_every": 0}
    config = replace(RUNS[name], rebuild_every=100, **others)
    trainer = Trainer(config, backend)
    run = kind_of(trainer.config).begin(trainer.config, backend, data[0])
    batch = run.data.take(np.arange(32))
    run.step(batch, config.lr)
    device = backend.device
    device.n_put = device.n_got = 0
    report = run.step(batch, config.lr)
    rows = report.touched_rows if name == "direct" else len(run.network.output.param.weight)
    assert device.n_got <= 4 * (rows + 40 + run.network.n_features + 17)
    arrays = [batch.x.with_constant(), batch.y]
    sent = sum(a.nbytes for m in arrays for a in (m.indptr, m.indices, m.values))
    drawn = 0 if name == "direct" else 32 * (4 * 16 + 8 * config.active) + 8 * 200
    assert device.n_put <= sent + drawn


def test_an_allocation_that_fails_is_one_sentence(data):
    backend = StandInBackend(limit=1 << 17)
    with pytest.raises(BackendError, match=r"no room for an array of \d[\d,]+ bytes, for [\d,]+ "):
        Trainer(replace(BASE, active=40, batch_size=300), backend).fit(data[0])
    big = replace(BASE, hidden=(2048,))
    with pytest.raises(BackendError, match=r"no room for the network and its tables of [\d,]+ "):
        Trainer(big, backend).fit(data[0])


def test_the_command_line_ends_with_the_sentence(tmp_path):
    (tmp_path / "small_gpu.py").write_text(
        "from slide.backends.gpu.stand_in import StandInBackend\n"
        "class Small(StandInBackend):\n"
        "    def __init__(self): super().__init__(limit=1 << 17)\n"
    )
    slide.data.write(planted(300, 40), tmp_path / "train.txt")
    told = subprocess.run(
        [sys.executable, "-m", "slide", "train", "train.txt", "--model", "m", "--hidden", "16",
         "--backend", "small_gpu:Small"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 2
    assert re.match(r"slide: the GPU has no room for .* of [\d,]+ bytes.*\n$", told.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small_gpu.py", "train.txt"]


def test_memory_that_was_refused_is_not_given_back():
    device = StandInDevice(limit=10_000)
    kept = device.put(np.zeros(1000, np.float32))
    for _ in range(2):
        with pytest.raises(BackendError, match=r"of 400,384 bytes, for 5,904 are free"):
            device.put(np.zeros(100_000, np.float32))
    assert device.memory.n_bytes == 4096
    del kept


def test_memory_is_counted_once_and_given_back():
    device = StandInDevice()
    memory, xp = device.memory, device.xp
    array = device.put(np.zeros(1000, np.float32))
    assert memory.n_bytes == 4096
    view = array[10:20]
    kept = array.reshape(10, 100)[0]
    assert memory.n_bytes == 4096
    del array, view
    assert memory.n_bytes == 4096
    del kept
    assert memory.n_bytes == 0
    xp.sort(device.put(np.zeros(1024, np.int64)))
    assert memory.peak == 2 * 8192 + 8192
    xp.argsort(device.put(np.zeros(1024, np.int64)))
    assert memory.peak == 8192 + 2 * 8192 + 16 * 1024
    assert memory.n_bytes == 0


MUTANTS = {
    "half of the lanes": ("sum_of_warp", "step = 16", "step = 8", "sddmm", "bound"),
    "no barrier after the counts": (
        "nth_largest",
        "1);\n        }\n        __syncthreads();",
        "1);\n        }",
        "top_k",
        "bound",
    ),
    "no barrier before the next byte": (
        "nth_largest",
        "mask |= (u64)255 << shift;\n        __syncthreads();",
        "mask |= (u64)255 << shift;",
        "top_k",
        "bound",
    ),
    "no barrier after zero results": (
        "best_of_rows",
        ": 0;\n    __syncthreads();",
        ": 0;",
        "top_k",
        "exact",
    ),
    "no barrier after the counters": (
        "add_up",
        "n_out = 0;\n        __syncthreads();",
        "n_out = 0;",
        "search",
        "exact",
    ),
    "no barrier between lists": (
        "add_up",
        "= j;\n            }\n            __syncthreads();",
        "= j;\n            }",
        "search",
        "bound",
    ),
    "a barrier for some": (
        "add_up",
        "if (threadIdx.x == 0) n_met = n_valid = n_out = 0;\n        __syncthreads();",
        "if (threadIdx.x == 0) { n_met = n_valid = n_out = 0; __syncthreads(); }",
        "search",
        "exact",
    ),
    "totals that stay": (
        "add_up",
        "totals[met[t]] = 0;",
        "{}",
        "search",
        "exact",
    ),
    "excluded all the same": ("add_up", "totals[excluded[e]] = 0;", "{}", "search", "exact"),
    "ties to the larger id": (
        "key_of",
        "0xffffffffu - (u32)id",
        "(u32)id + 1",
        "search",
        "exact",
    ),
    "signs unseen": ("key_of", "? ~bits :", "? bits :", "top_k", "bound"),
    "a limit too large": ("best_of_rows", "one >= least", "one + 1 > least - 1", "top_k", "exact"),
    "the first left out": ("sum_rows", "e = first;", "e = first + 1;", "spmm", "exact"),
    "a place too low": (
        "place_of",
        "low = middle + 1",
        "low = middle + 2",
        "masked_spgemm",
        "exact",
    ),
    "the state after the weight": (
        "update_entries",
        "sqrtf(square[p])",
        "sqrtf(square[p] - g * g)",
        "update_entries",
        "bound",
    ),
    "a sum of one warp": (
        "sum_of_block",
        "warp < blockDim.x >> 5",
        "warp < 1",
        "solve_rows",
        "bound",
    ),
    "no barrier after a visit": (
        "solve_rows",
        "duals[e] = dual;\n            __syncthreads();",
        "duals[e] = dual;",
        "solve_rows",
        "bound",
    ),
    "no barrier after the start of a row": (
        "solve_rows",
        "= start_inputs[p];\n        }\n        __syncthreads();",
        "= start_inputs[p];\n        }",
        "solve_rows",
        "bound",
    ),
    "marks that stay": (
        "solve_rows",
        "weights[met[t]] = marks[met[t]] = 0;",
        "weights[met[t]] = 0;",
        "solve_rows",
        "bound",
    ),
    "the constant for its square": (
        "solve_rows",
        "square = constant * constant",
        "square = constant",
        "solve_rows",
        "bound",
    ),
    "no slack in the curvature": (
        "solve_rows",
        "norms[i] + square + slack",
        "norms[i] + square + 1e-6f",
        "solve_rows",
        "bound",
    ),
    "half a norm": ("squared_norms", "p += 32", "p += 64", "solve_rows", "bound"),
    "no decay": ("adam_rows", "kept * weight[p]", "weight[p]", "update_rows", "bound"),
    "the sum for the mean": ("adagrad_rows", "total / d", "total", "update_rows", "bound"),
    "uphill": ("sgd_rows", "- lr * g[", "+ lr * g[", "update_rows", "bound"),
}
"""What it is in, what is written there, what instead, and the kernel and property that see it."""


IN_A_PROCESS = """
import sys
from slide.backends.gpu.stand_in import StandInBackend
from slide.reference.checks import check
cuda, kernel, name = sys.stdin.read(), *sys.argv[1:]
backend = StandInBackend(cuda=cuda)
sys.exit(3 if check(backend, kernel, name, 120, shrink=False).outcome == "fail" else 0)
"""


def judged(name):
    """A mutant in a process of its own, for some write anywhere."""
    place, right, wrong, kernel, prop = MUTANTS[name]
    cuda = source()
    where = cuda.index(right, cuda.index(f" {place}("))
    mutated = cuda[:where] + wrong + cuda[where + len(right) :]
    return subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS, kernel, prop],
        input=mutated, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def verdicts():
    """All mutants, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(MUTANTS, pool.map(judged, MUTANTS), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_cuda_kernel_is_rejected(name, verdicts):
    """A failure is 3, a crash below 0."""
    told = verdicts[name]
    assert told.returncode == 3 or told.returncode < 0, told.stderr


ODD = """
extern "C" __global__ void beside(float* a) { a[4] = 1; }
extern "C" __global__ void in_vain(float* a) { if (threadIdx.x < 3) __syncthreads(); }
extern "C" __global__ void some_lanes(float* a) { if (threadIdx.x < 3) __syncwarp(); }
extern "C" __global__ void two_barriers(float* a) {
    if (threadIdx.x < 16) __syncthreads();
    else
        __syncthreads();
}
extern "C" __global__ void lanes(float* a) {
    float x = threadIdx.x;
    for (int step = 16; step > 0; step >>= 1) x += __shfl_down_sync(0xffffffffu, x, step);
    if (threadIdx.x % 32 == 0) a[threadIdx.x / 32] = x;
    x = __shfl_sync(0xffffffffu, x, 0);
    if (threadIdx.x == 63) a[2] = x;
}
extern "C" __global__ void counted(float* a) { a[threadIdx.x] += 1; }
extern "C" __global__ void reversed(float* a) {
    __shared__ float all[64];
    all[threadIdx.x] = blockIdx.x + threadIdx.x;
    __syncthreads();
    a[blockIdx.x * blockDim.x + threadIdx.x] = all[blockDim.x - 1 - threadIdx.x];
}
"""


def launched(name, array, n_threads=64, n_blocks=1, order=0):
    emulator.launch(emulator.library(ODD), name, n_blocks, n_threads, order, array)
    return array


@pytest.mark.parametrize("order", emulator.ORDERS)
def test_the_emulator_has_lanes_barriers_and_shared_memory(order):
    sums = launched("lanes", np.zeros(4, np.float32), order=order)
    assert sums.tolist() == [31 * 16, 31 * 16 + 32 * 32, 31 * 16 + 32 * 32, 0]
    both = launched("reversed", np.zeros(128, np.float32), n_blocks=2, order=order)
    assert both.tolist() == [*range(63, -1, -1), *range(64, 0, -1)]


@pytest.mark.parametrize("order", emulator.ORDERS)
@pytest.mark.parametrize("n_threads", [*range(1, 34), 96, 160, 192, 224, 256, 1024])
def test_each_thread_of_a_block_runs_once(n_threads, order):
    ran = launched("counted", np.zeros(n_threads + 1, np.float32), n_threads, order=order)
    assert ran.tolist() == [1] * n_threads + [0]


@pytest.mark.parametrize("name", ["in_vain", "some_lanes", "two_barriers"])
def test_a_barrier_that_some_never_reach_ends_the_launch(name):
    with pytest.raises(RuntimeError, match="at a barrier that others never reach"):
        launched(name, np.zeros(4, np.float32))


def test_a_write_beside_an_array_is_seen():
    with pytest.raises(RuntimeError, match="beside wrote beside its argument 0"):
        launched("beside", np.zeros(4, np.float32))


def test_kernels_take_arrays_in_c_order_and_few_kinds_of_numbers():
    with pytest.raises(TypeError, match="C order"):
        launched("beside", np.zeros((4, 4), np.float32).T)
    with pytest.raises(TypeError, match=r"int and np\.float32, got float"):
        launched("beside", 1.0)


def test_text_that_is_not_cuda_is_told():
    with pytest.raises(BackendError, match="do not compile for the CPU"):
        StandInBackend(cuda="no such language")


def test_without_a_compiler_there_is_no_stand_in(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(emulator, "library", emulator.library.__wrapped__)  # keeps the compiled
    with pytest.raises(BackendError, match=r"needs a C\+\+ compiler: install one of g\+\+"):
        StandInBackend()


HOST = np.arange(3)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda xp, a: np.asarray(a),
        lambda xp, a: a + HOST,
        lambda xp, a: HOST + a,
        lambda xp, a: np.where(a > 0, HOST, a),
        lambda xp, a: xp.searchsorted(a, HOST),
        lambda xp, a: a.__setitem__(slice(0, 3), HOST),
        lambda xp, a: a[HOST],
        lambda xp, a: HOST[a],
        lambda xp, a: list(a),
        lambda xp, a: range(a[0]),
        lambda xp, a: [1, 2, 3][: a[0]],
        lambda xp, a: a[: a[1]],
        lambda xp, a: np.bincount(a),
        lambda xp, a: np.add.at(a, a, 1),
        lambda xp, a: np.add.reduceat(a, a),
        lambda xp, a: np.lexsort((a, a)),
    ],
)
def test_arrays_of_the_device_are_as_strict_as_those_of_cupy(mistake):
    device = StandInDevice()
    with pytest.raises((TypeError, IndexError)):
        mistake(device.xp, device.put(HOST))


def test_the_device_gets_only_what_it_has():
    with pytest.raises(TypeError, match="get takes an array of the device, got ndarray"):
        StandInDevice().get(HOST)
    with pytest.raises(AttributeError, match="'bincount' is not among the functions"):
        _ = StandInDevice().xp.bincount
    with pytest.raises(AttributeError, match="have no 'tolist'"):
        StandInDevice().put(HOST).tolist()
