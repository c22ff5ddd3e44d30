"""What works where a system lacks what only POSIX has, shown by taking that away."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import slide

ROOT = Path(slide.__file__).parents[1]
LACKING = """
import importlib.abc, os, select, signal, subprocess, sys

class Lacking(importlib.abc.MetaPathFinder):
    NAMES = {"fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "readline",
             "_posixshmem"}

    def find_spec(self, name, path=None, target=None):
        if name in self.NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Lacking())
for name in Lacking.NAMES:
    sys.modules.pop(name, None)
for module, names in {
    os: "fork forkpty sched_getaffinity sched_setaffinity sysconf statvfs killpg getuid geteuid "
        "getgid getpgid setsid getloadavg wait4 waitid mkfifo chown lchown",
    select: "poll epoll kqueue",
    signal: "SIGHUP SIGKILL SIGALRM SIGUSR1 SIGUSR2 SIGCHLD SIGPIPE SIGQUIT alarm setitimer "
            "pthread_sigmask pthread_kill sigwait siginterrupt",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
"""
TRAINING = """
import numpy as np
import slide
import slide.backends.verifying
from slide.core.contract.arrays import CSR

ids = np.arange(40, dtype=np.int32) % 8
one = CSR(np.arange(41), ids, np.ones(40, np.float32), 8)
data = slide.Dataset(one, one)
for name in ("numba", "reference"):
    backend = slide.load_backend(name)
    backend.set_threads(2)
    for config in (slide.recipe(data, epochs=2), slide.recipe(data, hidden=(8,), epochs=2)):
        model = slide.Trainer(config, backend).fit(data)
        model.save(f"{name}-{len(config.hidden)}")
        again = slide.Model.load(f"{name}-{len(config.hidden)}", backend)
        assert model.evaluate(data) == again.evaluate(data), name
print("trained")
"""
COMMANDS = """
import sys
from slide.__main__ import main
codes = []
for command in sys.argv[1:]:
    sys.argv = ["slide", *command.split()]
    try:
        main()
    except SystemExit as ended:
        codes.append(ended.code)
print(*codes)
"""


def run(program, folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, env=os.environ | environment,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def codes_of(done):
    """Exit codes of the commands that one process has run."""
    return [int(code) for code in done.stdout.splitlines()[-1].split()]


def test_models_are_trained_without_posix(tmp_path):
    done = run(LACKING + TRAINING, tmp_path)
    assert (done.stdout, done.stderr) == ("trained\n", "")


def test_commands_work_without_posix(model):
    commands = (
        "--help",
        "train test.txt --model n --epochs 1 --quiet --threads 1",
        "train train.txt.gz --model o --hidden 8 --epochs 1 --json --threads 1 --backend reference",
        "evaluate m test.txt --backend reference",
        "predict m test.txt --out p.txt",
        "convert test.txt test.npz",
        "backends",
    )
    done = run(LACKING + COMMANDS, model.parent, *commands)
    assert (codes_of(done), done.stderr) == ([0] * len(commands), "")


def test_what_needs_posix_says_so(model):
    command = "evaluate m test.txt --backend"
    names = "processes", "processes-numba"
    done = run(LACKING + COMMANDS, model.parent, *(f"{command} {name}" for name in names))
    assert done.stdout == "2 2\n"
    for said in done.stderr.splitlines():
        assert re.fullmatch(r"slide: .* 'fcntl', which POSIX systems alone have: .*numba", said)
    assert len(done.stderr.splitlines()) == 2


def test_readme_and_classifiers_say_where_it_runs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    systems = [one for one in project["classifiers"] if one.startswith("Operating System")]
    assert systems == ["Operating System :: OS Independent"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "need a POSIX system" in readme


def test_files_are_opened_with_an_encoding():
    """Windows would choose one by its language."""
    text = re.compile(r"\.(?:read_text|write_text)\((?:[^()]|\([^()]*\))*\)")
    for path in (ROOT / "slide").rglob("*.py"):
        for call in text.findall(path.read_text(encoding="utf-8")):
            assert "encoding=" in call, (path, call)


ODD = [
    {"PYTHONIOENCODING": "ascii"},
    {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "30"},
]


@pytest.mark.parametrize("environment", ODD, ids=["ascii", "C", "narrow"])
def test_commands_work_on_odd_terminals(model, environment):
    commands = (
        "--help", "evaluate m test.txt", "train test.txt --model n --epochs 1", "backends",
        "train --help",
    )  # fmt: skip
    done = run(COMMANDS, model.parent, *commands, **environment)
    assert codes_of(done) == [0] * len(commands)
    assert "Traceback" not in done.stderr
    assert "\x1b[" not in done.stdout
    assert "PYTHONIOENCODING" not in environment or done.stdout.isascii()


ROOMS = "import slide; print(slide.data.read, slide.core.examples.dataset, slide.backends.load)"


def test_rooms_are_there_once_the_package_is_imported():
    """As attributes, as when all of it was imported at once."""
    done = subprocess.run([sys.executable, "-c", ROOMS], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
