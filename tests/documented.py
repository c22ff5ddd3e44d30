"""The blocks of all pages, and which of their commands are not run, with the reason.

`python tests/documented.py` counts them. Blocks of docs/extending name a file each;
tests/test_extension.py writes them there and uses them.
"""

import re
import shlex
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ALL_PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[bdes]*/**/*.md")])
EXTENDING = [page for page in ALL_PAGES if "extending" in page.parts]
PAGES = [page for page in ALL_PAGES if page not in EXTENDING]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
NOT_RUN = {
    r"^make ": "takes minutes, or builds an environment",
    r"^pip ": "installs packages",
    r"^source ": "is of the shell",
    r"^pytest$": "belongs to a package of its own",
    r"^python -m bench\.": "takes minutes to hours, and data sets",
    r"^python tests/documented\.py": "counts these blocks, as a test does",
    r"^python examples/": "serves until it is ended, or is run by tests/test_example_scripts.py",
    r"^slide (verify|bench) ": "takes minutes",
    r"^slide (train|predict) .*--distributed": "starts Ray, as tests/distributed does",
    r"^slide evaluate out/votes": "asks what only Ray has trained",
    r"^slide train .*--resume": "goes on with what was interrupted, as tests/runs does",
}
"""Commands whose options are looked up instead."""


class Block(NamedTuple):
    """A block of a page: where it begins, its language, its lines without indent."""

    page: str
    line: int
    language: str
    text: str


class Command(NamedTuple):
    """A command: what is set for it, and its words, without remarks."""

    variables: dict[str, str]
    words: list[str]

    @property
    def reason(self) -> str | None:
        """Why it is not run; None if it is."""
        line = " ".join(self.words)
        return next((why for what, why in NOT_RUN.items() if re.search(what, line)), None)


def blocks(*languages, pages=PAGES):
    """Those of these languages, or all."""
    found = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for fence in FENCE.finditer(text):
            indent, language, body = fence.groups()
            line = text.count("\n", 0, fence.start()) + 1
            lines = "\n".join(line.removeprefix(indent) for line in body.splitlines())
            found.append(Block(str(page.relative_to(ROOT)), line, language, lines))
    return [block for block in found if block.language in languages or not languages]


def commands(block):
    """The commands of a block."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words, variables = shlex.split(line, comments=True), {}
        while words and re.match(r"[A-Z_]+=", words[0]):
            name, _, variables[name] = words.pop(0).partition("=")
        if words:
            yield Command(variables, words)


def counted():
    """How many blocks and commands there are of each kind."""
    count = Counter()
    for block in blocks():
        if block.language == "sh":
            of = Counter("run" if one.reason is None else "looked up" for one in commands(block))
            whole = "run" if not of["looked up"] else "partly run" if of["run"] else "looked up"
            count[f"blocks of commands, {whole}"] += 1
            count.update({f"commands, {how}": n for how, n in of.items()})
        else:
            how = {"python": "run", "toml": "parsed"}.get(block.language, "shown, not to be run")
            count[f"blocks of {block.language}, {how}"] += 1
    count["blocks of docs/extending, written into a copy of the engine"] = len(
        blocks("python", "cuda", pages=EXTENDING)
    )
    return dict(sorted(count.items()))


if __name__ == "__main__":
    for kind, n in counted().items():
        print(f"{n:4d} {kind}")
