"""Imports point one way: what each room may see, read from the sources.

A room is a package, or a module, that the table names; a file belongs to the longest name that it
is in. Imports within a room are its own business.
"""

import ast
import importlib
import sys
from pathlib import Path

import pytest

import slide
from slide.core.moved import MOVED

ROOT = Path(slide.__file__).parents[1]
FLOOR = {"core.errors", "core.extending", "core.interrupts", "core.machine"}
CONTRACT = FLOOR | {"core.contract"}
EXAMPLES = CONTRACT | {"core.examples"}
SETTINGS = EXAMPLES | {"core.settings"}
LEARNER = SETTINGS | {"core.learner", "core.attribution"}
LEARNERS = LEARNER | {"core.sampled", "core.direct", "core.svm", "core.learners"}
MODELS = LEARNERS | {"core.models"}
CORE = MODELS | {"core.checkpoints", "core.runs"}
JUDGES = CORE | {"reference"}
ROOMS = {
    "core": {"core.moved"},
    "core.moved": set(),
    "core.errors": set(),
    "core.extending": {"core.errors"},
    "core.interrupts": set(),
    "core.machine": set(),
    "core.contract": FLOOR,
    "core.examples": CONTRACT,
    "core.settings": EXAMPLES,
    "core.attribution": CONTRACT,
    "core.learner": SETTINGS | {"core.attribution"},
    "core.sampled": LEARNER,
    "core.direct": LEARNER,
    "core.svm": LEARNER | {"core.direct"},
    "core.learners": LEARNER | {"core.sampled", "core.direct", "core.svm"},
    "core.models": LEARNERS,
    "core.checkpoints": CONTRACT,
    "core.runs": MODELS | {"core.checkpoints"},
    "data": EXAMPLES,
    "backends": JUDGES,
    "backends.binding": set(),
    "backends.shared": CONTRACT | {"backends"},  # a worker asks the registry for its own
    "backends.threads": CONTRACT,
    "backends.gpu": CONTRACT,
    "backends.gpu.stand_in": CONTRACT | {"backends.gpu", "backends.cupy_gpu"},
    "backends.numba_threads": CONTRACT | {"backends.binding", "backends.threads"},
    "backends.processes": CONTRACT | {"backends.shared"},
    "backends.cupy_gpu": CONTRACT | {"backends.binding", "backends.gpu"},
    "backends.delegating": CONTRACT | {"backends"},
    "backends.verifying": JUDGES | {"backends", "backends.shared"},
    "reference": CORE,
}
"""What a room may import beside itself; rooms that are not here are on top, and may import all."""


def room_of(dotted):
    """The longest name of a room that this module, or what it has, is in."""
    parts = dotted.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((name for name in names if name in ROOMS), parts[0])


def imported(source):
    """Dotted names of all that a file imports from the engine, less `slide.`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [f"{node.module}.{each.name}" for each in node.names]
        else:
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        yield from (name.removeprefix("slide.") for name in names if name.startswith("slide."))


def upward(path, source):
    """The imports of a file that its room may not make."""
    room = room_of(".".join(path.relative_to(ROOT / "slide").with_suffix("").parts))
    if room not in ROOMS:
        return []
    seen = {room_of(name) for name in imported(source)} - {room}
    return sorted(seen - ROOMS[room])


SOURCES = sorted((ROOT / "slide").rglob("*.py"))


def test_imports_point_one_way():
    found = {str(path): upward(path, path.read_text()) for path in SOURCES}
    assert {path: rooms for path, rooms in found.items() if rooms} == {}


def test_every_room_is_seen():
    seen = {room_of(name) for path in SOURCES for name in imported(path.read_text())}
    by_name = {"core", "backends.numba_threads", "backends.processes", "backends.delegating"}
    assert set(ROOMS) - seen <= by_name


@pytest.mark.parametrize(
    ("file", "line", "room"),
    [
        ("core/contract/arrays.py", "from slide.core.settings.plan import Plan", "core.settings"),
        ("core/direct/run.py", "from slide.core.sampled.mips import blocks_of", "core.sampled"),
        ("core/models/model.py", "import slide.core.runs.trainer", "core.runs"),
        ("core/runs/trainer.py", "from slide.backends import load", "backends"),
        ("backends/processes.py", "from slide.core.learner import Learner", "core.learner"),
        ("backends/shared/parts.py", "from slide.core import errors, runs", "core.runs"),
        ("backends/threads/pool.py", "from slide.reference import kernels", "reference"),
        ("data/xmc.py", "def late():\n    from slide.core.learners.config import Config",
         "core.learners"),
    ],
)  # fmt: skip
def test_an_upward_import_is_found(file, line, room):
    path = ROOT / "slide" / file
    source = path.read_text()
    assert upward(path, source) == []
    assert upward(path, f"{source}\n{line}\n") == [room]


def test_every_package_says_what_lives_in_it():
    for path in SOURCES:
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text())), path


def test_those_that_a_stranger_enters_first_say_it_at_length():
    for folder in [*(ROOT / "slide").iterdir(), *(ROOT / "slide" / "core").iterdir()]:
        if (folder / "__init__.py").exists():
            text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
            assert len(text.splitlines()) >= 4, folder
            assert "import" in text.lower(), folder


def test_rooms_of_the_engine_say_what_they_may_import():
    for folder in (ROOT / "slide" / "core").iterdir():
        if (folder / "__init__.py").exists():
            text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
            assert "May import" in text, folder


@pytest.mark.parametrize("name", MOVED)
def test_former_addresses_have_what_was_there(name):
    sys.modules.pop(f"slide.core.{name}", None)
    with pytest.warns(
        DeprecationWarning, match=f"slide.core.{name} is slide.core.{MOVED[name]} now"
    ):
        old = importlib.import_module(f"slide.core.{name}")
    new = importlib.import_module(f"slide.core.{MOVED[name]}")
    own = {each for each in vars(new) if not each.startswith("__")}
    assert own
    assert all(getattr(old, each) is getattr(new, each) for each in own)
    sys.modules.pop(f"slide.core.{name}")


def test_no_other_module_is_found():
    with pytest.raises(ModuleNotFoundError, match=r"slide\.core\.wings"):
        importlib.import_module("slide.core.wings")
    with pytest.raises(ModuleNotFoundError, match=r"slide\.arrays"):
        importlib.import_module("slide.arrays")
