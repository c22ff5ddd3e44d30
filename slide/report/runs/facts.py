"""What runs are: the headline table, settings that differ, and where they ran."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slide.core.examples.metrics import RANKS
from slide.core.runs.calibrating import MOST
from slide.report.runs.panel import Panel, lacking
from slide.report.runs.reading import Run, number, record_of
from slide.report.runs.tables import (
    ALL,
    NOTHING,
    Table,
    counted,
    in_bytes,
    listed,
    percent,
    plain,
    seconds,
)

EQUAL = 0.00005  # difference of two shares that are told with two digits of a percent
SAID = 40  # characters of a value in a table
LONGEST_HEAD = 24


def headline(runs: Sequence[Run]) -> Table:
    """A row for each run."""
    rows = tuple(
        (
            f"{run.letter}: {run.name}",
            *(percent(run.score(k)) for k in RANKS),
            seconds(number(run.last, "seconds")),
            plain(number(run.last, "examples")),
            in_bytes(run.n_bytes),
            scored_on(run),
            run.learner,
            Path(str(run.description.get("trained_on") or NOTHING)).name,
            day_of(run),
        )
        for run in runs
    )
    numbers = (*(f"P@{k}" for k in RANKS), "seconds", "examples", "size")
    heads = ("run", *numbers, "judged on", "learner", "data", "trained (UTC)")
    words = (0, *range(len(numbers) + 1, len(heads)))
    caption = "The runs, with seconds and examples of training"
    return Table(caption, heads, rows, words, stacks=True)


def scored_on(run: Run) -> str:
    """What its scores are of."""
    if run.measured is not None:
        return "--data"
    if run.score(1) is None:
        return NOTHING
    return "held out" if run.is_held_out else "--valid"


def day_of(run: Run) -> str:
    """When training ended, in UTC."""
    said = str(run.description.get("trained_at") or "")
    return f"{said[:10]} {said[11:16]}".strip() or NOTHING


def in_a_sentence(runs: Sequence[Run]) -> str:
    """How the runs differ, and which is best."""
    if len(runs) == 1:
        score = runs[0].score(1)
        reached = "" if score is None else f", with P@1 {percent(score)}"
        return f"{runs[0].letter} is a run of {runs[0].learner}{reached}."
    what = f"{counted(len(runs), 'run')} of {listed(sorted({run.learner for run in runs}))}"
    n = len(differing(runs))
    how = f"they differ in {counted(n, 'setting')}" if n else "their settings are the same"
    return f"{what}: {how}, {data_in_words(runs)}. {best_in_words(runs)}"


def data_in_words(runs: Sequence[Run]) -> str:
    """Whether they were trained on the same examples."""
    digests = {run.description.get("data_digest") for run in runs}
    if None in digests or "" in digests:
        return "and whether they had the same training set is not recorded"
    same = "the same training set" if len(digests) == 1 else "different training sets"
    return f"and they were trained on {same}"


def best_in_words(runs: Sequence[Run]) -> str:
    """Which has the best P@1, where they were judged alike."""
    scores = {run.letter: run.score(1) for run in runs}
    known = {letter: score for letter, score in scores.items() if score is not None}
    if len({scored_on(run) for run in runs}) > 1 or len(known) < len(runs):
        return "Their scores are not of the same examples, and are not to be compared."
    order = sorted(known, key=lambda letter: -known[letter])
    first, second = order[:2]
    best = [letter for letter in order if known[first] - known[letter] < EQUAL]
    if len(best) > 1:
        return f"{listed(best)} have the best P@1, {percent(known[first])}."
    points = 100 * (known[first] - known[second])
    told = f"{first} has the best P@1, {percent(known[first])}, {points:.2f} points above {second}"
    told += error_in_words(runs, known[first])
    quickest = min(runs, key=lambda run: number(run.last, "seconds") or float("inf"))
    if quickest.letter == first:
        return f"{told}, and took least time."
    return f"{told}; {quickest.letter} took least time."


def error_in_words(runs: Sequence[Run], score: float) -> str:
    """How far chance alone moves a score; "" where it is not known of how many examples it is."""
    counts = {number(run.judged or {}, "n_examples") for run in runs}
    n = next(iter(counts)) if len(counts) == 1 else None
    if not n or n >= MOST:
        return ""
    error = 100 * math.sqrt(score * (1 - score) / n)
    return f" (of {n:,.0f} examples, so that one standard error of a score is {error:.2f})"


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Settings that are not the same in all runs, and their values; NOTHING where one has none."""
    names = {name: None for run in runs for name in run.config}
    values = {name: [said_of(run.config, name) for run in runs] for name in names}
    return {name: said for name, said in values.items() if len(set(said)) > 1}


