"""Panels of the answers: by frequency of labels, by how likely they were said to be, mixed up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slide.core.examples.measures import PARTS
from slide.report.html import Html, element
from slide.report.runs.charts import Axis, Line, Lines, line_of
from slide.report.runs.panel import Panel, lacking
from slide.report.runs.reading import Record, Run, number, record_of, records_of
from slide.report.runs.tables import NOTHING, Table, percent, plain

OF = {
    "valid": "validation examples",
    "held_out": "training examples that were held out until the last round",
    "parts": "parts of the training set, each answered by a model of the rest",
    "data": "examples of the data given",
}
RECALL = "recall_at_5"
LISTED = 10  # confusions of a run
LONGEST = 60  # characters of a label's name
SPREAD = 0.07  # between the marks of runs at one place of an axis
NOT_JUDGED = "nobody knows how good answers are"
TO_TYPE = "type `slide report RUN --data FILE --out PAGE`, or train with `--valid FILE`"


def judged_on(run: Run) -> str:
    """In words, on what."""
    judged = record_of(run.judged)
    n = number(judged, "n_examples")
    what = OF.get(str(judged.get("of")), "examples")
    return f"{plain(n)} {what}" if n else what


def by_frequency(runs: Sequence[Run]) -> Panel:
    """Recall of frequent and of rare labels."""
    with_parts = [run for run in runs if parts_of(run)]
    fine = [run for run in runs if frequencies_of(run)]
    charts = [parts_chart(with_parts)] if with_parts else []
    charts += [frequency_chart(fine)] if fine else []
    tables = [parts_table(with_parts)] if with_parts else []
    tables += [frequency_table(fine)] if fine else []
    return Panel(
        "frequency", "Frequent and rare labels",
        "Recall@5: of all pairs of an example and a label, the share whose label is among the 5 "
        "best. Head, torso and tail are the labels that have a third of the training pairs each, "
        "the most frequent first. A low tail is usual; where it is zero, rare labels are never "
        f"named. {sources_of(runs)}",
        tuple(charts), tuple(tables), missing=lacking(runs, without_parts),
    )  # fmt: skip


def sources_of(runs: Sequence[Run]) -> str:
    """On what each run was judged."""
    kinds: dict[str, list[str]] = {}
    for run in runs:
        if run.judged is not None:
            kinds.setdefault(judged_on(run), []).append(run.letter)
    return " ".join(f"{', '.join(letters)}: {what}." for what, letters in kinds.items())


def parts_of(run: Run) -> dict[str, Record]:
    """Head, torso and tail, as far as they are known; of earlier releases from the evaluation."""
    found = {
        str(each.get("name")): each
        for each in records_of(record_of(run.judged).get("by_part"))
        if number(each, RECALL) is not None
    }
    if not found:
        recalls = {name: number(run.kept, f"{name}_{RECALL}") for name in PARTS}
        found = {name: {RECALL: each} for name, each in recalls.items() if each is not None}
    return {name: found[name] for name in PARTS if name in found}


def parts_chart(runs: Sequence[Run]) -> Lines:
    """A mark for each run at head, torso and tail, beside each other."""
    lines = []
    for place, run in enumerate(runs):
        aside = SPREAD * (place - (len(runs) - 1) / 2)
        points = [
            (PARTS.index(name) + aside, number(part, RECALL) or 0.0)
            for name, part in parts_of(run).items()
        ]
        lines.append(line_of(run, points))
    ticks = tuple((float(place), name) for place, name in enumerate(PARTS))
    x = Axis("labels by training frequency", ticks=ticks, least=-0.4, most=2.4)
    y = Axis("recall@5", is_share=True, least=0.0, most=top_of(lines))
    return Lines("parts", "Recall of head, torso and tail", x, y, tuple(lines))


def top_of(lines: Sequence[Line]) -> float:
    """Where an axis of shares ends: a little above the largest."""
    return min(1.02, max(0.05, 1.12 * max(y for line in lines for _, y in line.points)))


def frequencies_of(run: Run) -> list[Record]:
    """Bins of labels by training examples that have a recall."""
    bins = records_of(record_of(run.judged).get("by_frequency"))
    return [each for each in bins if number(each, RECALL) is not None
            and number(each, "least") is not None]  # fmt: skip


def frequency_chart(runs: Sequence[Run]) -> Lines:
    """Recall against training examples of a label, each bin twice as wide as the one before."""
    lines = []
    for run in runs:
        points = [
            (max(number(each, "least") or 0.0, 0.5), number(each, RECALL) or 0.0)
            for each in frequencies_of(run)
        ]
        lines.append(line_of(run, sorted(points)))
    x = Axis("training examples of the label, from", is_log=True)
    y = Axis("recall@5", is_share=True, least=0.0, most=top_of(lines))
    return Lines("frequency", "Recall by training examples", x, y, tuple(lines))


def parts_table(runs: Sequence[Run]) -> Table:
    """The same in numbers, and how often answers of a part are right."""
    rows = [
        (f"{run.letter} {name}", plain(number(part, "n_labels")), examples_of(part),
         plain(number(part, "n_pairs")), percent(number(part, "recall_at_1")),
         percent(number(part, RECALL)), percent(number(part, "precision_at_5")))
        for run in runs
        for name, part in parts_of(run).items()
    ]  # fmt: skip
    heads = ("part", "labels", "training examples", "pairs", "recall@1", "recall@5",
             "right of those named")  # fmt: skip
    return Table("Head, torso and tail", heads, tuple(rows))


def frequency_table(runs: Sequence[Run]) -> Table:
    """The same by bins."""
    rows = [
        (f"{run.letter}, {examples_of(each)}", plain(number(each, "n_labels")),
         plain(number(each, "n_pairs")), percent(number(each, "recall_at_1")),
         percent(number(each, RECALL)))
        for run in runs
        for each in frequencies_of(run)
    ]  # fmt: skip
    heads = ("training examples", "labels", "pairs", "recall@1", "recall@5")
    return Table("Recall by training examples of a label", heads, tuple(rows))


def examples_of(part: Record) -> str:
    """From the least to the most."""
    least, most = number(part, "least"), number(part, "most")
    if least is None or most is None:
        return NOTHING
    return plain(least) if least == most else f"{plain(least)} to {plain(most)}"


def without_parts(run: Run) -> str:
    """Why there is nothing to show."""
    return "" if parts_of(run) else f"{NOT_JUDGED}: {TO_TYPE}"


def reliability(runs: Sequence[Run]) -> Panel:
    """How often answers that are said to be so likely are right."""
    shown = [run for run in runs if bins_of(run)]
    lines = tuple(
        line_of(run, [(each["said"], each["true"]) for each in bins_of(run)]) for run in shown
    )
    x, y = (
        Axis(title, is_share=True, least=0.0, most=1.02) for title in ("said to be right", "right")
    )
    chart = Lines("reliability", "Reliability", x, y, lines, has_diagonal=True)
    return Panel(
        "reliability", "Probabilities",
        "Of the 5 best answers to each example: how many are right of those that are said to be so "
        "likely. On the dotted line what is said comes true; below it a model says too much. ECE, "
        "the expected calibration error, is the mean distance from it: "
        f"{errors_of(shown) or 'none is known'}. {sources_of(shown)}",
        (chart,) if lines else (), (reliability_table(shown),) if lines else (),
        missing=(*lacking(runs, without_bins), *lacking(shown, uncalibrated)),
    )  # fmt: skip


def bins_of(run: Run) -> list[dict[str, Any]]:
    """Bins with what is said and what is true, both in [0, 1]."""
    bins = records_of(record_of(record_of(run.judged).get("reliability")).get("bins"))
    found = [{name: number(each, name) for name in ("n", "said", "true")} for each in bins]
    return [each for each in found if None not in each.values()]


def error_of(run: Run) -> float | None:
    """The expected calibration error."""
    return number(record_of(run.judged).get("reliability"), "error")


def errors_of(runs: Sequence[Run]) -> str:
    """Of each run."""
    return ", ".join(f"{run.letter} {percent(error_of(run))}" for run in runs)


def reliability_table(runs: Sequence[Run]) -> Table:
    """The same in numbers."""
    rows = [
        (run.letter, percent(each["said"]), percent(each["true"]), plain(each["n"]))
        for run in runs
        for each in bins_of(run)
    ]
    heads = ("run", "said to be right", "right", "answers")
    return Table("Reliability, by bins of 1/15", heads, tuple(rows))


def without_bins(run: Run) -> str:
    """Why there is nothing to show."""
    if bins_of(run):
        return ""
    return f"{NOT_JUDGED}: {TO_TYPE}, or with `--calibrate`"


def uncalibrated(run: Run) -> str:
    """Why probabilities may be far off."""
    if record_of(run.judged).get("is_calibrated") is not False:
        return ""
    return (
        "not calibrated, so that probabilities are the sigmoid of scores: train with `--calibrate` "
        "or `--valid FILE`"
    )


def confusions(runs: Sequence[Run]) -> Panel:
    """The labels that are most often named in place of others."""
    shown = [run for run in runs if confusions_of(run)]
    return Panel(
        "confusions", "Largest confusions",
        "Of an example with m labels the first m answers are looked at, 5 at most: each wrong one "
        "stands in the place of each label that is not among them. Pairs that say nearly the same, "
        "or contain each other, are a matter of the labels and not of the model. The last column "
        "counts all examples that have the missed label.",
        open_tables=(element("div", *map(confusions_table, shown), class_="tables"),),
        missing=lacking(runs, without_confusions),
    )  # fmt: skip


def confusions_of(run: Run) -> list[Record]:
    """Those that were counted, the largest first."""
    return records_of(record_of(run.judged).get("confusions"))[:LISTED]


def confusions_table(run: Run) -> Html:
    """Of one run."""
    rows = tuple(
        (called(run, each, "label", "name"), called(run, each, "named", "named_name"),
         plain(number(each, "n")), plain(number(each, "n_true")))
        for each in confusions_of(run)
    )  # fmt: skip
    heads = ("missed", "named in its place", "examples", "of")
    table = Table(f"Confusions of {run.letter}, on {judged_on(run)}", heads, rows, words=(0, 1))
    return element("div", element("h3", f"{run.letter}: {run.name}"), table.html)


def called(run: Run, confusion: Record, label: str, name: str) -> str:
    """The name of a label, or its number as files have it."""
    said = confusion.get(name)
    if isinstance(said, str | int | float | bool):
        text = " ".join(str(said).split()) or "(an empty name)"
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    found = number(confusion, label)
    return NOTHING if found is None else f"label {plain(found + run.first_label)}"


def without_confusions(run: Run) -> str:
    """Why there is nothing to show."""
    if confusions_of(run):
        return ""
    if run.judged is not None:
        return "none, for no wrong answer stands in the place of a label"
    return f"{NOT_JUDGED}: {TO_TYPE}"
