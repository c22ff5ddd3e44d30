"""Frozen models beside peers: `python -m bench.serving.beside DATA MODEL [PEER=PYTHON...]`.

MODEL is a folder that `slide train` left, of the training set of DATA, a folder with X_test.npz and
so on. One with direct connections is asked beside label trees, omikuji and pecos; one with hidden
layers beside graphs, hnswlib and faiss, which are given what its last hidden layer makes of the
questions, and the rows of its output layer. PYTHON is the interpreter of the peer's environment.
All compute on one thread, one after the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import slide
from bench import ROOT
from bench.harness.machine import in_one_line
from bench.harness.tables import Table
from bench.serving.asked import K, figures
from slide.core.contract.arrays import Array
from slide.core.examples.metrics import precision_at, recall_at
from slide.core.sampled.network import Network
from slide.core.sampled.step import activations


def ours(model: slide.Model, test: slide.Dataset, folder: Path) -> list[dict[str, Any]]:
    """Rows of frozen models, and what they named."""
    rows = []
    has_tables = isinstance(model.network, Network)
    for dtype in ("float32", "int8"):
        predictor = model.freeze(folder / dtype, dtype)  # type: ignore[arg-type]
        for sampled in (False, True) if has_tables else (False,):
            x = test.features.to_scipy()

            def search(rows: Any, p: Any = predictor, how: bool = sampled) -> Array:
                return p.predict(rows, K, how)[0]

            mode = " sampled" if sampled else " exact" if has_tables else ""
            rows.append({"peer": f"slide {dtype}{mode}", "ids": search(x)} | figures(search, x))
    return rows


def peer(name: str, python: str, data: Path, out: Path) -> list[dict[str, Any]]:
    """Rows of a peer, and what it named."""
    command = [python, "-m", "bench.serving.asked", name, str(data), str(out)]
    said = subprocess.check_output(command, cwd=ROOT, text=True)
    rows = json.loads(said.splitlines()[-1])  # after whatever the peer says of its progress
    for row in rows:
        ef = f"-{row['ef']}" if "ef" in row else ""
        row["ids"] = np.load(out / f"{name}{ef}.npy").astype(np.int32)
    return list(rows)


def write_vectors(model: slide.Model, test: slide.Dataset, folder: Path) -> None:
    """What graphs are given: rows of the output layer, and their inputs."""
    assert isinstance(model.network, Network)
    queries = activations(model.backend, model.network, test.x).dense()
    np.save(folder / "queries.npy", queries)
    np.save(folder / "rows.npy", model.network.output.param.weight)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("peers", nargs="*", metavar="PEER=PYTHON")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where peers' models stay")
    args = parser.parse_args()
    warnings.simplefilter("ignore", slide.UnseenWarning)
    model, test = slide.Model.load(args.model, "numba"), slide.read(args.data / "X_test.npz")
    model.backend.set_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data, out = args.data, args.keep or folder
        rows = ours(model, test, folder)
        if isinstance(model.network, Network):
            write_vectors(model, test, folder)
            data = folder
        for name, python in (each.split("=", 1) for each in args.peers):
            rows += peer(name, python, data, out)
    for row in rows:
        ids = row.pop("ids")
        row["P@1 %"], row["P@5 %"] = (100 * precision_at(ids, test.y, k) for k in (1, 5))
        if isinstance(model.network, Network):
            row[f"recall@{K} of exact"] = recall_at(ids, model.predict(test.x, K)[0], K)
    print(Table("Beside peers", rows, in_one_line()).markdown())


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main()
