"""napkinXC with its defaults: one probabilistic label tree. Its training writes the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from napkinxc.models import PLT

from bench.rivals.peers.workers.worker import main, padded, pair


class Tree:
    settings: dict[str, Any] = {}  # noqa: RUF012

    def read(self, data: Path) -> Any:
        return pair(data)

    def train(self, inputs: Any, model: Path, threads: int, seed: int) -> PLT:
        tree = PLT(str(model), threads=threads, seed=seed)
        tree.fit(*inputs)
        return tree

    def save(self, trained: PLT, model: Path) -> None:
        """Nothing is left to do."""

    def load(self, model: Path, threads: int) -> None:
        self.model = PLT(str(model), threads=threads)
        self.model.load()

    def top(self, x: scipy.sparse.csr_matrix, k: int) -> list[list[int]]:
        return self.model.predict(x, top_k=k)

    def ids(self, found: list[list[int]], k: int) -> np.ndarray:
        return padded(found, k)


if __name__ == "__main__":
    main(Tree())
