"""Workers in processes of Ray, on two nodes of this machine: bits, deaths, and commands."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from conftest import planted
from ray_nodes import MARKS, connected

from slide.backends import load
from slide.core.errors import ConfigError
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.runs.trainer import Trainer
from slide.data import write
from slide.distributed.averaging import DataParallel
from slide.distributed.ensemble import Voting
from slide.distributed.ray_asking import AskedByRay

pytestmark = MARKS

TRAIN = planted(300, 40)
DIRECT = Config(lr=2.0, layers=1, epochs=4, batch_size=16, active=10)
HIDDEN = Config(hidden=(8,), K=3, L=4, lr=0.05, epochs=4, batch_size=16, active=10)
N_MEANS = 4 * 5  # with 2 workers, every 2 of 10 steps an epoch


@pytest.fixture(scope="module")
def ray():
    """Ray, connected to nodes that have room for workers."""
    with connected():
        import ray

        yield ray


class Deadly(AskedByRay):
    """One of the workers is killed while it computes, at given moments."""

    def __init__(self, killed, moments, *rest):
        super().__init__(*rest)
        self.killed, self.moments, self.n_heard = killed, moments, 0

    def ask(self, what, *arguments):
        self.pids = self.ray.get(
            [each.__ray_call__.remote(lambda self: os.getpid()) for each in self.workers]
        )
        return super().ask(what, *arguments)

    def heard(self, waiting):
        self.n_heard += 1
        if self.n_heard in self.moments:
            pid = self.pids[len(self.killed) % self.n]
            os.kill(pid, signal.SIGKILL)
            self.killed.append(pid)
        return super().heard(waiting)


def fit(config, hire):
    placement = DataParallel(2, 2, "numba", 1, hire)
    return Trainer(config, load("numba"), placement=placement).fit(TRAIN)


def same(one, other):
    one, other = (kind_of(m.config).tensors(m.network, m.backend) for m in (one, other))
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("config", [DIRECT, HIDDEN], ids=["direct", "hidden"])
def test_workers_that_are_killed_change_no_bit(config, ray):
    killed, n = [], 5
    moments = np.random.default_rng(0).choice(np.arange(1, N_MEANS), n, replace=False).tolist()
    model = fit(config, partial(Deadly, killed, moments, ray, 1))
    assert len(killed) == n, moments
    in_process = DataParallel(2, 2, "numba")
    assert same(model, Trainer(config, load("numba"), placement=in_process).fit(TRAIN)), moments


def test_what_a_worker_refuses_is_told(ray):
    voting = Voting(DIRECT, 2, "numba", 1, partial(AskedByRay, ray, 1), calibrate=True)
    with pytest.raises(ConfigError, match="calibrate is asked for on 15 training examples"):
        voting.fit(TRAIN.take(np.arange(30)))


def test_members_that_are_killed_are_trained_again(ray):
    killed = []
    config = replace(DIRECT, epochs=2)
    model = Voting(config, 2, "numba", 1, partial(Deadly, killed, [1], ray, 1)).fit(TRAIN)
    assert len(killed) == 1
    alone = Voting(config, 2, "numba").fit(TRAIN)
    assert all(map(same, model.members, alone.members))


@pytest.mark.parametrize("combine", ["averaged", "voted"])
def test_commands_start_a_cluster_of_their_own(combine, tmp_path):
    write(TRAIN, tmp_path / "train.txt")
    command = [sys.executable, "-m", "slide"]
    asked = [
        "train", "train.txt", "--distributed", "--shards", "2", "--threads", "1", "--combine",
        combine, "--lr", "2", "--layers", "1", "--active", "10", "--model", "m", "--json",
    ]  # fmt: skip
    done = subprocess.run([*command, *asked], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["config"]["layers"] == 1
    asked = ["evaluate", "m", "train.txt", "--json"]
    done = subprocess.run([*command, *asked], cwd=tmp_path, capture_output=True, text=True)
    assert json.loads(done.stdout)["precision_at_1"] > 0.5
