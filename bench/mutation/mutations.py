"""Which mutations there are, and in which order they are tried: a cosmic-ray session a module."""

from __future__ import annotations

import ast
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, WorkItem

Span = tuple[tuple[int, int], tuple[int, int]]

OPTIONS = {"frozen", "slots", "eq"}
"""Keywords of `dataclass` that change no result."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One item of the session of a module, which is a path in the checkout."""

    module: str
    item: WorkItem

    @property
    def spec(self) -> MutationSpec:
        return self.item.mutations[0]


def session_file(folder: Path, module: str) -> Path:
    return folder / f"{module.removesuffix('.py').replace('/', '.')}.sqlite"


def begin_session(checkout: Path, folder: Path, module: str) -> list[Mutation]:
    """A new session with all mutations of a module but those that no run could show."""
    file = session_file(folder, module)
    file.unlink(missing_ok=True)
    with use_db(str(file), WorkDB.Mode.create) as session:
        init([checkout / module], session, {})
        found = [Mutation(module, item) for item in session.work_items]
        unseen = list(unseen_spans(ast.parse((checkout / module).read_text())))
        kept = [one for one in found if not is_unseen(one, unseen)]
        session.clear()
        session.add_work_items(one.item for one in kept)
    return kept


def is_unseen(mutation: Mutation, spans: list[Span]) -> bool:
    """Whether it changes what is never evaluated, or removes a decorator that only compiles."""
    is_decorator = mutation.spec.operator_name.endswith("RemoveDecorator")
    if is_decorator and mutation.module.startswith("slide/backends"):
        return True
    return any(start <= tuple(mutation.spec.start_pos) < end for start, end in spans)


def unseen_spans(tree: ast.AST) -> Iterator[Span]:
    """Where annotations stand, and options of data classes that change no result."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as one) | ast.AnnAssign(annotation=one):
                yield span_of(one)
            case ast.FunctionDef(returns=ast.expr() as one):
                yield span_of(one)
            case ast.keyword(arg=str(name), value=ast.Constant() as one) if name in OPTIONS:
                yield span_of(one)


def span_of(node: ast.expr) -> Span:
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return (node.lineno, node.col_offset), end


def in_order(mutations: list[Mutation], seed: int) -> list[Mutation]:
    """In random order, but no token is changed twice before all have been changed once."""

    def name(one: Mutation) -> tuple[str, str, int]:
        return one.module, one.spec.operator_name, one.spec.occurrence

    shuffled = sorted(mutations, key=name)
    random.Random(seed).shuffle(shuffled)
    times: Counter[tuple[str, tuple[int, int]]] = Counter()

    def again(mutation: Mutation) -> int:
        place = mutation.module, tuple(mutation.spec.start_pos)
        times[place] += 1
        return times[place]

    return sorted(shuffled, key=again)
