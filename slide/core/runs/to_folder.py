"""One run from data to a model folder, and the figures that describe it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from slide.core.checkpoints.every import Checkpoints
from slide.core.checkpoints.files import sync_folder
from slide.core.contract.backend import Backend
from slide.core.errors import ModelError
from slide.core.examples.counting import OneBased
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.models.folder import METRICS, staged
from slide.core.models.model import Model
from slide.core.runs.ending import note_end, taken_over, telling
from slide.core.runs.keeping import LAST, Keeping
from slide.core.runs.placement import HERE, Placement
from slide.core.runs.told import here, write_told
from slide.core.runs.trainer import Trainer
from slide.core.runs.watching import Several, Watcher

STATUS = Path("/proc/self/status")


@dataclass(slots=True)
class MetricsFile:
    """A watcher that appends each evaluation to metrics.jsonl."""

    path: Path
    last: dict[str, Any] = field(default_factory=dict)

    def on_step(self, step: int, n_steps: int) -> None:
        """Nothing is written of steps."""

    def on_evaluation(self, record: dict[str, Any]) -> None:
        """Write a line at once, so that it outlives whatever comes next."""
        self.last = record
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def train_to_folder(
    train: Dataset,
    valid: Dataset | None,
    folder: Path,
    config: Config,
    backend: Backend,
    overwrite: bool = False,
    time_budget: float | None = None,
    watcher: Watcher | None = None,
    trained_on: str = "",
    one_based: OneBased = OneBased.NONE,
    keeping: Keeping = LAST,
    calibrate: bool = False,
    checkpoints: Checkpoints | None = None,
    placement: Placement = HERE,
    circumstances: Mapping[str, Any] | None = None,
) -> tuple[Model, dict[str, Any]]:
    """Train, and leave `folder` with config.json, weights.safetensors, metrics.jsonl and run.json.

    The folder appears when the run is complete; until then nothing that exists is touched.

    Args:
        train: what to learn.
        valid: what to evaluate on after each epoch, or None.
        folder: where the model goes.
        config: all settings.
        backend: whose kernels compute.
        overwrite: replace a model that is already there.
        time_budget: see `Trainer`.
        watcher: see `Trainer`.
        trained_on: the name of the data, kept in config.json.
        one_based: what its text counts from 1, kept there, too.
        keeping: which epoch's model is left, and when training stops.
        calibrate: see `Trainer`.
        checkpoints: see `Trainer`; they are removed when the folder is there. A run that was killed
            between these two is complete: going on with it removes them, and trains nothing.
        placement: see `Trainer`.
        circumstances: what else run.json is to say: `seconds_load` of the data, `threads`.

    Returns:
        The model, and the figures of the run by the names that `slide train --json` prints.

    Raises:
        ModelError: the folder exists and may not be replaced, or cannot be written.
        ConfigError: see `Trainer.fit`.
    """
    if (before := taken_over(folder, checkpoints)) is not None:
        return placement.load(folder, backend), before
    if checkpoints is not None:
        checkpoints = replace(checkpoints, note={"one_based": one_based})
    with staged(folder, overwrite) as partial, telling(checkpoints):
        metrics = MetricsFile(partial / METRICS)
        trainer = Trainer(
            config,
            backend,
            time_budget,
            Several(metrics, watcher),
            keeping,
            partial,
            calibrate,
            checkpoints,
            placement,
        )
        model = trainer.fit(train, valid)
        model.trained_on, model.one_based = trained_on, one_based
        told = figures(trainer, metrics.last) | calibration_figures(trainer, model)
        with telling(checkpoints, ModelError):
            model.write_into(partial)
            write_told(partial, run_told(trainer, told, circumstances or {}))
            if checkpoints is not None:
                note_end(partial, checkpoints, told)
    if checkpoints is not None:
        sync_folder(folder.resolve().parent)
    trainer.remove_checkpoints()
    return model, told


def figures(trainer: Trainer, last: dict[str, Any]) -> dict[str, Any]:
    """What a finished run reports of itself, and scores of the model that it has left.

    Scores are fractions, None without a validation set.

    Args:
        trainer: of the run.
        last: its last evaluation.
    """
    scores = {
        f"{name}_at_{k}": None for name in ("precision", "ndcg", "psp") for k in (1, 3, 5)
    } | scores_of(trainer.kept)
    return {
        "seconds_train": trainer.seconds,
        "seconds_compile": trainer.seconds_compile,
        "examples_per_second": trainer.examples / trainer.seconds,
        **scores,
        **({"lost_updates": last["lost_updates"]} if "lost_updates" in last else {}),
        "loss": trainer.kept["loss"],
        "peak_rss_mb": peak_rss_mb(),
        "backend": trainer.backend.name,
        "seed": trainer.config.training.seed,
        "epochs": last["epoch"],
        "kept_epoch": trainer.kept["epoch"],
        "steps": trainer.step,
        "config": trainer.config.flat(),
    }


def run_told(
    trainer: Trainer, told: Mapping[str, Any], circumstances: Mapping[str, Any]
) -> dict[str, Any]:
    """What run.json says.

    Args:
        trainer: of the run.
        told: its figures.
        circumstances: see `train_to_folder`.
    """
    seconds = {
        "load": circumstances.get("seconds_load"),
        "compile": trainer.seconds_compile,
        "train": trainer.seconds,
        "evaluate": trainer.clock.seconds_evaluate,
        "calibrate": trainer.seconds_calibrate,
    }
    figures = {name: value for name, value in told.items() if name != "config"}
    return here() | {
        "threads": circumstances.get("threads"),
        "seconds": seconds,
        "figures": figures,
        "judged": trainer.judged,
    }


def calibration_figures(trainer: Trainer, model: Model) -> dict[str, Any]:
    """What became of probabilities; None where they could not be calibrated."""
    calibration = model.calibration
    return {
        "calibrated_on": None if calibration is None else calibration.n_examples,
        "calibration_error": None if calibration is None else calibration.error,
        "seconds_calibrate": trainer.seconds_calibrate,
    }


def scores_of(record: dict[str, Any]) -> dict[str, float]:
    """Those of an evaluation that are of the validation set; fractions."""
    others = "held_out_", "probe_"
    return {
        name: score
        for name, score in record.items()
        if "_at_" in name and not name.startswith(others)
    }


def peak_rss_mb() -> float | None:
    """The largest resident memory this process has had, in units of 10**6 bytes, where it is known.

    Linux counts the memory of whoever started a process into its `getrusage`, so its own record is
    read first. Windows has neither.
    """
    if STATUS.exists():
        for line in STATUS.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    try:
        import resource
    except ModuleNotFoundError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
