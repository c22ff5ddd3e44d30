"""Arguments of training steps without hidden layer: settings, and data to connect labels by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Block
from slide.core.contract.losses import LOSSES
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.reference.cases.drawing import Draw
from slide.reference.cases.sizes import Sizes
from slide.reference.cases.training import features, labels

MOST_ACTIVE = 40  # as many as are found for an example by default


def direct_training_arguments(draw: Draw, size: Sizes) -> tuple[Any, ...]:
    """Settings, data, how far the weights have moved since the beginning, and a seed."""
    data = Dataset(with_zeros(draw, features(draw, size)), labels(draw, size))
    return direct_settings(draw, size), data, draw.one_of(0.0, 1.0), draw.whole(0, 1 << 30)


def direct_settings(draw: Draw, size: Sizes) -> Config:
    """All that decides how a run begins and computes; the index is renewed every few steps."""
    return Config(
        hidden=(),
        batch_size=size.B,
        loss=draw.one_of(*LOSSES),
        lr=draw.one_of(2.0, 0.5, 0.1),
        active=draw.whole(1, min(size.longest, MOST_ACTIVE)),
        rebuild_every=draw.one_of(50, 1, 3),
        rebuild_growth=draw.one_of(0.0, 0.3),
        connections=draw.one_of(50, 1, 3),
        connections_per_example=draw.one_of(4.0, 0.0, 0.5),
        grown=draw.one_of(20, 0, 1, 2),
        bias_floor=draw.one_of(-4.0, -100.0, -1.0),
        idf_power=draw.one_of(0.0, 0.5, 1.0),
        pairs=draw.chance(50),
        list_limit=draw.one_of(1000, 1, 3),
    )


def with_zeros(draw: Draw, x: CSR | Block) -> CSR | Block:
    """In some cases a quarter of the stored values are 0, by which labels are met all the same."""
    if isinstance(x, Block) or not draw.chance(30):
        return x
    return replace(x, values=np.where(draw.mask(25, x.nnz), np.float32(0), x.values))
