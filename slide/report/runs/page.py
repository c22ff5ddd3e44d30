"""The page: a headline table, a sentence, and the panels, each with figures and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from slide import __version__
from slide.core.examples.metrics import RANKS
from slide.report.html import Html, element, joined, page
from slide.report.runs import answers, curves, facts, inside, seconds
from slide.report.runs.charts import Chart
from slide.report.runs.drawing import Drawn, drawn
from slide.report.runs.panel import Panel
from slide.report.runs.reading import Run, number
from slide.report.runs.tables import counted, folded, listed

GENERATOR = "slide report"
LONGEST = 60  # characters of all names in the title
HEAD = Html(
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    f'<meta name="generator" content="{GENERATOR}">'
)
"""Nothing is asked for from anywhere, and by this a report is known from other pages."""
PANELS = (
    curves.precision, curves.losses, curves.rates, inside.active_sets, inside.occupancy,
    seconds.times, inside.recall, answers.by_frequency, answers.reliability, answers.confusions,
    facts.settings, facts.circumstances,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """A page that is made.

    Args:
        page: the whole document.
        pictures: PNG by name, without its ending.
        summary: the same for programs.
    """

    page: str
    pictures: dict[str, bytes]
    summary: dict[str, Any]


def report_of(runs: Sequence[Run]) -> Report:
    """The page of these runs."""
    panels = [panel(runs) for panel in PANELS]
    figures = {chart.name: drawn(chart) for panel in panels for chart in panel.charts}
    style = files("slide.report.runs").joinpath("page.css").read_text(encoding="utf-8")
    document = page(
        title_of(runs), style,
        heading(runs), contents(panels), *(section(panel, figures) for panel in panels),
        footer(), head=HEAD, ahead=skip_to(panels[0]),
    )  # fmt: skip
    pictures = {name: figure.png for name, figure in figures.items()}
    return Report(document, pictures, summary_of(runs, panels))


def title_of(runs: Sequence[Run]) -> str:
    """Of the window and the page: the runs by name if that is short, for a table tells them all."""
    names = listed(run.name for run in runs)
    return f"Report of {names if len(names) <= LONGEST else counted(len(runs), 'run')}"


def heading(runs: Sequence[Run]) -> Html:
    """What the page is of, the headline table, and how the runs differ."""
    now = datetime.now(UTC)
    when = element("time", f"{now:%Y-%m-%d %H:%M} UTC", datetime=now.isoformat(timespec="minutes"))
    return element(
        "header",
        element("p", f"slide report, {counted(len(runs), 'run')}, ", when, class_="kind"),
        element("h1", title_of(runs)),
        facts.headline(runs).html,
        element("p", facts.in_a_sentence(runs), class_="verdict"),
    )


def contents(panels: Sequence[Panel]) -> Html:
    """A way to each panel."""
    links = (element("li", element("a", panel.title, href=place_of(panel))) for panel in panels)
    return element("nav", element("ul", *links), aria_label="Panels")


def place_of(panel: Panel) -> str:
    """Where links to it go."""
    return f"#{panel.name}-panel"


def skip_to(panel: Panel) -> Html:
    """A link that is seen once the keyboard has reached it."""
    return element("a", "Skip to the figures", class_="skip", href=place_of(panel))


def section(panel: Panel, figures: dict[str, Drawn]) -> Html:
    """One panel."""
    drawn = (figure_of(chart, figures[chart.name]) for chart in panel.charts)
    shown = element("div", *drawn, class_="figures") if panel.charts else Html()
    return element(
        "section",
        element("h2", panel.title, id=f"{panel.name}-heading"),
        element("p", in_code(panel.about), class_="about"),
        shown,
        *(table if isinstance(table, Html) else table.html for table in panel.open_tables),
        *(element("p", in_code(sentence), class_="missing") for sentence in panel.missing),
        *map(folded, panel.tables),
        id=place_of(panel)[1:], aria_labelledby=f"{panel.name}-heading",
    )  # fmt: skip


def figure_of(chart: Chart, figure: Drawn) -> Html:
    """A figure; its title is drawn, and read with the rest of what it shows."""
    return element("figure", figure.svg)


def in_code(sentence: str) -> Html:
    """A sentence whose parts between backquotes are commands."""
    parts = sentence.split("`")
    return joined(*(command(part) if place % 2 else part for place, part in enumerate(parts)))


def command(text: str) -> Html:
    """What is to be typed; a line may end between words, and not behind a dash of one."""
    words = (element("span", word, class_="word") for word in text.split(" "))
    return element("code", Html(" ".join(words)))


def footer() -> Html:
    """By what it was made."""
    told = f"Made by slide {__version__}. Each panel is explained in docs/report.md."
    return element("footer", element("p", told))


def summary_of(runs: Sequence[Run], panels: Sequence[Panel]) -> dict[str, Any]:
    """What `--json` prints of runs and panels."""
    return {
        "runs": [
            {
                "run": run.letter,
                "folder": str(run.folder),
                "learner": run.description["learner"],
                "judged_on": facts.scored_on(run),
                **{f"precision_at_{k}": run.score(k) for k in RANKS},
                "seconds_train": number(run.last, "seconds"),
                "examples": int(number(run.last, "examples") or 0),
                "bytes": run.n_bytes,
                "calibration_error": answers.error_of(run),
            }
            for run in runs
        ],
        "settings_that_differ": {
            name: {run.letter: run.config.get(name) for run in runs}
            for name in facts.differing(runs)
        },
        "missing": {panel.name: list(panel.missing) for panel in panels if panel.missing},
    }
