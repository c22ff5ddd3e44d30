"""What the notes of a run say of the source: the ways that nobody went, in its own words."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import unwrap
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from slide.reference.branches.marking import Marked, is_constant, key_of, locals_of, names_of
from slide.reference.branches.recording import Recorder

LEAST_THRESHOLD = 8  # a smaller constant tells kinds of arguments apart rather than sizes
OUTSIDE = {
    "ConnectionError", "EOFError", "FileNotFoundError", "ImportError", "KeyboardInterrupt",
    "MemoryError", "OSError", "TimeoutError",
}  # fmt: skip
"""Errors that come from the machine: no argument makes their handlers run."""

FILES = {"exists", "glob", "is_dir", "is_file", "iterdir", "listdir", "scandir"}
"""Questions to the file system."""


@dataclass(frozen=True, slots=True)
class Untaken:
    """A branch that no call took.

    Args:
        file: relative to the folder that its package is in.
        line: of its condition.
        source: the condition as it is written.
        way: what did not happen: `never true`, `never false`, `loop never entered`, `handler never
            run`, `case never taken` or `function never called`.
        threshold: the comparison of a size with a constant that is above all that was drawn, with
            the largest one drawn; empty where there is none.
    """

    file: str
    line: int
    source: str
    way: str
    threshold: str = ""


def list_untaken(
    modules: Sequence[Marked], recorder: Recorder, root: Path, all_seen: bool
) -> list[Untaken]:
    """The untaken branches of all code that was reached, by file and line.

    Left out are ways that only refuse, for a refusal that was drawn would have shown itself; and
    ways that no argument decides.

    Args:
        modules: those of the backend.
        recorder: what they noted.
        root: the folder that files are told relative to.
        all_seen: whether no other process computed, where functions are called unseen.
    """
    trees = [ast.parse(marked.text) for marked in modules]
    raising = {name for tree in trees for name in raising_in(tree)}
    finders = [
        UntakenFinder(marked, recorder, raising, str(marked.path.relative_to(root)))
        for marked in modules
    ]
    for finder, tree in zip(finders, trees, strict=True):
        finder.visit(tree)
    found = [one for finder in finders for one in finder.found]
    if all_seen:
        mentioned = set().union(*(finder.mentioned for finder in finders))
        for finder in finders:
            found += [one for start, one in finder.uncalled.items() if start in mentioned]
    return sorted(set(found), key=lambda one: (one.file, one.line, one.source))


def functions_in(thing: Any) -> Iterator[Start]:
    """Where the functions begin that a name stands for: itself, or what a table holds."""
    if isinstance(thing, FunctionType):
        code = unwrap(thing).__code__
        yield code.co_filename, code.co_firstlineno
    elif isinstance(thing, Mapping):
        for value in thing.values():
            yield from functions_in(value)
    elif isinstance(thing, tuple | list):
        for value in thing:
            yield from functions_in(value)


def raising_in(tree: ast.AST) -> Iterator[str]:
    """Names of the functions that contain a `raise`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(inner, ast.Raise) for inner in ast.walk(node)
        ):
            yield node.name


Start = tuple[str, int]
"""The file of a function, and the line that it begins in."""


