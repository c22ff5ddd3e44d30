"""Runs of each learner, made once, and reports of them."""

import json
import shutil
from dataclasses import replace

from conftest import planted

from slide.core.examples.names import Names
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.runs.to_folder import train_to_folder
from slide.reference.kernels import ReferenceBackend
from slide.report.runs.page import report_of
from slide.report.runs.reading import read_runs

N_LABELS = 30
HOSTILE = "<script>alert('label')</script>"
HOSTILE_FOLDER = '<img src=x onerror=alert(1)> $x_$ & "q"'
QUICK = {"epochs": 2, "batch_size": 64, "active": 10}
CONFIGS = {
    "solved": Config(hidden=(), cost=0.3, idf_power=0.0, epochs=2),
    "steps": Config(hidden=(), lr=2.0, lr_schedule="linear", idf_power=0.5, layers=1, **QUICK),
    "hidden": Config(hidden=(8,), K=3, L=4, lr=0.05, **QUICK),
}
ALL = ("solved", "steps", "hidden", HOSTILE_FOLDER, "old", "saved")
NEW_FIELDS = ("learning_rate", "calls_by_kernel")
NEW_DESCRIPTIONS = ("trained_at", "slide_version", "data_digest")


def examples(n, seed=0):
    """Whose labels have names, of which one is no friend of pages."""
    names = Names([HOSTILE, *(f"tag {i}" for i in range(1, N_LABELS))])
    return replace(planted(n, N_LABELS, seed), label_names=names)


def train_all(root):
    """A folder with a run by each name of ALL."""
    train, valid = examples(240), examples(60, seed=1)
    for name, config in CONFIGS.items():
        judged = None if name == "solved" else valid
        train_to_folder(
            train, judged, root / name, config, ReferenceBackend(), trained_on="planted",
            circumstances={"seconds_load": 0.25, "threads": 1},
        )  # fmt: skip
    train_to_folder(train, valid, root / HOSTILE_FOLDER, CONFIGS["steps"], ReferenceBackend())
    shutil.copytree(root / "steps", root / "old")
    age(root / "old")
    Model.load(root / "hidden", ReferenceBackend()).save(root / "saved")


def age(folder):
    """Take from a run what earlier releases did not leave."""
    (folder / "run.json").unlink()
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    old = [
        {k: v for k, v in line.items() if k not in NEW_FIELDS and not k.startswith("list_")}
        for line in lines
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    said = json.loads((folder / "config.json").read_text())
    kept = {name: value for name, value in said.items() if name not in NEW_DESCRIPTIONS}
    (folder / "config.json").write_text(json.dumps(kept))


def report_in(root, names=ALL):
    """The report of some runs."""
    return report_of(read_runs([root / name for name in names]))
