"""Cores and memory of containers, on made-up folders of both versions of control groups."""

import math
import os

import pytest

from slide.core import machine
from slide.core.errors import ConfigError
from slide.core.learners.config import Config
from slide.core.runs.refusals import refuse_too_large

V2 = "0::/pods/one\n"
V1 = "5:memory:/pods/one\n4:cpu,cpuacct:/pods/one\n1:name=systemd:/pods/one\n"
NO_LIMIT = "9223372036854771712\n"  # as version 1 says it
INF = math.inf


def tree(root, groups, files):
    """Folders as Linux shows them: /proc/self/cgroup, and files below /sys/fs/cgroup."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = root / name if name.startswith("proc") else root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("groups", "files", "cpus", "n_bytes"),
    [
        # version 2: in a container, whose group is the root of all it sees
        ("0::/\n", {"cpu.max": "150000 100000\n", "memory.max": "2048\n"}, 1.5, 2048),
        ("0::/\n", {"cpu.max": "max 100000\n", "memory.max": "max\n"}, INF, INF),
        ("0::/\n", {"cpu.max": "20000 10000\n"}, 2.0, INF),
        ("0::/\n", {"cpu.max": "50000\n"}, 0.5, INF),
        # nested: the narrowest of those around us holds
        (V2, {"pods/one/memory.max": "max\n", "pods/memory.max": "4096\n"}, INF, 4096),
        (V2, {"pods/one/memory.max": "512\n", "pods/memory.max": "4096\n"}, INF, 512),
        (V2, {"pods/one/cpu.max": "400000 100000\n", "pods/cpu.max": "300000 100000\n"}, 3, INF),
        (V2, {"pods/two/memory.max": "1\n"}, INF, INF),
        # told by its name outside, of which nothing is seen
        ("0::/kubepods/pod1/x\n", {"memory.max": "4096\n"}, INF, 4096),
        ("0::/../other\n", {"memory.max": "4096\n", "../other/memory.max": "1\n"}, INF, 4096),
        # version 1
        (V1, {"memory/pods/one/memory.limit_in_bytes": "8192\n"}, INF, 8192),
        (V1, {"memory/memory.limit_in_bytes": "8192\n"}, INF, 8192),
        (V1, {"memory/pods/one/memory.limit_in_bytes": NO_LIMIT}, INF, int(NO_LIMIT)),
        (
            V1,
            {
                "cpu,cpuacct/pods/one/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/pods/one/cpu.cfs_period_us": "100000\n",
            },
            2.5,
            INF,
        ),
        (
            V1,
            {
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "cpu/pods/one/cpu.cfs_quota_us": "50000\n",
            },
            0.5,
            INF,
        ),
        (V1, {"memory/pods/two/memory.limit_in_bytes": "1\n", "cpu.max": "1 100000"}, INF, INF),
        # both beside each other
        (
            V1 + "0::/pods/one\n",
            {
                "unified/pods/one/cpu.max": "100000 100000\n",
                "cpu/pods/one/cpu.cfs_quota_us": "200000\n",
                "memory/pods/one/memory.limit_in_bytes": "8192\n",
                "unified/memory.max": "max\n",
            },
            1.0,
            8192,
        ),
        # no sense
        ("", {"memory.max": "1\n"}, INF, INF),
        ("nonsense\n\n", {}, INF, INF),
        ("0::/\n", {"cpu.max": "", "memory.max": "lots\n"}, INF, INF),
        ("0::/\n", {"cpu.max": "0 100000\n", "memory.max": "0\n"}, INF, INF),
        ("0::/\n", {"cpu.max": "100000 0\n"}, 1.0, INF),
        ("0::/a:b/c\n", {"a:b/memory.max": "7\n"}, INF, 7),
    ],
)
def test_limits_of_groups(tmp_path, groups, files, cpus, n_bytes):
    root = tree(tmp_path, groups, files)
    assert machine.cpu_quota(root) == cpus
    assert machine.memory_limit(root) == n_bytes


def test_without_groups_nothing_is_limited(tmp_path):
    assert machine.cpu_quota(tmp_path) == machine.memory_limit(tmp_path) == INF
    (tmp_path / "proc/self/cgroup").mkdir(parents=True)  # a folder where a file should be
    assert machine.cpu_quota(tmp_path) == machine.memory_limit(tmp_path) == INF


def test_a_limit_that_is_no_text_limits_nothing(tmp_path):
    root = tree(tmp_path, "0::/\n", {})
    (root / "sys/fs/cgroup").mkdir(parents=True)
    (root / "sys/fs/cgroup/memory.max").write_bytes(b"\xff\xfe12")
    assert machine.memory_limit(root) == INF


@pytest.mark.parametrize(
    ("quota", "affinity", "n"), [(1.5, 8, 2), (0.2, 8, 1), (INF, 8, 8), (64, 3, 3), (2.0, 8, 2)]
)
def test_cores_are_those_of_quota_and_affinity(monkeypatch, quota, affinity, n):
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
    assert machine.cores() == n


def test_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.setattr(machine, "cpu_quota", lambda: INF)
    monkeypatch.setattr(machine, "memory_limit", lambda: INF)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "sysconf", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert (machine.cores(), machine.memory()) == (1, INF)


def test_memory_is_that_of_the_group_or_of_the_machine(monkeypatch):
    whole = machine.memory_of_machine()
    monkeypatch.setattr(machine, "memory_limit", lambda: int(NO_LIMIT))
    assert machine.memory() == whole
    monkeypatch.setattr(machine, "memory_limit", lambda: 1000)
    assert machine.memory() == 1000


def test_what_does_not_fit_into_the_group_is_refused(monkeypatch, train_set):
    config = Config(hidden=(16,))
    refuse_too_large(config, train_set)
    monkeypatch.setattr(machine, "memory_limit", lambda: 1000)
    with pytest.raises(ConfigError, match=r"GiB, but this process may use 0\.0"):
        refuse_too_large(config, train_set)


def test_the_command_line_computes_with_the_cores_of_the_group(monkeypatch, model, slide):
    monkeypatch.setattr(machine, "cpu_quota", lambda: 1.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    used = []
    monkeypatch.setattr(
        "slide.backends.use_threads", lambda backend, n: used.append(n) or backend.set_threads(n)
    )
    assert slide("evaluate", "m", "test.txt", "--json")[0] == 0
    assert used == [1]
