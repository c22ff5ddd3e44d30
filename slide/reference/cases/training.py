"""Arguments of training steps: a network somewhere in its training, and data for it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param
from slide.core.contract.families import HASH_NAMES, HashName
from slide.core.contract.losses import LOSSES
from slide.core.contract.optim import OPTIMIZERS, Optimizer
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.sampled.settings import SamplerName
from slide.core.sampled.updating import optimizer_of
from slide.reference.cases.drawing import Draw
from slide.reference.cases.losses import some_labels
from slide.reference.cases.sizes import Sizes, stack
from slide.reference.cases.tables import STRATEGIES

SAMPLERS: tuple[SamplerName, ...] = ("full", "uniform", "lsh", "lsh")
N_BATCHES = 3  # of which the data consist, again and again


def training_arguments(draw: Draw, size: Sizes) -> tuple[Any, ...]:
    """Settings, the parameters of all layers, data, the steps done before, and a seed."""
    config = settings(draw, size)
    steps_before = draw.one_of(0, 0, 1, 4999)
    params = tuple(
        param_of(draw, shape, optimizer_of(config.learner.optimization), steps_before > 0)
        for shape in shapes_of(config, size.d, size.n)
    )
    data = Dataset(features(draw, size), labels(draw, size))
    return config, params, data, steps_before, draw.whole(0, 1 << 30)


def settings(draw: Draw, size: Sizes) -> Config:
    """All that decides how a step computes; tables are renewed every few steps.

    Buckets are not folded, as in `codes.any_family`.
    """
    hidden = tuple(draw.whole(1, size.d) for _ in range(draw.one_of(1, 1, 2)))
    sampled = draw.one_of((), (), tuple(draw.whole(0, width) for width in hidden))
    return Config(
        hidden=hidden,
        hidden_active=sampled,
        batch_size=size.B,
        loss=draw.one_of(*LOSSES),
        optimizer=draw.one_of(*OPTIMIZERS),
        weight_decay=draw.one_of(0.0, 0.01, 0.5),
        lr=draw.one_of(0.01, 0.001, 0.1),
        dropout=draw.one_of(0.0, 0.5),
        sampler=draw.one_of(*SAMPLERS),
        scope=draw.one_of("batch", "example"),
        active=draw.whole(1, size.longest),
        uniform_share=draw.one_of(0.5, 0.0),
        strategy=draw.one_of(*STRATEGIES),
        hash=cast(HashName, draw.one_of(*HASH_NAMES)),
        K=draw.size(4),
        L=draw.size(5),
        probes=draw.one_of(1, 1, 3),
        center=draw.chance(50),
        hash_bias=draw.chance(50),
        policy=draw.one_of("reservoir", "fifo"),
        bucket_limit=draw.one_of(128, 2),
        rebuild_every=draw.one_of(100, 7),
        reinsert_every=draw.one_of(0, 3),
    )


def shapes_of(config: Config, n_features: int, n_labels: int) -> list[tuple[int, int]]:
    """Of each layer's weight: one row per input, or per neuron where not all are active."""
    widths = n_features, *config.hidden, n_labels
    return [
        (units, inputs + 1)
        if layer == len(config.hidden) or config.learner.layers.n_active_of(layer)
        else (inputs + 1, units)
        for layer, (inputs, units) in enumerate(pairwise(widths))
    ]


def param_of(draw: Draw, shape: tuple[int, int], optimizer: Optimizer, is_begun: bool) -> Param:
    """Weights of size 1/2, and state as after gradients of size 1/10, or none."""
    param = optimizer.begin(draw.normal(shape) / np.float32(2))
    if not is_begun:
        return param

    def past(array: Array) -> Array:
        return draw.normal(array.shape) / np.float32(10)

    return Param(param.weight, past(param.mean), np.square(past(param.square)))


def features(draw: Draw, size: Sizes) -> CSR | Block:
    """Dense, or sparse rows of which some are empty."""
    n = N_BATCHES * size.B
    if draw.chance(20):
        return Block.of(draw.normal((n, size.d)))
    lengths = draw.below(min(size.d, 10) + 1, n).tolist()
    rows = [draw.ids_below(size.d, length) for length in lengths]
    return stack(rows, draw.normal(sum(lengths)), size.d)


def labels(draw: Draw, size: Sizes) -> CSR:
    """None to five labels an example; in half of the cases some of them known negatives."""
    everyone = list(range(size.n))
    rows = [some_labels(draw, everyone, size.n) for _ in range(N_BATCHES * size.B)]
    signs = np.array([1, 1, -1, 0] if draw.chance(50) else [1], np.float32)
    return stack(rows, signs[draw.below(len(signs), sum(map(len, rows)))], size.n)
