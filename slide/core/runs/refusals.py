"""What is refused before or during training, in one sentence each."""

from __future__ import annotations

import math

from slide.core.contract.arrays import Block
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset, checked, refuse_nameless
from slide.core.examples.naming import aligned
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.machine import memory, memory_of_machine
from slide.core.settings.demands import demand_float


def demand_time_budget(seconds: float) -> None:
    """Raise ConfigError unless it is a sensible number of seconds."""
    demand_float(said("time_budget"), seconds, 1e-3, 1e9)


def refuse_divergence(figure: float, step: int, config: Config) -> None:
    """Raise ConfigError if a loss or a sum of weights is not finite: nothing is learned then."""
    if math.isfinite(figure):
        return
    lr = config.flat().get("lr")
    cause = f"{said('lr')} = {lr} is too large: choose a smaller {said('lr')}"
    if lr is None:
        cause = f"an example costs too much: choose a smaller {said('cost')}"
    raise ConfigError(
        f"training diverged: the loss or the weights are {figure} after step {step}, expected "
        f"finite numbers; most likely {cause}"
    )


def checked_pair(train: Dataset, valid: Dataset | None) -> tuple[Dataset, Dataset | None]:
    """The training set, and the validation set by its names; see `Trainer.fit`."""
    train = checked(train, "the training set").counted()
    refuse_nameless(train, "the training set")
    if valid is not None:
        valid = aligned(checked(valid, "the validation set"), train, "the validation set")
    refuse_misfit(train, valid)
    return train, valid


def refuse_misfit(train: Dataset, valid: Dataset | None) -> None:
    """Raise ConfigError unless there is something to learn, and dense sets have one width."""
    if not (train.n_samples and train.x.nnz and train.y.positive().nnz):
        raise ConfigError(
            f"nothing to learn from {train.n_samples} examples of {train.n_features} features, "
            f"with {train.x.nnz} values and {train.y.positive().nnz} labels in all: expected at "
            "least one of each"
        )
    is_dense = valid is not None and (isinstance(train.x, Block) or isinstance(valid.x, Block))
    if valid is not None and is_dense and valid.n_features != train.n_features:
        raise ConfigError(
            f"the validation set has {valid.n_features} features, the training set "
            f"{train.n_features}: dense features are of one number"
        )


def refuse_too_large(config: Config, train: Dataset) -> None:
    """Raise ConfigError if training would take more memory than there is."""
    wanted, room = kind_of(config).n_bytes(config, train), memory()
    if wanted <= room:
        return
    whose = "this machine has" if room == memory_of_machine() else "this process may use"
    what, remedy = kind_of(config).size(config, train)
    raise ConfigError(f"{what} {wanted / 2**30:.1f} GiB, but {whose} {room / 2**30:.1f}: {remedy}")
