"""Modules that say where they go: an import hook marks their source before it is compiled.

A condition `c` becomes `__recorder__.test(7, c)`, and so on for whatever `Recorder` has a method.
Coverage by lines would see neither conditional expressions nor what was compared with what.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from slide.reference.branches.recording import Recorder

RECORDER = "__recorder__"  # by which marked code knows it
COMPILED_ANYWAY = {"vectorize", "guvectorize", "cfunc", "stencil"}
"""Decorators of numba that compile whatever NUMBA_DISABLE_JIT says: what has one gets no marks."""

Key = tuple[str, int, int, int | None, int | None]


def key_of(label: str, node: Any) -> Key:
    """What a mark is found by: what it notes, and of which piece of the source."""
    return label, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def names_of(*nodes: ast.AST) -> set[str]:
    """All names and attributes in some code."""
    found = [inner for node in nodes for inner in ast.walk(node)]
    return {one.id for one in found if isinstance(one, ast.Name)} | {
        one.attr for one in found if isinstance(one, ast.Attribute)
    }


def locals_of(function: ast.FunctionDef | ast.Lambda) -> set[str]:
    """Arguments, and whatever is assigned to in a function."""
    inside = list(ast.walk(function))
    assigned = {
        one.id for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    return assigned | {one.arg for one in inside if isinstance(one, ast.arg)}


def is_constant(side: ast.expr, known: set[str]) -> bool:
    """Whether a side of a comparison is made of literals, and names that are not known here."""
    match side:
        case ast.Constant():
            return True
        case ast.Name():
            return side.id not in known
        case ast.Attribute():
            own = isinstance(side.value, ast.Name) and side.value.id in ("self", "cls")
            return own or is_constant(side.value, known)
        case ast.BinOp():
            return is_constant(side.left, known) and is_constant(side.right, known)
        case _:
            return False


class Marker(ast.NodeTransformer):
    """Marks the functions of a module.

    Args:
        recorder: of which the marks are.

    Attributes:
        marks: their numbers.
        opaque: functions that have none.
        known: local names of the functions around.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.marks: dict[Key, int] = {}
        self.opaque: list[str] = []
        self.known: list[set[str]] = []

    def noting(self, method: str, label: str, node: Any, *arguments: ast.expr) -> ast.Call:
        """A call of the recorder's method, with a new mark."""
        mark = self.marks.setdefault(key_of(label, node), self.recorder.new())
        function = ast.Attribute(ast.Name(RECORDER, ast.Load()), method, ast.Load())
        call = ast.Call(function, [ast.Constant(mark), *arguments], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def begin(self, label: str, node: Any, body: list[ast.stmt]) -> None:
        """Let a body say that it was entered."""
        call = ast.copy_location(ast.Expr(self.noting("enter", label, node)), node)
        has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        body.insert(int(has_docstring), call)

    def inside(self, node: Any) -> Any:
        """A function's parts, marked."""
        self.known.append(locals_of(node))
        self.generic_visit(node)
        self.known.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """A function says that it is called."""
        if names_of(*node.decorator_list) & COMPILED_ANYWAY:
            self.opaque.append(node.name)
            return node
        self.inside(node)
        self.begin("function", node, node.body)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        """A function without a name."""
        return self.inside(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        """A handler says that it runs."""
        self.generic_visit(node)
        if self.known:
            self.begin("handler", node, node.body)
        return node

    def visit_match_case(self, node: ast.match_case) -> Any:
        """A case says that it is taken."""
        self.generic_visit(node)
        if self.known:
            self.begin("case", node.pattern, node.body)
        return node

    def branch(self, node: Any) -> Any:
        """A condition says which way it goes."""
        before = node.test
        self.generic_visit(node)
        if self.known and not isinstance(before, ast.Constant):
            node.test = self.noting("test", "test", before, node.test)
        return node

    def visit_If(self, node: ast.If) -> Any:
        """Both ways."""
        return self.branch(node)

    def visit_While(self, node: ast.While) -> Any:
        """Whether it goes on."""
        return self.branch(node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        """Both ways."""
        return self.branch(node)

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        """So do those of a comprehension."""
        before = list(node.ifs)
        self.generic_visit(node)
        if self.known:
            pairs = zip(before, node.ifs, strict=True)
            node.ifs = [self.noting("test", "test", old, new) for old, new in pairs]
        return node

    def visit_For(self, node: ast.For) -> Any:
        """A loop says whether there was anything to go over."""
        before = node.iter
        self.generic_visit(node)
        if self.known:
            node.iter = self.noting("loop", "loop", before, node.iter)
        return node

    def visit_Compare(self, node: ast.Compare) -> Any:
        """What is compared with a constant says how large it is."""
        before = [node.left, *node.comparators]
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        if self.known:
            known = set().union(*self.known)
            constant = [is_constant(side, known) for side in before]
            for i, side in enumerate(before):
                beside = constant[i - 1 : i] + constant[i + 1 : i + 2]
                if not constant[i] and any(beside):
                    sides[i] = self.noting("size", "size", side, sides[i])
        node.left, *node.comparators = sides
        return node


@dataclass(slots=True)
class Marked:
    """A module whose source has marks."""

    module: ModuleType
    path: Path
    text: str
    marks: dict[Key, int]
    opaque: list[str]


@dataclass(slots=True)
class Hook:
    """Finds the modules of some top package, or of the folder of a lone module, and marks them.

    Args:
        top: the package, or the lone module.
        recorder: of the marks.
        but: no modules whose names begin so, each with a point at its end.

    Attributes:
        marked: those that were imported so far.
        root: the folder that the package or the module is in.
        is_lone: whether the modules beside it are the backend's own, too.
    """

    top: str
    recorder: Recorder
    but: tuple[str, ...] = ()
    marked: list[Marked] = field(default_factory=list)
    root: Path = field(init=False)
    is_lone: bool = field(init=False)

    def __post_init__(self) -> None:
        spec = self.found(self.top, None)
        places = list(spec.submodule_search_locations or ()) if spec else []
        self.root = Path(places[0] if places else spec.origin or "" if spec else "").parent
        installed = {Path(path) for path in sysconfig.get_paths().values()}
        self.is_lone = bool(spec) and not places and self.root not in installed

    def found(self, name: str, path: Any) -> ModuleSpec | None:
        """A module as all others find it."""
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path) for finder in others)
        return next(filter(None, specs), None)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As the import system asks it; None for whatever is to be left as it is."""
        is_below = f"{name}.".startswith(f"{self.top}.")
        if not (is_below or self.is_lone) or f"{name}.".startswith(self.but):
            return None
        spec = self.found(name, path)
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        if is_below or Path(spec.loader.path).parent == self.root:
            spec.loader = MarkingLoader(spec.loader.name, spec.loader.path, self)
            return spec
        return None


class MarkingLoader(SourceFileLoader):
    """Loads a module with marks, and nothing from a cache."""

    def __init__(self, name: str, path: str, hook: Hook) -> None:
        super().__init__(name, path)
        self.hook = hook

    def exec_module(self, module: ModuleType) -> None:
        """Run the marked source."""
        text = self.get_source(module.__name__) or ""
        marker = Marker(self.hook.recorder)
        tree = marker.visit(ast.parse(text))
        setattr(module, RECORDER, self.hook.recorder)
        one = Marked(module, Path(self.path), text, marker.marks, marker.opaque)
        self.hook.marked.append(one)
        exec(compile(tree, self.path, "exec", dont_inherit=True), module.__dict__)
