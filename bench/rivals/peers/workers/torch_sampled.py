"""PyTorch, sampled softmax: the batch's labels and uniform negatives, Adam on touched rows."""

from __future__ import annotations

from bench.rivals.peers.workers.torch_softmax import Softmax
from bench.rivals.peers.workers.worker import main
from bench.rivals.torch_networks import Sampled

if __name__ == "__main__":
    main(Softmax(Sampled, n_negatives=2000))
