"""Docstrings as the site parses them: `x, k: text` of several arguments is a line for each."""

import re
from typing import Any

from griffe import Extension, Object

GROUP = re.compile(r"^( +)(\w+(?:, \w+)+)(: .*(?:\n\1 +.*)*)", re.MULTILINE)


class Grouped(Extension):
    """Gives each of several arguments that are told of together their text."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring before anybody has parsed it."""
        if obj.docstring:
            obj.docstring.value = GROUP.sub(each_apart, obj.docstring.value)


def each_apart(group: re.Match[str]) -> str:
    """The same text for each name."""
    indent, names, text = group.groups()
    return "\n".join(f"{indent}{name}{text}" for name in names.split(", "))
