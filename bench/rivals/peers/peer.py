"""A peer: a worker script that runs in the peer's own environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.rivals.peers.contestant import Prediction, Task, Training
from bench.rivals.peers.environments import python_of, version_of
from bench.rivals.peers.measure import Usage, measured

WORKERS = "bench.rivals.peers.workers"
POOLS = ("OMP", "MKL", "OPENBLAS", "RAYON")


@dataclass(frozen=True, slots=True)
class Peer:
    """Args: its name in tables, its environment, its script in `workers`."""

    name: str
    environment: str
    worker: str

    def version(self) -> str | None:
        return version_of(self.environment)

    def train(self, task: Task) -> Training:
        usage, said = self._run(task, "train")
        return Training(said["seconds"], said["cpu_seconds"], usage, said["settings"])

    def predict(self, task: Task) -> Prediction:
        _, said = self._run(task, "predict", "--k", str(task.k))
        with np.load(task.scratch / "ids.npz") as ids:
            return Prediction(said["seconds"], said["cpu_seconds"], ids["top"], ids["deep"])

    def _run(self, task: Task, what: str, *more: str) -> tuple[Usage, dict[str, Any]]:
        script = [str(python_of(self.environment)), "-m", f"{WORKERS}.{self.worker}", what]
        places = ["--data", str(task.data), "--scratch", str(task.scratch)]
        numbers = ["--threads", str(task.threads), "--seed", str(task.seed)]
        pools = {f"{pool}_NUM_THREADS": str(task.threads) for pool in POOLS}
        log = task.scratch / f"{what}.log"
        usage = measured([*script, *places, *numbers, *more], log, task.limit, pools)
        return usage, json.loads((task.scratch / f"{what}.json").read_text())


PEERS = (
    Peer("omikuji", "omikuji", "omikuji_parabel"),
    Peer("pecos", "pecos", "pecos_xlinear"),
    Peer("napkinxc", "napkinxc", "napkinxc_plt"),
    Peer("torch-dense", "torch", "torch_dense"),
    Peer("torch-sampled", "torch", "torch_sampled"),
)
