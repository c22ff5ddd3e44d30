"""Panels of what finds labels: the active set, the buckets or lists behind it, and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slide.report.runs.charts import Axis, Bars, Lines, line_of, row_name
from slide.report.runs.panel import (
    EPOCHS,
    WITHOUT_RECORDS,
    Cell,
    Panel,
    by_epoch,
    by_evaluation,
    cell_of,
    lacking,
    over_epochs,
    points_of,
)
from slide.report.runs.reading import Record, Run, number, record_of
from slide.report.runs.tables import Table, percent, plain

ORIGINS = {
    "from_labels": "the example's own labels",
    "from_tables": "found: tables, index, hard negatives",
    "from_uniform": "drawn at random",
}
REST = "all others"
DEPTHS = (1, 3, 5, 10)  # of the sampled answers that are compared with the exact ones
PROBE = "probe_recall_at_10"


def active_sets(runs: Sequence[Run]) -> Panel:
    """How many labels a step looks at, and where they come from."""
    shown = [run for run in runs if any(number(each, "mean_active") for each in run.records)]
    charts = by_epoch(
        shown, "active", "Labels looked at, of an example", "mean_active", Axis("active labels")
    )
    shares = [run for run in shown if sum(origins_of(run.last)) > 0]
    names = (*ORIGINS.values(), REST)
    bars = Bars(
        "active-shares", "Where they come from, last epoch",
        Axis("share of the active set", is_share=True, least=0.0, most=1.0),
        tuple(row_name(run) for run in shares),
        tuple(
            (name, tuple(origins_of(run.last)[place] for run in shares))
            for place, name in enumerate(names)
            if any(origins_of(run.last)[place] for run in shares)
        ),
    )  # fmt: skip
    columns = {"active labels": cell_of("mean_active")}
    columns |= {name: cell_of(key, percent) for key, name in ORIGINS.items()}
    return Panel(
        "active-set", "Active set",
        "A step looks at a label's own examples, at labels that score high without being right, "
        "and at some that are drawn: these are its active set. Where next to nothing is found, a "
        "model learns from random negatives alone.",
        (*charts, bars) if shares else charts,
        (by_evaluation(shown, "Active sets, means of each epoch", columns),) if shown else (),
        missing=lacking(runs, lambda run: "" if run.records else WITHOUT_RECORDS),
    )  # fmt: skip


def origins_of(record: Record) -> list[float]:
    """Shares of the active set by where they come from, and what is left of it; all 0 without."""
    shares = [number(record, name) or 0.0 for name in ORIGINS]
    rest = 1 - sum(shares)
    return [*shares, rest if sum(shares) and rest > 1e-6 else 0.0]


def occupancy(runs: Sequence[Run]) -> Panel:
    """How evenly buckets of hash tables, or lists, are filled."""
    shown = [run for run in runs if prefix_of(run)]
    charts = (*sizes_chart(shown), *spread_chart(shown)) if shown else ()
    columns = {
        "mean size": cell_of_occupancy("mean", plain),
        "largest": cell_of_occupancy("largest", plain),
        "empty": cell_of_occupancy("empty", percent),
        "Gini": cell_of_occupancy("gini", plain),
    }
    return Panel(
        "occupancy", "Buckets and lists",
        "Of hidden layers the buckets of the hash tables; of direct connections the lists of the "
        "index, one for each input, or the shortlists that labels are solved on, one for each "
        "label. Few large ones beside many empty ones (a Gini coefficient near 1) find the same "
        "labels for every example.",
        charts,
        (by_evaluation(shown, "Buckets and lists after each epoch", columns),) if shown else (),
        missing=lacking(runs, without_occupancy),
    )  # fmt: skip


def prefix_of(run: Run) -> str:
    """What its records call occupancy; "" if they have none."""
    kinds = ("bucket_", "list_")
    return next((kind for kind in kinds if number(run.last, f"{kind}mean") is not None), "")


def sizes_chart(runs: Sequence[Run]) -> tuple[Lines, ...]:
    """Mean and largest size of what is not empty."""
    lines = [
        line_of(run, points, hollow, f", {name}" if hollow else "", is_named=not hollow)
        for run in runs
        for name, hollow in (("mean", False), ("largest", True))
        if (points := points_of(run, "epoch", f"{prefix_of(run)}{name}"))
    ]
    axis = Axis("entries", is_log=True)
    return (Lines("occupancy", "Sizes: mean, and largest (hollow)", EPOCHS, axis, tuple(lines)),)


def spread_chart(runs: Sequence[Run]) -> tuple[Lines, ...]:
    """The Gini coefficient of all sizes."""
    return over_epochs(
        runs, "occupancy-gini", "How unequal sizes are",
        lambda run: points_of(run, "epoch", f"{prefix_of(run)}gini"),
        Axis("Gini coefficient", least=0.0, most=1.02),
    )  # fmt: skip


def cell_of_occupancy(name: str, shown: Any) -> Cell:
    """A number of buckets or lists, whichever a run has."""
    return lambda run, record: str(shown(number(record, f"{prefix_of(run)}{name}")))


def without_occupancy(run: Run) -> str:
    """Why there is nothing to show."""
    if not run.records:
        return WITHOUT_RECORDS
    if prefix_of(run):
        return ""
    if run.config.get("hidden"):
        return "no hash tables, for the sampler uses none: `--sampler lsh` does"
    return "none was recorded, as before this release, and by shards: train again"


def recall(runs: Sequence[Run]) -> Panel:
    """How much of the exact best labels tables and index find."""
    probe = by_epoch(
        runs, "recall-probe", "Recall@10 on the probe set", PROBE,
        Axis("recall@10", is_share=True, least=0.0, most=1.02),
    )  # fmt: skip
    measured = [run for run in runs if sampled_recall_of(run)]
    lines = tuple(line_of(run, sampled_recall_of(run)) for run in measured)
    depth = Axis("k", ticks=tuple((float(k), str(k)) for k in DEPTHS))
    share = Axis("recall@k", is_share=True, least=0.0, most=1.02)
    sampled = (Lines("recall-sampled", "Sampled against exact", depth, share, lines),)
    tables = []
    if probe:
        with_probe = [run for run in runs if points_of(run, "epoch", PROBE)]
        columns = {"recall@10": cell_of(PROBE, percent)}
        tables.append(by_evaluation(with_probe, "Recall on the probe set", columns))
    if lines:
        tables.append(Table(
            "Recall of sampled answers", ("run", *(f"@{k}" for k in DEPTHS)),
            tuple((run.letter, *(percent(y) for _, y in sampled_recall_of(run)))
                  for run in measured),
        ))  # fmt: skip
    return Panel(
        "recall", "Recall of what tables and index find",
        "Share of the exact best labels that are found when few are looked at. On the probe set: "
        "64 training examples, 1 % of the labels, while training. On a file: what `slide predict "
        "--sampled` finds. Low recall with good precision means that exact answers are needed.",
        (*probe, *sampled) if lines else probe, tuple(tables),
        missing=lacking(runs, without_recall),
    )  # fmt: skip


def sampled_recall_of(run: Run) -> list[tuple[float, float]]:
    """Depth and recall on data that was given; none without."""
    found = [(float(k), number(record_of(run.measured), f"recall_at_{k}")) for k in DEPTHS]
    return [(k, share) for k, share in found if share is not None]


def without_recall(run: Run) -> str:
    """Why there is nothing to show."""
    if sampled_recall_of(run) or points_of(run, "epoch", PROBE):
        return ""
    return (
        "recall was not measured, for there are no hash tables: type `slide report RUN --data FILE "
        "--out PAGE`"
    )
