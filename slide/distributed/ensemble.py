"""Bagging over parts: workers train a model each, and the models vote.

Nothing is exchanged while they train, so that learners do as well which take no steps. The
ensemble is a folder of model folders, each of which is one by itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slide.backends import load, use_threads
from slide.core.contract.arguments import path_of
from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.opening import opened
from slide.core.errors import FAULTS, ModelError, quoted, reason_of, said, worded
from slide.core.examples.counting import OneBased
from slide.core.examples.dataset import Dataset
from slide.core.examples.metrics import RANKS
from slide.core.examples.numbering import Numbering
from slide.core.learners.config import Config
from slide.core.models.calibration import Calibration
from slide.core.models.folder import (
    CONFIG,
    is_model,
    refuse_if_taken,
    refuse_no_files,
    staged,
)
from slide.core.models.model import Model
from slide.core.models.probabilities import sigmoid
from slide.core.runs.trainer import Trainer, checked_pair
from slide.distributed.asking import Hire, InProcess
from slide.distributed.parts import MOST, Part, parts_of
from slide.distributed.voting import Size, Vote

FORMAT = "slide-ensemble"
VERSION = 1
VOTE = "mean probability"  # how members are asked


class Member:
    """Trains a model on a part of the examples.

    Args:
        part: its examples.
        config: settings; what is left open is chosen for the part.
        backend: name of the one that computes.
        threads: that it computes with.
    """

    def __init__(self, part: Part, config: Config, backend: str | None, threads: int) -> None:
        self.data, self.config = part.read(), config
        self.backend = load(backend)
        use_threads(self.backend, threads)

    def fit(self, valid: Dataset | None) -> Model:
        """The model; probabilities are calibrated on what is held out, or else on `valid`."""
        return Trainer(self.config, self.backend).fit(self.data, valid)


@dataclass(slots=True)
class Voting:
    """Trains an ensemble.

    Args:
        config: settings of each member; what is left open is chosen for its part.
        n_workers: members, each of which has a part of the examples.
        backend: name of the one that computes, here and in workers; None for the default one.
        threads: of each worker.
        hire: makes the workers; by default in this process, where they take turns.
    """

    config: Config
    n_workers: int
    backend: str | None = None
    threads: int = 1
    hire: Hire = InProcess

    def fit(self, train: Dataset, valid: Dataset | None = None) -> Ensemble:
        """Train; see `Trainer.fit`. The same seed gives the same members."""
        train, valid = checked_pair(train, valid)
        parts = parts_of(train, self.n_workers)
        crew = self.hire(
            Member, [(part, self.config, self.backend, self.threads) for part in parts]
        )
        return Ensemble(crew.ask("fit", [crew.share(valid)] * crew.n))


class Ensemble:
    """Models that answer as one.

    Args:
        members: at least one, of one numbering of features and labels.

    Attributes:
        model: what answers: whatever a model with weights of its own can tell by its answers.
    """

    def __init__(self, members: Sequence[Model]) -> None:
        self.members = list(members)
        self.model = voting_model(self.members)

    def __repr__(self) -> str:
        return f"Ensemble({len(self.members)} of {self.members[0]!r})"

    def predict(self, x: Any, k: int = 5) -> tuple[Array, Array]:
        """See `Model.predict`; a score is the logit of the mean probability."""
        return self.model.predict(x, k)

    def predict_proba(self, x: Any, k: int = 5) -> tuple[Array, Array]:
        """See `Model.predict_proba`: the means of what members say."""
        return self.model.predict_proba(x, k)

    def evaluate(self, data: Dataset, at: Sequence[int] = RANKS) -> dict[str, float]:
        """See `Model.evaluate`."""
        return self.model.evaluate(data, at=at)

    def describe(self, trained_on: str, one_based: OneBased) -> None:
        """Keep the name of the data, and what its text counts from 1."""
        for model in (self.model, *self.members):
            model.trained_on, model.one_based = trained_on, one_based

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Write a folder of model folders, whole or not at all.

        Raises:
            ModelError: the folder exists and may not be replaced, or cannot be written.
        """
        with staged(path_of(folder, "folder"), overwrite, refuse_taken) as partial:
            self.write_into(partial)

    def write_into(self, folder: Path) -> None:
        """Write the members and config.json into an existing folder.

        Raises:
            ModelError: the operating system refuses.
        """
        names = [f"member-{number}" for number in range(len(self.members))]
        said = {"format": FORMAT, "version": VERSION, "vote": VOTE, "members": names}
        try:
            (folder / CONFIG).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
            for name, member in zip(names, self.members, strict=True):
                (folder / name).mkdir()
                member.write_into(folder / name)
        except OSError as error:
            raise ModelError(
                f"cannot write the ensemble to {folder.parent}: {error.strerror}; make room, or "
                f"choose another {worded('folder', '--model')}"
            ) from None

    @classmethod
    def load(cls, folder: str | Path, backend: Backend | str | None = None) -> Ensemble:
        """Read such a folder; see `Model.load`.

        Raises:
            ModelError: the folder, or a member, is missing, damaged or inconsistent.
        """
        folder, computer = path_of(folder, "folder"), opened(backend)
        members = [Model.load(folder / name, computer) for name in members_in(folder)]
        if len({told(member) for member in members}) > 1:
            raise ModelError(
                f"{folder} has members that do not speak of the same features and labels: expected "
                "those of one ensemble, so train it again"
            )
        return cls(members)


