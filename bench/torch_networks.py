"""The network of the benches in PyTorch, as its users write it: EmbeddingBag, ReLU, Linear, Adam.

Needs PyTorch; whoever imports this is a bench that compares with it.
"""

from __future__ import annotations

import torch

import slide


def inputs(batch: slide.Dataset) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = batch.features
    return (torch.from_numpy(x.indices).long(), torch.from_numpy(x.indptr[:-1]),
            torch.from_numpy(x.values))  # fmt: skip


def first_layer(n_features: int, hidden: int, sparse: bool) -> torch.nn.EmbeddingBag:
    layer = torch.nn.EmbeddingBag(n_features, hidden, mode="sum", sparse=sparse)
    torch.nn.init.normal_(layer.weight, std=0.1)
    return layer


class Dense:
    """All logits of every example, fused Adam on all weights."""

    def __init__(self, n_features: int, n_labels: int, hidden: int, lr: float) -> None:
        torch.manual_seed(0)
        self.first = first_layer(n_features, hidden, sparse=False)
        self.second = torch.nn.Linear(hidden, n_labels)
        weights = [*self.first.parameters(), *self.second.parameters()]
        self.adam = torch.optim.Adam(weights, lr, fused=True)

    def logits(self, batch: slide.Dataset) -> torch.Tensor:
        ids, offsets, values = inputs(batch)
        h = torch.relu(self.first(ids, offsets, per_sample_weights=values))
        return self.second(h)

    def step(self, batch: slide.Dataset) -> None:
        """One step of Adam on softmax cross entropy, an example's labels sharing its target."""
        log_p = torch.log_softmax(self.logits(batch), dim=1)
        rows, columns = torch.from_numpy(batch.y.row_numbers()), torch.from_numpy(batch.y.indices)
        lengths = torch.from_numpy(batch.y.row_lengths())[rows]
        loss = -(log_p[rows, columns.long()] / lengths).sum() / batch.n_samples
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()

    @torch.inference_mode()
    def best(self, batch: slide.Dataset) -> torch.Tensor:
        """The label of the largest logit of each example."""
        return self.logits(batch).argmax(dim=1)


class Sampled:
    """The batch's labels and uniform negatives, SparseAdam on touched rows."""

    def __init__(
        self, n_features: int, n_labels: int, hidden: int, lr: float, n_negatives: int
    ) -> None:
        torch.manual_seed(0)
        self.n_labels, self.n_negatives = n_labels, n_negatives
        self.first = first_layer(n_features, hidden, sparse=True)
        self.second = torch.nn.Embedding(n_labels, hidden + 1, sparse=True)  # the bias is last
        torch.nn.init.normal_(self.second.weight, std=0.05)
        self.adam = torch.optim.SparseAdam(
            [*self.first.parameters(), *self.second.parameters()], lr
        )

    def step(self, batch: slide.Dataset) -> None:
        ids, offsets, values = inputs(batch)
        h = torch.relu(self.first(ids, offsets, per_sample_weights=values))
        labels = torch.from_numpy(batch.y.indices).long()
        negatives = torch.randint(self.n_labels, (self.n_negatives,))
        active = torch.cat([labels, negatives]).unique()
        w = self.second(active)
        log_p = torch.log_softmax(h @ w[:, :-1].T + w[:, -1], dim=1)
        rows = torch.from_numpy(batch.y.row_numbers())
        lengths = torch.from_numpy(batch.y.row_lengths())[rows]
        chosen = log_p[rows, torch.searchsorted(active, labels)]
        loss = -(chosen / lengths).sum() / batch.n_samples
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
