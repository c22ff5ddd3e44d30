"""Every block of code in README and docs says what it is, and works: it is run, or read closely."""

import json
import re
import shutil
import sys
import tomllib
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name

import pytest
import trackers
import typer
from conftest import planted
from documented import NOT_RUN, PAGES, ROOT, blocks, commands, counted
from made_texts import examples

import slide
from slide.backends.delegating import Delegating
from slide.cli import app, main
from slide.data.bundled import Demo
from slide.reference.checks import check
from slide.report import settings

LANGUAGES = {"python", "sh", "text", "toml"}
PROGRAMS = {"slide", "make", "python", "pip", "pytest", "source"}
NAMED = re.compile(
    r"(?<![\w/.-])(?:slide(?:\.[A-Za-z]\w*)+|(?:slide|tests|bench|examples)/[\w/]+\.\w+)"
)
SOURCES = [path for room in ("slide", "bench") for path in (ROOT / room).rglob("*.py")]
HISTORY = ROOT / "CHANGELOG.md"  # names what was there once
MAKEFILE = (ROOT / "Makefile").read_text()


def named(found):
    """Parameters whose names are where the blocks stand."""
    return [pytest.param(block, id=f"{block.page}:{block.line}") for block in found]


def write_files(folder):
    """The files that the pages speak of."""
    train, test = planted(300, n_labels=40), planted(30, n_labels=40, seed=1)
    for name in ("train.txt", "train.txt.gz", "part-0.txt.gz"):
        slide.write(train, folder / name)
    for name in ("test.txt", "test.txt.gz"):
        slide.write(test, folder / name)
    for log in ("log.csv", "later.csv", "open.csv"):
        events = (f"{i // 4},item {i % 4},{i}" for i in range(200))
        (folder / log).write_text("\n".join(["session,item,time", *events]))
    for log in ("shown.csv", "new.csv"):
        events = (f"{i // 8},item {(i + i // 8) % 8},{i % 2},{i}" for i in range(200))
        (folder / log).write_text("\n".join(["user,item,click,time", *events]))
    told = [*examples(80), ("rocket to the moon", []), ("xyzzy", [])]
    for name, pairs in (("texts", told[:80]), ("more", told[:80]), ("part-0", told[:80]),
                        ("new", told[80:])):  # fmt: skip
        lines = ({"text": text, "title": text, "body": "", "tags": tags} for text, tags in pairs)
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return train, test


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """What blocks ask of what others have made: models and data folders, and the sets of `Demo`."""
    folder = tmp_path_factory.mktemp("made")
    train, test = write_files(folder)
    model = slide.Trainer(slide.Config()).fit(train)
    model.save(folder / "out" / "mine")
    model.freeze(folder / "out" / "frozen")
    hidden = slide.Config(hidden=8, epochs=1, active=20)
    slide.Trainer(hidden).fit(train).save(folder / "out" / "hidden")
    for name in ("train", "test"):
        slide.data.convert_to_folder([folder / f"{name}.txt"], folder / name)
    return folder, train, test


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A folder with those files, and little behind `load_demo`."""
    folder, train, test = made
    for path in folder.glob("*.*"):
        shutil.copyfile(path, tmp_path / path.name)
    names = [f"name {i}" for i in range(train.n_features)]
    monkeypatch.setattr(slide, "load_demo", lambda: Demo(train, test, names, names, "made up"))
    for name in ("mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, name, getattr(trackers, name)())
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "einsum_package" / "src"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_blocks_of_each_kind_and_most_are_run():
    """`python tests/documented.py` prints what is counted here."""
    count = counted()
    assert count["blocks of python, run"] > 15
    assert count["commands, run"] > 60
    assert count["commands, looked up"] < count["commands, run"]


@pytest.mark.parametrize("what", NOT_RUN)
def test_each_reason_not_to_run_a_command_is_of_use(what):
    lines = (" ".join(one.words) for block in blocks("sh") for one in commands(block))
    assert any(re.search(what, line) for line in lines)


@pytest.mark.parametrize("block", named(blocks()))
def test_a_block_says_what_it_is(block):
    assert block.language in LANGUAGES, block


@pytest.mark.parametrize("block", named(blocks("toml")))
def test_toml_is_toml(block):
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", named(blocks("python")))
def test_python_runs(block, place):
    scope = {"__name__": "page"}
    exec(compile(block.text, "<block>", "exec"), scope)
    for kind in [one for one in scope.values() if Delegating in getattr(one, "__mro__", [])[1:]]:
        assert check(kind(), "sddmm", "exact", 3).outcome == "pass"


@pytest.mark.parametrize("block", named(blocks("sh")))
def test_commands_run_or_have_such_options(block, place, made, monkeypatch, capfd):
    for command in commands(block):
        if command.reason is not None:
            refuse_unknown(command.words)
            continue
        for name, value in command.variables.items():
            monkeypatch.setenv(name, value)
        provide(command.words, block.page, made[0], place)
        monkeypatch.setattr(sys, "argv", command.words)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0, (command.words, capfd.readouterr().err)
    told = OUTCOMES.get((block.page, next(commands(block)).words[-1]))
    if told is not None:
        told(place, capfd.readouterr().out)


def provide(words, page, made, place):
    """Copy what a command asks for, and no command of its block has made."""
    assert words[0] == "slide", words
    for before, word in pairwise(words):
        is_special = (page, word) == ("docs/model-folder.md", "out/mine")
        of = made / ("out/hidden" if is_special else word)
        is_asked_for = before not in ("--model", "--out") and of.is_dir() and "." not in word
        is_target = words[1] in ("convert", "freeze") and word == words[-1]
        if is_asked_for and not is_target and not (place / word).exists():
            shutil.copytree(of, place / word)


def predictions_are_whole(place, printed):
    """Of the first steps of the README."""
    lines = (place / "predictions.txt").read_text().splitlines()
    assert len(lines) == 30
    assert all(len(line.split()) == 5 for line in lines)


def texts_have_names(place, printed):
    """Of the tagger of the README, frozen as well."""
    known, unknown = map(json.loads, printed.splitlines()[-3:-1])
    assert known["labels"][0] == "space"
    assert known["probabilities"][0] >= 0.2
    assert unknown == {"labels": [], "probabilities": [], "unknown": True}
    names, _ = slide.Predictor.load(place / "out" / "frozen").predict_texts(["moon"], k=1)
    assert names == [["space"]]


OUTCOMES = {
    ("README.md", ".venv/bin/activate"): predictions_are_whole,
    ("README.md", ".[text,service]"): texts_have_names,
}
"""What is there after a block, by its page and its first command."""


def refuse_unknown(words):
    """Fail unless there is such a command, with such options."""
    program, *rest = words
    assert program in PROGRAMS, words
    if program == "slide":
        command = typer.main.get_command(app).commands[rest[0]]
        with command.make_context(rest[0], rest[1:]):
            pass
    elif program == "make":
        targets = [word for word in rest if "=" not in word]
        variables = [word.partition("=")[0] for word in rest if "=" in word]
        assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets), words
        assert all(f"$({name}" in MAKEFILE or f",{name}" in MAKEFILE for name in variables), words
    elif program == "python":
        source = script(rest).read_text()
        for option in (word for word in rest if word.startswith("--")):
            assert f'"{option}"' in source or option[2:].replace("-", "_") in source, words
    elif program == "pip":
        extras = re.findall(r"\[([\w,]+)\]", " ".join(rest))
        projects = [ROOT, ROOT / "examples" / "einsum_package"]
        texts = [(project / "pyproject.toml").read_text() for project in projects]
        known = re.findall(r"^(\w+) = \[", "\n".join(texts), re.MULTILINE)
        assert {one for each in extras for one in each.split(",")} <= {*known}, words


def script(words):
    """The file that `python` runs."""
    if words[0] != "-m":
        return ROOT / words[0]
    spec = find_spec(words[1])
    assert spec is not None, words
    origin = Path(spec.origin)
    return origin if origin.name != "__init__.py" else origin.with_name("__main__.py")


def test_options_that_the_guide_speaks_of_are_there():
    guide = [ROOT / "README.md", ROOT / "docs" / "how-it-works.md", *ROOT.glob("docs/guide/*.md")]
    known = {"--install-completion", "--help"}
    for command in typer.main.get_command(app).commands.values():
        known |= {one for each in command.params for one in (*each.opts, *each.secondary_opts)}
    for page in guide:
        told = re.findall(r"(?<![\w-])--[a-zA-Z][\w-]*", page.read_text(encoding="utf-8"))
        assert {*told} - known <= OF_OTHERS, page


OF_OTHERS = {"--head", "--port", "--shm-size"}


def test_the_page_of_settings_is_what_is_declared():
    """If not: `python -m slide.report.settings > docs/settings.md`."""
    assert settings.page() == (ROOT / "docs" / "settings.md").read_text()


def scripts_of_the_benches():
    """What `python -m` or pytest runs of them; parts of others, and workers of peers, are not."""
    for path in (ROOT / "bench").rglob("*.py"):
        room = path.relative_to(ROOT / "bench").parts[0]
        if path.name.startswith("bench_"):
            yield f"pytest bench/{room}"
        elif "__main__" in path.read_text() and room != "harness" and "workers" not in path.parts:
            yield "python -m " + ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_each_bench_has_a_line_in_their_table():
    table = (ROOT / "bench" / "README.md").read_text()
    parts = {"python -m bench.serving.asked", "python -m bench.rivals.peers.install",
             "python -m bench.rivals.bpr"}  # fmt: skip
    found = {*scripts_of_the_benches()} - parts
    assert len(found) > 20
    assert {script for script in found if script not in table} == set()


def missing(text):
    """Modules, what is in them, and files that a text names and that are not there."""
    for name in set(NAMED.findall(text)):
        try:
            found = (ROOT / name).exists() if "/" in name else bool(resolve_name(name))
        except (AttributeError, ImportError):
            found = False
        if not found:
            yield name


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_text_names_is_there(path):
    assert path == HISTORY or not [*missing(path.read_text())]


def test_a_name_that_is_gone_is_missing():
    text = "`slide.core.contract.optim.Adam` `slide.core.gone` slide/cli/train.py slide/cli/gone.py"
    assert {*missing(text)} == {"slide.core.gone", "slide/cli/gone.py"}
