"""Runs that are interrupted after a step, go on, and are compared with one that was not."""

import json
from dataclasses import replace

from conftest import planted
from direct_settings import DIRECT

import slide
from slide.core.checkpoints.every import Checkpoints, checkpoints_of
from slide.core.interrupts import Interrupted
from slide.core.runs.keeping import LAST
from slide.core.runs.to_folder import train_to_folder

TRAIN, VALID = planted(240, 60), planted(30, 60, seed=1)
LAYERS = slide.Config(
    hidden=(8,), epochs=3, batch_size=100, active=10, K=2, L=4, bucket_limit=3, rebuild_every=4,
    rebuild_growth=0.3, reinsert_every=1, catch_up=True, dropout=0.2,
)  # fmt: skip
CONFIGS = {
    "layers": LAYERS,
    "layers, rehashed": replace(LAYERS, rehash_every=3, stale_recall=0.9, rebuild_every=1),
    "layers, often": replace(LAYERS, rebuild_every=2, rebuild_growth=0.2),
    "adagrad, wta": replace(LAYERS, optimizer="adagrad", hash="wta", rehash_every=2),
    "sgd, doph": replace(LAYERS, optimizer="sgd", hash="doph", catch_up=False, hash_norm=False),
    "direct": replace(
        DIRECT, epochs=3, batch_size=100, rebuild_every=4, rebuild_growth=0.3, active=5,
        list_limit=4,
    ),
    "direct, often": replace(DIRECT, epochs=3, batch_size=100, rebuild_every=2, rebuild_growth=0.2),
    "svm": slide.recipe(TRAIN, cost=0.3, idf_power=0.0, epochs=4),
    "stacked": slide.recipe(TRAIN, cost=0.3, idf_power=0.0, layers=2),
}  # fmt: skip


MEASURED = "seconds", "seconds_by_kernel", "calls_by_kernel"  # arrays are put once more


class StopsAt:
    """A watcher that interrupts after a step."""

    def __init__(self, step):
        self.step = step

    def on_step(self, step, n_steps):
        if step == self.step:
            raise KeyboardInterrupt

    def on_evaluation(self, record):
        pass


def trained(folder, config, backend, *, at=0, train=TRAIN, valid=None, keeping=LAST, **asked):
    """A run that leaves its model in a folder, or is interrupted after a step; what it says."""
    checkpoints = Checkpoints(checkpoints_of(folder), **asked) if asked else None
    try:
        train_to_folder(
            train, valid, folder, config, backend,
            watcher=StopsAt(at), keeping=keeping, checkpoints=checkpoints,
        )  # fmt: skip
    except Interrupted as interrupted:
        return str(interrupted)
    return None


def interrupted_and_resumed(folder, config, backend, at, **rest):
    """A run that is interrupted after each of these steps, and goes on in between."""
    for number, step in enumerate((*at, 0)):
        trained(folder, config, backend, at=step, every="1000", resume=number > 0, **rest)
    return folder


def bits(folder):
    """All that a run leaves, but for when it ended and how long it took."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    timeless = [
        {name: each for name, each in line.items() if name not in MEASURED} for line in lines
    ]
    timed = "metrics.jsonl", "config.json", "run.json"
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in timed}
    config = json.loads((folder / "config.json").read_text())
    dateless = {name: config[name] for name in config if name != "trained_at"}
    judged = json.loads((folder / "run.json").read_text())["judged"]
    return files | {"config.json": dateless, "judged": judged}, timeless
