"""The `cupy` backend: all kernels on a CUDA GPU, for comparison with what CPUs do.

Needs `pip install "slide-engine[cupy]"` and an NVIDIA driver. Arrays stay on the GPU between
kernels. Nothing is added atomically but whole numbers, so a second run has the same bits.
"""

from __future__ import annotations

import numpy as np

from slide.backends.gpu import hashing, losses, optimizers, products, sparse
from slide.backends.gpu import query as buckets
from slide.backends.gpu import tables as flat
from slide.backends.gpu.cupy_device import CupyDevice, first_line
from slide.backends.gpu.device import Device, out_of_memory
from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import Query
from slide.core.contract.families import Family
from slide.core.contract.losses import LossName
from slide.core.contract.optim import Optimizer
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.contract.tables import Policy, Tables
from slide.core.errors import BackendError


class DeviceBackend:
    """Every kernel as array code and CUDA kernels, on whatever device it is given."""

    name = "device"

    def __init__(self, device: Device) -> None:
        self.device = device

    def set_threads(self, n: int) -> int:
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

    def hash(self, x: Array | CSR, center: Array | None, family: Family, probes: int = 1) -> Array:
        return hashing.hash_rows(self.device, x, center, family, probes)

    def build(self, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
        return flat.build(self.device, codes, n_buckets, salt, policy)

    def reinsert(self, tables: Tables, rows: Array, codes: Array) -> Tables:
        return flat.reinsert(self.device, tables, rows, codes)

    def query(
        self,
        tables: Tables | None,
        codes: Array,
        required: CSR,
        extra: CSR,
        query: Query,
        salt: int,
    ) -> CSR | Block:
        return buckets.query(self.device, tables, codes, required, extra, query, salt)

    def sddmm(self, h: Array, w: Array, active: CSR | Block) -> CSR | Block:
        return products.sddmm(self.device, h, w, active)

    def spmm(self, z: CSR | Block, w: Array) -> Array:
        return products.spmm(self.device, z, w)

    def spmm_t(self, z: CSR | Block, h: Array) -> RowGrad:
        return products.spmm_t(self.device, z, h)

    def loss(
        self, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
    ) -> tuple[Array, CSR | Block]:
        return losses.loss(self.device, z, log_weights, y, name)

    def update_rows(
        self, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
    ) -> None:
        optimizers.update_rows(self.device, param, grad, optimizer, lr, step)

    def top_k(self, h: Array, w: Array, candidates: CSR | None, k: int) -> tuple[Array, Array]:
        return products.top_k(self.device, h, w, candidates, k)

    def spgemm_t(self, z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
        return sparse.spgemm_t(self.device, z, x, limits, excluded)

    def invert(self, w: CSR, base: Array, limit: int) -> InvertedIndex:
        return sparse.invert(self.device, w, base, limit)

    def search(self, index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> tuple[Array, Array]:
        return sparse.search(self.device, index, x, excluded, k)

    def masked_spgemm(self, x: CSR, w: CSR, active: CSR) -> CSR:
        return sparse.masked_spgemm(self.device, x, w, active)

    def update_entries(self, param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
        sparse.update_entries(self.device, param, dz, x, lr)


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

    def _compute(self) -> None:
        """A small product by cuBLAS, and one by a kernel that has to be compiled."""
        ones = self.put(np.ones((2, 2), np.float32))
        ids = np.arange(2, dtype=np.int32)
        diagonal = CSR(np.arange(3), ids, np.ones(2, np.float32), 2).map(self.put)
        for active in (Block.of(ones), diagonal):
            self.get(self.sddmm(ones, ones, active).values)
