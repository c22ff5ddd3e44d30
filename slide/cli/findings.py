"""What `slide verify` prints when it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import TextWrapper

from rich.console import Console
from rich.text import Text

from slide.backends.verifying import Branches, Report
from slide.cli.grid import STYLES, grid_of, legend
from slide.report.words import (
    circumstances,
    failure_sentence,
    failure_title,
    failures,
    preparation,
    remarks,
    share,
    sizes_in_words,
    verdict,
)

STEP = "    "
WIDEST = 100  # columns for sentences, however wide the terminal


def print_report(report: Report, console: Console) -> None:
    """Print the grid, what was compared, and at the end what is wrong."""
    width = min(console.width, WIDEST)
    marks = {(one.kernel, one.property): one.outcome for one in report.checks}
    ascii_only = console.options.ascii_only
    style = "bold green" if report.passed else "bold red"
    head = wrapped(f"{report.whose} {verdict(report)}", width)
    plain = [*comparison_lines(report, width), *branch_lines(report.branches, width)]
    lines = [
        *(Text(line, style) for line in head),
        Text(circumstances(report)),
        *grid_of(marks, ascii_only),
        *legend(marks, ascii_only),
        *map(Text, plain),
        *remark_lines(report, width),
        *failure_lines(report, width),
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


def wrapped(text: str, width: int, begin: str = "", rest: str = STEP) -> list[str]:
    """Lines no wider than this, but for words that are."""
    wrapper = TextWrapper(
        width, initial_indent=begin, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return wrapper.wrap(" ".join(text.split()))


def comparison_lines(report: Report, width: int) -> Iterator[str]:
    """A line for each kernel: how near to its bounds it came, and the largest sizes in `scale`."""
    sizes, worst = report.sizes, report.worst
    if not sizes:
        return
    name_width = max(map(len, sizes))
    yield from ("", "Largest that was compared, and worst deviation in parts of its bound:")
    for kernel, largest in sizes.items():
        deviation = share(worst[kernel].worst) if kernel in worst else "equal"
        begin = f"{kernel:{name_width}} {deviation:>5}  "
        yield from wrapped(sizes_in_words(largest), width, begin, " " * len(begin))


def branch_lines(branches: Branches, width: int) -> Iterator[str]:
    """Each branch of the backend's source that no call took, and what could not be seen."""
    if branches.untaken:
        yield from ("", "Branches of the backend's own source that no call took:")
    for one in branches.untaken:
        told = one.threshold or one.source
        yield from wrapped(f"{one.file}:{one.line} {one.way}: {told}", width)
    if branches.unseen:
        yield from ("", "Branches that were not seen:")
    for sentence in branches.unseen:
        yield from wrapped(sentence, width)


def remark_lines(report: Report, width: int) -> Iterator[Text]:
    """What is missing, inherited or taken, and of which kernels."""
    found = remarks(report.checks)
    if found:
        yield Text()
    for one in found:
        text = ": ".join(filter(None, (one.head, one.rows, one.tail)))
        yield from styled(text, one.outcome, width)


def failure_lines(report: Report, width: int) -> Iterator[Text]:
    """Each failure, and the call that shows it; these lines are as long as they are, to paste."""
    wrong = failures(report.checks)
    if any(same[0].snippet for same in wrong):
        yield from map(Text, ("", "Before pasting what follows:"))
        yield Text(preparation(report.target))
    for same in wrong:
        yield Text()
        text = f"{failure_title(same)}: fail. {failure_sentence(same)}"
        yield from styled(text, "fail", width)
        if same[0].snippet:
            yield Text(same[0].snippet)


def styled(text: str, outcome: str, width: int) -> Iterable[Text]:
    """A sentence on several lines, what stands before its first colon in colour."""
    lines = [Text(line) for line in wrapped(text, width)]
    lines[0].stylize(STYLES[outcome], 0, lines[0].plain.find(":"))
    return lines
