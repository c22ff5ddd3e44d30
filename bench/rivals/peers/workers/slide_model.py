"""slide from Python, to time its prediction; it is trained by its command line alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

import slide
from bench.rivals.peers.workers.worker import main
from slide.core.contract.arrays import CSR


class Engine:
    settings: dict[str, Any] = {}  # noqa: RUF012

    def load(self, model: Path, threads: int) -> None:
        backend = slide.load_backend()
        backend.set_threads(threads)
        self.model = slide.Model.load(model, backend)

    def top(self, x: scipy.sparse.csr_matrix, k: int) -> np.ndarray:
        return self.model.predict(CSR.from_scipy(x), k)[0]

    def ids(self, found: np.ndarray, k: int) -> np.ndarray:
        return found


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main(Engine())
