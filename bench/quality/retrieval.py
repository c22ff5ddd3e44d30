"""How much of the exact top 10 do hash tables find? `python -m bench.quality.retrieval`.

Trains a network on the bundled set (15,314 labels) by the default recipe, or loads the models that
are named, each with a file of examples; then builds tables of every family over the output layer
and keeps 1 % of the neurons per example. Prints a Markdown table for each, those in
docs/retrieval.md: recall@10 and how many entries of buckets a query reads, in multiples of n.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import slide
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Query
from slide.core.examples.metrics import recall_at
from slide.core.machine import cores
from slide.core.sampled.layers import SampledLayer
from slide.core.sampled.retrieval import LayerRetrieval
from slide.core.sampled.step import activations

BACKEND = slide.load_backend()
ALL = 1 << 30
ROWS = (
    ("simhash", 9, 50, 1, ALL), ("simhash", 9, 50, 4, ALL), ("simhash", 9, 50, 4, 50),
    ("simhash", 9, 100, 8, 50), ("simhash", 6, 50, 4, ALL), ("simhash", 6, 50, 4, 50),
    ("simhash", 4, 200, 1, ALL), ("sparse-simhash", 9, 50, 4, 50), ("wta", 2, 100, 1, ALL),
    ("dwta", 2, 100, 1, ALL), ("doph", 2, 100, 1, ALL),
)  # fmt: skip
"""Family, K, L, probes, entries that are read of a bucket."""


def recalls(model: slide.Model, x: CSR, config: slide.Config) -> tuple[list[float], float]:
    """Recall@10 by topk and vanilla, and the share of n that a query reads."""
    layer, n = model.network.output, model.network.n_labels
    a = activations(BACKEND, model.network, x)
    exact = best_of(layer, a)
    budget = round(0.01 * n)
    query = Query("topk", budget, config.bucket_limit, shared=False)
    retrieval = LayerRetrieval.build(
        BACKEND, layer, config.learner.hashing, query, np.random.default_rng(0)
    )
    found = []
    for strategy in ("topk", "vanilla"):
        query = Query(strategy, budget, config.bucket_limit, shared=False)
        candidates = replace(retrieval, query=query).find(BACKEND, a)
        found.append(recall_at(best_of(layer, a, candidates), exact, 10))
    return found, entries_read(retrieval, a) / n


def best_of(layer: SampledLayer, a: CSR | Block, candidates: CSR | None = None) -> Array:
    """The ten best neurons of each example, of all or of its candidates."""
    ids, _ = BACKEND.top_k(a.dense(), layer.param.weight, candidates, 10)
    return BACKEND.get(ids)


def entries_read(retrieval: LayerRetrieval, a: CSR | Block) -> float:
    """Bucket entries that a query looks at, mean over the examples."""
    tables = retrieval.tables.map(BACKEND.get)
    codes = BACKEND.get(retrieval.functions.of_queries(BACKEND, a, retrieval.probes))
    table = np.arange(codes.shape[1]) // retrieval.probes
    buckets = table * tables.n_buckets + codes
    lengths = np.minimum(np.diff(tables.offsets)[buckets], retrieval.query.bucket_limit)
    return float(lengths.sum(axis=1).mean())


def variants(family: str) -> Iterator[tuple[bool, bool]]:
    """Whether rows are centred, and whether their length counts, which is for SimHash alone."""
    for center in (True, False):
        for hash_norm in (True, False) if "simhash" in family else (False,):
            yield center, hash_norm


def print_table(model: slide.Model, x: CSR) -> None:
    print("| family | K | L | probes | entries | centred | length | topk | vanilla | read / n |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for family, K, L, probes, limit in ROWS:
        chosen = {"hash": family, "K": K, "L": L, "probes": probes, "bucket_limit": limit}
        for center, hash_norm in variants(family):
            config = replace(model.config, **chosen, center=center, hash_norm=hash_norm)
            (topk, vanilla), read = recalls(model, x, config)
            print(
                f"| {family} | {K} | {L} | {probes} | {'all' if limit == ALL else limit} | "
                f"{'yes' if center else 'no'} | {'yes' if hash_norm else 'no'} | "
                f"{topk:.2f} | {vanilla:.2f} | {read:.2f} |",
                flush=True,
            )


def trained() -> tuple[slide.Model, slide.Dataset]:
    demo = slide.load_demo()
    config = slide.recipe(demo.train, hidden=(256,))
    return slide.Trainer(config, BACKEND).fit(demo.train), demo.test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument(
        "--model", nargs=2, type=Path, action="append", metavar=("DIR", "FILE"), default=[]
    )
    args = parser.parse_args()
    BACKEND.set_threads(cores())
    given = [(slide.Model.load(folder, BACKEND), slide.read(file)) for folder, file in args.model]
    for model, data in given or [trained()]:
        print(f"\n{model.network.n_labels:,} labels, {model.network.output.n_inputs} inputs\n")
        print_table(model, data.x.take(np.arange(args.examples)))


if __name__ == "__main__":
    main()
