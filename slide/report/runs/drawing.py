"""Drawing of figures by matplotlib: as SVG that stands in the page, and as PNG beside it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from slide.core.errors import ConfigError
from slide.report.html import Html
from slide.report.runs.charts import MOST_OF_MARKERS, Axis, Bars, Chart, Line, Lines, is_wide

WIDTH = 4.6  # inches: at 10 points letters are readable on a phone as on a desk
HEIGHT, HEIGHT_OF_ROW, HEIGHT_OF_BAR = 2.75, 0.21, 0.34
DOTS_PER_INCH = 160
FONT = 10.0
INK, SOFT, RULE = "#1b1f24", "#4a535d", "#d5dae0"
SHADES = ("#20435c", "#e9eef2", "#6d94ae", "#c9d6df", "#3d6a87", "#ffffff", "#96b3c6", "#b3b3b3",
          "#577f99", "#dddddd")  # fmt: skip
HATCHES = ("", "////", "", "\\\\\\\\", "", "xx", "||", "--", "++", "")
FEW_DECADES = 300.0  # largest over smallest below which 2 and 5 are named beside 1 and 10
ROUND = (1, 2, 2.5, 5, 10)  # steps between places that are named
NARROW = 0.09  # share of the axis below which a piece of a bar has no number in it
DARK = {"#20435c", "#3d6a87", "#577f99"}
FAMILY, FAMILIES = "DejaVu Sans", "'DejaVu Sans', Verdana, sans-serif"  # no wider than the first
FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "Droid Sans Fallback", "Arial Unicode MS", "Unifont",
)  # fmt: skip
"""Families that have what the first one lacks, on machines that have them."""
SETTINGS: dict[Any, Any] = {
    "font.size": FONT, "text.parse_math": False,
    "text.usetex": False, "svg.fonttype": "none", "svg.hashsalt": "slide",
    "axes.edgecolor": SOFT, "axes.labelcolor": INK, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True, "grid.color": RULE,
    "grid.linewidth": 0.7, "xtick.color": SOFT, "ytick.color": SOFT, "xtick.labelcolor": INK,
    "ytick.labelcolor": INK, "legend.frameon": False, "legend.fontsize": FONT - 1,
    "legend.handlelength": 3.2, "legend.columnspacing": 1.4, "hatch.linewidth": 0.6,
}  # fmt: skip
ATTRIBUTE, PLACES = re.compile(r'="[^"]*"'), re.compile(r"(\.\d\d)\d+")
NOISE = re.compile(r'<!--.*?-->|<metadata>.*?</metadata>|\s+xmlns(:\w+)?="[^"]*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure that is drawn.

    Args:
        svg: for the page.
        png: for a file.
    """

    svg: Html
    png: bytes


def demand_matplotlib() -> None:
    """Raise ConfigError unless figures can be drawn."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ConfigError(
            "a report has figures, which need matplotlib: pip install 'slide-engine[report]'"
        ) from None


def drawn(chart: Chart) -> Drawn:
    """A figure in both forms."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS | {"font.family": list(fonts())}):
        if isinstance(chart, Lines):
            n = sum(line.is_named for line in chart.lines)
            figure = Figure(figsize=(WIDTH, HEIGHT + rows_of_legend(n)))
            draw_lines(figure, chart)
        else:
            n = len(chart.rows)
            height = 1.15 + HEIGHT_OF_BAR * n + rows_of_legend(len(chart.pieces))
            figure = Figure(figsize=(WIDTH, height))
            draw_bars(figure, chart)
        svg = as_svg(figure, chart)
        figure.set_layout_engine("none")  # places stay as they were found
        return Drawn(svg, as_png(figure))


