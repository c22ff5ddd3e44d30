"""How much of the exact top 10 hash tables find on a trained network: `python bench/retrieval.py`.

Trains on the bundled set (15,314 labels) by the default recipe, then builds tables of every family
over the output layer and keeps 1 % of the neurons per example. Prints a Markdown table, the one in
docs/retrieval.md: recall@10 and how many entries of buckets a query reads, in multiples of n.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

import slide
from slide.core.arrays import CSR
from slide.core.backend import Query
from slide.core.layers import dense
from slide.core.metrics import recall_at
from slide.core.retrieval import LayerRetrieval
from slide.core.step import activations
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()
ROWS = (
    ("simhash", 8, 50, 1), ("simhash", 8, 100, 1), ("simhash", 8, 50, 4), ("simhash", 6, 50, 1),
    ("simhash", 6, 100, 1), ("simhash", 6, 50, 4), ("simhash", 5, 200, 1), ("simhash", 4, 200, 1),
    ("sparse-simhash", 6, 100, 1), ("wta", 2, 100, 1), ("wta", 1, 200, 1), ("dwta", 2, 100, 1),
    ("dwta", 1, 200, 1), ("doph", 2, 100, 1), ("doph", 1, 200, 1),
)  # fmt: skip
"""Family, K, L, probes."""


def recalls(model: slide.Model, x: CSR, config: slide.Config) -> tuple[list[float], float]:
    """Recall@10 by topk and vanilla, and the share of n that a query reads."""
    layer, n = model.network.output, model.network.n_labels
    a = activations(BACKEND, model.network, x)
    exact, _ = BACKEND.top_k(dense(a), layer.param.weight, None, 10)
    rng = np.random.default_rng(0)
    retrieval = LayerRetrieval.build(BACKEND, layer, config, round(0.01 * n), rng)
    found = []
    for strategy in ("topk", "vanilla"):
        query = Query(strategy, round(0.01 * n), bucket_limit=n, shared=False)
        candidates = replace(retrieval, query=query).find(BACKEND, a)
        ids, _ = BACKEND.top_k(dense(a), layer.param.weight, candidates, 10)
        found.append(recall_at(ids, exact, 10))
    return found, entries_read(retrieval, a) / n


def entries_read(retrieval: LayerRetrieval, a: CSR) -> float:
    """Bucket entries that a query looks at, mean over the examples."""
    tables = retrieval.tables
    codes = BACKEND.hash(dense(a), None, retrieval.family, retrieval.probes)
    table = np.arange(codes.shape[1]) // retrieval.probes
    buckets = table * tables.n_buckets + codes
    return float(np.diff(tables.offsets)[buckets].sum(axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=300)
    args = parser.parse_args()
    demo = slide.load_demo()
    config = slide.recipe(demo.train.n_samples, demo.train.n_labels)
    with threadpool_limits(1):
        model = slide.Trainer(config, BACKEND).fit(demo.train)
        x = demo.test.x.take(np.arange(args.examples))
        print("| family | K | L | probes | centred | recall@10 topk | vanilla | read / n |")
        print("|---|---|---|---|---|---|---|---|")
        for family, K, L, probes in ROWS:
            for center in (True, False):
                settings = replace(config, hash=family, K=K, L=L, probes=probes, center=center)
                (topk, vanilla), read = recalls(model, x, settings)
                print(
                    f"| {family} | {K} | {L} | {probes} | {'yes' if center else 'no'} | "
                    f"{topk:.2f} | {vanilla:.2f} | {read:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
