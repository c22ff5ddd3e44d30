"""A peer, asked one row and many at a time: `python -m bench.serving.asked PEER DATA OUT`.

Runs in an environment of the peer, on one thread, for `bench.serving.beside`. omikuji and pecos
train on X_train.npz of DATA first, unless OUT holds a model; hnswlib and faiss index rows.npy of
DATA, f32 (n, d), by inner product with queries.npy. Leaves ids.npy, prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

K, QUESTIONS, WARM = 5, 600, 100


class Graph:
    """HNSW: links and breadth as both packages are often set, searched at several breadths."""

    LINKS, BUILD = 16, 200

    def __init__(self, package: str, data: Path) -> None:
        self.rows, self.queries = np.load(data / "rows.npy"), np.load(data / "queries.npy")
        self.package = package
        n, d = self.rows.shape
        if package == "hnswlib":
            import hnswlib

            self.index: Any = hnswlib.Index("ip", d)
            self.index.init_index(n, ef_construction=self.BUILD, M=self.LINKS)
            self.index.add_items(self.rows, num_threads=1)
            self.index.set_num_threads(1)
            return
        import faiss

        faiss.omp_set_num_threads(1)
        self.index = faiss.IndexHNSWFlat(d, self.LINKS, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = self.BUILD
        self.index.add(self.rows)

    def search(self, breadth: int) -> Any:
        """A function of rows of queries."""
        if self.package == "hnswlib":
            self.index.set_ef(breadth)
            return lambda queries: self.index.knn_query(queries, K)[0]
        self.index.hnsw.efSearch = breadth
        return lambda queries: self.index.search(queries, K)[1]


def figures(search: Any, queries: Any) -> dict[str, Any]:
    """Latency of one row, and rows a second of all at once."""
    seconds = []
    for i in range(QUESTIONS):
        row, began = queries[i : i + 1], time.perf_counter()
        search(row)
        seconds.append(time.perf_counter() - began)
    p50, p99 = 1e3 * np.percentile(seconds[WARM:], [50, 99])
    began = time.perf_counter()
    search(queries)
    rows = queries.shape[0] / (time.perf_counter() - began)
    return {"p50 ms": float(p50), "p99 ms": float(p99), "batch, rows/s": rows}


def graph(package: str, data: Path, out: Path) -> list[dict[str, Any]]:
    began = time.perf_counter()
    index = Graph(package, data)
    build = time.perf_counter() - began
    rows = []
    for breadth in (16, 64, 256):
        search = index.search(breadth)
        np.save(out / f"{package}-{breadth}.npy", search(index.queries))
        told = {"peer": package, "ef": breadth, "build s": build}
        rows.append(told | figures(search, index.queries))
    return rows


def tree(package: str, data: Path, out: Path) -> list[dict[str, Any]]:
    from bench.rivals.peers.workers.worker import load

    if package == "omikuji":
        from bench.rivals.peers.workers.omikuji_parabel import Parabel as Worker
    else:
        from bench.rivals.peers.workers.pecos_xlinear import XLinear as Worker
    worker, model, x = Worker(), out / f"{package}-model", load(data / "X_test.npz")
    if not model.exists():
        inputs = worker.read(data)
        model.mkdir()
        worker.save(worker.train(inputs, model, 1, 0), model)
    began = time.perf_counter()
    worker.load(model, 1)
    loading = time.perf_counter() - began
    np.save(out / f"{package}.npy", worker.ids(worker.top(x, K), K))
    told = figures(lambda rows: worker.top(rows, K), x)
    return [{"peer": package, "load ms": 1e3 * loading} | told]


if __name__ == "__main__":
    name, data, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    asked = tree if name in ("omikuji", "pecos") else graph
    print(json.dumps(asked(name, data, out)))
