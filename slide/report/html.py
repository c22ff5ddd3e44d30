"""Elements of a page, with whatever is text in them escaped."""

from __future__ import annotations

from html import escape
from pathlib import Path

from slide.core.errors import ConfigError

SUFFIXES = ".html", ".htm"


def refuse_other_suffix(option: str, path: Path) -> None:
    """Raise ConfigError unless a browser takes a file of this name for a page."""
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"{option} is {path}: expected a name that ends in .html, which is what is written"
        )


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Html:
    """`<name attributes>children</name>`.

    Args:
        name: of the element.
        children: text, which is escaped, or `Html`.
        attributes: their values are escaped; `_` at the end of a name is left out, other ones
            stand for `-`; an empty value leaves the attribute out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value
    )
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: str) -> Html:
    """One after the other, text escaped."""
    return Html("".join(one if isinstance(one, Html) else escape(one) for one in children))


NOTHING = Html()


def page(
    title: str, style: str, *children: str, head: Html = NOTHING, ahead: Html = NOTHING
) -> str:
    """A document that needs no other file.

    Args:
        title: of the document.
        style: a style sheet.
        children: of its main part.
        head: what else stands in the head.
        ahead: what comes before the main part.
    """
    heading = joined(
        Html('<meta charset="utf-8">'),
        head,
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        element("title", title),
        element("style", Html(style)),
    )
    body = joined(ahead, element("main", *children))
    return f'<!doctype html>\n<html lang="en"><head>{heading}</head>\n<body>{body}</body></html>\n'
