"""A run in TensorBoard: a watcher that writes event files, by tensorboardX."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slide.core.contract.arguments import path_of
from slide.core.errors import ConfigError, SlideWarning, worded

MOST_POINTS = 1000  # of a curve of steps, as many as TensorBoard keeps
SECONDS_UNSEEN = 30.0  # after which what was written of steps is brought to the disk
PROGRESS = "epoch", "examples", "seconds"
LATEST = {"examples", "seconds", "learning_rate"}  # of several steps the last one tells
HELD_OUT, PROBE = "held_out_", "probe_"
NEEDS = (
    "event files are written by tensorboardX, which is not installed: "
    "pip install 'slide-engine[tensorboard]'"
)


class TensorBoard:
    """A watcher that writes event files into a folder, which TensorBoard shows.

    The step of all points is the training step. As a context it closes its file at the end,
    whatever ends the run; what is told of an epoch is on the disk at once. What cannot be written
    on the way, as on a full disk, is said once, and training goes on.

    Args:
        folder: of this run alone; it is made.
        overwrite: show this run in place of another one whose events are there. No file is removed.

    Raises:
        ConfigError: tensorboardX is not installed, or the folder cannot be one. When a run begins:
            it has events of another one, unless that is gone on with.
    """

    def __init__(self, folder: str | Path, overwrite: bool = False) -> None:
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            raise ConfigError(f"{NEEDS} ({error})") from None
        self.folder, self.overwrite = path_of(folder, "folder"), overwrite
        refuse_unwritable(self.folder)
        self.file: Any = None
        self.seen: list[dict[str, float]] = []  # of steps since the last point
        self.before = 0.0, 0.0  # examples and seconds at that point
        self.flushed = 0.0  # by a clock

    def refuse_taken(self, goes_on: bool) -> None:
        """Raise ConfigError if the folder has events of another run than the one that goes on."""
        if not goes_on and not self.overwrite and self.n_files():
            raise ConfigError(
                f"{self.folder} has events of another run: choose another "
                f"{worded('folder', '--tensorboard')}, or show this one in its place by "
                f"{worded('overwrite=True', '--overwrite')}"
            )

    def n_files(self) -> int:
        """Event files that are there."""
        return len(list(self.folder.glob("events.out.tfevents.*")))

    def on_begin(self, config: dict[str, Any], step: int, records: list[dict[str, Any]]) -> None:
        """Open a file; what is there of later steps, of a run that was killed, is not shown."""
        self.close()
        self.refuse_taken(goes_on=step > 0)
        n_files = self.n_files()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.file = event_file(self.folder, n_files)
        except OSError as error:
            raise cannot_write(self.folder, error.strerror) from None
        if n_files:
            self.write(begins_at(step, records), is_start=True)
        if not (step and n_files):
            self.write(0, text=("config", as_table(config)))
            for record in records:
                self.on_evaluation(record)
        told = records[-1] if records else {}
        self.before = told.get("examples", 0.0), told.get("seconds", 0.0)
        self.flush()

    def on_report(self, step: int, figures: dict[str, float]) -> None:
        """Keep what a step did until there is a point to write."""
        self.seen.append(figures)

    def on_step(self, step: int, n_steps: int) -> None:
        """Write the means of the steps since the last point, if one is due."""
        if self.seen and step % math.ceil(n_steps / MOST_POINTS) == 0:
            self.write(step, scalars=self.of_steps())
            if time.monotonic() - self.flushed > SECONDS_UNSEEN:
                self.flush()

    def of_steps(self) -> dict[str, float]:
        """Points of the steps since the last one."""
        seen, self.seen = self.seen, []
        last = seen[-1]
        means = {name: sum(each[name] for each in seen) / len(seen) for name in last}
        means |= {name: last[name] for name in LATEST & last.keys()}
        examples, seconds = means.pop("examples"), means.pop("seconds")
        took = seconds - self.before[1]
        if took > 0:
            means["examples_per_second"] = (examples - self.before[0]) / took
        self.before = examples, seconds
        return {f"step/{name}": value for name, value in means.items()}

    def on_evaluation(self, record: dict[str, Any]) -> None:
        """Write what is told of an epoch."""
        self.write(record["step"], scalars=dict(of_epoch(record)))
        self.flush()

    def write(
        self,
        step: int,
        scalars: dict[str, float] | None = None,
        text: tuple[str, str] | None = None,
        is_start: bool = False,
    ) -> None:
        """Append an event."""
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.proto.summary_pb2 import Summary
        from tensorboardX.summary import text as text_summary

        event = Event(step=step, wall_time=time.time())
        if is_start:
            event.session_log.CopyFrom(SessionLog(status=SessionLog.START))
        elif text is not None:
            event.summary.CopyFrom(text_summary(*text))
        else:
            values = [Summary.Value(tag=n, simple_value=x) for n, x in (scalars or {}).items()]
            event.summary.CopyFrom(Summary(value=values))
        self.attempt("write_event", event)

    def flush(self) -> None:
        """Bring what was written to the disk."""
        self.flushed = time.monotonic()
        self.attempt("flush")

    def attempt(self, method: str, *arguments: Any) -> None:
        """Do this with the file, if there is one; if that fails there is none any more."""
        if self.file is None:
            return
        try:
            getattr(self.file, method)(*arguments)
        except OSError as error:
            self.file = None
            sentence = cannot_write(self.folder, error.strerror)
            warnings.warn(f"{sentence}; training goes on without", SlideWarning, stacklevel=2)

    def close(self) -> None:
        """Bring all to the disk, and close the file."""
        self.attempt("close")
        self.file = None

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def begins_at(step: int, records: list[dict[str, Any]]) -> int:
    """The first step of which what is there is not shown, of a run that goes on after a step.

    That step itself is, unless its epoch has ended since: then it is told of the epoch again.
    """
    is_told = bool(records) and records[-1]["step"] == step
    return step + is_told


def refuse_unwritable(folder: Path) -> None:
    """Raise ConfigError if a folder is something else, or cannot be made or written into."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise cannot_write(folder, "it is a file" if there == folder else f"{there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise cannot_write(folder, f"{there} may not be written into")


def cannot_write(folder: Path, reason: str | None) -> ConfigError:
    """That there can be no event files, in a sentence."""
    return ConfigError(
        f"cannot write event files to {folder}: {reason}; choose another "
        f"{worded('folder', '--tensorboard')}"
    )


def event_file(folder: Path, number: int) -> Any:
    """A new event file, which TensorBoard reads after those that are there."""
    from tensorboardX.event_file_writer import EventsWriter

    return EventsWriter(str(folder / "events"), f".{number}")


def as_table(config: dict[str, Any]) -> str:
    """Settings in Markdown."""
    rows = (f"| {name} | {value} |" for name, value in config.items())
    return "\n".join(["| setting | value |", "|---|---|", *rows])


def of_epoch(record: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The points of an evaluation, by their names in TensorBoard."""
    for name, seconds in record["seconds_by_kernel"].items():
        yield f"seconds/{name}", seconds
    if record["seconds"] > 0:
        yield "progress/examples_per_second", record["examples"] / record["seconds"]
    for name, value in record.items():
        if name != "step" and isinstance(value, int | float):
            yield tag_of(name), value


def tag_of(name: str) -> str:
    """Where TensorBoard shows what metrics.jsonl calls so."""
    if name in PROGRESS:
        return f"progress/{name}"
    if name.startswith(HELD_OUT):
        return f"held_out/{name.removeprefix(HELD_OUT)}"
    is_score = "_at_" in name and not name.startswith(PROBE)
    return f"valid/{name}" if is_score else f"epoch/{name}"
