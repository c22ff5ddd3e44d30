"""Panels of how training went: precision against seconds and examples, loss, learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from slide.core.contract.optim import ScheduleName, learning_rate
from slide.core.examples.metrics import RANKS
from slide.report.runs.charts import Axis, Line, Lines, is_wide, line_of
from slide.report.runs.panel import (
    EPOCHS,
    WITHOUT_RECORDS,
    Cell,
    Panel,
    by_epoch,
    by_evaluation,
    cell_of,
    lacking,
    points_of,
)
from slide.report.runs.reading import Record, Run, number, odd_in
from slide.report.runs.tables import first_of, percent, plain, seconds

SCHEDULES: tuple[ScheduleName, ...] = get_args(ScheduleName)
AGAINST = {
    "seconds": Axis("seconds of training", is_log=None),
    "examples": Axis("examples trained on", is_log=None),
}


def precision(runs: Sequence[Run]) -> Panel:
    """P@1, P@3 and P@5, each against seconds and against examples: the figures of the papers."""
    charts = [
        chart for k in RANKS for x in AGAINST for chart in precision_chart(runs, k, x)
    ]  # two beside each other
    columns = {
        "seconds": cell_of("seconds", seconds),
        "examples": cell_of("examples"),
        **{f"P@{k}": cell_of_score(k) for k in RANKS},
    }
    shown = [run for run in runs if any(points_of(run, "seconds", name_in(run, k)) for k in RANKS)]
    about = (
        "Share of the 1, 3 or 5 best labels that are right, after each epoch. Up and to the left "
        "is better; evaluations take none of these seconds."
    )
    held = [run.letter for run in shown if run.is_held_out]
    if held:
        about += " Hollow markers are of training examples that were held out, not of a file."
    return Panel(
        "precision", "Precision, against time and examples", about, tuple(charts),
        (by_evaluation(shown, "Precision after each epoch", columns),) if shown else (),
        missing=(*lacking(runs, without_precision), *lacking(runs, damage_in_words)),
    )  # fmt: skip


def precision_chart(runs: Sequence[Run], k: int, x: str) -> tuple[Lines, ...]:
    """Of one depth against seconds or examples; none if no run has it."""
    lines: list[Line] = []
    for run in runs:
        if points := points_of(run, x, name_in(run, k)):
            held = ", held out" if run.is_held_out else ""
            lines.append(line_of(run, points, run.is_held_out, held))
    if not lines:
        return ()
    y = Axis(f"P@{k}", is_share=True)
    title = f"P@{k} against {x}"
    return (Lines(f"precision-at-{k}-{x}", title, AGAINST[x], y, tuple(lines)),)


def name_in(run: Run, k: int) -> str:
    """What P@k is called in its records."""
    return f"held_out_precision_at_{k}" if run.is_held_out else f"precision_at_{k}"


def cell_of_score(k: int) -> Cell:
    """P@k of an evaluation."""
    return lambda run, record: percent(number(record, name_in(run, k)))


def without_precision(run: Run) -> str:
    """Why there is no curve, and what would make one."""
    if not run.records:
        return WITHOUT_RECORDS
    if points_of(run, "seconds", name_in(run, 1)):
        return ""
    return (
        "not evaluated while training: type `slide train TRAIN --valid FILE --model DIR` for "
        "curves, or `slide report RUN --data FILE --out PAGE` for what the model reaches"
    )


def damage_in_words(run: Run) -> str:
    """Which lines of its records say something else than numbers, as after an edit; "" if none."""
    odd = {place: said for place, each in enumerate(run.records, 1) if (said := odd_in(each))}
    if not odd:
        return ""
    names = dict.fromkeys(name for each in odd.values() for name in each)
    lines, are = ("lines", "are") if len(odd) > 1 else ("line", "is")
    return (
        f"{lines} {first_of(map(str, odd))} of metrics.jsonl {are} damaged: what is said there of "
        f"{first_of(names)} is no number, and all panels leave it out"
    )


def losses(runs: Sequence[Run]) -> Panel:
    """The loss that steps report, and that over all labels."""
    charts: list[Lines] = []
    for key, title in (("loss", "Loss over active sets"), ("full_loss", "Loss over all labels")):
        values = [y for run in runs for _, y in points_of(run, "epoch", key)]
        axis = Axis("loss", is_log=is_wide(values))
        charts += by_epoch(runs, key.replace("_", "-"), title, key, axis)
    about = (
        "The first is the mean of an epoch over the labels that a step looked at, and so falls as "
        "these are chosen otherwise; the second is over all labels, on 64 examples that stay the "
        "same. Solved labels have one loss, which is both."
    )
    if len({of_loss(run) for run in runs}) > 1:
        about += " These runs minimise different losses: compare how they fall, not their heights."
    columns = {"loss": cell_of("loss"), "full loss": cell_of("full_loss")}
    shown = [run for run in runs if run.records]
    return Panel(
        "loss", "Loss", about, tuple(charts),
        (by_evaluation(shown, "Loss after each epoch", columns),) if charts else (),
        missing=lacking(runs, lambda run: "" if run.records else WITHOUT_RECORDS),
    )  # fmt: skip


def of_loss(run: Run) -> str:
    """What it minimises."""
    return str(run.config.get("loss") if run.takes_steps else "squared hinge")


def rates(runs: Sequence[Run]) -> Panel:
    """The learning rate by epoch."""
    lines = tuple(line_of(run, points) for run in runs if (points := rates_of(run)))
    values = [y for line in lines for _, y in line.points]
    axis = Axis("learning rate", is_log=is_wide(values))
    about = "Of the last step of each epoch. Where loss jumps while it is high, lower `--lr`."
    if axis.is_log:
        about += " The axis is logarithmic, on which a straight way down to 0 bends at its end."
    chart = Lines("learning-rate", "Learning rate", EPOCHS, axis, lines) if lines else None
    shown = [run for run in runs if rates_of(run)]
    table = by_evaluation(
        shown, "Learning rate of the last step of each epoch", {"learning rate": rate_cell}
    )
    return Panel(
        "learning-rate", "Learning rate", about,
        (chart,) if chart else (), (table,) if chart else (),
        missing=lacking(runs, without_rate),
    )  # fmt: skip


def rates_of(run: Run) -> list[tuple[float, float]]:
    """As recorded; of a run of an earlier release as its settings have it."""
    if not run.takes_steps:
        return []
    pairs = ((number(each, "epoch"), rate_at(run, each)) for each in run.records)
    return [(epoch, rate) for epoch, rate in pairs if epoch is not None and rate is not None]


def rate_at(run: Run, record: Record) -> float | None:
    """The learning rate of the last step before an evaluation."""
    recorded = number(record, "learning_rate")
    if recorded is not None:
        return recorded
    config, epoch, step = run.config, number(record, "epoch"), number(record, "step")
    lr, epochs, warmup = (number(config, name) for name in ("lr", "epochs", "warmup"))
    schedule = next((each for each in SCHEDULES if each == config.get("lr_schedule")), None)
    if schedule is None or lr is None or warmup is None or not 0 <= warmup < 1:
        return None
    if not epochs or not epoch or not step:
        return None
    done = (step - 1) / (step * epochs / epoch)
    return learning_rate(schedule, lr, min(max(done, 0.0), 1.0), warmup)


def rate_cell(run: Run, record: Record) -> str:
    """In a table."""
    return plain(rate_at(run, record))


def without_rate(run: Run) -> str:
    """Why a run has none."""
    if not run.takes_steps:
        return "none, for each label is solved to its optimum, not by steps"
    if not run.records:
        return WITHOUT_RECORDS
    return "" if rates_of(run) else "none was recorded, and settings do not tell it: train again"
