"""PyTorch, dense softmax: all logits of every example, Adam on all weights."""

from __future__ import annotations

from bench.rivals.peers.workers.torch_softmax import Softmax
from bench.rivals.peers.workers.worker import main
from bench.rivals.torch_networks import Dense

if __name__ == "__main__":
    main(Softmax(Dense))
