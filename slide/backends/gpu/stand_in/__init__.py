"""NumPy in the place of CuPy and a CPU in that of a GPU: what can be proved without one.

The array code is run as it is, over arrays that are as strict as CuPy's. The CUDA kernels are
compiled for the CPU and run thread by thread, with barriers, lanes and shared memory, each launch
in another order of the threads than the one before, so that two calls differ where order matters.
What passes here has the right formulas, indices, dtypes and barriers. What it cannot show is what a
GPU's compiler, its libraries and its memory make of them, and how long that takes: it is no GPU
result.
"""

from __future__ import annotations

from itertools import cycle
from typing import Any

from slide.backends.cupy_gpu import DeviceBackend
from slide.backends.gpu.device import source
from slide.backends.gpu.stand_in import emulator
from slide.backends.gpu.stand_in.arrays import Module, StandInArray, content, wrap
from slide.backends.gpu.stand_in.memory import Memory
from slide.core.contract.arrays import Array

GPU_MEMORY = 4 << 30
BLOCKS = 3  # few, so that each has more than one thing to do


class StandInDevice:
    """See `slide.backends.gpu.device.Device`.

    Args:
        limit: bytes of memory.
        cuda: the text of all kernels.

    Attributes:
        xp: array module.
        n_blocks: see `Device`.
        memory: what is taken.
        n_put: bytes that were put.
        n_got: bytes that were got.
    """

    def __init__(self, limit: int = GPU_MEMORY, cuda: str | None = None) -> None:
        self.kernels = emulator.library(cuda or source())
        self.memory = Memory(limit)
        self.n_blocks = BLOCKS
        self.xp: Any = Module(self.memory)
        self.orders = cycle(emulator.ORDERS)
        self.n_put = self.n_got = 0

    def put(self, array: Array) -> Array:
        if isinstance(array, StandInArray):
            return array
        self.n_put += array.nbytes
        placed: Array = wrap(self.memory, array.copy(order="C"))
        return placed

    def get(self, array: Array) -> Array:
        if not isinstance(array, StandInArray):
            raise TypeError(f"get takes an array of the device, got {type(array).__name__}")
        self.n_got += array.nbytes
        return array.host.copy()

    def launch(self, kernel: str, n_blocks: int, n_threads: int, *arguments: Any) -> None:
        if n_blocks:
            given = map(content, arguments)
            order = next(self.orders)
            emulator.launch(self.kernels, kernel, n_blocks, n_threads, order, *given)

    def synchronize(self) -> None:
        pass

    def n_bytes_free(self) -> int:
        return self.memory.limit - self.memory.n_bytes


class StandInBackend(DeviceBackend):
    """The `cupy` backend without a GPU.

    Args:
        limit: bytes of memory that there would be.
        cuda: the text of all kernels, if it is another one.

    Raises:
        BackendError: there is no C++ compiler.
    """

    name = "NumPy standing in for CuPy: not a GPU result"

    device: StandInDevice

    def __init__(self, limit: int = GPU_MEMORY, cuda: str | None = None) -> None:
        super().__init__(StandInDevice(limit, cuda))
