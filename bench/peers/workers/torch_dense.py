"""PyTorch, dense softmax: all logits of every example, Adam on all weights."""

from __future__ import annotations

import scipy.sparse
import torch
from torch_softmax import HIDDEN, LR, Softmax, cross_entropy
from worker import main


class Dense(Softmax):
    def build(self, n_features: int, n_labels: int) -> None:
        self.first = torch.nn.EmbeddingBag(n_features, HIDDEN, mode="sum")
        torch.nn.init.normal_(self.first.weight, std=0.1)
        self.second = torch.nn.Linear(HIDDEN, n_labels)

    def optimizer(self, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, LR, fused=True)

    def loss(self, h: torch.Tensor, y: scipy.sparse.csr_matrix) -> torch.Tensor:
        columns = torch.from_numpy(y.indices).long()
        return cross_entropy(torch.log_softmax(self.second(h), dim=1), columns, y)

    def logits(self, h: torch.Tensor) -> torch.Tensor:
        return self.second(h)


if __name__ == "__main__":
    main(Dense())
