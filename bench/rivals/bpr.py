"""BPR of the package implicit, in whatever environment has it: nothing here imports slide.

`PYTHON -m bench.rivals.bpr FOLDER PASSES SEED` reads FOLDER/clicks.npz, a matrix of scipy.sparse
with a 1 where a user clicked an item, and writes FOLDER/scores.npy, f32 (users, items). It prints
the seconds of CPU time that training took. All other settings are those of the package.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse
from implicit.bpr import BayesianPersonalizedRanking


def main(folder: Path, passes: int, seed: int) -> None:
    clicks = scipy.sparse.load_npz(folder / "clicks.npz").tocsr()
    began = time.process_time()
    model = BayesianPersonalizedRanking(iterations=passes, num_threads=1, random_state=seed)
    model.fit(clicks, show_progress=False)
    seconds = time.process_time() - began
    np.save(folder / "scores.npy", np.asarray(model.user_factors @ model.item_factors.T))
    print(seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
