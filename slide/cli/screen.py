"""What a person sees while a network trains: a bar on stderr, a line per epoch on stdout."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

COLUMNS = " epoch   seconds  examples/s     loss     P@1     P@3     P@5"
ON_HELD_OUT = " (held out of the training set)"
NOT_KNOWN = " (P@k takes --valid FILE)"
TOO_FEW = " (P@k takes --valid FILE: there are too few examples to hold some out)"


class Screen:
    """A watcher of training (see `slide.core.runs.watching.Watcher`).

    Args:
        epochs: of the whole run.
        show_bar: show a bar, if stderr is a terminal.
        show_epochs: print a line after each epoch.

    As a context it takes the bar off the screen, whatever ends the training.
    """

    def __init__(self, epochs: int, show_bar: bool = True, show_epochs: bool = True) -> None:
        self.epochs = epochs
        self.console = Console(stderr=True)
        self.show_bar = show_bar and self.console.is_terminal
        self.show_epochs = show_epochs
        self.bar: Progress | None = None
        self.epochs_done = 0

    def on_step(self, step: int, n_steps: int) -> None:
        """Move the bar of this epoch; on anything but a terminal there is none."""
        steps_per_epoch = n_steps // self.epochs
        if not self.show_bar:
            return
        if self.bar is None:
            self.bar = new_bar(self.console)
            self.bar.add_task(f"epoch {self.epochs_done + 1}/{self.epochs}", total=steps_per_epoch)
            self.bar.start()
        self.bar.update(self.bar.task_ids[0], completed=step - self.epochs_done * steps_per_epoch)

    def on_evaluation(self, record: dict[str, Any]) -> None:
        """Replace the bar by a line of figures."""
        self.close()
        if self.show_epochs:
            heading = heading_of(record) + "\n" if self.epochs_done == 0 else ""
            try:
                print(heading + epoch_line(record), flush=True)
            except BrokenPipeError:  # nobody reads any more: no reason to stop training
                self.show_epochs = False
        self.epochs_done += 1

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar off the screen."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def new_bar(console: Console) -> Progress:
    """A bar that vanishes when it stops, so that only the lines of figures stay."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def heading_of(record: dict[str, Any]) -> str:
    """The names of columns, and which examples the scores are of."""
    found, are_held_out = precisions(record)
    if found[0] is None:
        return COLUMNS + (TOO_FEW if "cost" in record else NOT_KNOWN)
    return COLUMNS + (ON_HELD_OUT if are_held_out else "")


def epoch_line(record: dict[str, Any]) -> str:
    """One evaluation under the headings of `COLUMNS`; the loss is over all labels, if known."""
    loss = f"{record['full_loss']:8.3f}" if "full_loss" in record else f"{'-':>8}"
    return (
        f"{record['epoch']:6d} {record['seconds']:9.1f} "
        f"{record['examples'] / record['seconds']:11,.0f} {loss} "
        + " ".join(map(percent, precisions(record)[0]))
    )


def precisions(record: dict[str, Any]) -> tuple[list[float | None], bool]:
    """P@1, P@3, P@5 on the validation set, or else on held-out examples, and whether on these."""
    prefix = "" if "precision_at_1" in record else "held_out_"
    found = [record.get(f"{prefix}precision_at_{k}") for k in (1, 3, 5)]
    return found, bool(prefix) and found[0] is not None


def percent(fraction: float | None) -> str:
    """A fraction as a percentage, 7 columns wide; a dash if there is none."""
    return "      -" if fraction is None else f"{100 * fraction:6.2f}%"
