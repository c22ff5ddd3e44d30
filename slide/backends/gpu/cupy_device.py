"""A GPU through CuPy, or one sentence that says why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.backends.gpu.device import THREADS, DeviceMemoryError, out_of_memory, source
from slide.core.contract.arrays import Array
from slide.core.errors import BackendError, said


class CupyDevice:
    """A GPU through CuPy: see `slide.backends.gpu.device.Device`.

    CUDA kernels are compiled by NVRTC when first launched, and kept on disk by CuPy.
    """

    def __init__(self) -> None:
        self.cupy = import_cupy()
        self.xp = Sorting(self)
        self.module = self.cupy.RawModule(code=source(), options=("--std=c++17",))
        self.functions: dict[str, Any] = {}
        self.refused = 0
        gpu = self.cupy.cuda.Device().attributes
        self.n_blocks = gpu["MultiProcessorCount"] * gpu["MaxThreadsPerMultiProcessor"] // THREADS
        self.pool = self.cupy.get_default_memory_pool()
        self.cupy.cuda.set_allocator(self.allocated)

    def allocated(self, n_bytes: int) -> Any:
        """Device memory, which all arrays of this process come from."""
        try:
            return self.pool.malloc(n_bytes)
        except self.cupy.cuda.memory.OutOfMemoryError:
            self.refused = n_bytes
            raise self.out_of_memory() from None

    def out_of_memory(self) -> DeviceMemoryError:
        """What to raise for the memory that was refused last."""
        return out_of_memory(self.refused, self.n_bytes_free(), "an array")

    def n_bytes_free(self) -> int:
        free, _ = self.cupy.cuda.runtime.memGetInfo()
        return int(free + self.pool.free_bytes())

    def put(self, array: Array) -> Array:
        placed: Array = self.cupy.asarray(array, order="C")
        return placed

    def get(self, array: Array) -> Array:
        found: Array = self.cupy.asnumpy(array)
        return found

    def launch(self, kernel: str, n_blocks: int, n_threads: int, *arguments: Any) -> None:
        if n_blocks == 0:
            return
        if kernel not in self.functions:
            self.functions[kernel] = self.module.get_function(kernel)
        given = tuple(np.uint64(0) if one is None else one for one in arguments)  # a null pointer
        self.functions[kernel]((n_blocks,), (n_threads,), given)

    def synchronize(self) -> None:
        self.cupy.cuda.get_current_stream().synchronize()


class Sorting:
    """The module CuPy, whose sorts say how much memory they lack.

    They take it in code that loses what an allocator raises, all but that it was a MemoryError.
    """

    def __init__(self, device: CupyDevice) -> None:
        self.device = device

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device.cupy, name)

    def sort(self, *arguments: Any, **options: Any) -> Any:
        """As CuPy's."""
        return self.with_memory_error(self.device.cupy.sort, *arguments, **options)

    def argsort(self, *arguments: Any, **options: Any) -> Any:
        """As CuPy's."""
        return self.with_memory_error(self.device.cupy.argsort, *arguments, **options)

    def with_memory_error(self, function: Any, *arguments: Any, **options: Any) -> Any:
        """The result, or the sentence of the memory that was refused."""
        try:
            return function(*arguments, **options)
        except MemoryError:
            raise self.device.out_of_memory() from None


def import_cupy() -> Any:
    """The module `cupy`, if it has a GPU to compute on."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise
        raise BackendError(
            "backend 'cupy' needs CuPy, which is not installed: "
            "pip install 'slide-engine[cupy]', on a machine with an NVIDIA GPU"
        ) from None
    except ImportError as error:
        raise BackendError(
            f"backend 'cupy' cannot import CuPy ({first_line(error)}): "
            "install it anew, as the extra slide-engine[cupy] has it"
        ) from None
    try:
        n_gpus = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BackendError(
            f"backend 'cupy' finds no GPU ({first_line(error)}): it needs an NVIDIA GPU and its "
            f"driver; choose another {said('backend')}"
        ) from None
    if not n_gpus:
        raise BackendError(
            "backend 'cupy' finds no GPU: none is visible, so check CUDA_VISIBLE_DEVICES, or "
            f"choose another {said('backend')}"
        )
    return cupy


def first_line(error: Exception) -> str:
    """What an error says, without an explanation of many lines."""
    lines = [line.strip(" =") for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__)
