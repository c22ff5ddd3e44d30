"""Accuracy over time: slide after each epoch, every peer as the point where it ends."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.rivals.peers.peer import PEERS
from bench.rivals.peers.records import Record, Records

MEASURES = (("P@1", "precision_at_1"), ("P@5", "precision_at_5"))
N_COLUMNS = 3
SIGNS = {
    peer.name: (marker, f"C{number}")
    for number, (peer, marker) in enumerate(zip(PEERS, "osD^vPX*", strict=False), 1)
}
"""Marker and colour of each peer, the same on every set."""
OURS = ("*", "C0")  # where there is no curve


def draw(records: Records, set_name: str, threads: int, out: Path) -> None:
    """NAME.png in `out`, two panels; nothing where matplotlib is missing."""
    pyplot = pyplot_or_none()
    if pyplot is None:
        return
    figure, axes = pyplot.subplots(1, len(MEASURES), figsize=(10, 4), layout="constrained")
    for panel, (title, name) in zip(axes, MEASURES, strict=True):
        fill(panel, records, set_name, threads, name)
        panel.set(xlabel="seconds of training", ylabel=f"{title}, percent")
    axes[0].legend()
    figure.suptitle(f"{set_name}, {threads} threads")
    figure.savefig(out / f"{set_name}.png", dpi=120)
    pyplot.close(figure)


def draw_all(records: Records, set_names: Sequence[str], threads: int, out: Path) -> None:
    """all.png in `out`: P@1 against seconds, a panel for each set, the same signs in all."""
    pyplot = pyplot_or_none()
    if pyplot is None:
        return
    title, name = MEASURES[0]
    n_rows = -(-len(set_names) // N_COLUMNS)
    size = (3.6 * N_COLUMNS, 2.7 * n_rows + 0.4)
    figure, axes = pyplot.subplots(
        n_rows, N_COLUMNS, figsize=size, layout="constrained", squeeze=False
    )
    signs: dict[str, Any] = {}
    for panel, set_name in zip(axes.flat, set_names, strict=False):
        fill(panel, records, set_name, threads, name)
        panel.set_title(set_name, fontsize="medium")
        signs |= {line.get_label(): line for line in panel.get_lines()}
    for panel in axes.flat[len(set_names) :]:
        panel.axis("off")
    figure.supxlabel("seconds of training")
    figure.supylabel(f"{title}, percent")
    figure.legend(signs.values(), signs.keys(), loc="outside upper center", ncols=len(signs))
    figure.savefig(out / "all.png", dpi=120)
    pyplot.close(figure)


def pyplot_or_none() -> Any:
    """What draws without a screen; a sentence where it is missing."""
    try:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot
    except ImportError:
        print("No curves are drawn, since matplotlib is missing: pip install matplotlib")
        return None
    return pyplot


def fill(panel: Any, records: Records, set_name: str, threads: int, name: str) -> None:
    """Curves of a measure, and the points where contestants end that have none."""
    from matplotlib import ticker

    curves = records.newest("curves", set_name, threads)
    runs = records.newest("runs", set_name, threads)
    for contestant, (curve, *_) in curves.items():
        points = curve["points"]
        accuracy = [100 * point[name] for point in points]
        panel.plot([point["seconds"] for point in points], accuracy, ".-", label=contestant)
    for contestant, ended in runs.items():
        if good(ended) and contestant not in curves:
            marker, colour = SIGNS.get(contestant, OURS)
            panel.plot(*end_of(good(ended), name), marker, color=colour, label=contestant)
    panel.set(xscale="log")
    panel.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))  # 50, not 5 x 10^1
    panel.xaxis.set_minor_formatter(ticker.NullFormatter())
    panel.grid(alpha=0.3)


def good(runs: list[Record]) -> list[Record]:
    return [run for run in runs if not run["failed"]]


def end_of(runs: list[Record], name: str) -> tuple[float, float]:
    """Median seconds and median score in percent."""
    seconds = statistics.median(run["seconds_train"] for run in runs)
    return seconds, 100 * statistics.median(run["scores"][name] for run in runs)