def told(member: Model) -> tuple[Any, ...]:
    """What members of one ensemble have in common."""
    are_ids = member.feature_ids is None and member.label_ids is None
    sizes = (member.network.n_features, member.network.n_labels) if are_ids else ()
    return sizes, member.one_based, member.label_names is None, member.text is None


def voting_model(members: list[Model]) -> Model:
    """What answers for such members."""
    first = members[0]
    features = joined([member.features for member in members])
    labels = joined([member.labels for member in members])
    counts = np.zeros(labels.n, np.int64)
    for member in members:
        counts[member.labels.places_in(labels)] += member.label_counts
    are_calibrated = all(member.calibration is not None for member in members)
    n_examples = sum(each.calibration.n_examples for each in members if each.calibration)
    return Model(
        first.config,
        Size(features.n, labels.n),
        first.backend,
        counts,
        sum(member.n_samples for member in members),
        first.trained_on,
        first.one_based,
        features.ids,
        labels.ids,
        first.feature_names,
        first.label_names,
        first.text,
        MeanProbability((), np.zeros(0, np.int64), n_examples, 0.0) if are_calibrated else None,
        Vote(members, features, labels, counts == 0),
    )


def joined(numberings: Sequence[Numbering]) -> Numbering:
    """Columns of all ids that any of them has."""
    n = max(each.n for each in numberings)
    if all(each.ids is None for each in numberings):
        return Numbering(n)
    ids = [each.ids_of(np.arange(each.n, dtype=np.int32)) for each in numberings]
    together = np.unique(np.concatenate(ids))
    return Numbering(len(together), together)


@dataclass(frozen=True, slots=True)
class MeanProbability(Calibration):
    """Of members that are calibrated, the mean is taken as it is: it is what a score stands for."""

    def probabilities(self, scores: Array, labels: Array) -> Array:
        """See `Calibration`."""
        return np.where(labels >= 0, sigmoid(scores), np.float32(0))


def members_in(folder: Path) -> list[str]:
    """The names of the members' folders, as config.json says.

    Raises:
        ModelError: it is damaged, or of another version.
    """
    path = folder / CONFIG
    refuse_no_files(folder, [CONFIG])
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        names, version = description["members"], description["version"]
        expected = [f"member-{number}" for number in range(len(names))]
        if description["format"] != FORMAT or names != expected or not 0 < len(names) <= MOST:
            raise ValueError("no list of members")
    except OSError as error:
        raise ModelError(f"{folder} is not an ensemble ({path.name}: {error.strerror})") from None
    except FAULTS as error:
        raise ModelError(
            f"{path} is damaged ({reason_of(error)}): train the ensemble again"
        ) from None
    if (version, description.get("vote")) != (VERSION, VOTE):
        raise ModelError(
            f"{path} has version {quoted(version)} and vote {quoted(description.get('vote'))}: "
            f"this slide reads version {VERSION} and {VOTE!r}, so train the ensemble again"
        )
    return expected


def is_ensemble(folder: Path) -> bool:
    """Whether a folder says of itself that it is an ensemble, of whatever version."""
    try:
        description = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(description, dict) and description.get("format") == FORMAT


def refuse_taken(folder: Path, overwrite: bool) -> None:
    """Raise ModelError unless a folder is free, or a model or an ensemble alone to be replaced."""
    if not (overwrite and os.path.lexists(folder) and folder.is_dir() and is_ensemble(folder)):
        refuse_if_taken(folder, overwrite)
        return
    names = members_in(folder)
    foreign = sorted({path.name for path in folder.iterdir()} - {CONFIG, *names})
    if foreign:
        raise ModelError(
            f"{folder} also holds {foreign[0]}, which is not part of an ensemble and would be "
            f"lost: move it, or choose another {worded('folder', '--model')}"
        )
    for name in names:
        if is_model(folder / name):
            refuse_if_taken(folder / name, overwrite)


def refuse_sampled() -> None:
    """Raise ModelError: members are asked for all labels."""
    raise ModelError(
        f"the model is an ensemble, whose members look at all labels: leave out {said('sampled')}"
    )