class UntakenFinder(ast.NodeVisitor):
    """Walks through a module's source where the run has been, and finds where it has not.

    Args:
        marked: the module.
        recorder: its notes.
        raising: names of functions that can raise.
        file: how the module is called.

    Attributes:
        found: untaken branches.
        uncalled: the module's functions that were not called, by where they begin.
        mentioned: functions that code mentions which has run.
        owner: the class around.
        known: local names of the functions around.
    """

    def __init__(self, marked: Marked, recorder: Recorder, raising: set[str], file: str) -> None:
        self.marked, self.recorder, self.raising, self.file = marked, recorder, raising, file
        self.found: list[Untaken] = []
        self.uncalled: dict[Start, Untaken] = {}
        self.mentioned: set[Start] = set()
        self.owner = ""
        self.known: list[set[str]] = []

    def took(self, label: str, node: Any, way: bool) -> bool:
        """Whether a piece of the source went this way; True if it has no mark."""
        mark = self.marked.marks.get(key_of(label, node))
        return mark is None or self.recorder.took(mark, way)

    def source(self, node: ast.AST) -> str:
        """As it is written, on one line."""
        return " ".join((ast.get_source_segment(self.marked.text, node) or "").split())

    def add_untaken(self, node: Any, way: str, threshold: str = "") -> None:
        """Add a branch to those found."""
        self.found.append(Untaken(self.file, node.lineno, self.source(node), way, threshold))

    def visit_all(self, nodes: Sequence[ast.AST]) -> None:
        """One after the other."""
        for node in nodes:
            self.visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Remember whose methods they are."""
        before, self.owner = self.owner, node.name
        self.generic_visit(node)
        self.owner = before

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Within functions that were not called nothing is told."""
        if self.took("function", node, True):
            self.inside(node, node.body)
        elif not self.known and not self.owner:
            first = min([node.lineno, *(part.lineno for part in node.decorator_list)])
            way = "function never called"
            one = Untaken(self.file, node.lineno, node.name, way)
            self.uncalled[str(self.marked.path), first] = one

    def inside(self, node: ast.FunctionDef | ast.Lambda, body: Sequence[ast.AST]) -> None:
        """A function's body."""
        self.known.append(locals_of(node))
        self.visit_all(body)
        self.known.pop()

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A function without a name; whether it was called is not known, so it mentions nothing."""
        before = set(self.mentioned)
        self.inside(node, [node.body])
        self.mentioned = before

    def visit_Name(self, node: ast.Name) -> None:
        """A mention."""
        self.note_mention(self.named(node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """A mention of what another module has."""
        self.visit(node.value)
        owner = self.named(node.value)
        if isinstance(owner, ModuleType):
            self.note_mention(getattr(owner, node.attr, None))

    def named(self, node: ast.expr) -> Any:
        """What a name of the module stands for within a function; otherwise None."""
        if not self.known or not isinstance(node, ast.Name) or node.id in set().union(*self.known):
            return None
        return vars(self.marked.module).get(node.id)

    def note_mention(self, thing: Any) -> None:
        """Remember the functions in it."""
        self.mentioned |= set(functions_in(thing))

    def visit_test(self, test: ast.expr, body: Sequence[ast.AST], other: Sequence[ast.AST]) -> None:
        """A condition, what it leads to, and what follows otherwise."""
        n_found = len(self.found)
        ways = {way: self.took("test", test, way) for way in (True, False)}
        for way, arm in ((True, body), (False, other)):
            if ways[way]:
                self.visit_all(arm)
            elif ways[not way]:
                self.tell_way(test, way, arm)
        if n_found == len(self.found) or not self.found[n_found].threshold:
            self.visit(test)

    def tell_way(self, test: ast.expr, way: bool, arm: Sequence[ast.AST]) -> None:
        """A way that was not taken, unless it only refuses."""
        inner = (node for node in ast.walk(test) if isinstance(node, ast.Compare))
        threshold = "; ".join(filter(None, map(self.threshold, inner)))
        if threshold or not (self.refuses(arm) or self.is_of_machine(test)):
            self.add_untaken(test, f"never {str(way).lower()}", threshold)

    def is_of_machine(self, test: ast.expr) -> bool:
        """Whether no argument decides a condition, but only the machine that it is asked on."""
        names = names_of(test)
        return bool(names & FILES) or not names & set().union(*self.known)

    def refuses(self, arm: Sequence[ast.AST]) -> bool:
        """Whether all that it does is to raise, itself or by a function that is there for it."""
        return bool(arm) and (isinstance(arm[-1], ast.Raise) or all(map(self.is_refusal, arm)))

    def passes_on_error(self, handler: ast.ExceptHandler) -> bool:
        """Whether the error is raised anew, or given to somebody else."""
        is_used = handler.name is not None and handler.name in names_of(*handler.body)
        return is_used or self.refuses(handler.body)

    def is_refusal(self, statement: ast.AST) -> bool:
        """Whether a statement raises, or does nothing."""
        match statement:
            case ast.Expr(value=ast.Call(func=function)):
                return bool(names_of(function) & self.raising)
            case ast.Return(value=None) | ast.Continue() | ast.Pass():
                return True
            case _:
                return isinstance(statement, ast.Raise)

    def visit_If(self, node: ast.If) -> None:
        """Both ways."""
        self.visit_test(node.test, node.body, node.orelse)

    def visit_While(self, node: ast.While) -> None:
        """Both ways."""
        self.visit_test(node.test, node.body, node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Both ways."""
        self.visit_test(node.test, [node.body], [node.orelse])

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Both ways of each condition."""
        self.visit(node.iter)
        for test in node.ifs:
            self.visit_test(test, [], [])

    def visit_For(self, node: ast.For) -> None:
        """Whether there was anything to go over."""
        self.visit(node.iter)
        if self.took("loop", node.iter, True):
            self.visit_all(node.body)
        elif self.took("loop", node.iter, False) and not self.is_of_machine(node.iter):
            self.add_untaken(node.iter, "loop never entered")
        self.visit_all(node.orelse)

    def visit_Try(self, node: ast.Try) -> None:
        """Handlers, but of what only the machine does."""
        self.visit_all([*node.body, *node.orelse, *node.finalbody])
        for handler in node.handlers:
            errors = names_of(handler.type) if handler.type else set()
            if self.took("handler", handler, True):
                self.visit_all(handler.body)
            elif not (errors and errors <= OUTSIDE) and not self.passes_on_error(handler):
                self.add_untaken(handler.type or handler, "handler never run")

    def visit_Match(self, node: ast.Match) -> None:
        """Cases, if the match was reached at all."""
        self.visit(node.subject)
        taken = [self.took("case", case.pattern, True) for case in node.cases]
        for case, is_taken in zip(node.cases, taken, strict=True):
            if is_taken:
                self.visit_all(case.body)
            elif any(taken) and not self.refuses(case.body):
                self.add_untaken(case.pattern, "case never taken")

    def visit_Compare(self, node: ast.Compare) -> None:
        """A threshold, wherever it stands."""
        self.generic_visit(node)
        if threshold := self.threshold(node):
            way = "never false" if isinstance(node.ops[0], ast.Lt | ast.LtE) else "never true"
            self.add_untaken(node, way, threshold)

    def threshold(self, node: ast.Compare) -> str:
        """A comparison whose constant is above all that was compared with it; or nothing."""
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            for side, bound, strict in (
                (left, right, ast.Gt | ast.LtE),
                (right, left, ast.Lt | ast.GtE),
            ):
                largest = self.largest_of(side)
                least = self.value_of(bound) + isinstance(operator, strict)
                if 0 <= largest < least >= LEAST_THRESHOLD:
                    return self.comparison(node, bound, largest)
        return ""

    def comparison(self, node: ast.Compare, bound: ast.expr, largest: int) -> str:
        """It in words."""
        name = self.source(bound)
        value = "" if isinstance(bound, ast.Constant) else f" ({name} is {self.value_of(bound)})"
        return f"{self.source(node)}{value}: the largest drawn was {largest}"

    def largest_of(self, side: ast.expr) -> int:
        """The largest number that one side of a comparison had, or -1."""
        mark = self.marked.marks.get(key_of("size", side), -1)
        return self.recorder.largest.get(mark, -1)

    def value_of(self, bound: ast.expr) -> int:
        """What a constant is, or -1 if it is no whole number."""
        if not is_constant(bound, set().union(*self.known)):
            return -1
        names = vars(self.marked.module)
        try:
            value = eval(ast.unparse(bound), {**names, "self": names.get(self.owner)})
            return int(value) if value == int(value) else -1
        except Exception:  # a name of the instance, or something that is no number
            return -1
