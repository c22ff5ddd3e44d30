"""A GPU through CuPy, or one sentence that says why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.backends.gpu.device import THREADS, out_of_memory, source
from slide.core.arrays import Array
from slide.core.errors import BackendError


class CupyDevice:
    """A GPU through CuPy: see `slide.backends.gpu.device.Device`.

    CUDA kernels are compiled by NVRTC when first launched, and kept on disk by CuPy.
    """

    def __init__(self) -> None:
        self.xp = imported()
        self.module = self.xp.RawModule(code=source(), options=("--std=c++17",))
        self.functions: dict[str, Any] = {}
        gpu = self.xp.cuda.Device().attributes
        self.n_blocks = gpu["MultiProcessorCount"] * gpu["MaxThreadsPerMultiProcessor"] // THREADS
        pool = self.xp.get_default_memory_pool()
        self.xp.cuda.set_allocator(lambda n_bytes: self._allocated(pool, n_bytes))

    def _allocated(self, pool: Any, n_bytes: int) -> Any:
        """Device memory, which all arrays of this process come from."""
        try:
            return pool.malloc(n_bytes)
        except self.xp.cuda.memory.OutOfMemoryError:
            raise out_of_memory(n_bytes, self.n_bytes_free(), "an array") from None

    def n_bytes_free(self) -> int:
        free, _ = self.xp.cuda.runtime.memGetInfo()
        return int(free + self.xp.get_default_memory_pool().free_bytes())

    def put(self, array: Array) -> Array:
        placed: Array = self.xp.asarray(array, order="C")
        return placed

    def get(self, array: Array) -> Array:
        found: Array = self.xp.asnumpy(array)
        return found

    def launch(self, kernel: str, n_blocks: int, n_threads: int, *arguments: Any) -> None:
        if n_blocks == 0:
            return
        if kernel not in self.functions:
            self.functions[kernel] = self.module.get_function(kernel)
        given = tuple(np.uint64(0) if one is None else one for one in arguments)  # a null pointer
        self.functions[kernel]((n_blocks,), (n_threads,), given)

    def synchronize(self) -> None:
        self.xp.cuda.get_current_stream().synchronize()


def imported() -> Any:
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
            "pip install --force-reinstall 'slide-engine[cupy]'"
        ) from None
    try:
        n_gpus = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BackendError(
            f"backend 'cupy' finds no GPU ({first_line(error)}): it needs an NVIDIA GPU and its "
            "driver; choose another --backend"
        ) from None
    if not n_gpus:
        raise BackendError(
            "backend 'cupy' finds no GPU: none is visible, so check CUDA_VISIBLE_DEVICES, or "
            "choose another --backend"
        )
    return cupy


def first_line(error: Exception) -> str:
    """What an error says, without an explanation of many lines."""
    lines = [line.strip(" =") for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__)
