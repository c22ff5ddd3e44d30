"""Train nine small models from the command line, and compare their bits with those recorded.

`python tests/same_bits.py` prints a SHA-256 of weights and predictions of each, and exits with 1 if
one is not what `same_bits.json` says: a change that was to change nothing has changed something.
`--record` writes that file anew. Bits are those of one kind of machine and of one set of versions,
which the file names; elsewhere record before a change, and compare after it.
"""

import hashlib
import json
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numba
import numpy as np
from conftest import planted
from safetensors.numpy import load_file

from slide import write

RECORD = Path(__file__).with_suffix(".json")
HASHED = ("--epochs", "2", "--batch-size", "64", "--active", "60", "--K", "3", "--L", "8")
CONFIGURATIONS = {
    "direct": ("--epochs", "2", "--lr", "2"),
    "direct with pairs": ("--epochs", "2", "--lr", "2", "--pairs", "--idf-power", "0.5"),
    "linear SVMs": ("--epochs", "2"),
    "one hidden layer, SimHash": ("--hidden", "24", *HASHED, "--set", "rebuild_every=5"),
    "two hidden layers, the second sampled, WTA": (
        "--hidden", "24,16", *HASHED, "--hash", "wta", "--set", "hidden_active=0,9",
        "--set", "scope=example", "--set", "rehash_every=9",
    ),
    "catching up, sparse SimHash": (
        "--hidden", "24", *HASHED, "--hash", "sparse-simhash", "--set", "catch_up=true",
        "--set", "weight_decay=0.01", "--set", "reinsert_every=3",
    ),
    "in-batch, Adagrad": (
        "--hidden", "24", *HASHED, "--sampler", "in-batch", "--set", "optimizer=adagrad",
    ),
    "DWTA, first in first out": (
        "--hidden", "24", *HASHED, "--hash", "dwta", "--set", "policy=fifo",
        "--set", "stale_recall=0.9", "--set", "loss=bce",
    ),
    "processes, DOPH": ("--hidden", "24", *HASHED, "--hash", "doph", "--backend", "processes"),
}  # fmt: skip


def main() -> None:
    """Compare, or record."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        train, test = Path(folder, "train.txt"), Path(folder, "test.txt")
        write(planted(600), train)
        write(planted(60, seed=1), test)
        sums = dict(pool.map(lambda name: (name, sum_of(name, train, test)), CONFIGURATIONS))
    if "--record" in sys.argv[1:]:
        RECORD.write_text(json.dumps({"machine": machine(), "sums": sums}, indent=1) + "\n")
    recorded = json.loads(RECORD.read_text())
    for name, got in sums.items():
        print(f"{'same' if got == recorded['sums'].get(name) else 'OTHER':6}{got[:16]}  {name}")
    if sums != recorded["sums"]:
        sys.exit(f"recorded on {recorded['machine']}\nhere is     {machine()}")


def sum_of(name: str, train: Path, test: Path) -> str:
    """Of the weights, and of the five best labels of each test example with their scores."""
    model = train.parent / name.replace(" ", "_")
    run("train", train, "--model", model, "--threads", "2", *CONFIGURATIONS[name])
    told = run("predict", model, test)
    weights = load_file(model / "weights.safetensors")
    digest = hashlib.sha256(told.encode())
    for tensor in sorted(weights):
        digest.update(weights[tensor].tobytes())
    return digest.hexdigest()


def run(*words: str | Path) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "slide", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def machine() -> str:
    """What the bits depend on."""
    found = np.show_config("dicts")["SIMD Extensions"]["found"]
    known = " ".join(found)
    return (
        f"{platform.machine()} ({known}), Python {platform.python_version()}, "
        f"NumPy {np.__version__}, Numba {numba.__version__}"
    )


if __name__ == "__main__":
    main()
