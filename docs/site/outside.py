"""What pages link to outside docs/, as the site has it: other pages, source files, lists of files.

Links stay as readers of the repository need them, `../slide/core/svm`; here they lead to a page of
the site under the same path. A folder in `nav` stands for all pages in it.
"""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FRONT = "README.md"  # of the site, which is docs/README.md; that of the repository leads there
TARGET = re.compile(r"(?<=\]\()([^)\s:#]+)(?=[)#])")
FENCED = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
LANGUAGES = {".py": "python", ".cu": "cuda", ".toml": "toml"}
MEASUREMENTS = ["mutants.md", "mutation.md", "bench/README.md", "bench/rivals/peers/README.md"]
HIDDEN = "---\nsearch:\n  exclude: true\n---\n\n"


def on_config(config: Any) -> Any:
    """Write out the folders in `nav`."""
    config.nav = [{title: [*pages_of(title, pages)] for title, pages in entry.items()}
                  for entry in config.nav]  # fmt: skip
    return config


def pages_of(title: str, pages: Any) -> Iterator[Any]:
    """What stands in `nav`, or the pages of a folder, its README first."""
    if isinstance(pages, list):
        yield from pages
        return
    yield from sorted(f"{pages}/{path.name}" for path in (DOCS / pages).glob("*.md"))
    if title == "Measurements":
        yield from MEASUREMENTS


def on_files(files: Any, config: Any) -> Any:
    """Add a page for everything outside docs/ that is in `nav`, or that a page links to."""
    todo = [path for path in named(config.nav) if not (DOCS / path).exists()]
    pages = {DOCS / page.src_uri for page in files.documentation_pages()} | {ROOT / FRONT}
    todo += [path for page in pages for path in linked(page)]
    added = set[str]()
    while todo:
        path = todo.pop()
        if path not in added:
            added.add(path)
            files.append(File.generated(config, page_of(path), content=content_of(ROOT / path)))
            todo += linked(ROOT / path) if path.endswith(".md") else []
    return files


def named(nav: Any) -> Iterator[str]:
    """The paths in a `nav`."""
    for entry in nav:
        if isinstance(entry, dict):
            for value in entry.values():
                yield from named(value if isinstance(value, list) else [value])
        else:
            yield entry


def linked(page: Path) -> Iterator[str]:
    """What a page links to outside docs/, by its path in the repository."""
    for target in TARGET.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        path = Path(os.path.normpath(page.parent / target))
        inside = path.is_relative_to(DOCS) or path == ROOT / FRONT
        if not inside and path.is_relative_to(ROOT) and path.exists():
            yield str(path.relative_to(ROOT))


def page_of(path: str) -> str:
    """Where the site has what the repository has under this path."""
    if path == FRONT:
        return FRONT
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return path if path.endswith(".md") else f"{path}.md"


def content_of(path: Path) -> str:
    """Markdown: a page as it is, a source file in a block, a folder as a list of what is in it."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    title = f"{HIDDEN}# `{path.relative_to(ROOT)}`\n\n"
    if path.is_dir():
        lines = (f"| `{each.name}` | {told(each)} |\n" for each in sorted(path.glob("*.*")))
        return f"{title}| file | |\n|---|---|\n{''.join(lines)}"
    return f"{title}````{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text('utf-8')}\n````\n"


def told(path: Path) -> str:
    """The first line of a module's docstring."""
    if path.suffix != ".py":
        return ""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].replace("|", r"\|")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn each link to a file into one to its page."""
    here = page.file.src_uri
    place = DOCS / here if page.file.generated_by is None else ROOT / here
    parts, last = [], 0
    for fence in FENCED.finditer(markdown):
        parts += [turned(markdown[last : fence.start()], here, place), fence[0]]
        last = fence.end()
    return "".join([*parts, turned(markdown[last:], here, place)])


def turned(text: str, here: str, place: Path) -> str:
    """Text without blocks, with links of a page of the site whose file is at a place."""

    def to_page(link: re.Match[str]) -> str:
        path = os.path.relpath(os.path.normpath(place.parent / link[1]), ROOT)
        if path.startswith("..") or not (ROOT / path).exists():
            return link[1]  # which the site then warns of
        is_file = path.startswith("docs/") and not path.endswith(".md")
        there = path.removeprefix("docs/") if is_file else page_of(path)
        return os.path.relpath(there, os.path.dirname(here) or ".")

    return TARGET.sub(to_page, text)
