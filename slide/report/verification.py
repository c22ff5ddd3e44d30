"""The report of `slide verify` as one page: what was checked, how far, and what is wrong."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from slide.backends.verifying import Report
from slide.core.errors import ConfigError
from slide.reference.branches.untaken import Untaken
from slide.reference.checks import Check
from slide.report.html import Html, element, joined, page, refuse_other_suffix
from slide.report.words import (
    MEANINGS,
    PARTS,
    SYMBOLS,
    Remark,
    circumstances,
    columns,
    counted,
    failure_sentence,
    failure_title,
    failures,
    preparation,
    remarks,
    share,
    sizes_in_words,
    verdict,
)


def refuse_no_file(path: Path) -> None:
    """Raise ConfigError unless there can be a file of this name."""
    if path.is_dir():
        raise ConfigError(f"--html got {path}, which is a folder: expected a file")
    refuse_other_suffix("--html", path)
    if not path.parent.is_dir():
        raise ConfigError(f"--html got {path}: expected a file in a folder that exists")


def write_page(report: Report, path: Path) -> None:
    """Write the page; a file that is there is replaced when the new one is whole.

    Raises:
        ConfigError: the operating system refuses.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(page_of(report), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError(f"--html got {path}: {error.strerror}; choose another file") from None
    finally:
        with suppress(OSError):  # it has its name by now, or was never there
            draft.unlink()


def page_of(report: Report) -> str:
    """The whole page."""
    style = files("slide.report").joinpath("verification.css").read_text(encoding="utf-8")
    return page(
        f"{report.backend}: slide verify", style,
        heading(report), grid(report.checks), failure_section(report),
        comparison_section(report), branch_section(report), footer(report),
    )  # fmt: skip


def section(title: str, *children: str) -> Html:
    """A part of the page under a title."""
    return element("section", element("h2", title), *children)


def heading(report: Report) -> Html:
    """Whose report it is, the verdict, and how it was made."""
    state = "pass" if report.passed else "fail"
    facts = {
        "asked for as": report.target,
        "tried": circumstances(report),
        "examples a check": f"at most {report.examples}",
        "versions": ", ".join(f"{name} {number}" for name, number in report.versions.items()),
        "CPUs": str(report.cpus),
    }
    pairs = (
        element("div", element("dt", name), element("dd", fact)) for name, fact in facts.items()
    )
    return element(
        "header",
        element("p", "slide verify", class_="kind"),
        element("h1", report.backend),
        element(
            "p", element("b", SYMBOLS[state]), f" {verdict(report)}", class_=f"verdict {state}"
        ),
        element("dl", *pairs),
    )


def grid(checks: Sequence[Check]) -> Html:
    """A table for the kernels, one for training, and what their symbols mean."""
    cells = {(one.kernel, one.property): one for one in checks}
    there = {one.outcome for one in checks}
    meanings = (
        element("li", symbol(name), f" {name}: {MEANINGS[name]}")
        for name in MEANINGS
        if name in there
    )
    tables = (table(title, rows, cells) for title, rows in PARTS.items())
    return section("Checks", *tables, element("ul", *meanings, class_="legend"))


def table(title: str, rows: Sequence[str], cells: Mapping[tuple[str, str], Check]) -> Html:
    """A row per kernel, a column per property."""
    names = columns(rows)
    heads = (element("th", element("span", name), scope="col") for name in names)
    lines = (
        element(
            "tr",
            element("th", row, scope="row"),
            *(cell(cells.get((row, name))) for name in names),
        )
        for row in rows
    )
    head = element("thead", element("tr", element("td", title), *heads))
    return element("div", element("table", head, element("tbody", *lines)), class_="wide")


def cell(one: Check | None) -> Html:
    """The outcome of a check, all about it where the pointer rests, and a way to its failure."""
    if one is None:
        return element("td")
    about = f"{one.kernel} {one.property}: {one.outcome}, {counted(one.examples, 'example')}"
    about += f", {one.seconds:.1f} s"
    if one.worst:
        about += f", worst deviation {share(one.worst)} of its bound"
    mark = symbol(one.outcome)
    if one.outcome == "fail":
        mark = element("a", mark, href=f"#{anchor(one)}")
    return element("td", mark, title=about)


def symbol(outcome: str) -> Html:
    """A coloured square with the sign of an outcome."""
    return element("span", SYMBOLS[outcome], class_=f"mark {outcome}")


def anchor(one: Check) -> str:
    """Where the failure of a check is told."""
    return f"{one.kernel}-{one.property}".replace(" ", "-")


def failure_section(report: Report) -> Html:
    """Each failure with the call that shows it, then what shows nothing; empty if all is well."""
    found, rest = failures(report.checks), remarks(report.checks)
    parts = []
    if found:
        told = "Before pasting what follows:"
        before = [element("p", told), element("pre", preparation(report.target))]
        shown = before if any(same[0].snippet for same in found) else []
        parts.append(section("Failures", *shown, *map(failure, found)))
    if rest:
        parts.append(section("Not checked", element("ul", *map(remark, rest), class_="remarks")))
    return joined(*parts)


def failure(same: Sequence[Check]) -> Html:
    """What failed: the sentence, and Python to paste."""
    title = element("h3", symbol("fail"), f" {failure_title(same)}")
    places = (element("span", id=anchor(one)) for one in same)
    snippet = [element("pre", same[0].snippet)] if same[0].snippet else []
    sentence = element("p", failure_sentence(same))
    return element("article", *places, title, sentence, *snippet)


def remark(one: Remark) -> Html:
    """What several checks have in common."""
    tail = element("small", f": {one.tail}") if one.tail else Html()
    return element("li", symbol(one.outcome), f" {one.head}: ", element("b", one.rows), tail)


def comparison_section(report: Report) -> Html:
    """How near to its bounds each kernel came, and how large arguments were."""
    sizes, worst = report.sizes, report.worst
    parts = []
    if worst:
        note = "Of kernels that are not listed no number differed, or none was compared."
        bars = (bar(kernel, one) for kernel, one in worst.items())
        note_at_end = element("p", note, class_="note")
        parts.append(section("Worst deviation over its bound", *bars, note_at_end))
    if sizes:
        pairs = ((element("dt", name), element("dd", chips(of))) for name, of in sizes.items())
        rows = (element("div", *pair) for pair in pairs)
        parts.append(section("Largest that was compared", element("dl", *rows, class_="sizes")))
    return joined(*parts)


def bar(kernel: str, one: Check) -> Html:
    """How much of what the contract allows was used; red where it was more."""
    width = f"width: {100 * min(1.0, one.worst):.1f}%"
    inner = element("i", style=width, class_="over" if one.worst > 1 else "")
    return element(
        "div",
        element("span", kernel, class_="name"),
        element("span", inner, class_="track"),
        element("span", share(one.worst), element("small", f" {one.property}"), class_="value"),
        class_="bar",
    )


def chips(sizes: Mapping[str, int]) -> Html:
    """Each dimension with its size, kept on one line."""
    pairs = (sizes_in_words({name: size}) for name, size in sizes.items())
    return joined(*(element("span", pair, class_="chip") for pair in pairs))


def branch_section(report: Report) -> Html:
    """Each branch of the backend's source that no call took, and what could not be seen."""
    found = report.branches
    parts = []
    if found.untaken:
        parts.append(section("Branches that no call took", untaken_list(found.untaken)))
    if found.unseen:
        notes = (element("li", one) for one in found.unseen)
        parts.append(section("Branches that were not seen", element("ul", *notes)))
    everything = element("p", "Every branch of its own source was taken.")
    return joined(*parts) if parts else section("Branches", everything)


def untaken_list(found: Iterable[Untaken]) -> Html:
    """Each with its place and source."""
    return joined(
        *(
            element(
                "div",
                element("code", one.source),
                element("p", f"{one.file}:{one.line}, {one.way}"),
                *([element("p", one.threshold, class_="note")] if one.threshold else []),
                class_="branch",
            )
            for one in found
        )
    )


def footer(report: Report) -> Html:
    """How to get the same again."""
    return element("footer", element("p", "Made by ", element("code", report.command)))
