"""A network in PyTorch as its users write it: EmbeddingBag, ReLU, an output layer, Adam.

Two contestants differ in their output layer, its loss and its optimizer; what they share is here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch
from worker import pair

HIDDEN, BATCH, LR = 256, 256, 2e-3
EXAMPLES = 250_000
ROWS_AT_A_TIME = 256


def n_epochs(n_samples: int) -> int:
    """Passes over the training set that show EXAMPLES examples, from 3 to 30."""
    return min(max(EXAMPLES // n_samples, 3), 30)


class Softmax:
    """Everything but the output layer."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"hidden": HIDDEN, "batch_size": BATCH, "lr": LR}

    def build(self, n_features: int, n_labels: int) -> None:
        """Set the modules `first` and `second`."""
        raise NotImplementedError

    def optimizer(self, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        raise NotImplementedError

    def loss(self, h: torch.Tensor, y: scipy.sparse.csr_matrix) -> torch.Tensor:
        """Of a batch, summed over its examples."""
        raise NotImplementedError

    def logits(self, h: torch.Tensor) -> torch.Tensor:
        """Of all labels."""
        raise NotImplementedError

    def read(self, data: Path) -> Any:
        """And a step that nobody times: the first one loads half of PyTorch."""
        x, y = pair(data)
        self.fit(x[:BATCH], y[:BATCH], 1)
        return x, y

    def train(self, inputs: Any, model: Path, threads: int, seed: int) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        self.settings["epochs"] = n_epochs(inputs[0].shape[0])
        self.fit(*inputs, self.settings["epochs"])

    def fit(self, x: scipy.sparse.csr_matrix, y: scipy.sparse.csr_matrix, epochs: int) -> None:
        self.build(x.shape[1], y.shape[1])
        adam = self.optimizer([*self.first.parameters(), *self.second.parameters()])
        for _ in range(epochs):
            order = torch.randperm(x.shape[0]).numpy()
            for start in range(0, x.shape[0], BATCH):
                rows = order[start : start + BATCH]
                adam.zero_grad()
                (self.loss(self.hidden(x[rows]), y[rows]) / len(rows)).backward()
                adam.step()

    def hidden(self, x: scipy.sparse.csr_matrix) -> torch.Tensor:
        ids, offsets = torch.from_numpy(x.indices).long(), torch.from_numpy(x.indptr[:-1]).long()
        return torch.relu(self.first(ids, offsets, per_sample_weights=torch.from_numpy(x.data)))

    def save(self, trained: None, model: Path) -> None:
        sizes = self.first.num_embeddings, len(self.second.weight)
        states = self.first.state_dict(), self.second.state_dict()
        torch.save((sizes, states), model / "weights.pt")

    def load(self, model: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        sizes, states = torch.load(model / "weights.pt")
        self.build(*sizes)
        for module, state in zip((self.first, self.second), states, strict=True):
            module.load_state_dict(state)

    @torch.inference_mode()
    def top(self, x: scipy.sparse.csr_matrix, k: int) -> np.ndarray:
        starts = range(0, x.shape[0], ROWS_AT_A_TIME)
        parts = (x[start : start + ROWS_AT_A_TIME] for start in starts)
        return np.concatenate([self.logits(self.hidden(part)).topk(k)[1].numpy() for part in parts])

    def ids(self, found: np.ndarray, k: int) -> np.ndarray:
        return found


def cross_entropy(
    log_p: torch.Tensor, columns: torch.Tensor, y: scipy.sparse.csr_matrix
) -> torch.Tensor:
    """Sum of -log p over the labels of `y`, each example's labels sharing its target equally.

    `columns` are the places of the labels in `log_p`.
    """
    lengths = np.diff(y.indptr)
    rows = torch.from_numpy(np.repeat(np.arange(y.shape[0]), lengths))
    return -(log_p[rows, columns] / torch.from_numpy(lengths).long()[rows]).sum()
