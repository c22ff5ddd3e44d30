"""The page of settings, printed from where they are declared: `python -m slide.report.settings`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from slide.core.learners.kinds import KINDS
from slide.core.settings.plan import Plan
from slide.core.settings.setting import Part, Setting, settings_of
from slide.core.settings.settings import Refresh, Steps, Training

HEAD = """# Settings

Printed by `python -m slide.report.settings` from where they are declared, which is also what the
command line, `slide.Config` and all refusals are made from. `slide.Config(NAME=VALUE)` and `slide
train --set NAME=VALUE` take all of them; those with dashes are options of `slide train` besides,
and have underscores elsewhere: `--batch-size 64` is `Config(batch_size=64)`. Defaults are those of
the parts; `slide train`, `slide.Trainer` and `slide.recipe` choose what nobody said by what can be
counted in the data (`slide/core/svm/kind.py`, `slide/core/direct/rules.py`,
`slide/core/sampled/rules.py`), or on examples that it holds out.

Whoever says a setting that one learner alone has gets that learner; settings of two learners do
not go together. What is as it is for one learner, and a choice for another, asks for the other.
"""


def page() -> str:
    """The whole page, Markdown."""
    learners = (
        section(f"Of {kind.title} (`learner: {kind.name}`)", kind.settings) for kind in KINDS
    )
    plan = section(
        "Of sampled inference (options of `slide evaluate` and `slide predict`, and `slide.Plan`)",
        Plan,
    )
    of_all = section("Of all learners", Training)
    steps = section("Of learners that take steps on batches", Steps, Refresh)
    return "\n".join([HEAD, of_all, steps, *learners, plan])


def section(title: str, *parts: type[Part]) -> str:
    """A heading, where they are declared, and a table for each of these parts and theirs."""
    settings = [each for part in parts for each in settings_of(part).values()]
    lines = [f"## {title}", "", f"Declared in `{parts[0].__module__.replace('.', '/')}.py`.", ""]
    for name, part in groupby(settings, lambda setting: setting.title):
        lines += [f"| {name} | values | default | |", "|---|---|---|---|", *rows(part), ""]
    return "\n".join(lines)


def rows(settings: Iterable[Setting]) -> Iterator[str]:
    """A line of the table for each."""
    for each in settings:
        name = "--" + each.name.replace("_", "-") if each.is_common else each.name
        values = "as it is" if each.is_fixed else each.bounds
        yield f"| `{name}` | {values} | {shown(each.default)} | {each.help} |"


def shown(default: Any) -> str:
    """A default as people say it."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    return "" if default is None else f"{default:,}" if isinstance(default, int) else str(default)


if __name__ == "__main__":
    print(page(), end="")
