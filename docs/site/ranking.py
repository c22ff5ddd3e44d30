"""What search names first: the guide; and what last: notes of decisions, measurements, changes."""

from typing import Any

BOOST = {"guide/": 4, "how-it-works.md": 3, "decisions/": 0.3, "benchmarks/": 0.5, "CHANGELOG": 0.2}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Tell the search how much a page counts; its text stays."""
    for begin, boost in BOOST.items():
        if page.file.src_uri.startswith(begin):
            page.meta.setdefault("search", {"boost": boost})
    return markdown
