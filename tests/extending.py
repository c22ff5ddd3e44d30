"""What a new loss, hash family, optimizer or learner still lacks, and the blocks of its page."""

import ast
import importlib
import re
from pathlib import Path
from typing import get_args

import slide
from slide.core.contract.families import KINDS, HashName, SimHash
from slide.core.contract.losses import LossName
from slide.core.contract.optim import OPTIMIZERS, OptimizerName
from slide.core.extending import lacking
from slide.core.learner import Learner
from slide.core.learners.config import all_known

ROOT = Path(slide.__file__).parents[1]
NAMES = {
    "loss": get_args(LossName),
    "hash family": get_args(HashName),
    "optimizer": get_args(OptimizerName),
}
OF_SETTINGS = {
    "loss": (),
    "hash family": (
        ("slide.core.contract.families", "KINDS"),
        ("slide.reference.cases.codes", "DRAWN"),
        ("slide.reference.cases.scale.codes", "DRAWN"),
    ),
    "optimizer": (("slide.core.contract.optim", "OPTIMIZERS"),),
}
"""Tables by the names of the settings."""

OF_KERNELS = {
    "loss": (
        ("slide.reference.plain.losses", "FORMULAS"),
        ("slide.reference.bounds.losses", "BOUNDS"),
        ("slide.reference.losses", "FORMULAS"),
        ("slide.reference.vectorised.losses", "FORMULAS"),
        ("slide.backends.threads.losses", "KERNELS"),
        ("slide.backends.gpu.losses", "FORMULAS"),
    ),
    "hash family": (
        ("slide.reference.plain.codes", "CHOICES"),
        ("slide.reference.families", "DIGITS"),
        ("slide.reference.vectorised.digits", "DIGITS"),
        ("slide.backends.threads.hashing", "HASHERS"),
        ("slide.backends.gpu.hashing", "DIGITS"),
        ("slide.reference.pasting", "__all__"),
    ),
    "optimizer": (
        ("slide.reference.plain.optimizers", "MOVES"),
        ("slide.reference.bounds.optimizers", "TERMS"),
        ("slide.reference.bounds.moves", "MOVES"),
        ("slide.reference.optimizers", "MOVES"),
        ("slide.reference.vectorised.updates", "MOVES"),
        ("slide.backends.threads.optimizers", "KERNELS"),
        ("slide.backends.gpu.optimizers", "LAUNCHES"),
        ("slide.reference.pasting", "__all__"),
    ),
}
"""Tables by what kernels are given: the name of a loss, the class of all else."""

TOLD = {
    "loss": "slide/core/contract/losses.py",
    "hash family": "slide/core/contract/families.py",
    "optimizer": "slide/core/contract/optim.py",
}
"""The file that says what each one is; so does the help of the settings `loss` and `optimizer`."""


def class_of(kind, name):
    """What kernels are given for a name, or nothing if the settings do not know it."""
    if kind == "loss":
        return name
    if kind == "optimizer":
        return OPTIMIZERS.get(name)
    made = getattr(KINDS.get(name), "draw", None)
    function = getattr(made, "func", made)  # that of a partial
    return getattr(function, "__self__", None)


def missing(kind, name, given=None):
    """A sentence for each table that lacks a name, or what it stands for (`given`)."""
    given = given or class_of(kind, name)
    sentences = [told(kind, name, place) for place in OF_SETTINGS[kind]]
    if given is not None:
        sentences += [told(kind, given, place) for place in OF_KERNELS[kind]]
    return [sentence for sentence in sentences if sentence]


def told(kind, key, place):
    """The sentence of `slide.core.extending.entry`, if this table lacks the key."""
    module, table = place
    if key is SimHash and module == "slide.reference.vectorised.digits":
        return ""  # its digits may be rounded, so that they are judged elsewhere
    known = getattr(importlib.import_module(module), table)
    name = key.__name__ if isinstance(key, type) else key
    is_known = name in known if table == "__all__" else key in known
    return "" if is_known else str(lacking(kind, name, module))


def untold(kind, name):
    """A sentence for each place that says nothing of a name."""
    places = [] if is_told(name, (ROOT / TOLD[kind]).read_text()) else [TOLD[kind]]
    told = all_known()[kind][0].help if kind in ("loss", "optimizer") else name
    places += [] if re.search(rf"\b{name}\b", told) else [f"the help of the setting {kind}"]
    return [f"{kind} {name!r} is not told of in {place}: say what it is" for place in places]


def is_told(name, text):
    """Whether any docstring has the name in backticks, or the class of it."""
    word = name.split("-")[-1]
    return bool(re.search(rf"`{re.escape(name)}`|class \w*{word}\b", text, re.IGNORECASE))


def lacks(learner):
    """A sentence for each thing that is asked of a learner and that this class does not have."""
    asked = {*vars(Learner), *Learner.__annotations__}
    return [
        f"{learner.__name__} has no {name!r}, which slide/core/learner.py asks of a learner"
        for name in sorted(asked)
        if not name.startswith("_") and not hasattr(learner, name)
    ]


def write_page(page, root):
    """Write the blocks of a page into a copy of the engine; the files."""
    paths = []
    for path, block in blocks_of(page.read_text()):
        file = root / path
        old = file.read_text() if file.exists() else ""
        file.write_text(merged(old, block) if path.endswith(".py") else old + block)
        paths.append(path)
    return paths


def blocks_of(text):
    """The file and the text of each block of a page that names one in its first line."""
    fences = re.findall(r"^( *)```(?:python|cuda)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    for indent, body in fences:
        lines = [line.removeprefix(indent) for line in body.splitlines()]
        yield lines[0].lstrip("#/ "), "\n".join(lines[1:]) + "\n"


def merged(source, block):
    """Python with what a block adds, and with its version of what is there.

    Imports go under the imports, settings under those of a class that is there, and what is new
    before the next thing that is replaced, or to the end.
    """
    if not source:
        return block
    lines = source.splitlines()
    old = {name_of(node): node for node in ast.parse(source).body}
    edits = []  # first line, last line, text instead
    end = len(lines)
    for node in reversed(ast.parse(block).body):
        decorated = [one.lineno for one in getattr(node, "decorator_list", [])]
        first = min([node.lineno, *decorated])
        text = "\n".join(block.splitlines()[first - 1 : node.end_lineno])
        there = old.get(name_of(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            place = last_import(source)
            edits.append((place, place, text))
        elif there is None:
            edits.append((end, end, text))
        elif isinstance(node, ast.ClassDef):
            last = [one for one in there.body if isinstance(one, ast.AnnAssign)][-1].end_lineno
            fields = [ast.get_source_segment(block, one) for one in node.body]
            edits.append((last, last, "\n".join(f"    {field}" for field in fields)))
        else:
            end = there.lineno - 1
            edits.append((end, there.end_lineno, text))
    for first, last, text in sorted(edits, key=lambda edit: -edit[0]):
        lines[first:last] = text.splitlines()
    return "\n".join(lines) + "\n"


def name_of(node):
    """What a statement defines, if it is one name."""
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    if isinstance(node, ast.AugAssign):
        return node  # a line more, which replaces nothing
    return getattr(node, "name", getattr(targets[0], "id", node))


def last_import(source):
    """The line after the last import."""
    body = ast.parse(source).body
    return max(node.end_lineno for node in body if isinstance(node, ast.Import | ast.ImportFrom))
