"""Data folders: `python -m bench.data.folders [--megabytes N] [--picture FILE.png]`.

Writes made-up text, reads it and converts it (CPU seconds of the whole process beside those of the
clock, for the cores may be shared), converts files of two sizes while the resident memory is
watched, and trains one epoch of direct connections and of hidden layers, in memory and from the
folder. Each is a process of its own. The picture is the resident memory over time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PAGE = 4096
N_FEATURES, PER_ROW, N_LABELS = 100_000, 75, 10_000
LINES = 20_000  # that are repeated

JOB = """
import json, resource, sys, time
from pathlib import Path
import slide
from slide.data import convert_to_folder
from slide.core.runs.to_folder import peak_rss_mb
what, source, target, chosen = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4])
began, cpu = time.perf_counter(), time.process_time()
extra = {}
if what == "read":
    slide.read(source)
elif what == "convert":
    convert_to_folder([source], target)
else:
    data = slide.read(source)
    trainer = slide.Trainer(slide.recipe(data, epochs=1, **chosen))
    trainer.fit(data)
    extra = {"examples_per_second": trainer.examples / trainer.seconds}
anonymous = [int(line.split()[1]) / 1e3 for line in open("/proc/self/status") if "RssAnon" in line]
print(json.dumps({"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu,
                  "peak_mb": peak_rss_mb(), "anonymous_mb": anonymous[0], **extra}))
"""  # noqa: E501, a program

LEARNERS = {"direct": {"lr": 1.0}, "hidden": {"hidden": 64, "active": 500}}


def write_text(path: Path, megabytes: float) -> None:
    """XMC text of about this size, of LINES lines again and again."""
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(LINES):
        columns = np.sort(rng.choice(N_FEATURES, PER_ROW, replace=False))
        values = rng.integers(1, 10_000, PER_ROW)
        features = " ".join(f"{i}:0.{v:04d}" for i, v in zip(columns, values, strict=True))
        lines.append(f"{rng.integers(N_LABELS)},{rng.integers(N_LABELS)} {features}\n")
    text = "".join(lines)
    n = max(1, round(megabytes * 1e6 / len(text)))
    with path.open("w") as file:
        file.write(f"{n * LINES} {N_FEATURES} {N_LABELS}\n")
        for _ in range(n):
            file.write(text)


def run(what: str, source: Path, target: Path, **chosen: object) -> tuple[dict, list]:
    """The figures of a job, and (seconds, resident MB) while it ran."""
    command = [sys.executable, "-c", JOB, what, str(source), str(target), json.dumps(chosen)]
    began, curve = time.perf_counter(), []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as job:
        while job.poll() is None:
            resident = int(Path(f"/proc/{job.pid}/statm").read_text().split()[1]) * PAGE / 1e6
            curve.append((time.perf_counter() - began, resident))
            time.sleep(0.02)
        assert job.stdout is not None
        return json.loads(job.stdout.read()), curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--picture", type=Path, default=Path("out/data-folders.png"))
    asked = parser.parse_args()
    curves = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for times in (1, 4):
            source = folder / f"{times}.txt"
            write_text(source, asked.megabytes * times / 4)
            megabytes = source.stat().st_size / 1e6
            for what in ("read", "convert"):
                figures, curves[f"{what} {megabytes:.0f} MB"] = run(
                    what, source, folder / str(times)
                )
                tell(f"{what} {megabytes:.0f} MB", megabytes, figures)
        for learner, chosen in LEARNERS.items():
            for where, source in (("memory", folder / "4.txt"), ("folder", folder / "4")):
                label = f"{learner} from {where}"
                figures, curves[label] = run("train", source, folder, **chosen)
                print(f"{label:24} {figures['examples_per_second']:8.0f} examples/s, peak "
                      f"{figures['peak_mb']:.0f} MB, of it {figures['anonymous_mb']:.0f} MB "
                      "anonymous at its end", flush=True)  # fmt: skip
    draw(curves, asked.picture)


def tell(label: str, megabytes: float, figures: dict) -> None:
    """Speeds by the clock and by the cores' own seconds, and memory."""
    print(
        f"{label:24} {megabytes / figures['seconds']:6.1f} MB/s, {megabytes / figures['cpu']:6.1f} "
        f"MB a CPU second, {figures['cpu'] / figures['seconds']:.2f} cores, peak "
        f"{figures['peak_mb']:.0f} MB",
        flush=True,
    )


def draw(curves: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """The resident memory of each job over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for label, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), label=label)
    axes.set(xlabel="seconds", ylabel="resident MB (mapped files count while they are cached)")
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f"picture in {path}")


if __name__ == "__main__":
    main()
