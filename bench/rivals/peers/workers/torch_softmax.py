"""How a peer trains one of the networks of `bench.rivals.torch_networks`, saves it and asks it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import torch

from bench.rivals.peers.workers.worker import pair
from bench.rivals.torch_networks import Network

HIDDEN, BATCH, LR = 256, 256, 2e-3
EXAMPLES = 250_000
ROWS_AT_A_TIME = 256


class Rows(NamedTuple):
    """Of a SciPy matrix, under the names that the network uses."""

    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray


def rows_of(a: scipy.sparse.csr_matrix) -> Rows:
    return Rows(a.indptr, a.indices, a.data)


def n_epochs(n_samples: int) -> int:
    """Passes over the training set that show EXAMPLES examples, from 3 to 30."""
    return min(max(EXAMPLES // n_samples, 3), 30)


class Softmax:
    """Args: the network's class, and settings of its own."""

    def __init__(self, kind: Callable[..., Network], **more: Any) -> None:
        self.kind, self.more = kind, more
        self.settings: dict[str, Any] = {"hidden": HIDDEN, "batch_size": BATCH, "lr": LR, **more}

    def build(self, n_features: int, n_labels: int, seed: int = 0) -> Network:
        return self.kind(n_features, n_labels, HIDDEN, LR, **self.more, seed=seed)

    def read(self, data: Path) -> Any:
        """And a step that nobody times: the first one loads half of PyTorch."""
        x, y = pair(data)
        self.fit(x[:BATCH], y[:BATCH], 1, 0)
        return x, y

    def train(self, inputs: Any, model: Path, threads: int, seed: int) -> Network:
        torch.set_num_threads(threads)
        self.settings["epochs"] = n_epochs(inputs[0].shape[0])
        return self.fit(*inputs, self.settings["epochs"], seed)

    def fit(
        self, x: scipy.sparse.csr_matrix, y: scipy.sparse.csr_matrix, epochs: int, seed: int
    ) -> Network:
        network = self.build(x.shape[1], y.shape[1], seed)
        for _ in range(epochs):
            order = torch.randperm(x.shape[0]).numpy()
            for start in range(0, x.shape[0], BATCH):
                rows = order[start : start + BATCH]
                network.step(rows_of(x[rows]), rows_of(y[rows]))
        return network

    def save(self, trained: Network, model: Path) -> None:
        sizes = trained.first.num_embeddings, len(trained.second.weight)
        torch.save((sizes, trained.state_dict()), model / "weights.pt")

    def load(self, model: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        sizes, state = torch.load(model / "weights.pt")
        self.network = self.build(*sizes)
        self.network.load_state_dict(state)

    @torch.inference_mode()
    def top(self, x: scipy.sparse.csr_matrix, k: int) -> np.ndarray:
        starts = range(0, x.shape[0], ROWS_AT_A_TIME)
        parts = (rows_of(x[start : start + ROWS_AT_A_TIME]) for start in starts)
        return np.concatenate([self.network.logits(part).topk(k)[1].numpy() for part in parts])

    def ids(self, found: np.ndarray, k: int) -> np.ndarray:
        return found
