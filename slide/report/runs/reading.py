"""Runs as their model folders tell of them, those of earlier releases, too.

A number that is missing is None wherever somebody asks for it: panels say what is missing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slide.core.errors import FAULTS, ConfigError, ModelError, reason_of
from slide.core.examples.counting import OneBased
from slide.core.learners.kinds import KINDS, kind_of
from slide.core.models.folder import CONFIG, METRICS, RUN, read_description, refuse_no_files
from slide.core.models.stored import described
from slide.distributed.ensemble_folder import refuse_ensemble

LETTERS = "ABCDEFGHIJKL"
LARGEST = 1e30  # beyond is no figure of a run
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run.

    Args:
        letter: by which figures know it.
        folder: of its model, as it was given.
        name: by which people know it.
        description: config.json.
        records: the lines of metrics.jsonl; none of a model that was saved from Python.
        told: run.json; empty in folders of earlier releases.
        n_bytes: of the files of its folder.
        measured: scores on data that was given, by name; None without such.
        judged: more of how good it is, on these data, or on what training left out; None if
            nobody knows (see `slide.core.models.judging`).
    """

    letter: str
    folder: Path
    name: str
    description: dict[str, Any]
    records: tuple[Record, ...]
    told: dict[str, Any]
    n_bytes: int
    measured: dict[str, float] | None = None
    judged: dict[str, Any] | None = None

    @property
    def learner(self) -> str:
        """Its learner in words."""
        name = str(self.description["learner"])
        return next((kind.title for kind in KINDS if kind.name == name), name)

    @property
    def takes_steps(self) -> bool:
        """Whether it has learning rates; of a learner that nobody knows here it is assumed."""
        name = self.description["learner"]
        return all(kind.takes_steps for kind in KINDS if kind.name == name)

    @property
    def config(self) -> dict[str, Any]:
        """Settings by name; what training chose stands where nobody said anything."""
        said = record_of(self.description.get("config"))
        return {name: self.kept.get(name) if each is None else each for name, each in said.items()}

    @property
    def last(self) -> Record:
        """The last evaluation; empty where there was none."""
        return self.records[-1] if self.records else {}

    @property
    def kept(self) -> Record:
        """The evaluation of the model that was left; the last one where nobody says which."""
        epoch = number(record_of(self.told.get("figures")), "kept_epoch")
        found = [each for each in self.records if epoch and number(each, "epoch") == epoch]
        return found[-1] if found else self.last

    @property
    def first_label(self) -> int:
        """The number of the first label in files."""
        said = self.description.get("one_based")
        return OneBased(said).first_label if said in list(OneBased) else 0

    @property
    def is_held_out(self) -> bool:
        """Whether its epochs were judged on training examples that were held out."""
        return any("held_out_precision_at_1" in each for each in self.records) and not any(
            "precision_at_1" in each for each in self.records
        )

    def score(self, k: int) -> float | None:
        """P@k of the model that was left, a fraction, on what it was judged on."""
        name = f"precision_at_{k}"
        if self.measured is not None:
            return number(self.measured, name)
        prefix = "held_out_" if self.is_held_out else ""
        return number(self.kept, prefix + name)


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs of model folders, in their order.

    Raises:
        ConfigError: one is given twice, or there are too many to tell them apart.
        ModelError: one is no model folder, or damaged; or it is an ensemble, or frozen.
    """
    if len(folders) > len(LETTERS):
        raise ConfigError(f"got {len(folders)} runs: expected {len(LETTERS)} at most on one page")
    seen = [folder.resolve() for folder in folders]
    for place, each in enumerate(seen):
        if each in seen[:place]:
            raise ConfigError(f"got {folders[place]} twice: leave one of them out")
    names = names_of(folders)
    return [run_in(*each) for each in zip(LETTERS, folders, names, strict=False)]


def names_of(folders: Sequence[Path]) -> list[str]:
    """The last part of each path, or all of it where that would not tell it from another."""
    names = [folder.resolve().name or str(folder) for folder in folders]
    if len(set(names)) == len(names):
        return names
    return [str(folder) for folder in folders]


def run_in(letter: str, folder: Path, name: str) -> Run:
    """The run that left a model there; see `read_runs`."""
    refuse_ensemble(folder, "a report is of runs that trained one model")
    description = read_description(folder)
    if "learner" not in description:  # of long ago
        config = described(folder / CONFIG, description)["config"]
        description["learner"] = kind_of(config).name
    refuse_no_files(folder, (METRICS, RUN))
    run = Run(
        letter=letter,
        folder=folder,
        name=name,
        description=description,
        records=tuple(records_in(folder / METRICS)),
        told=told_in(folder / RUN),
        n_bytes=sum(path.stat().st_size for path in folder.iterdir()),
    )
    judged = run.told.get("judged")
    return replace(run, judged=judged) if isinstance(judged, dict) else run


def records_in(path: Path) -> list[Record]:
    """The lines of metrics.jsonl; none if it is not there."""
    lines = enumerate(text_in(path).splitlines(), 1)
    return [parsed(line, f"{path}, line {place}") for place, line in lines]


def told_in(path: Path) -> dict[str, Any]:
    """What run.json says; nothing if it is not there."""
    text = text_in(path)
    return parsed(text, str(path)) if text else {}


def text_in(path: Path) -> str:
    """Of a file that may be missing."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise damaged(str(path), error) from None


def parsed(text: str, where: str) -> dict[str, Any]:
    """A JSON object, or ModelError."""
    try:
        said = json.loads(text)
        if not isinstance(said, dict):
            raise ValueError("no object")
    except FAULTS as error:
        raise damaged(where, error) from None
    return said


def damaged(where: str, error: Exception) -> ModelError:
    """The error to raise where a file is not what a run has left."""
    reason = error.strerror if isinstance(error, OSError) else reason_of(error)
    return ModelError(f"{where} is damaged ({reason}): leave the run out, or train it again")


def number(record: Any, name: str) -> float | None:
    """A finite number of that name; None where there is none."""
    value = record.get(name) if isinstance(record, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < LARGEST and not math.isnan(value) else None


def odd_in(record: Record) -> list[str]:
    """Names in an evaluation whose value is no number, and not the numbers of kernels."""
    return [
        name
        for name, value in record.items()
        if value is not None and not isinstance(value, dict) and number(record, name) is None
    ]


def record_of(value: Any) -> Record:
    """A dict, or an empty one in place of whatever else is there."""
    return value if isinstance(value, dict) else {}


def records_of(value: Any) -> list[Record]:
    """The dicts of a list; none in place of whatever else is there."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
