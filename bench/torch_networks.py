"""The network of the benches in PyTorch, as its users write it: EmbeddingBag, ReLU, Linear, Adam.

Needs PyTorch; whoever imports this is a bench that compares with it.
"""

from __future__ import annotations

import numpy as np
import torch

import slide


def inputs(batch: slide.Dataset, device: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = batch.features
    return (placed(x.indices, device).long(), placed(x.indptr[:-1], device),
            placed(x.values, device))  # fmt: skip


def targets(batch: slide.Dataset, device: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Example and label of each entry of y, and how many labels the example has."""
    rows = batch.y.row_numbers()
    return (placed(rows, device), placed(batch.y.indices, device).long(),
            placed(batch.y.row_lengths()[rows], device))  # fmt: skip


def placed(array: np.ndarray, device: str) -> torch.Tensor:
    return torch.from_numpy(array).to(device)


def first_layer(n_features: int, hidden: int, sparse: bool, device: str) -> torch.nn.EmbeddingBag:
    layer = torch.nn.EmbeddingBag(n_features, hidden, mode="sum", sparse=sparse, device=device)
    torch.nn.init.normal_(layer.weight, std=0.1)
    return layer


class Dense:
    """All logits of every example, fused Adam on all weights; `device` is where."""

    def __init__(
        self, n_features: int, n_labels: int, hidden: int, lr: float, device: str = "cpu"
    ) -> None:
        torch.manual_seed(0)
        self.device = device
        self.first = first_layer(n_features, hidden, False, device)
        self.second = torch.nn.Linear(hidden, n_labels, device=device)
        weights = [*self.first.parameters(), *self.second.parameters()]
        self.adam = torch.optim.Adam(weights, lr, fused=True)

    def logits(self, batch: slide.Dataset) -> torch.Tensor:
        ids, offsets, values = inputs(batch, self.device)
        h = torch.relu(self.first(ids, offsets, per_sample_weights=values))
        return self.second(h)

    def step(self, batch: slide.Dataset) -> None:
        """One step of Adam on softmax cross entropy, an example's labels sharing its target."""
        log_p = torch.log_softmax(self.logits(batch), dim=1)
        rows, labels, lengths = targets(batch, self.device)
        loss = -(log_p[rows, labels] / lengths).sum() / batch.n_samples
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()

    @torch.inference_mode()
    def best(self, batch: slide.Dataset) -> torch.Tensor:
        """The label of the largest logit of each example."""
        return self.logits(batch).argmax(dim=1)


class Sampled:
    """The batch's labels and uniform negatives, SparseAdam on touched rows; `device` is where."""

    def __init__(
        self, n_features: int, n_labels: int, hidden: int, lr: float, n_negatives: int,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        torch.manual_seed(0)
        self.n_labels, self.n_negatives, self.device = n_labels, n_negatives, device
        self.first = first_layer(n_features, hidden, True, device)
        self.second = torch.nn.Embedding(  # the bias is last
            n_labels, hidden + 1, sparse=True, device=device
        )
        torch.nn.init.normal_(self.second.weight, std=0.05)
        self.adam = torch.optim.SparseAdam(
            [*self.first.parameters(), *self.second.parameters()], lr
        )

    def step(self, batch: slide.Dataset) -> None:
        ids, offsets, values = inputs(batch, self.device)
        h = torch.relu(self.first(ids, offsets, per_sample_weights=values))
        rows, labels, lengths = targets(batch, self.device)
        negatives = torch.randint(self.n_labels, (self.n_negatives,), device=self.device)
        active = torch.cat([labels, negatives]).unique()
        w = self.second(active)
        log_p = torch.log_softmax(h @ w[:, :-1].T + w[:, -1], dim=1)
        chosen = log_p[rows, torch.searchsorted(active, labels)]
        loss = -(chosen / lengths).sum() / batch.n_samples
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
