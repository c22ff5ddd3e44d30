"""How often a checkpoint is written."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slide.core.contract.arguments import path_of
from slide.core.errors import ConfigError, worded

EPOCH = "epoch"
FORM = re.compile(r"([1-9][0-9]{0,11})|([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


@dataclass(frozen=True, slots=True)
class Every:
    """A number of steps, of seconds, or an epoch; one of them.

    Args:
        said: in a word: `500` steps, `30s`, or `epoch`.

    Raises:
        ConfigError: it is none of these.
    """

    said: str
    steps: int | None = field(init=False)
    seconds: float | None = field(init=False)

    def __post_init__(self) -> None:
        found = FORM.fullmatch(self.said) if isinstance(self.said, str) else None
        steps, seconds = found.groups() if found else (None, None)
        if self.said != EPOCH and (found is None or (seconds and float(seconds) <= 0)):
            raise ConfigError(
                f"{worded('checkpoint-every', '--checkpoint-every')} is {self.said!r}: expected a "
                "number of steps such as 500, of seconds such as 30s, or epoch"
            )
        object.__setattr__(self, "steps", int(steps) if steps else None)
        object.__setattr__(self, "seconds", float(seconds) if seconds else None)


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What is asked for: see `docs/checkpoints.md`.

    Args:
        folder: where they lie, for the time of the run.
        every: see `Every`; None, of a run that goes on, for what it was begun with.
        resume: go on from the last one there.
        fresh: remove those that are there, and begin anew.
        note: whatever else is to be found in them, as JSON has it.
    """

    folder: Path
    every: Every | str | None = None
    resume: bool = False
    fresh: bool = False
    note: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", path_of(self.folder, "folder"))
        if isinstance(self.every, str):
            object.__setattr__(self, "every", Every(self.every))
        if self.every is None and not self.resume:
            raise ConfigError("checkpoints are asked for, but not how often: expected every='30s'")


def checkpoints_of(model: Path) -> Path:
    """The folder for checkpoints of a run that leaves its model in this one."""
    model = model.resolve()
    return model.with_name(f"{model.name}.checkpoints")


class Pace:
    """When the next checkpoint is due.

    Args:
        every: how often.
        step: of the last one, or the first step.
    """

    def __init__(self, every: Every, step: int) -> None:
        self.every = every
        self.written(step)

    def written(self, step: int) -> None:
        """One was written, or failed to be."""
        self.step, self.at = step, time.monotonic()

    def is_due(self, step: int, is_epoch: bool) -> bool:
        """Whether one is due after this step."""
        if self.every.steps is not None:
            return step - self.step >= self.every.steps
        if self.every.seconds is not None:
            return time.monotonic() - self.at >= self.every.seconds
        return is_epoch
