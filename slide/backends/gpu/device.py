"""What the kernels need of a GPU: an array module, and launches of CUDA kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from slide.core.contract.arrays import Array
from slide.core.errors import BackendError, said

CUDA = Path(__file__).parent / "cuda"
FILES = ("common.cuh", "products.cu", "selection.cu", "sparse.cu", "solving.cu", "optimizers.cu")
WARP = 32  # threads that run in step
THREADS = 256  # of a block


class Device(Protocol):
    """Where arrays live and kernels run.

    Attributes:
        xp: an array module with the functions of NumPy.
        n_blocks: of threads that run at a time, about: what needs much memory of its own is
            launched in no more.
    """

    xp: Any
    n_blocks: int

    def put(self, array: Array) -> Array:
        """A host array on the device, in C order; one that is there already as it is."""

    def get(self, array: Array) -> Array:
        """A device array on the host."""

    def launch(self, kernel: str, n_blocks: int, n_threads: int, *arguments: Any) -> None:
        """Run a kernel of the folder `cuda`; nothing at all where there are no blocks.

        Args:
            kernel: name of the function.
            n_blocks: of threads, from 0.
            n_threads: of a block, a multiple of 32.
            arguments: device arrays in C order (pointers), None (no pointer), int (64 bits) and
                np.float32, as the function declares them.
        """

    def synchronize(self) -> None:
        """Return when all that was launched is done."""

    def n_bytes_free(self) -> int:
        """Memory that new arrays may still take."""


def source() -> str:
    """All CUDA kernels as one text."""
    return "\n".join((CUDA / name).read_text(encoding="utf-8") for name in FILES)


class DeviceMemoryError(BackendError, MemoryError):
    """Memory of the device that cannot be had; CuPy's own code knows it for a MemoryError."""


def out_of_memory(n_bytes: int, free: int, what: str) -> DeviceMemoryError:
    """What to raise if memory for something cannot be had."""
    return DeviceMemoryError(
        f"the GPU has no room for {what} of {n_bytes:,} bytes, for {free:,} are free: choose a "
        f"smaller network, active set or batch, or another {said('backend')}"
    )
