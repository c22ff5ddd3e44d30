"""What is refused before or during training, in one sentence each."""

from __future__ import annotations

import math
import os

import numpy as np

from slide.core.config import Config, demand_float
from slide.core.dataset import Dataset
from slide.core.errors import ConfigError
from slide.core.families import kind_of
from slide.core.inputs import LONGEST
from slide.core.network import n_bytes


def demand_time_budget(seconds: float) -> None:
    """Raise ConfigError unless it is a sensible number of seconds."""
    demand_float("time budget", seconds, 1e-3, 1e9)


def refuse_divergence(figure: float, step: int) -> None:
    """Raise ConfigError if a loss or a sum of weights is not finite: nothing is learned then."""
    if not math.isfinite(figure):
        raise ConfigError(
            f"training diverged: the loss or the weights are {figure} after step {step}, expected "
            "finite numbers; choose a smaller --lr"
        )


def refuse_misfit(train: Dataset, valid: Dataset | None) -> None:
    """Raise ConfigError unless there is something to learn and both sets share one numbering."""
    if not (train.n_samples and train.x.nnz and train.y.positive().nnz):
        raise ConfigError(
            f"nothing to learn from {train.n_samples} examples with {train.x.nnz} features and "
            f"{train.y.nnz} labels in all: expected at least one of each"
        )
    if not np.isfinite(train.x.values).all():
        raise ConfigError("some features are not finite: expected numbers, so mend the data")
    if valid is not None and (valid.n_features, valid.n_labels) != (
        train.n_features,
        train.n_labels,
    ):
        raise ConfigError(
            f"the validation set has {valid.n_features} features and {valid.n_labels} labels, the "
            f"training set {train.n_features} and {train.n_labels}: use files of one numbering"
        )


def refuse_too_large(config: Config, train: Dataset) -> None:
    """Raise ConfigError if network and tables would take more than this machine's memory."""
    wanted, memory = bytes_wanted(config, train), memory_of_machine()
    if wanted <= memory:
        return
    takes = f"{wanted / 2**30:.1f} GiB, but this machine has {memory / 2**30:.1f}"
    if not config.hidden:
        raise ConfigError(
            f"up to {most_connections(config, train):,.0f} connections from {train.n_features} "
            f"features to {train.n_labels} labels take {takes}: choose a smaller "
            "--set connections=N or connections_per_example=X, or check the data's header"
        )
    raise ConfigError(
        f"a network of {train.n_features} features, {'-'.join(map(str, config.hidden))} hidden "
        f"units and {train.n_labels} labels with its {config.L} tables of "
        f"{most_buckets(config)} buckets takes {takes}: choose a smaller --hidden, --K or --L, or "
        "check the data's header"
    )


def bytes_wanted(config: Config, train: Dataset) -> float:
    """Memory that a network, the state of its optimizer, and its tables or its index take."""
    if not config.hidden:
        wanted = 24 * most_connections(config, train)  # weight, column, state, index: 4 bytes each
        return wanted + 32 * train.n_features  # their weights, and zeros for the kernels
    wanted = n_bytes(config, train.n_features, train.n_labels)
    if config.sampler == "lsh":
        wanted += config.L * (4 * train.n_labels + 8 * most_buckets(config))  # ids and offsets
    return wanted


def most_connections(config: Config, train: Dataset) -> float:
    """How many direct connections there may be."""
    y = train.y.positive()
    most = config.connections + config.connections_per_example * y.column_counts()
    lengths = train.features.row_lengths()
    if config.pairs:
        lengths = lengths + np.where(lengths <= LONGEST, lengths * (lengths - 1) // 2, 0)
    possible = np.bincount(y.indices, lengths[y.row_numbers()], y.n_cols)
    return float(np.minimum(most, possible).sum()) + (config.grown + 1) * train.n_labels


def memory_of_machine() -> int:
    """In bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def most_buckets(config: Config) -> int:
    """Buckets per table at most."""
    return min(config.max_buckets, 1 << config.K * kind_of(config.hash).bits)
