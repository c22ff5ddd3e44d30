"""Shards in processes of Ray, on several nodes of this machine: bits, deaths, and what is left."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import warnings
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import planted
from ray_nodes import MARKS, add_node, connected
from sharded import SMALL, changed, same

from slide.backends import load
from slide.core.checkpoints.every import Checkpoints
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.data import write
from slide.distributed.cluster import threads_for
from slide.distributed.losing import ShardLostWarning
from slide.distributed.placed import Placed
from slide.distributed.ray_group import NoRoomWarning, RayShardGroup

NO_ROOM = "ignore::slide.distributed.ray_group.NoRoomWarning"
pytestmark = [*MARKS, pytest.mark.filterwarnings(NO_ROOM)]

TRAIN = planted(400)
CONFIG = changed(SMALL, epochs=4, batch_size=16)
N_STEPS = 4 * 25
MOMENTS = int(os.environ.get("SLIDE_FAULTS", 10))  # at which something dies, of a run
WITHIN = np.arange(5, 2 * N_STEPS)  # times that shards are heard of
SECONDS = 120  # within which processes end that are to end


@pytest.fixture(scope="module")
def plain():
    return Trainer(CONFIG, load("numba")).fit(TRAIN)


@pytest.fixture(scope="module")
def cluster():
    with connected() as nodes:
        yield nodes


class Deadly(RayShardGroup):
    """Shards that something happens to while they compute, at given moments."""

    def __init__(self, cluster, n, moments=(), happens=None):
        import ray

        self.n_heard, self.moments, self.happens = 0, set(moments), happens
        super().__init__(ray, load("numba"), "numba", n, False, threads_for(ray, n, 1))

    def heard(self, waiting):
        self.n_heard += 1
        if self.n_heard in self.moments:
            self.happens(self)
        return super().heard(waiting)


def fit(group, checkpoints, folder):
    """The model that shards leave, read by one process."""
    with closing(group):
        placed = Placed(group, checkpoints and checkpoints.folder)
        trainer = Trainer(CONFIG, load("numba"), checkpoints=checkpoints, placement=placed)
        with warnings.catch_warnings():
            for each in (ShardLostWarning, NoRoomWarning):
                warnings.simplefilter("ignore", each)
            trainer.fit(TRAIN).save(folder)
        trainer.remove_checkpoints()
    return Model.load(folder, load("numba"))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_shards_in_processes_have_the_bits_of_one(n, cluster, plain, tmp_path):
    group = Deadly(cluster, n)
    assert same(fit(group, None, tmp_path / "m"), plain)


def test_every_node_listens_to_this_machine_alone(cluster):
    import ray

    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}


def test_actors_that_are_killed_change_no_bit(cluster, plain, tmp_path):
    killed = []

    def kill(group):
        pid = int(group.known[len(killed) % 2][0].split("-")[0])
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    moments = np.random.default_rng().choice(WITHIN, MOMENTS, replace=False)
    group = Deadly(cluster, 2, moments, kill)
    model = fit(group, Checkpoints(tmp_path / "c", "9"), tmp_path / "m")
    assert len(killed) == MOMENTS, moments
    assert same(model, plain), moments


def test_nodes_that_are_killed_change_no_bit(cluster, plain, tmp_path):
    ended = []

    def kill(group):
        places = [place for _, place in group.known]
        nodes = [
            one for one in cluster.worker_nodes if any(one.node_id[:8] in each for each in places)
        ]
        # Shards may still be on nodes that have ended.
        node = next(iter(nodes or cluster.worker_nodes))
        add_node(cluster)
        cluster.remove_node(node, allow_graceful=False)
        ended.append(node)

    moments = np.random.default_rng().choice(WITHIN, MOMENTS, replace=False)
    group = Deadly(cluster, 2, moments, kill)
    model = fit(group, Checkpoints(tmp_path / "c", "9"), tmp_path / "m")
    assert len(ended) == MOMENTS, moments
    assert same(model, plain), moments


def in_shared_memory(processes):
    """What these have there: others on this machine have something, too."""
    found = set()
    for one in processes:
        with suppress(OSError):  # it has ended
            maps = Path(f"/proc/{one.pid}/maps").read_text()
            found |= {Path(path) for path in re.findall(r"/dev/shm/[\w.-]+", maps)}
    return found


def slide(folder, *arguments):
    """A command in a process of its own."""
    command = [sys.executable, "-m", "slide", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


PAGE = Path(__file__).parents[2] / "docs" / "distributed.md"
SAID = ["--lr", "2", "--layers", "1", "--active", "10", "--batch-size", "16", "--epochs", "4"]


def test_a_driver_that_is_killed_leaves_nothing_and_is_gone_on_with(tmp_path):
    write(TRAIN, tmp_path / "train.txt")
    asked = ["train", "train.txt", "--distributed", "--shards", "2", "--threads", "1", *SAID]
    kept = [*asked, "--model", "m", "--checkpoint-every", "3", "--quiet"]
    process = slide(tmp_path, *kept)
    me = psutil.Process(process.pid)
    while not list(tmp_path.glob("m.checkpoints/step-*")):
        assert process.poll() is None, process.communicate()
    others = me.children(recursive=True)
    shared = in_shared_memory([me, *others])
    me.kill()
    process.communicate()
    assert not psutil.wait_procs(others, timeout=SECONDS)[1]
    assert not [path for path in shared if path.exists()]
    again = slide(tmp_path, *kept, "--resume", "--json")
    out, err = again.communicate(timeout=600)
    assert again.returncode == 0, err
    figures = json.loads(out)
    assert figures["steps"] == N_STEPS
    assert not (tmp_path / "m.checkpoints").exists()
    assert slide(tmp_path, "train", "train.txt", *SAID, "--model", "p", "--quiet").wait() == 0
    assert same(Model.load(tmp_path / "m"), Model.load(tmp_path / "p"))


def test_the_commands_of_the_page_do_what_they_say(tmp_path):
    write(TRAIN, tmp_path / "train.txt.gz")
    write(planted(50, seed=1), tmp_path / "test.txt.gz")
    block = PAGE.read_text().split("```sh\n")[1].split("```")[0]
    for line in block.splitlines():
        _, *words = shlex.split(line)
        words += ["--active", "10"] if words[0] == "train" else []
        process = slide(tmp_path, *words)
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
    assert len((tmp_path / "predictions.txt").read_text().splitlines()) == 50


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_leaves_nothing(name, tmp_path):
    write(TRAIN, tmp_path / "train.txt")
    process = slide(
        tmp_path, "train", "train.txt", "--distributed", "--shards", "2", "--threads", "1", *SAID,
        "--epochs", "1000", "--model", "m", "--checkpoint-every", "3",
    )  # fmt: skip
    while not list(tmp_path.glob("m.checkpoints/step-*")):
        assert process.poll() is None, process.communicate()
    me = psutil.Process(process.pid)
    others = me.children(recursive=True)
    shared = in_shared_memory([me, *others])
    process.send_signal(name)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, err
    assert re.search(r"interrupted; the last checkpoint is of step \d+", err)
    assert not psutil.wait_procs(others, timeout=SECONDS)[1]
    assert not [path for path in shared if path.exists()]
