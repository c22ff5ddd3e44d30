"""PyTorch, sampled softmax: the batch's labels and uniform negatives, Adam on touched rows."""

from __future__ import annotations

import scipy.sparse
import torch
from torch_softmax import HIDDEN, LR, Softmax, cross_entropy
from worker import main

N_NEGATIVES = 2000


class Sampled(Softmax):
    def __init__(self) -> None:
        super().__init__()
        self.settings["n_negatives"] = N_NEGATIVES

    def build(self, n_features: int, n_labels: int) -> None:
        self.first = torch.nn.EmbeddingBag(n_features, HIDDEN, mode="sum", sparse=True)
        torch.nn.init.normal_(self.first.weight, std=0.1)
        self.second = torch.nn.Embedding(n_labels, HIDDEN + 1, sparse=True)  # the bias is last
        torch.nn.init.normal_(self.second.weight, std=0.05)

    def optimizer(self, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SparseAdam(parameters, LR)

    def loss(self, h: torch.Tensor, y: scipy.sparse.csr_matrix) -> torch.Tensor:
        labels = torch.from_numpy(y.indices).long()
        negatives = torch.randint(self.second.num_embeddings, (N_NEGATIVES,))
        active = torch.cat([labels, negatives]).unique()
        w = self.second(active)
        log_p = torch.log_softmax(h @ w[:, :-1].T + w[:, -1], dim=1)
        return cross_entropy(log_p, torch.searchsorted(active, labels), y)

    def logits(self, h: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.second.weight[:, -1], h, self.second.weight[:, :-1].T)


if __name__ == "__main__":
    main(Sampled())
