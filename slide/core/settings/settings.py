"""The settings of a run in parts: those of all learners, and those of the one that is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from slide.core.contract.losses import LossName
from slide.core.contract.optim import ScheduleName
from slide.core.settings.setting import Part, choice, number, whole


@dataclass(frozen=True, slots=True)
class Training(Part):
    """How every learner is trained."""

    title: ClassVar[str] = "Training"

    epochs: int = whole(3, 1, 1 << 20, "passes over the training set", common=True)
    active: int = whole(
        2000, 1, 1 << 31, "output neurons proposed beside the labels, per active set", common=True
    )
    seed: int = whole(
        0, 0, 1 << 63, "seed of the one generator that all is drawn from", common=True
    )


@dataclass(frozen=True, slots=True)
class Steps(Part):
    """How a learner takes its steps, if it takes steps on batches of examples."""

    title: ClassVar[str] = "Training"

    batch_size: int = whole(256, 1, 1 << 20, "examples per step", common=True)
    loss: LossName = choice(
        "softmax",
        "loss over the active set: softmax, bce (one versus all) or saros (pairwise)",
        common=True,
    )
    lr: float = number(0.01, 1e-9, 10.0, "learning rate, at its largest", common=True)
    lr_schedule: ScheduleName = choice(
        "linear", "how it falls: not at all, or to 0 in a line or half a cosine"
    )
    warmup: float = number(0.0, 0.0, 0.99, "share of the run in which it rises from 0")
    shuffle_window: int = whole(
        0,
        0,
        1 << 62,
        "examples shuffled together, from blocks of the file that come in random order, so that a "
        "disk is read a block at a time; 0 for all, whatever their order in the file",
        common=True,
    )


@dataclass(frozen=True, slots=True)
class Refresh(Part):
    """When what finds active neurons, hash tables or an inverted index, is built anew."""

    title: ClassVar[str] = "Training"

    rebuild_every: int = whole(
        50, 1, 1 << 31, "steps from the first build of the tables, or of the index, to the second"
    )
    rebuild_growth: float = number(
        0.1, 0.0, 10.0, "each later gap is e to this power times the one before; 0 for a period"
    )


LearnerSettings = TypeVar("LearnerSettings", bound=Part)


@dataclass(frozen=True, slots=True)
class Settings(Generic[LearnerSettings]):
    """All settings of a run.

    Args:
        training: how it is trained.
        learner: of the learner, whose kind the type of this part decides.
        steps: how it takes steps; as it comes for a learner that takes none, which has no such
            settings (`Kind.takes_steps`).
        refresh: when what finds active neurons is built anew; likewise.
        chosen: settings that somebody said, by name, where the others are still to be chosen for a
            training set; None where nothing is.
    """

    training: Training
    learner: LearnerSettings
    steps: Steps = field(default_factory=Steps)
    refresh: Refresh = field(default_factory=Refresh)
    chosen: Mapping[str, Any] | None = field(default=None, compare=False)
