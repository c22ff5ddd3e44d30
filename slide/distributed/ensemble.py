"""Bagging over parts: workers train a model each, and the models vote.

Nothing is exchanged while they train, so that learners do as well which take no steps. The
ensemble is a folder of model folders, each of which is one by itself.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slide.core.contract.arguments import path_of
from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.opening import opened
from slide.core.errors import ModelError
from slide.core.examples.counting import OneBased
from slide.core.examples.dataset import Dataset
from slide.core.examples.metrics import RANKS
from slide.core.examples.numbering import Numbering
from slide.core.learners.config import Config
from slide.core.models.calibration import Calibration
from slide.core.models.folder import CALIBRATION, staged
from slide.core.models.model import Model
from slide.core.models.unseen import UnseenWarning, known
from slide.core.runs.calibrating import answers
from slide.core.runs.refusals import checked_pair
from slide.core.runs.to_folder import peak_rss_mb
from slide.core.runs.trainer import Trainer
from slide.distributed.asking import Hire, InProcess
from slide.distributed.ensemble_folder import (
    members_in,
    names_of,
    refuse_taken,
    write_calibration,
    write_manifest,
)
from slide.distributed.parts import Part, parts_of
from slide.distributed.voting import Size, Vote
from slide.distributed.worker import backend_of


class Member:
    """Trains a model on a part of the examples.

    Args:
        part: its examples.
        config: settings; what is left open is chosen for the part.
        backend: name of the one that computes; None for the default one.
        threads: that it computes with.
        asked: `time_budget` and `calibrate` of `Trainer`.
    """

    def __init__(
        self, part: Part, config: Config, backend: str | None, threads: int, asked: dict[str, Any]
    ) -> None:
        self.data, self.backend = part.read(), backend_of(backend, threads)
        self.trainer = Trainer(config, self.backend, **asked)

    def fit(self, valid: Dataset | None) -> Model:
        """The model; probabilities are calibrated on what is held out, or else on `valid`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnseenWarning)  # of a part alone: others may know it
            return self.trainer.fit(self.data, valid)


@dataclass(slots=True)
class Voting:
    """Trains an ensemble.

    Args:
        config: settings of each member; what is left open is chosen for its part.
        n_workers: members, each of which has a part of the examples.
        backend: name of the one that computes, here and in workers; None for the default one.
        threads: of each worker.
        hire: makes the workers; by default in this process, where they take turns.
        time_budget, calibrate: of each member, see `Trainer`.
    """

    config: Config
    n_workers: int
    backend: str | None = None
    threads: int = 1
    hire: Hire = InProcess
    time_budget: float | None = None
    calibrate: bool = False

    def fit(self, train: Dataset, valid: Dataset | None = None) -> Ensemble:
        """Train; see `Trainer.fit`. The same seed gives the same members."""
        train, valid = checked_pair(train, valid)
        asked = {"time_budget": self.time_budget, "calibrate": self.calibrate}
        same = self.config, self.backend, self.threads, asked
        group = self.hire(Member, [(part, *same) for part in parts_of(train, self.n_workers)])
        ensemble = Ensemble(group.ask("fit", [group.share(valid)] * group.n))
        if valid is not None and valid.n_samples:
            ensemble.calibrate(valid)
        return ensemble


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
        """See `Model.predict`; a score is the logit of the mean of members' sigmoids."""
        return self.model.predict(x, k)

    def predict_proba(self, x: Any, k: int = 5) -> tuple[Array, Array]:
        """See `Model.predict_proba`; calibrated if there was a validation set."""
        return self.model.predict_proba(x, k)

    def evaluate(self, data: Dataset, at: Sequence[int] = RANKS) -> dict[str, float]:
        """See `Model.evaluate`."""
        return self.model.evaluate(data, at=at)

    def calibrate(self, data: Dataset) -> None:
        """Have calibrated probabilities, of answers to examples that no member was trained on."""
        model = self.model
        data, _ = known(data, model.features, model.labels, model.label_counts)
        model.calibration = Calibration.fitted(answers(model, data), model.label_counts)

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
        """Write the members, config.json, and how probabilities are made, into an existing folder.

        Raises:
            ModelError: the operating system refuses.
        """
        write_manifest(folder, len(self.members))
        for name, member in zip(names_of(len(self.members)), self.members, strict=True):
            member.write_into(folder / name)
        if self.model.calibration is not None:
            write_calibration(folder, self.model.calibration)

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
        ensemble = cls(members)
        if (folder / CALIBRATION).exists():
            ensemble.model.calibration = Calibration.read(folder, ensemble.model.label_counts)
        return ensemble


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
        exact=Vote(members, features, labels, counts == 0),
    )


def joined(numberings: Sequence[Numbering]) -> Numbering:
    """Columns of all ids that any of them has."""
    n = max(each.n for each in numberings)
    if all(each.ids is None for each in numberings):
        return Numbering(n)
    ids = [each.ids_of(np.arange(each.n, dtype=np.int32)) for each in numberings]
    together = np.unique(np.concatenate(ids))
    return Numbering(len(together), together)


def vote_to_folder(
    voting: Voting, train: Dataset, valid: Dataset | None, folder: Path, overwrite: bool,
    trained_on: str, one_based: OneBased,
) -> dict[str, Any]:  # fmt: skip
    """Train an ensemble, and leave a folder of it; see `slide.core.runs.to_folder`.

    Returns:
        Figures, by names that `slide train --json` prints; None where there is no such thing.

    Raises:
        ModelError: the folder exists and may not be replaced, or cannot be written.
        ConfigError: see `Trainer.fit`.
    """
    with staged(folder, overwrite, refuse_taken) as partial:
        began = time.perf_counter()
        ensemble = voting.fit(train, valid)
        seconds = time.perf_counter() - began
        ensemble.describe(trained_on, one_based)
        ensemble.write_into(partial)
    model = ensemble.model
    scores: dict[str, Any] = {
        f"{name}_at_{k}": None for name in ("precision", "ndcg", "psp") for k in (1, 3, 5)
    }
    return {
        "seconds_train": seconds,
        **(scores if valid is None else ensemble.evaluate(valid)),
        "peak_rss_mb": peak_rss_mb(),
        "backend": model.backend.name,
        "seed": model.config.training.seed,
        "members": len(ensemble.members),
        "calibrated_on": model.calibration and model.calibration.n_examples,
        "config": model.config.flat(),
    }
