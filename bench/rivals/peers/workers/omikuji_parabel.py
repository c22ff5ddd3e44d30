"""omikuji with its defaults: Parabel, 3 trees. It offers no seed and predicts one row a call."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import omikuji
import scipy.sparse
from omikuji._libomikuji import ffi, lib

from bench.rivals.peers.workers.worker import beam, main, padded


class Parabel:
    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}

    def read(self, data: Path) -> Any:
        """The first half of `Model.train_on_data`, which reads and trains in one call."""
        threads = omikuji._ThreadPoolHandle()
        return lib.load_omikuji_data_set(str(data / "train.txt").encode(), threads.ptr)

    def train(self, inputs: Any, model: Path, threads: int, seed: int) -> Any:
        """The second half."""
        parameters = omikuji.Model.default_hyper_param()
        pool = omikuji._ThreadPoolHandle(threads)
        trained = lib.train_omikuji_model(inputs, parameters, pool.ptr)
        self.settings = {"trees": parameters.n_trees, "min_branch_size": parameters.min_branch_size}
        return omikuji.Model(ffi.NULL if trained is None else trained)

    def save(self, trained: omikuji.Model, model: Path) -> None:
        trained.save(str(model))

    def load(self, model: Path, threads: int) -> None:
        self.model = omikuji.Model.load(str(model))
        self.model.init_prediction_thread_pool(threads)

    def top(self, x: scipy.sparse.csr_matrix, k: int) -> list[list[tuple[int, float]]]:
        width = beam(k)
        indices, values = x.indices.tolist(), x.data.tolist()
        return [
            self.model.predict(
                list(zip(indices[low:high], values[low:high], strict=True)), width, k
            )
            for low, high in pairwise(x.indptr)
        ]

    def ids(self, found: list[list[tuple[int, float]]], k: int) -> np.ndarray:
        return padded([[label for label, _ in row] for row in found], k)


if __name__ == "__main__":
    main(Parabel())
