"""Every block of code in README and docs says what it is, and works: it is run, or read closely.

Blocks of docs/extending name a file each; tests/test_extension.py writes them there and uses them.
"""

import json
import re
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name

import pytest
import trackers
import typer
from conftest import planted
from made_texts import examples, write_lines

import slide
from slide.backends.delegating import Delegating
from slide.cli import app, main
from slide.data.bundled import Demo
from slide.reference.checks import check
from slide.report import settings

ROOT = Path(__file__).parents[1]
PAGES = [
    page
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("[bdes]*/**/*.md")])
    if "extending" not in page.parts
]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
LANGUAGES = {"python", "sh", "text", "toml"}
PROGRAMS = {"slide", "make", "python", "pip", "pytest", "source"}
NAMED = re.compile(
    r"(?<![\w/.-])(?:slide(?:\.[A-Za-z]\w*)+|(?:slide|tests|bench|examples)/[\w/]+\.\w+)"
)
SOURCES = [path for room in ("slide", "bench") for path in (ROOT / room).rglob("*.py")]
HISTORY = ROOT / "CHANGELOG.md"  # names what was there once
MAKEFILE = (ROOT / "Makefile").read_text()


def blocks(*languages):
    """Each block of these languages: its page with the line, its language and its text."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for fence in FENCE.finditer(text):
            indent, language, body = fence.groups()
            if language in languages or not languages:
                line = text.count("\n", 0, fence.start()) + 1
                name = f"{page.relative_to(ROOT)}:{line}"
                lines = (line.removeprefix(indent) for line in body.splitlines())
                found.append(pytest.param(language, "\n".join(lines), id=name))
    return found


def commands(block):
    """The words of each command, without what is set for it before, and without remarks."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if words:
            yield words


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the files that the pages speak of, and little behind `load_demo`."""
    train, test = planted(300, n_labels=40), planted(30, n_labels=40, seed=1)
    slide.write(train, tmp_path / "train.txt.gz")
    slide.write(test, tmp_path / "test.txt.gz")
    names = [f"name {i}" for i in range(train.n_features)]
    for log in ("log.csv", "later.csv", "open.csv"):
        events = (f"{i // 4},item {i % 4},{i}" for i in range(200))
        (tmp_path / log).write_text("\n".join(["session,item,time", *events]))
    for log in ("shown.csv", "new.csv"):
        events = (f"{i // 8},item {(i + i // 8) % 8},{i % 2},{i}" for i in range(200))
        (tmp_path / log).write_text("\n".join(["user,item,click,time", *events]))
    monkeypatch.setattr(slide, "load_demo", lambda: Demo(train, test, names, names, "made up"))
    for name in ("mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, name, getattr(trackers, name)())
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "einsum_package" / "src"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_blocks_of_each_kind():
    assert len(blocks("python")) > 2
    assert len(blocks("sh")) > 8


@pytest.mark.parametrize(("language", "block"), blocks())
def test_a_block_says_what_it_is(language, block):
    assert language in LANGUAGES, block


@pytest.mark.parametrize(("language", "block"), blocks("python"))
def test_python_runs(language, block, place):
    scope = {"__name__": "page"}
    exec(compile(block, "<block>", "exec"), scope)
    for kind in [one for one in scope.values() if Delegating in getattr(one, "__mro__", [])[1:]]:
        assert check(kind(), "sddmm", "exact", 3).outcome == "pass"


@pytest.mark.parametrize(("language", "block"), blocks("sh"))
def test_commands_exist_with_their_options(language, block, place):
    for words in commands(block):
        refuse_unknown(words, place)


def refuse_unknown(words, place):
    """Fail unless there is such a command, with such options."""
    program, *rest = words
    assert program in PROGRAMS, words
    if program == "slide":
        command = typer.main.get_command(app).commands[rest[0]]
        (place / "out" / "mine").mkdir(parents=True, exist_ok=True)
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


def slide_commands_of_the_readme(told, monkeypatch):
    """Run those of the block that has these words."""
    (block,) = (
        param.values[1] for param in blocks("sh") if told in param.values[1]
        and "README.md" in param.id
    )  # fmt: skip
    for words in commands(block):
        if words[0] == "slide":
            monkeypatch.setattr(sys, "argv", words)
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 0, words


def test_the_first_steps_of_the_readme_work(place, monkeypatch, capsys):
    """From training to predictions, as they are written there."""
    slide_commands_of_the_readme("slide predict out/mine", monkeypatch)
    lines = (place / "predictions.txt").read_text().splitlines()
    assert len(lines) == 30
    assert all(len(line.split()) == 5 for line in lines)


def test_texts_become_names_and_a_service_as_the_readme_says(place, monkeypatch, capsys):
    write_lines(place / "texts.jsonl", examples(80))
    write_lines(place / "new.jsonl", [("rocket to the moon", []), ("xyzzy", [])])
    slide_commands_of_the_readme("slide predict out/tagger", monkeypatch)
    known, unknown = map(json.loads, capsys.readouterr().out.splitlines()[-3:-1])
    assert known["labels"][0] == "space"
    assert known["probabilities"][0] >= 0.2
    assert unknown == {"labels": [], "probabilities": [], "unknown": True}
    names, _ = slide.Predictor.load(place / "out" / "frozen").predict_texts(["moon"], k=1)
    assert names == [["space"]]


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
