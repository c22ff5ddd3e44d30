"""PECOS XR-Linear with its defaults: PIFA label embedding, hierarchical k-means, full model."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from pecos.xmc import Indexer, LabelEmbeddingFactory
from pecos.xmc.xlinear.model import XLinearModel

from bench.rivals.peers.workers.worker import beam, main, padded, pair


class XLinear:
    settings: dict[str, Any] = {}  # noqa: RUF012

    def read(self, data: Path) -> Any:
        x, y = pair(data)
        return x, y.tocsc()

    def train(self, inputs: Any, model: Path, threads: int, seed: int) -> XLinearModel:
        x, y = inputs
        labels = LabelEmbeddingFactory.create(y, x, method="pifa", threads=threads)
        chain = Indexer.gen(labels, indexer_type="hierarchicalkmeans", threads=threads, seed=seed)
        parameters = XLinearModel.TrainParams.from_dict({"threads": threads}, recursive=True)
        return XLinearModel.train(x, y, C=chain, train_params=parameters)

    def save(self, trained: XLinearModel, model: Path) -> None:
        trained.save(str(model))

    def load(self, model: Path, threads: int) -> None:
        self.threads = threads
        self.model = XLinearModel.load(str(model), is_predict_only=True)

    def top(self, x: scipy.sparse.csr_matrix, k: int) -> scipy.sparse.csr_matrix:
        return self.model.predict(x, only_topk=k, beam_size=beam(k), threads=self.threads)

    def ids(self, found: scipy.sparse.csr_matrix, k: int) -> np.ndarray:
        rows = []
        for low, high in pairwise(found.indptr):
            best = np.argsort(-found.data[low:high], kind="stable")
            rows.append(found.indices[low:high][best].tolist())
        return padded(rows, k)


if __name__ == "__main__":
    main(XLinear())
