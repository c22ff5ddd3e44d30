"""The report of a mutation run, read from the sessions: a score for each module, and survivors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkResult

from bench.mutation.mutations import Mutation
from bench.mutation.trying import INCOMPETENT, KILLED, STUCK, SURVIVED, Outcome

ENDS = (KILLED, STUCK, SURVIVED, INCOMPETENT)


@dataclass(frozen=True, slots=True)
class Tried:
    """A mutation and what became of it."""

    module: str
    line: int
    diff: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Session:
    """What is known of a module: how many mutations there are, and those that were tried."""

    module: str
    n_mutations: int
    tried: list[Tried]

    def count(self, end: str) -> int:
        return sum(one.outcome.end == end for one in self.tried)

    def score(self) -> str:
        return percent(self.count(KILLED) + self.count(STUCK), self.count(SURVIVED))


def percent(n_killed: int, n_survived: int) -> str:
    n = n_killed + n_survived
    return f"{100 * n_killed / n:.0f} %" if n else "-"


def outcome_of(result: WorkResult) -> Outcome:
    return Outcome(**json.loads(result.output or "{}"))


def line_of(mutation: Mutation, result: WorkResult) -> str:
    """A line for the screen."""
    outcome = outcome_of(result)
    place = f"{mutation.module}:{mutation.spec.start_pos[0]}"
    by = f"{outcome.stage}, {outcome.seconds:.0f} s"
    change = "" if outcome.end == KILLED else f"\n{result.diff}"
    return f"{outcome.end:12} {place} ({by}) {outcome.told[:100]}{change}"


def sessions_in(folder: Path) -> Iterator[Session]:
    """All sessions, by module."""
    for file in sorted(folder.glob("*.sqlite")):
        module = f"{file.stem.replace('.', '/')}.py"
        with use_db(str(file), WorkDB.Mode.open) as session:
            found = [
                Tried(module, item.mutations[0].start_pos[0], result.diff or "", outcome_of(result))
                for item, result in session.completed_work_items
            ]
            n_mutations = session.num_work_items
        yield Session(module, n_mutations, sorted(found, key=lambda one: one.line))


def table(sessions: list[Session]) -> list[str]:
    """A row a module, and all of them."""
    head = "| module | mutations | tried | killed | timed out | survived | incompetent | score |"
    everything = [each for one in sessions for each in one.tried]
    total = Session("all", sum(one.n_mutations for one in sessions), everything)
    rows = [row(one) for one in (*sessions, total) if one.tried]
    return [head, "|---|--:|--:|--:|--:|--:|--:|--:|", *rows]


def row(session: Session) -> str:
    counts = [session.n_mutations, len(session.tried), *map(session.count, ENDS)]
    return f"| {session.module} | {' | '.join(map(str, counts))} | {session.score()} |"


def killers(sessions: list[Session]) -> list[str]:
    """By which stage mutations were killed."""
    stages = Counter(
        one.outcome.stage for each in sessions for one in each.tried if one.outcome.end == KILLED
    )
    return [f"* {name}: {n}" for name, n in stages.most_common()]


def survivors(sessions: list[Session]) -> Iterator[str]:
    for one in (one for session in sessions for one in session.tried):
        if one.outcome.end == SURVIVED:
            yield f"`{one.module}:{one.line}`\n```diff\n{one.diff}\n```\n"


def about() -> str:
    """When, and with what."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("cosmic-ray", "numba", "numpy"))
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {python_version()}, {packages}"


def write_report(folder: Path) -> None:
    """Write report.md from the sessions beside it."""
    sessions = list(sessions_in(folder / "sessions"))
    parts = [
        "# Mutation run\n", about(), "", *table(sessions), "\nKilled by\n", *killers(sessions),
        "\n## Survivors\n", *survivors(sessions),
    ]  # fmt: skip
    (folder / "report.md").write_text("\n".join(parts) + "\n")