def head_of(run: Run) -> str:
    """Of a column."""
    name = run.name if len(run.name) <= LONGEST_HEAD else f"…{run.name[1 - LONGEST_HEAD :]}"
    return f"{run.letter}: {name}"


def said_of(settings: Mapping[str, Any], name: str) -> str:
    """A setting as the command line has it."""
    if name not in settings:
        return NOTHING
    value = settings[name]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SAID else f"{text[: SAID - 1]}…"


def settings(runs: Sequence[Run]) -> Panel:
    """Settings that differ, and all of them."""
    different = differing(runs)
    heads = ("setting", *map(head_of, runs))
    names = sorted({name for run in runs for name in run.config})
    every = Table(
        "All settings", heads,
        tuple((name, *(said_of(run.config, name) for run in runs)) for name in names),
        words=ALL,
    )  # fmt: skip
    rows = tuple((name, *said) for name, said in different.items())
    table = Table("Settings that differ", heads, rows, words=ALL)
    about = (
        f"A setting that a learner does not have is {NOTHING}; one that training chose without a "
        "record of it is null. docs/settings.md lists them all."
    )
    if len(runs) > 1 and not rows:
        about = "None differs: what differs otherwise is chance, data or machine."
    return Panel("settings", "Settings", about, open_tables=(table,) if rows else (),
                 tables=(every,))  # fmt: skip


def circumstances(runs: Sequence[Run]) -> Panel:
    """Machine, versions, and the data by their digest."""
    facts, several = {run.letter: facts_of(run) for run in runs}, len(runs) > 1
    names = list(dict.fromkeys(name for told in facts.values() for name in told))
    rows = []
    for name in names:
        said = [facts[run.letter].get(name, NOTHING) for run in runs]
        rows.append((name, *said, *(["no" if len(set(said)) > 1 else "yes"] if several else [])))
    heads = ("fact", *map(head_of, runs))
    heads = (*heads, "the same") if several else heads
    table = Table("Machine and versions", heads, tuple(rows), words=ALL)
    return Panel(
        "machine", "Machine and versions",
        "Seconds of different machines, or of one that had other work, are not to be compared.",
        open_tables=(table,), missing=lacking(runs, without_machine),
    )  # fmt: skip


def facts_of(run: Run) -> dict[str, str]:
    """By name, those that are recorded."""
    machine, figures = record_of(run.told.get("machine")), record_of(run.told.get("figures"))
    versions = record_of(run.told.get("versions"))
    peak = number(figures, "peak_rss_mb")
    told = {
        "trained at (UTC)": day_of(run),
        "processor": machine.get("cpu"),
        "cores": machine.get("cores"),
        "threads": run.told.get("threads"),
        "memory": in_bytes(number(machine, "memory_bytes")),
        "peak memory": in_bytes(None if peak is None else 1e6 * peak),
        "system": machine.get("system"),
        "backend": figures.get("backend"),
        "slide": run.description.get("slide_version"),
        **{str(name): said for name, said in versions.items() if name != "slide"},
        "training set": run.description.get("trained_on"),
        "training examples": plain(number(run.description, "n_samples")),
        "digest of the data": run.description.get("data_digest"),
        "folder": str(run.folder),
    }
    return {name: str(said) for name, said in told.items() if said not in (None, "", NOTHING)}


def without_machine(run: Run) -> str:
    """Why the machine is missing."""
    if run.told.get("machine"):
        return ""
    return "where it ran is not recorded, as before this release: train again"
