"""The network of the benches in PyTorch, as its users write it: EmbeddingBag, ReLU, a layer, Adam.

Needs PyTorch and NumPy alone, since a peer trains it in an environment without slide; whoever
imports this is a bench that compares with it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch


class Rows(Protocol):
    """A sparse matrix by its rows, such as `slide.core.contract.arrays.CSR`."""

    @property
    def indptr(self) -> np.ndarray: ...
    @property
    def indices(self) -> np.ndarray: ...
    @property
    def values(self) -> np.ndarray: ...


class Network(torch.nn.Module):
    """What the two networks share: the first layer, and the step; `device` is where."""

    second: torch.nn.Module
    adam: torch.optim.Optimizer

    def __init__(self, n_features: int, hidden: int, sparse: bool, device: str, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.device = device
        self.first = torch.nn.EmbeddingBag(
            n_features, hidden, mode="sum", sparse=sparse, device=device
        )
        torch.nn.init.normal_(self.first.weight, std=0.1)

    def placed(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)

    def hidden(self, x: Rows) -> torch.Tensor:
        ids, offsets = self.placed(x.indices).long(), self.placed(x.indptr[:-1]).long()
        return torch.relu(self.first(ids, offsets, per_sample_weights=self.placed(x.values)))

    def logits(self, x: Rows) -> torch.Tensor:
        """Of all labels."""
        raise NotImplementedError

    def log_p(self, x: Rows, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of all labels or of some, and the columns of those that are given."""
        raise NotImplementedError

    def step(self, x: Rows, y: Rows) -> None:
        """One step of Adam on softmax cross entropy, an example's labels sharing its target."""
        lengths = np.diff(y.indptr)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        log_p, columns = self.log_p(x, self.placed(y.indices).long())
        chosen = log_p[self.placed(rows), columns] / self.placed(lengths[rows])
        loss = -chosen.sum() / len(lengths)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()

    @torch.inference_mode()
    def best(self, x: Rows) -> torch.Tensor:
        """The label of the largest logit of each example."""
        return self.logits(x).argmax(dim=1)


class Dense(Network):
    """All logits of every example, fused Adam on all weights."""

    def __init__(
        self, n_features: int, n_labels: int, hidden: int, lr: float, device: str = "cpu",
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(n_features, hidden, False, device, seed)
        self.second = torch.nn.Linear(hidden, n_labels, device=device)
        self.adam = torch.optim.Adam(self.parameters(), lr, fused=True)

    def logits(self, x: Rows) -> torch.Tensor:
        return self.second(self.hidden(x))

    def log_p(self, x: Rows, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.log_softmax(self.logits(x), dim=1), labels


class Sampled(Network):
    """The batch's labels and uniform negatives, SparseAdam on touched rows."""

    def __init__(
        self, n_features: int, n_labels: int, hidden: int, lr: float, n_negatives: int,
        device: str = "cpu", seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(n_features, hidden, True, device, seed)
        self.n_labels, self.n_negatives = n_labels, n_negatives
        self.second = torch.nn.Embedding(  # the bias is last
            n_labels, hidden + 1, sparse=True, device=device
        )
        torch.nn.init.normal_(self.second.weight, std=0.05)
        self.adam = torch.optim.SparseAdam(list(self.parameters()), lr)

    def logits(self, x: Rows) -> torch.Tensor:
        w = self.second.weight
        return torch.addmm(w[:, -1], self.hidden(x), w[:, :-1].T)

    def log_p(self, x: Rows, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.hidden(x)
        negatives = torch.randint(self.n_labels, (self.n_negatives,), device=self.device)
        active = torch.cat([labels, negatives]).unique()
        w = self.second(active)
        log_p = torch.log_softmax(h @ w[:, :-1].T + w[:, -1], dim=1)
        return log_p, torch.searchsorted(active, labels)
