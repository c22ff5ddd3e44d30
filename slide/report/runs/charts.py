"""What figures show, before anybody draws it: lines over an axis, and bars in pieces.

Runs are told apart by dash and marker as well as by colour, and pieces of bars by hatching as well
as by shade, so that a figure says the same in black and white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from slide.report.runs.reading import Run

LONGEST_NAME, LONGEST_OF_ROW = 20, 12  # characters of a run's name in a legend, beside a bar
MOST_POINTS = 240  # of a line: more are not told apart at its width
MOST_OF_MARKERS = 24  # points of a line from which only some have one
WIDE_RANGE = 30.0  # largest over smallest from which an axis is logarithmic
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Look:
    """How a line is drawn.

    Args:
        colour: dark on white, and not alone in telling it apart.
        dash: a line style of matplotlib.
        marker: of matplotlib.
    """

    colour: str
    dash: str | tuple[float, tuple[float, ...]]
    marker: str


COLOURS = ("#111111", "#0b5c9e", "#b4430a", "#00705a", "#8a3f86", "#6f5600")
DASHES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)), (0, (8, 2, 1, 2, 1, 2)), (0, (3, 1)),
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p", "h")


def look_of(run: Run) -> Look:
    """By its letter; twelve are all different."""
    number = ord(run.letter) - ord("A")
    return Look(
        COLOURS[number % len(COLOURS)],
        DASHES[(number + number // len(DASHES)) % len(DASHES)],
        MARKERS[number % len(MARKERS)],
    )


def legend_name(run: Run, longest: int = LONGEST_NAME) -> str:
    """Its letter and the end of its name."""
    name = run.name
    longest = longest // 2 if any(east_asian_width(each) in "WF" for each in name) else longest
    if len(name) > longest:
        name = "..." + name[3 - longest :]
    return f"{run.letter}: {name}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a figure.

    Args:
        name: in the legend.
        look: of it.
        points: x and y, x ascending.
        is_hollow: whether markers are, as of what is of another kind than the other lines.
        is_named: whether the legend has it; else it goes with another line of that look.
    """

    name: str
    look: Look
    points: tuple[Point, ...]
    is_hollow: bool = False
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis.

    Args:
        title: with the unit.
        is_log: whether it is logarithmic; None to have that decided by what is shown.
        is_share: whether numbers are fractions to be shown in percent.
        whole: whether only whole numbers are named.
        ticks: place and name of each; as they come without.
        least, most: where it begins and ends; as it comes without.
    """

    title: str
    is_log: bool | None = False
    is_share: bool = False
    whole: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """A figure of lines.

    Args:
        name: of its picture.
        title: above it.
        x, y: its axes.
        lines: one at least.
        has_diagonal: whether y = x is drawn, too.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    has_diagonal: bool = False

    @property
    def alt(self) -> str:
        """What it shows, for those who do not see it."""
        ends = [
            f"{line.name} goes from {said(line.points[0][1], self.y)} "
            f"to {said(line.points[-1][1], self.y)}"
            if len(line.points) > 1
            else f"{line.name} is {said(line.points[0][1], self.y)}"
            for line in self.lines
        ]
        return f"{self.title}: {self.y.title} against {self.x.title}. {'; '.join(ends)}."


@dataclass(frozen=True, slots=True)
class Bars:
    """A figure of horizontal bars, each in pieces.

    Args:
        name: of its picture.
        title: above it.
        axis: of the lengths.
        rows: name of each bar, the first at the top.
        pieces: name of each kind of piece, and its length in each row.
    """

    name: str
    title: str
    axis: Axis
    rows: tuple[str, ...]
    pieces: tuple[tuple[str, tuple[float, ...]], ...]

    @property
    def alt(self) -> str:
        """What it shows, for those who do not see it."""
        told = []
        for place, row in enumerate(self.rows):
            parts = [
                f"{name} {said(lengths[place], self.axis)}"
                for name, lengths in self.pieces
                if lengths[place]
            ]
            told.append(f"{row}: {', '.join(parts) or 'nothing'}")
        return f"{self.title}: {self.axis.title}. {'; '.join(told)}."


Chart = Lines | Bars


def said(value: float, axis: Axis) -> str:
    """A number in words of an axis."""
    return f"{100 * value:.1f} %" if axis.is_share else f"{value:,.4g}"


def thinned(points: Sequence[Point]) -> tuple[Point, ...]:
    """So many points as can be told apart, the first and the last among them."""
    n = len(points)
    if n <= MOST_POINTS:
        return tuple(points)
    places = [round(place * (n - 1) / (MOST_POINTS - 1)) for place in range(MOST_POINTS)]
    return tuple(points[place] for place in places)


def line_of(
    run: Run,
    points: Sequence[Point],
    is_hollow: bool = False,
    more: str = "",
    is_named: bool = True,
) -> Line:
    """The line of a run."""
    return Line(legend_name(run) + more, look_of(run), thinned(points), is_hollow, is_named)


def row_name(run: Run) -> str:
    """Of a bar."""
    return legend_name(run, LONGEST_OF_ROW)


def is_wide(values: Sequence[float]) -> bool:
    """Whether numbers span so much that an axis of them is logarithmic."""
    positive = [value for value in values if value > 0]
    return len(positive) == len(values) > 0 and max(positive) > WIDE_RANGE * min(positive)
