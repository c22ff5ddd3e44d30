"""runs.json: every run and curve measured so far, so that none is repeated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
KEY = ("set", "contestant", "version", "seed", "threads")


@dataclass(slots=True)
class Records:
    """Args: the file, which is written anew, whole, after each addition."""

    path: Path
    runs: list[Record]
    curves: list[Record]

    @classmethod
    def open(cls, path: Path) -> Records:
        content = json.loads(path.read_text()) if path.exists() else {"runs": [], "curves": []}
        return cls(path, content["runs"], content["curves"])

    def add(self, kind: str, record: Record) -> None:
        """Put a record among the "runs" or "curves", in place of one with the same key."""
        others = [old for old in getattr(self, kind) if key_of(old) != key_of(record)]
        setattr(self, kind, [*others, record])
        partial = self.path.with_name(self.path.name + ".partial")
        partial.write_text(json.dumps({"runs": self.runs, "curves": self.curves}, indent=1))
        partial.replace(self.path)

    def has(self, kind: str, key: Record) -> bool:
        return any(key_of(record) == key_of(key) for record in getattr(self, kind))

    def failed(self, key: Record) -> bool:
        """Whether a run that differs in nothing but the seed has failed."""
        same = [name for name in KEY if name != "seed"]
        return any(
            run["failed"] and all(run[name] == key[name] for name in same) for run in self.runs
        )

    def newest(self, kind: str, set_name: str, threads: int) -> dict[str, list[Record]]:
        """By contestant: the records of a set that are of the version measured last."""
        found = [
            record
            for record in getattr(self, kind)
            if (record["set"], record["threads"]) == (set_name, threads)
        ]
        last = {record["contestant"]: record["version"] for record in sorted(found, key=date_of)}
        return {
            name: [r for r in found if (r["contestant"], r["version"]) == (name, version)]
            for name, version in sorted(last.items(), key=lambda item: place_of(item[0]))
        }


def key_of(record: Record) -> tuple[Any, ...]:
    return tuple(record[name] for name in KEY)


def date_of(record: Record) -> str:
    return str(record["date"])


def place_of(contestant: str) -> tuple[bool, bool, str]:
    """slide and its variants first, neural peers last."""
    return not ours(contestant), contestant.startswith("torch"), contestant


def ours(contestant: str) -> bool:
    return contestant.split()[0] == "slide"
