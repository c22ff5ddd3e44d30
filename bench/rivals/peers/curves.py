"""Accuracy over time: slide after each epoch, every peer as the point where it ends."""

from __future__ import annotations

import statistics
from pathlib import Path

from bench.rivals.peers.records import Record, Records, ours

MEASURES = (("P@1", "precision_at_1"), ("P@5", "precision_at_5"))
MARKERS = "osD^vPX*"


def draw(records: Records, set_name: str, threads: int, out: Path) -> None:
    """NAME.png in `out`, two panels; nothing where matplotlib is missing."""
    try:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot, ticker
    except ImportError:
        print("No curves are drawn, since matplotlib is missing: pip install matplotlib")
        return
    figure, axes = pyplot.subplots(1, len(MEASURES), figsize=(10, 4), layout="constrained")
    curves = records.newest("curves", set_name, threads)
    runs = records.newest("runs", set_name, threads)
    for panel, (title, name) in zip(axes, MEASURES, strict=True):
        for contestant, (curve, *_) in curves.items():
            points = curve["points"]
            accuracy = [100 * point[name] for point in points]
            panel.plot([point["seconds"] for point in points], accuracy, ".-", label=contestant)
        peers = {key: good(each) for key, each in runs.items() if not ours(key) and good(each)}
        for marker, (contestant, ended) in zip(MARKERS, peers.items(), strict=False):
            panel.plot(*end_of(ended, name), marker, label=contestant)
        panel.set(xscale="log", xlabel="seconds of training", ylabel=f"{title}, percent")
        for of_axis in (panel.xaxis.set_major_formatter, panel.xaxis.set_minor_formatter):
            of_axis(ticker.FormatStrFormatter("%g"))  # 40, not 4 x 10^1
        panel.tick_params(axis="x", which="minor", labelsize="small")
        panel.grid(alpha=0.3)
    axes[0].legend()
    figure.suptitle(f"{set_name}, {threads} threads")
    figure.savefig(out / f"{set_name}.png", dpi=120)
    pyplot.close(figure)


def good(runs: list[Record]) -> list[Record]:
    return [run for run in runs if not run["failed"]]


def end_of(runs: list[Record], name: str) -> tuple[float, float]:
    """Median seconds and median score in percent."""
    seconds = statistics.median(run["seconds_train"] for run in runs)
    return seconds, 100 * statistics.median(run["scores"][name] for run in runs)
