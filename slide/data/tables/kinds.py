"""Which format a table has, by its name or else by its first bytes.

| name, without `.gz .bz2 .xz .zst` | format     |
|-----------------------------------|------------|
| `.jsonl .ndjson .json`            | JSON lines |
| `.csv`                            | CSV        |
| `.tsv .tab`                       | TSV        |
| `.parquet .pq`                    | Parquet    |
| `.arrow .arrows .feather .ipc`    | Arrow      |

Standard input and other names have what their first bytes tell: `PAR1` of Parquet, `ARROW1` or four
bytes 0xff of Arrow, `{` of JSON lines, a tab in the first line of TSV, and otherwise CSV.
"""

from __future__ import annotations

from pathlib import Path

from slide.data.compression import SUFFIXES
from slide.data.source import MARK, Source
from slide.data.tables.arrow import ARROW, PARQUET, Arrow, kind_of
from slide.data.tables.delimited import Delimited
from slide.data.tables.json_lines import JsonLines
from slide.data.tables.row import Table

KINDS = {
    ".jsonl": "json", ".ndjson": "json", ".json": "json", ".csv": ",", ".tsv": "\t", ".tab": "\t",
    ".parquet": PARQUET, ".pq": PARQUET, ".arrow": ARROW, ".arrows": ARROW, ".feather": ARROW,
    ".ipc": ARROW,
}  # fmt: skip


def kind_named(path: Path) -> str | None:
    """The format that a name tells, if it does."""
    name = path.name.lower()
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return KINDS.get(Path(name).suffix)


def is_table(path: Path) -> bool:
    """Whether a file is a table by its name."""
    return kind_named(path) is not None


def is_columnar(path: Path) -> bool:
    """Whether a file is Parquet or Arrow by its name, so that it may hold numbers, too."""
    return kind_named(path) in (PARQUET, ARROW)


def opened(source: Source) -> Table:
    """The table in a file."""
    kind = kind_named(source.path) or kind_told(source.head)
    if kind in (PARQUET, ARROW):
        return Arrow(source, kind)
    return JsonLines(source) if kind == "json" else Delimited(source, kind)


def kind_told(head: bytes) -> str:
    """The format that first bytes tell."""
    columnar = kind_of(head)
    if columnar:
        return columnar
    text = head.removeprefix(MARK).lstrip()
    if text[:1] in (b"{", b"["):
        return "json"
    return "\t" if b"\t" in text.partition(b"\n")[0] else ","
