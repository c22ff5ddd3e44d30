"""Shards in this process, some of which are lost, and what is compared of their runs."""

import json

import numpy as np
from direct_settings import BACKEND, DIRECT

from slide.backends import load
from slide.core.learners.config import Config
from slide.core.runs.trainer import Trainer
from slide.distributed.group import ShardGroup
from slide.distributed.losing import ShardLostError
from slide.distributed.placed import Placed

OTHER = {"epochs": 2, "list_limit": 9, "grown": 5, "rebuild_every": 3, "layers": 1}
SMALL = Config(**DIRECT.flat() | OTHER)


def own_backend():
    """That of a shard."""
    return load("numba")


def group_of(n, loose=False):
    return ShardGroup(BACKEND, own_backend, n, loose)


def changed(config, **other):
    """A config that is whole, with other settings."""
    return Config(**config.flat() | other)


def trainer_of(group, config=SMALL, checkpoints=None, **more):
    """A trainer among shards."""
    folder = None if checkpoints is None else checkpoints.folder
    return Trainer(
        config, BACKEND, checkpoints=checkpoints, placement=Placed(group, folder), **more
    )


def bits_of(model, folder):
    """All files of a model but for its date, written into a folder that is not there."""
    model.save(folder)
    return bits_in(folder)


def bits_in(folder):
    """The same of a folder that is there."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    config = json.loads(files["config.json"])
    return files | {"config.json": {name: config[name] for name in config if name != "trained_at"}}


class Losing(ShardGroup):
    """Shards of this process, which are lost at given moments, counted in what they are asked."""

    def __init__(self, n, moments):
        self.asked, self.moments, self.n_lost = 0, set(moments), 0
        super().__init__(BACKEND, own_backend, n)

    def made(self, make):
        self.make = make
        return super().made(make)

    def heard(self, waiting):
        self.asked += 1
        if self.asked in self.moments:
            self.n_lost += 1
            lost = self.asked % self.n_shards
            self.actors[lost].leave()
            self.actors[lost] = super().made(self.make)[lost]
            raise ShardLostError([lost], "is lost as it was to be")
        return super().heard(waiting)


def same(one, other):
    """Whether two models have the same weights, bit for bit."""
    one, other = one.network.param.weight, other.network.param.weight
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("indptr", "indices", "values")
    )
