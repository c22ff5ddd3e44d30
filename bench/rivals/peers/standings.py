"""report.md: a table for each set, medians over the seeds, and a summary of who is ahead."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.rivals.peers.records import Record, Records, date_of, ours

Column = list[Record]
"""The runs of one contestant on one set."""

INTRODUCTION = """# slide and its peers

Medians over the seeds, ± half of the range between them; the best figure of a row is bold.
Seconds of training are without starting, reading and compiling, which are in those of the whole
process. CPU / wall up to {threads} tells how many cores were used, or were there to be used.
Predictions are the five best labels of each test example. Scores are percent, memory and size are
in units of 10**6 bytes."""


@dataclass(frozen=True, slots=True)
class Row:
    """Args: its title, its value in a run, decimals, whether more is better (None: neither)."""

    title: str
    value: Callable[[Record], float]
    digits: int
    more: bool | None = None


def score_rows(kind: str, suffix: str) -> list[Row]:
    """Nine rows, three measures at three depths."""

    def row(title: str, name: str, k: int) -> Row:
        return Row(
            f"{title}@{k}{suffix}", lambda run: 100 * run[kind][f"{name}_at_{k}"], 1, more=True
        )

    measures = (("P", "precision"), ("nDCG", "ndcg"), ("PSP", "psp"))
    return [row(title, name, k) for title, name in measures for k in (1, 3, 5)]


SCORES = score_rows("scores", "")
MASKED = score_rows("masked_scores", ", input left out")
TIME = Row("training, s", lambda run: run["seconds_train"], 1, more=False)
COSTS = [
    TIME,
    Row("CPU / wall of it", lambda run: run["cpu_per_wall_train"], 2),
    Row("whole process, s", lambda run: run["seconds_process"], 1, more=False),
    Row("predictions / s", lambda run: run["predictions_per_second"], 0, more=True),
    Row("CPU / wall of them", lambda run: run["cpu_per_wall_predict"], 2),
    Row("peak memory, MB", lambda run: run["peak_mb"], 0, more=False),
    Row("model on disk, MB", lambda run: run["model_mb"], 1, more=False),
]


def write_report(records: Records, threads: int, out: Path) -> None:
    """Everything measured with so many threads, each contestant in its newest version."""
    set_names = dict.fromkeys(run["set"] for run in records.runs if run["threads"] == threads)
    tables = {name: records.newest("runs", name, threads) for name in set_names}
    parts = [INTRODUCTION.format(threads=threads), "\n".join(provenance(tables))]
    parts.append("## Summary\n\n" + "\n".join(summary(tables)))
    for name, columns in tables.items():
        parts.append(f"## {name}\n\n" + "\n".join(section(columns)))
        if (out / f"{name}.png").exists():
            parts.append(f"![Accuracy over time on {name}]({name}.png)")
    (out / "report.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def provenance(tables: dict[str, dict[str, Column]]) -> list[str]:
    """Machines, commits, days and versions of what is shown."""
    columns = [column for table in tables.values() for column in table.values()]
    runs = sorted((run for column in columns for run in column), key=date_of)
    days = f"{runs[0]['date'][:10]} to {runs[-1]['date'][:10]}"
    versions = {run["contestant"]: run["version"] for run in runs}
    return [
        f"- Machine: {'; '.join(dict.fromkeys(run['machine'] for run in runs))}",
        f"- Commit of slide: {'; '.join(dict.fromkeys(run['commit'] for run in runs))}; {days}",
        f"- Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}",
    ]


def section(columns: dict[str, Column]) -> list[str]:
    """The table of a set, its contestants side by side, and why one of them gave no figures."""
    sizes = next(iter(columns.values()))[0]
    good = succeeded(columns)
    counts = ("train", "test", "features", "labels")
    lines = [", ".join(f"{sizes[f'n_{count}']:,} {count}" for count in counts) + ".", ""]
    rows = SCORES + (MASKED if any(run["masked_scores"] for run in first_runs(good)) else [])
    if good:
        lines += [f"| | {' | '.join(good)} |", f"|---|{'---|' * len(good)}"]
        lines += [line_of(row, good) for row in rows + COSTS]
        lines.append(f"| runs | {' | '.join(str(len(column)) for column in good.values())} |")
    failures = [run for column in columns.values() for run in column if run["failed"]]
    return lines + [f"\n{run['contestant']}, seed {run['seed']}: {run['failed']}."
                    for run in failures]  # fmt: skip


def succeeded(columns: dict[str, Column]) -> dict[str, Column]:
    good = {name: [run for run in runs if not run["failed"]] for name, runs in columns.items()}
    return {name: runs for name, runs in good.items() if runs}


def first_runs(columns: dict[str, Column]) -> list[Record]:
    return [runs[0] for runs in columns.values()]


def line_of(row: Row, columns: dict[str, Column]) -> str:
    """One row of a table."""
    values = {name: [row.value(run) for run in runs] for name, runs in columns.items()}
    medians = [round(statistics.median(each), row.digits) for each in values.values()]
    best = None if row.more is None else (max if row.more else min)(medians)
    cells = []
    for median, each in zip(medians, values.values(), strict=True):
        text = f"{median:,.{row.digits}f}"
        spread = f" ±{(max(each) - min(each)) / 2:,.{row.digits}f}" if len(each) > 1 else ""
        cells.append((f"**{text}**" if median == best else text) + spread)
    return f"| {row.title} | {' | '.join(cells)} |"


def summary(tables: dict[str, dict[str, Column]]) -> list[str]:
    """slide and its variants on each set, each figure beside the best of all peers."""
    rows = [*SCORES[:3], *SCORES[6:], TIME]
    lines = [
        "Each figure of slide, and in brackets the best that any peer reached in that row.",
        "",
        f"| set | contestant | {' | '.join(row.title for row in rows)} |",
        f"|---|---|{'---|' * len(rows)}",
    ]
    for set_name, table in tables.items():
        good = succeeded(table)
        peers = {name: runs for name, runs in good.items() if not ours(name)}
        for name, runs in good.items():
            if ours(name):
                cells = " | ".join(against(row, runs, peers) for row in rows)
                lines.append(f"| {set_name} | {name} | {cells} |")
    return lines


def against(row: Row, runs: Column, peers: dict[str, Column]) -> str:
    """Our median, bold if no peer is better, and the best peer's with its name."""
    mine = median_of(row, runs)
    if not peers:
        return f"{mine:,.{row.digits}f}"
    theirs = {name: median_of(row, others) for name, others in peers.items()}
    name = (max if row.more else min)(theirs, key=lambda peer: theirs[peer])
    ahead = mine >= theirs[name] if row.more else mine <= theirs[name]
    text = f"{mine:,.{row.digits}f}"
    return f"{f'**{text}**' if ahead else text} ({theirs[name]:,.{row.digits}f} {name})"


def median_of(row: Row, runs: Column) -> float:
    return round(statistics.median(row.value(run) for run in runs), row.digits)
