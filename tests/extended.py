"""Run by `test_extension.py` in a copy of the engine with a page written into it."""

import sys
from dataclasses import replace
from functools import partial

import numpy as np
from conftest import planted
from extending import NAMES, lacks, missing
from threadpoolctl import threadpool_limits

from slide.backends.gpu.stand_in import StandInBackend, emulator
from slide.backends.numba_threads import NumbaBackend
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.reference.cases import codes, losses, optimizers, scale
from slide.reference.checks import check
from slide.reference.kernels import ReferenceBackend

LAYERS = Config(hidden=(16,), epochs=1, active=20, K=2, L=4, lr=0.05)


def loss():
    """Only cases of the new loss."""
    losses.LOSSES = scale.losses.LOSSES = ("focal",)
    return "loss", ("bound", "empty"), [replace(LAYERS, loss="focal")]


def hash_family():
    """Only cases of the new family."""
    codes.any_family, scale.codes.NAMES = partial(of_name, "lta"), ("lta",)
    return "hash", ("exact", "bound", "empty"), [replace(LAYERS, hash="lta", probes=3)]


def of_name(name, draw, d, K, L):
    """Hash functions of one family, as `any_family` draws them."""
    limit, rng = draw.one_of(1 << 30, 4, 32), draw.generator()
    return codes.DRAWN[name](draw, d, K, L, limit, rng)


def optimizer():
    """Only cases of the new optimizer."""
    from slide.core.contract.optim import Momentum

    def some(draw):
        return Momentum(weight_decay=draw.one_of(0.0, 0.01, 0.5))

    optimizers.some_optimizer = scale.products.some_optimizer = some
    late = replace(LAYERS, optimizer="momentum", catch_up=True)
    return "update_rows", ("bound", "empty"), [late]


def learner():
    """No kernel is new."""
    from slide.core.direct.centroids import CentroidRun

    assert lacks(CentroidRun) == []
    return "put", (), [Config(centroids=True, epochs=1, active=20)]


def train(config, folder):
    """Train by these settings, and find the same model in a folder."""
    data, backend = planted(300, 40), ReferenceBackend()
    model = Trainer(config, backend).fit(data)
    model.save(folder)
    same = Model.load(folder, backend)
    assert same.config.flat() == model.config.flat()
    assert np.array_equal(same.predict(data.x)[1], model.predict(data.x)[1])


def passes(backend, kernel, name, n_examples):
    """Whether a property of a kernel holds, or else why not."""
    found = check(backend, kernel, name, n_examples)
    assert found.outcome == "pass", f"{backend.name}: {found.message}"


def main(kind, folder):
    """Check the kernel with all backends, and train."""
    lacking = [missing(one, name) for one, names in NAMES.items() for name in names]
    assert not any(lacking), lacking
    kernel, properties, configs = globals()[kind]()
    with threadpool_limits(1):
        for name in properties:
            passes(ReferenceBackend(), kernel, name, 40)
            passes(NumbaBackend(), kernel, name, 40)
            if emulator.compiler():
                passes(StandInBackend(), kernel, name, 20)
        if properties:  # the vectorised definition against the reference
            passes(ReferenceBackend(), kernel, "scale", 6)
        for config in configs:
            train(config, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
