"""What stands in for a GPU: CUDA run thread by thread, and arrays as strict as CuPy's."""

import numpy as np
import pytest

from slide.backends.gpu.stand_in import StandInBackend, StandInDevice, emulator
from slide.core.errors import BackendError

pytestmark = pytest.mark.skipif(
    emulator.compiler() is None, reason="needs a C++ compiler to run CUDA kernels on a CPU"
)


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
