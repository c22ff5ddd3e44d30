"""Embeddings of a sparse set: `python -m bench.data.embedded DATA OUT [--rows N]`.

DATA holds {train,test}.txt.gz, or X_train.npz and so on. Singular vectors are fitted to training
features alone, as they stand in the file, of rows of unit length; OUT gets X_train.npz,
Y_train.npz, X_test.npz and Y_test.npz, whose rows have all 256 components and unit length: what an
encoder of sentences gives. `pair_in` of `bench.harness.problems` reads them as arrays.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

import slide
from bench.harness.problems import pair_in
from slide.core.contract.arrays import Array

COMPONENTS = 256


def embedded(train: slide.Dataset, test: slide.Dataset) -> list[Array]:
    """Components of each example, f32 (n, 256), fitted to the first set, in both."""
    sparse = [normalize(each.features.to_scipy()) for each in (train, test)]
    svd = TruncatedSVD(COMPONENTS, random_state=0).fit(sparse[0])
    return [normalize(svd.transform(rows)).astype(np.float32) for rows in sparse]


def write(folder: Path, name: str, x: Array, y: sp.csr_array) -> None:
    """A pair as SciPy writes it; zeros are entries like others."""
    n, d = x.shape
    indices = np.tile(np.arange(d, dtype=np.int32), n)
    full = sp.csr_matrix((x.reshape(-1), indices, np.arange(n + 1) * d), (n, d))
    sp.save_npz(folder / f"X_{name}.npz", full, compressed=False)
    sp.save_npz(folder / f"Y_{name}.npz", sp.csr_matrix(y))


def main() -> None:
    """Write the set."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, help="of the training set, the first ones")
    args = parser.parse_args()
    train, test = pair_in(args.data)
    if args.rows:
        train = train.take(np.arange(min(args.rows, train.n_samples)))
    began, busy = time.perf_counter(), time.process_time()
    rows = embedded(train, test)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, x, data in zip(("train", "test"), rows, (train, test), strict=True):
        write(args.out, name, x, data.y.to_scipy())
    print(
        f"{args.out}: {len(rows[0])} and {len(rows[1])} rows of {COMPONENTS} in "
        f"{time.perf_counter() - began:.1f} s, {time.process_time() - busy:.1f} s of CPU"
    )


if __name__ == "__main__":
    main()