@cache
def fonts() -> dict[str, frozenset[int]]:
    """Families that figures are written in, the first one that has a letter, and their letters."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager
    from matplotlib.ft2font import FT2Font

    known = {font.name for font in fontManager.ttflist}
    families = [name for name in (FAMILY, *FALLBACKS) if name in known]
    paths = {name: findfont(FontProperties(family=[name])) for name in families}
    return {name: frozenset(FT2Font(path).get_charmap()) for name, path in paths.items()}


def writable(text: str) -> str:
    """With a question mark for what no font has, which would be drawn as a box, with a warning."""
    letters = frozenset[int]().union(*fonts().values())
    return "".join(c if ord(c) in letters and c.isprintable() else "?" for c in text)


def rows_of_legend(n: int) -> float:
    """Inches that a legend of so many names takes below a figure."""
    return HEIGHT_OF_ROW * -(-n // 2)


def draw_lines(figure: Any, chart: Lines) -> None:
    """Axes with lines, and a legend below them."""
    axes = axes_of(figure, chart.title)
    if chart.has_diagonal:
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle=(0, (2, 2)))
    for line in chart.lines:
        draw_line(axes, line)
    for name, number, axis in (("x", 0, chart.x), ("y", 1, chart.y)):
        values = [point[number] for line in chart.lines for point in line.points]
        shape_axis(axes, name, axis, values)
    figure.legend(loc="outside lower left", ncols=2, borderaxespad=0.2)


def axes_of(figure: Any, title: str) -> Any:
    """The only axes of a figure."""
    figure.set_layout_engine("constrained", h_pad=0.06, w_pad=0.06)
    figure.suptitle(title, x=0.015, ha="left", fontsize=FONT + 1, fontweight="bold", color=INK)
    return figure.add_subplot()


def draw_line(axes: Any, line: Line) -> None:
    """One line with its markers."""
    look, n = line.look, len(line.points)
    xs, ys = zip(*line.points, strict=True)
    label = writable(line.name) if line.is_named else "_"
    axes.plot(
        xs, ys, label=label, color=look.colour, linewidth=1.6, linestyle=look.dash,
        marker=look.marker, markersize=5, markevery=max(1, n // MOST_OF_MARKERS),
        markerfacecolor="white" if line.is_hollow else look.colour,
    )  # fmt: skip


def shape_axis(axes: Any, name: str, axis: Axis, values: list[float]) -> None:
    """Title, scale, ends and names of places of the axis x or y."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    getattr(axes, f"set_{name}label")(axis.title)
    one: Any = getattr(axes, f"{name}axis")
    is_log = is_wide(values) if axis.is_log is None else axis.is_log and min(values) > 0
    if is_log:
        getattr(axes, f"set_{name}scale")("log")
        one.set_minor_formatter(NullFormatter())
        if max(values) < FEW_DECADES * min(values):
            one.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        one.set_major_formatter(FuncFormatter(plainly))
    elif axis.ticks:
        one.set_ticks([place for place, _ in axis.ticks], [said for _, said in axis.ticks])
    else:
        one.set_major_locator(MaxNLocator(nbins=5, integer=axis.whole, steps=ROUND))
        one.set_major_formatter(FuncFormatter(in_percent if axis.is_share else plainly))
    if axis.least is not None and not is_log:
        getattr(axes, f"set_{name}lim")(axis.least, axis.most)


def in_percent(value: float, place: int) -> str:
    """A fraction at a place of an axis."""
    return f"{100 * value:.4g} %"


def plainly(value: float, place: int) -> str:
    """A number at a place of an axis: 20,000 as 20k."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def draw_bars(figure: Any, chart: Bars) -> None:
    """Bars in pieces, with a number in each piece that is long enough for it."""
    axes = axes_of(figure, chart.title)
    places, begins = range(len(chart.rows)), [0.0] * len(chart.rows)
    totals = [sum(lengths[row] for _, lengths in chart.pieces) for row in places]
    for number, (name, lengths) in enumerate(chart.pieces):
        shade = SHADES[number % len(SHADES)]
        axes.barh(places, lengths, left=begins, height=0.72, label=writable(name), color=shade,
                  edgecolor=INK, linewidth=0.6, hatch=HATCHES[number % len(HATCHES)])  # fmt: skip
        for row in places:
            if lengths[row] > NARROW * max(totals):
                draw_number(axes, begins[row] + lengths[row] / 2, row, lengths[row], chart, shade)
            begins[row] += lengths[row]
    axes.set_yticks(places, [writable(row) for row in chart.rows])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    shape_axis(axes, "x", chart.axis, [0.0, max(totals)])
    figure.legend(loc="outside lower left", ncols=2, borderaxespad=0.2, handleheight=1.1)


def draw_number(axes: Any, x: float, row: int, length: float, chart: Bars, shade: str) -> None:
    """In the middle of a piece."""
    said = f"{100 * length:.0f}" if chart.axis.is_share else f"{length:.3g}"
    axes.text(
        x, row, said, ha="center", va="center", fontsize=FONT - 1.5,
        color="white" if shade in DARK else INK,
        bbox={"facecolor": shade, "edgecolor": "none", "pad": 1.2},
    )  # fmt: skip


def as_svg(figure: Any, chart: Chart) -> Html:
    """Markup that may stand in a page beside others, and asks for nothing from elsewhere."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    text = NOISE.sub("", text[text.index("<svg") :])
    text = re.sub(r'\bid="', f'id="{chart.name}-', text)
    text = re.sub(r'\b(?:xlink:)?href="#', f'href="#{chart.name}-', text)
    text = text.replace("url(#", f"url(#{chart.name}-").replace("\n", "")
    text = rounded(text).replace(f"'{FAMILY}'", FAMILIES)
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None
    inner = text[text.index(">") + 1 : text.rindex("</svg>")]
    return Html(f'<svg {box[0]} role="img" aria-label="{escape(chart.alt)}">{inner}</svg>')


def rounded(svg: str) -> str:
    """With coordinates to a hundredth of a point: less is not seen. Text stays as it is."""
    return ATTRIBUTE.sub(lambda found: PLACES.sub(r"\1", found[0]), svg)


def as_png(figure: Any) -> bytes:
    """A picture of the same."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return file.getvalue()
