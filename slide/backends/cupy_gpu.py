"""The `cupy` backend: all kernels on a CUDA GPU, for comparison with what CPUs do.

Needs `pip install "slide-engine[cupy]"` and an NVIDIA driver. Arrays stay on the GPU between
kernels. Nothing is added atomically but whole numbers, so a second run has the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from slide.backends.binding import bound
from slide.backends.gpu import hashing, losses, optimizers, products, solving, sparse
from slide.backends.gpu import query as buckets
from slide.backends.gpu import tables as flat
from slide.backends.gpu.cupy_device import CupyDevice, first_line
from slide.backends.gpu.device import Device, out_of_memory
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.opening import n_threads
from slide.core.errors import BackendError

if TYPE_CHECKING:
    from slide.core.contract.backend import Backend


class DeviceBackend:
    """Every kernel as array code and CUDA kernels, on whatever device it is given."""

    name = "device"

    def __init__(self, device: Device) -> None:
        self.device = device

    def set_threads(self, n: int) -> int:
        n_threads(n)  # refuses what is no number of them
        return 1

    def synchronize(self) -> None:
        """Return when all that was asked for is done; kernels return before."""
        self.device.synchronize()

    def demand_room(self, n_bytes: float) -> None:
        """Raise BackendError unless a network and its tables of that size fit."""
        if n_bytes > (free := self.device.n_bytes_free()):
            raise out_of_memory(int(n_bytes), free, "the network and its tables")

    def put(self, array: Array) -> Array:
        return self.device.put(array)

    def get(self, array: Array) -> Array:
        return self.device.get(array)

    hash = bound(hashing.hash_rows, "device")
    build = bound(flat.build, "device")
    reinsert = bound(flat.reinsert, "device")
    query = bound(buckets.query, "device")
    sddmm = bound(products.sddmm, "device")
    spmm = bound(products.spmm, "device")
    spmm_t = bound(products.spmm_t, "device")
    loss = bound(losses.loss, "device")
    update_rows = bound(optimizers.update_rows, "device")
    top_k = bound(products.top_k, "device")
    spgemm_t = bound(sparse.spgemm_t, "device")
    invert = bound(sparse.invert, "device")
    search = bound(sparse.search, "device")
    masked_spgemm = bound(sparse.masked_spgemm, "device")
    update_entries = bound(sparse.update_entries, "device")
    solve_rows = bound(solving.solve_rows, "device")


class CupyBackend(DeviceBackend):
    """On the present CUDA GPU, the first one unless CUDA_VISIBLE_DEVICES says otherwise.

    From then on all arrays of CuPy in this process come from an allocator that tells what it lacks.

    Raises:
        BackendError: CuPy is not installed or cannot be imported, or there is no GPU, or it cannot
            compute.
    """

    name = "cupy"

    def __init__(self) -> None:
        try:
            super().__init__(CupyDevice())
            self._compute()
        except (BackendError, ModuleNotFoundError):
            raise
        except Exception as error:  # of the driver, a compiler, a library that is missing
            raise BackendError(
                f"backend 'cupy' finds a GPU that it cannot use ({first_line(error)}): look at "
                "nvidia-smi, and install CUDA's libraries by pip install 'slide-engine[cupy]'"
            ) from error

    def __reduce__(self) -> tuple[type[CupyBackend], tuple[()]]:
        """Of a copy, in whatever process: it finds the GPU that is there."""
        return type(self), ()

    def _compute(self) -> None:
        """A small product by cuBLAS, and one by a kernel that has to be compiled."""
        ones = self.put(np.ones((2, 2), np.float32))
        ids = np.arange(2, dtype=np.int32)
        diagonal = CSR(np.arange(3), ids, np.ones(2, np.float32), 2).map(self.put)
        for active in (Block.of(ones), diagonal):
            self.get(self.sddmm(ones, ones, active).values)


if TYPE_CHECKING:  # mypy compares every signature with the protocol's
    _: Backend = CupyBackend()
