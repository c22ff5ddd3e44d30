"""The `cupy` backend where it can and cannot be used: sentences, compilers, and a GPU if any."""

import importlib.util
import shutil
import subprocess
import sys
from contextlib import suppress
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from all_pass import assert_all_pass

from slide.backends import listings, load, problem_of
from slide.backends.cupy_gpu import CupyBackend
from slide.backends.gpu.device import source
from slide.backends.gpu.stand_in import StandInDevice, emulator
from slide.backends.gpu.stand_in.arrays import FUNCTIONS, METHODS, UFUNCS
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError
from slide.reference.checks import GRID, check, verify

EXACT = ("put", "get", "build", "reinsert", "query")  # the others have bounds
ONCE = [(kernel, "exact" if kernel in EXACT else "bound") for kernel in KERNELS]
EVERY = [(row, name) for row, names in GRID.items() for name in names]
ARCHITECTURES = ("sm_75", "sm_80", "sm_90")


def nvrtc():
    """The compiler that CuPy calls, if both are here."""
    if importlib.util.find_spec("cupy") is None:
        return None
    from cupy_backends.cuda.libs import nvrtc

    try:
        nvrtc.getVersion()
    except RuntimeError:  # CuPy without the library
        return None
    return nvrtc


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nvcc_compiles_the_cuda_kernels_without_a_warning(architecture, tmp_path):
    (tmp_path / "kernels.cu").write_text(source())
    told = subprocess.run(
        ["nvcc", "--cubin", "-std=c++17", "-ftz=true", f"-arch={architecture}",  # as CuPy has it
         "-Werror", "all-warnings", "-Xptxas", "-v", "-o", "kernels.cubin", "kernels.cu"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("0 bytes spill stores, 0 bytes spill loads") == len(
        emulator.KERNEL.findall(source())
    )


@pytest.mark.skipif(nvrtc() is None, reason="needs CuPy and NVRTC")
def test_nvrtc_compiles_the_cuda_kernels():
    compiler = nvrtc()
    program = compiler.createProgram(source(), "kernels.cu", [], [])
    compiler.compileProgram(program, ["--std=c++17", "-arch=compute_75", "-ftz=true"])
    assert compiler.getProgramLog(program).strip("\0\n ") == ""


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="needs CuPy")
def test_cupy_has_what_the_stand_in_offers():
    import cupy

    assert [name for name in (*FUNCTIONS, *UFUNCS) if not hasattr(cupy, name)] == []
    assert [name for name in METHODS if not hasattr(cupy.ndarray, name)] == []


@pytest.mark.skipif(problem_of("cupy") is not None, reason=str(problem_of("cupy")))
def test_on_a_gpu_every_kernel_matches_its_definition():
    assert_all_pass(verify(load("cupy"), 10))


def cupy_that(raises=None, n_gpus=0, error=None):
    """A module that is imported as CuPy and finds so many GPUs."""
    module = ModuleType("cupy")

    class CUDARuntimeError(RuntimeError):
        pass

    def count():
        if error:
            raise CUDARuntimeError(error)
        return n_gpus

    runtime = SimpleNamespace(getDeviceCount=count, CUDARuntimeError=CUDARuntimeError)
    module.cuda = SimpleNamespace(runtime=runtime)
    return module


NO_DRIVER = "cudaErrorInsufficientDriver: CUDA driver version is insufficient"


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (
            None,
            "backend 'cupy' needs CuPy, which is not installed: pip install 'slide-engine[cupy]'",
        ),
        (
            cupy_that(error=NO_DRIVER),
            f"backend 'cupy' finds no GPU ({NO_DRIVER}): it needs an NVIDIA",
        ),
        (
            cupy_that(),
            "backend 'cupy' finds no GPU: none is visible, so check CUDA_VISIBLE_DEVICES",
        ),
    ],
    ids=["no CuPy", "no driver", "no GPU"],
)
def test_where_it_cannot_be_used_it_is_listed_with_a_sentence(module, sentence, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", module)
    problem = next(one.problem for one in listings() if one.name == "cupy")
    assert problem.startswith(sentence)
    assert "\n" not in problem
    with pytest.raises(BackendError) as raised:
        load("cupy")
    assert str(raised.value) == problem


def test_cupy_that_cannot_be_imported_is_told(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text(
        "raise ImportError('''\\n====\\nFailed to import CuPy.\\nlong explanation''')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    assert problem_of("cupy") == (
        "backend 'cupy' cannot import CuPy (Failed to import CuPy.): "
        "install it anew, as the extra slide-engine[cupy] has it"
    )
    (tmp_path / "cupy.py").write_text("import fastrlock_of_nobody\n")
    assert "needs the module 'fastrlock_of_nobody'" in problem_of("cupy")


class OutOfMemoryError(MemoryError):
    pass


def faked(monkeypatch, free=4 << 30):
    """A module for CuPy whose GPU is the stand-in; what it was told is in its attributes."""
    device = StandInDevice()
    module = cupy_that(n_gpus=1)

    class Pool:
        def malloc(self, n_bytes):
            if n_bytes > free:
                raise OutOfMemoryError
            return n_bytes

        def free_bytes(self):
            return 0

    class RawModule:
        def __init__(self, code, options):
            assert options == ("--std=c++17",)
            self.kernels = emulator.library(code)

        def get_function(self, name):
            def run(grid, block, arguments):
                hosts = [getattr(one, "host", one) for one in arguments]
                given = [None if isinstance(one, np.uint64) else one for one in hosts]
                emulator.launch(self.kernels, name, *grid, *block, 0, *given)

            return run

    attributes = {"MultiProcessorCount": 1, "MaxThreadsPerMultiProcessor": 768}
    module.__getattr__ = lambda name: getattr(device.xp, name)
    module.asarray = lambda array, order: device.put(array)
    module.asnumpy = device.get
    module.RawModule = RawModule
    module.get_default_memory_pool = Pool
    module.cuda.runtime.memGetInfo = lambda: (free, 8 << 30)
    module.cuda.memory = SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
    module.cuda.Device = lambda: SimpleNamespace(attributes=attributes)
    module.cuda.set_allocator = lambda allocate: setattr(module, "allocate", allocate)
    module.waits = []
    stream = SimpleNamespace(synchronize=lambda: module.waits.append(1))
    module.cuda.get_current_stream = lambda: stream
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


@pytest.mark.skipif(emulator.compiler() is None, reason="needs a C++ compiler")
@pytest.mark.parametrize(
    "cells",
    [pytest.param(ONCE, id="once"), pytest.param(EVERY, id="every", marks=pytest.mark.slow)],
)
def test_it_calls_cupy_as_cupy_wants_to_be_called(cells, monkeypatch):
    module = faked(monkeypatch)
    backend = load("cupy")
    assert isinstance(backend, CupyBackend)
    assert backend.device.n_blocks == 3
    assert_all_pass([check(backend, *cell, 1, shrink=False, largest=100) for cell in cells])
    backend.synchronize()
    assert module.waits == [1]


def sort_without(module, n_bytes):
    """A sort that asks for memory, and loses what the allocator raises, as CuPy's does."""

    def sort(array):
        with suppress(MemoryError):
            module.allocate(n_bytes)
        raise MemoryError("std::bad_alloc")

    return sort


@pytest.mark.skipif(emulator.compiler() is None, reason="needs a C++ compiler")
def test_a_gpu_that_cannot_compute_is_told(monkeypatch):
    module = faked(monkeypatch)

    class RawModule(module.RawModule):
        def get_function(self, name):
            raise RuntimeError("Failed to find CUDA headers.\nlong explanation")

    module.RawModule = RawModule
    assert problem_of("cupy") == (
        "backend 'cupy' finds a GPU that it cannot use (Failed to find CUDA headers.): look at "
        "nvidia-smi, and install CUDA's libraries by pip install 'slide-engine[cupy]'"
    )


@pytest.mark.skipif(emulator.compiler() is None, reason="needs a C++ compiler")
def test_memory_that_cannot_be_had_is_one_sentence(monkeypatch):
    module = faked(monkeypatch, free=1000)
    backend = load("cupy")
    assert module.allocate(1000) == 1000
    sentence = "the GPU has no room for {} of 1,001 bytes, for 1,000 are free: choose a smaller"
    with pytest.raises(BackendError, match=sentence.format("an array")):
        module.allocate(1001)
    monkeypatch.setattr(module, "sort", sort_without(module, 1001), raising=False)
    with pytest.raises(BackendError, match=sentence.format("an array")):
        backend.device.xp.sort(backend.put(np.arange(3)))
    backend.demand_room(1000)
    with pytest.raises(BackendError, match=sentence.format("the network and its tables")):
        backend.demand_room(1001)
