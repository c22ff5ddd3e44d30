"""Boxes, dots, arrows and words as SVG, on a light card, which either colour scheme can show."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from math import atan2, cos, sin

INK, PALE, LINE = "#1b2430", "#667080", "#c9d0d9"
OWN, HARD, DRAWN, GROUND = "#1565c0", "#c2500a", "#6b7684", "#f6f8fa"
TINTS = {OWN: "#dbe9f9", HARD: "#fbe3d3", DRAWN: "#e3e7ec", INK: "#ffffff"}
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"
HEAD = 7  # length of an arrow's head


@dataclass
class Card:
    """A picture that grows by what is drawn.

    Args:
        width, height: in pixels.
        title: what is seen, for who does not see it.
        parts: SVG elements.
    """

    width: int
    height: int
    title: str
    parts: list[str] = field(default_factory=list)

    def svg(self) -> str:
        """The whole picture."""
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} height="{self.height}" role="img">'
        ground = (
            f'<rect width="{self.width}" height="{self.height}" rx="8" fill="{GROUND}"/>\n'
            f'<g font-family="{FONT}" font-size="14" fill="{INK}">'
        )
        title = f"<title>{escape(self.title)}</title>"
        return "\n".join([head, title, ground, *self.parts, "</g>", "</svg>", ""])

    def text(
        self, x: float, y: float, words: str, color: str = INK, size: int = 14, at: str = "start",
        bold: bool = False,
    ) -> None:  # fmt: skip
        """Words, a line for each line of them; `at` says which end of them is at x."""
        weight = ' font-weight="600"' if bold else ""
        for n, line in enumerate(words.split("\n")):
            self.parts.append(
                f'<text x="{x:g}" y="{y + 1.3 * size * n:g}" fill="{color}" font-size="{size}" '
                f'text-anchor="{at}"{weight}>{escape(line)}</text>'
            )

    def box(
        self, x: float, y: float, width: float, height: float, color: str = INK, tint: str = ""
    ) -> None:
        """A box with round corners."""
        radius = min(5, height / 4)
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" '
            f'fill="{tint or TINTS.get(color, "#ffffff")}" stroke="{color}"/>'
        )

    def named(
        self, x: float, y: float, width: float, height: float, words: str, color: str = INK
    ) -> None:
        """A box with a few words in its middle."""
        self.box(x, y, width, height, color)
        first = y + height / 2 + 5 - 8.5 * words.count("\n")
        self.text(x + width / 2, first, words, color, 13, "middle")

    def dot(self, x: float, y: float, color: str = INK, radius: float = 5) -> None:
        """A filled circle."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{color}"/>')

    def line(
        self, x: float, y: float, x2: float, y2: float, color: str = LINE, width: float = 1,
        dashed: bool = False,
    ) -> None:  # fmt: skip
        """A straight line."""
        dashes = ' stroke-dasharray="4 4"' if dashed else ""
        self.parts.append(
            f'<line x1="{x:g}" y1="{y:g}" x2="{x2:g}" y2="{y2:g}" stroke="{color}" '
            f'stroke-width="{width:g}"{dashes}/>'
        )

    def arrow(self, *points: tuple[float, float], color: str = INK) -> None:
        """A line through points, with a head at the last one."""
        (x0, y0), (x, y) = points[-2:]
        turn = atan2(y - y0, x - x0)
        sides = [
            (x - HEAD * cos(turn + side), y - HEAD * sin(turn + side)) for side in (-0.45, 0.45)
        ]
        line = " ".join(f"{px:g},{py:g}" for px, py in points)
        head = " ".join(f"{px:.1f},{py:.1f}" for px, py in [(x, y), *sides])
        self.parts.append(
            f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.5"/>'
        )
        self.parts.append(f'<polygon points="{head}" fill="{color}"/>')
