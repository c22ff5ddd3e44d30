"""What a run that goes on takes over, what may be changed about it, and what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.state import State
from slide.core.errors import ConfigError, said_anew, worded
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.runs.keeping import LAST, Keeping

MAY_CHANGE = "epochs", "lr"


def digest_of(data: Dataset | None) -> str | None:
    """Of the contents of a data set, in their order; None for none."""
    if data is None:
        return None
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays_of(data):
        digest.update(f"{array.dtype} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def arrays_of(data: Dataset) -> Iterator[Array]:
    """All arrays of a data set, and their widths."""
    for matrix in (data.x, data.y, data.left_out):
        if matrix is None:
            continue
        yield np.array([matrix.n_cols])
        yield matrix.values
        if isinstance(matrix, CSR):
            yield matrix.indptr
            yield matrix.indices
    if data.weights is not None:
        yield data.weights


def refuse_other_data(run: State, train: str | None, valid: str | None) -> None:
    """Raise ConfigError unless both data sets are those that the run was begun with."""
    if run["train"] != train:
        raise ConfigError(
            "the training set is another one than the checkpoint's run has: give the same, or "
            f"begin anew by {said_anew()}"
        )
    if run["valid"] == valid:
        return
    what = "there is none" if valid is None else "it is another one"
    if run["valid"] is None:
        what = "it has none"
    raise ConfigError(
        f"the checkpoint's run is not measured on this validation set, {what}: give the same "
        f"{worded('one', '--valid')}, or none if it had none, or begin anew by {said_anew()}"
    )


def config_of(run: State, said: Config, epochs_begun: int = 1) -> Config:
    """Settings of the run with those changes that are said and may be made.

    Args:
        run: what its checkpoint says of it.
        said: what is asked for now; what it leaves open stays.
        epochs_begun: of the run.

    Raises:
        ConfigError: another setting is asked for than the run has.
    """
    stored = Config.from_dict(run["config"], run["learner"])
    has = stored.flat()
    asked = said.flat() if said.chosen is None else said.chosen
    changed = {name: value for name, value in asked.items() if has.get(name, none) != value}
    for name in sorted(set(changed) - set(MAY_CHANGE)):
        found = f"has {has[name]!r}" if name in has else "has no such setting"
        raise ConfigError(
            f"{name} is {changed[name]!r}, but the checkpoint's run {found}: only "
            f"{' and '.join(MAY_CHANGE)} may change on the way; leave it out, or begin anew by "
            f"{said_anew()}"
        )
    if changed.get("epochs", epochs_begun) < epochs_begun:
        raise ConfigError(
            f"epochs is {changed['epochs']}, but the checkpoint's run is in epoch {epochs_begun}: "
            "expected so many at least"
        )
    return replace(stored, **changed)


none = object()


def keeping_of(run: State, said: Keeping) -> Keeping:
    """Which model the run is to leave.

    Raises:
        ConfigError: another one is asked for than was at the beginning.
    """
    stored = Keeping(**run["keeping"])
    if said not in (LAST, stored):
        raise ConfigError(
            f"keep, metric or patience is not as in the checkpoint's run, which has {stored}: "
            f"leave them out, or begin anew by {said_anew()}"
        )
    return stored


def description_of(
    config: Config, learner: str, keeping: Keeping, digests: tuple[str | None, str | None]
) -> State:
    """What a checkpoint says of its run, for the functions above."""
    train, valid = digests
    return {
        "config": config.flat(),
        "learner": learner,
        "keeping": asdict(keeping),
        "train": train,
        "valid": valid,
    }


def changes(run: State, config: Config) -> dict[str, tuple[Any, Any]]:
    """Settings that are others from now on: before, and after."""
    before, after = Config.from_dict(run["config"], run["learner"]).flat(), config.flat()
    return {name: (before[name], after[name]) for name in after if before[name] != after[name]}
