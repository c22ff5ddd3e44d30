"""The site of the documentation: links, navigation, what is generated, and pictures."""

import os
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import resolve_name

import pytest
import typer
from documented import ALL_PAGES, ROOT

import slide
from bench.pictures import peers, steps
from slide.cli import app

LINK = re.compile(r"\]\(([^)\s:#]*)(?:#([^)\s]+))?\)")
FENCED = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)


def test_links_lead_somewhere():
    """To files, and to headings of pages, as readers of the repository follow them."""
    gone = []
    for page in ALL_PAGES:
        for target, heading in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
            path = Path(os.path.normpath(page.parent / target)) if target else page
            is_there = path.exists() and (not heading or heading in headings(path))
            gone += [] if is_there else [(str(page.relative_to(ROOT)), target, heading)]
    assert gone == []


def headings(page):
    """The anchors of a page."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", text)
    lines = re.findall(r"^#+ (.*)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in lines}


def test_each_page_is_in_the_navigation_of_the_site():
    text = (ROOT / "mkdocs.yml").read_text()
    written = {page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")}
    folders = {Path(one) for one in ("benchmarks", "decisions")}  # are written out by the site
    missing = [str(one) for one in written if one.parent not in folders and str(one) not in text]
    assert sorted(missing) == ["mutants.md", "mutation.md"]  # beside the benches


def hook(name):
    """A module of docs/site, which MkDocs loads."""
    spec = spec_from_file_location(f"site_{name}", ROOT / "docs" / "site" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_has_all_of_them():
    text = hook("commands").text_of_all()
    for name, command in typer.main.get_command(app).commands.items():
        section = text.partition(f"## slide {name}\n")[2].partition("\n## ")[0]
        options = [one for each in command.params for one in each.opts if one.startswith("--")]
        assert [one for one in options if f"`{one}`" not in section] == []
        assert (command.help or "").splitlines()[0] in section


def test_every_public_name_is_in_the_reference():
    pages = (ROOT / "docs" / "reference").glob("*.md")
    told = re.findall(r"^::: (\S+)$", "\n".join(page.read_text() for page in pages), re.MULTILINE)
    assert len(told) == len({*told})
    assert {f"slide.{name}" for name in {*slide.__all__, "SlideClassifier"}} <= {*told}
    assert all(resolve_name(name).__doc__ for name in told)


def test_pictures_are_what_their_scripts_draw():
    """If not: `python -m bench.pictures.steps`, or `.peers`."""
    page = peers.PAGE.read_text(encoding="utf-8")
    wanted = {peers.PICTURE: peers.picture(peers.rows_of(page)).svg()}
    wanted |= {steps.FOLDER / name: svg for name, svg in steps.drawn().items()}
    for path, svg in wanted.items():
        assert path.read_text(encoding="utf-8") == svg, path.name
        assert path.stat().st_size < 60_000
        assert "<title>" in svg


def test_bars_are_those_of_the_table():
    table = "| set | slide | s, CPU s | tree | s |\n|---|---|---|---|---|\n"
    sets = peers.rows_of(f"{table}| a | **65.5 / 29.5** | 6.8, 7.5 | 60 / 2 | 1,000 |\n\nafter")
    assert sets == {"a": [("slide", 65.5, 6.8), ("tree", 60.0, 1000.0)]}
    with pytest.raises(ValueError, match="no table"):
        peers.rows_of("nothing")
