"""What the engine takes, and what it is worth: benches, studies and races, a room for each subject.

Everything runs from the root of the checkout, as `python -m bench.ROOM.SCRIPT` or, for files named
bench_*, by `pytest bench`. README.md has a table of all; `report.py` runs those that make a report.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""Of the checkout. It stands here for those who must not load the engine with it."""
