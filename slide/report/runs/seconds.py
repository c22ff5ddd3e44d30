"""The panel of where time went: phases of a run, and kernels within training."""

from __future__ import annotations

from collections.abc import Sequence

from slide.report.runs.charts import Axis, Bars, row_name
from slide.report.runs.panel import WITHOUT_RECORDS, Panel, lacking
from slide.report.runs.reading import Run, number, record_of
from slide.report.runs.tables import NOTHING, Table, listed, percent, plain, seconds

COMPILE = "compile"
PHASES = {
    "load": "reading data",
    COMPILE: "compiling kernels",
    "train": "training",
    "evaluate": "evaluating",
    "calibrate": "calibrating",
}
SHOWN = 7  # kernels that have a piece of their own; the others are one
OTHERS, BETWEEN = "other kernels", "between kernels"


def times(runs: Sequence[Run]) -> Panel:
    """Seconds by phase, and seconds of training by kernel."""
    timed = [run for run in runs if phases_of(run).keys() - {COMPILE}]
    counted = [run for run in runs if kernels_of(run)]
    charts = [phases_chart(timed)] if timed else []
    tables = [phases_table(timed)] if timed else []
    if counted:
        charts.append(kernels_chart(counted))
        tables.append(kernels_table(counted))
    return Panel(
        "time", "Where time went",
        "Wall seconds. Kernels are the compiled parts of a step; what is between them is Python "
        "and NumPy, and should be little where examples are many. Compiled kernels are kept, so "
        f"that a second run compiles next to nothing. {compiling_in_words(runs)}".strip(),
        tuple(charts), tuple(tables),
        missing=(*lacking(runs, without_phases), *lacking(runs, without_kernels)),
    )  # fmt: skip


def phases_of(run: Run) -> dict[str, float]:
    """Seconds of each phase that was timed; of earlier releases those of training alone."""
    told = record_of(run.told.get("seconds"))
    found = {name: number(told, name) for name in PHASES}
    found["train"] = found["train"] or number(run.last, "seconds")
    return {name: value for name, value in found.items() if value and value > 0}


def compiling_in_words(runs: Sequence[Run]) -> str:
    """How long each run compiled, which bars would show little beside; "" if that is not known."""
    known = {run.letter: phases_of(run)[COMPILE] for run in runs if COMPILE in phases_of(run)}
    told = listed(f"{letter} {seconds(value)}" for letter, value in known.items())
    return f"Bars leave compiling out; seconds of it: {told}." if known else ""


def phases_chart(runs: Sequence[Run]) -> Bars:
    """A bar for each run, of what it did itself."""
    pieces = tuple(
        (title, tuple(phases_of(run).get(name, 0.0) for run in runs))
        for name, title in PHASES.items()
        if name != COMPILE and any(name in phases_of(run) for run in runs)
    )
    rows = tuple(row_name(run) for run in runs)
    return Bars("time-phases", "Seconds by phase", Axis("seconds"), rows, pieces)


def phases_table(runs: Sequence[Run]) -> Table:
    """The same in numbers."""
    rows = tuple(
        (run.letter, *(seconds(phases_of(run).get(name)) for name in PHASES)) for run in runs
    )
    return Table("Seconds by phase", ("run", *PHASES.values()), rows)


def kernels_of(run: Run) -> dict[str, float]:
    """Seconds of each kernel that took any, of the last evaluation."""
    told = record_of(run.last.get("seconds_by_kernel"))
    found = {str(name): number(told, name) for name in told}
    return {name: value for name, value in found.items() if value and value > 0}


def between_kernels(run: Run) -> float:
    """Seconds of training in no kernel."""
    whole = number(run.last, "seconds") or 0.0
    return max(whole - sum(kernels_of(run).values()), 0.0)


def largest(runs: Sequence[Run]) -> list[str]:
    """The kernels that have a piece of their own, those that took most first."""
    shares: dict[str, float] = {}
    for run in runs:
        whole = sum(kernels_of(run).values())
        for name, value in kernels_of(run).items():
            shares[name] = max(shares.get(name, 0.0), value / whole)
    return sorted(shares, key=lambda name: -shares[name])[:SHOWN]


def kernels_chart(runs: Sequence[Run]) -> Bars:
    """A bar for each run, of the shares of its training."""
    names = largest(runs)
    columns: dict[str, list[float]] = {name: [] for name in (*names, OTHERS, BETWEEN)}
    for run in runs:
        found = kernels_of(run)
        whole = sum(found.values()) + between_kernels(run)
        for name in names:
            columns[name].append(found.get(name, 0.0) / whole)
        rest = sum(value for name, value in found.items() if name not in names)
        columns[OTHERS].append(rest / whole)
        columns[BETWEEN].append(between_kernels(run) / whole)
    pieces = tuple((name, tuple(shares)) for name, shares in columns.items() if any(shares))
    axis = Axis("share of training", is_share=True, least=0.0, most=1.0)
    rows = tuple(row_name(run) for run in runs)
    return Bars("time-kernels", "Training by kernel", axis, rows, pieces)


def kernels_table(runs: Sequence[Run]) -> Table:
    """Seconds, share, calls and time of a call, of each kernel of each run."""
    rows: list[tuple[str, ...]] = []
    for run in runs:
        found = kernels_of(run)
        whole = sum(found.values()) + between_kernels(run)
        calls = record_of(run.last.get("calls_by_kernel"))
        for name, value in sorted(found.items(), key=lambda item: -item[1]):
            n = number(calls, name)
            each = plain(1000 * value / n) if n else NOTHING
            rows.append((f"{run.letter} {name}", seconds(value), percent(value / whole),
                         plain(n or None), each))  # fmt: skip
        rest = between_kernels(run)
        rows.append((f"{run.letter} {BETWEEN}", seconds(rest), percent(rest / whole),
                     NOTHING, NOTHING))  # fmt: skip
    heads = ("kernel", "seconds", "share", "calls", "ms a call")
    return Table("Training by kernel", heads, tuple(rows))


def without_phases(run: Run) -> str:
    """Why phases are missing."""
    if run.told.get("seconds"):
        return ""
    return "only seconds of training, as before this release: train again for other phases"


def without_kernels(run: Run) -> str:
    """Why kernels are missing."""
    if not run.records:
        return WITHOUT_RECORDS
    if kernels_of(run):
        return ""
    return "no seconds of kernels, for worker processes or shards compute them, and time none"
