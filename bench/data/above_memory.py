"""Training on more data than memory: `python -m bench.data.above_memory [--megabytes N]`.

Makes a data folder of N MB, and trains from it under a limit of a quarter of that (see
`bench.data.limiting`), once more without a limit, and once in memory, each time with nothing of it
in the file cache; and converts text of half the size under a quarter of its own. Speeds are of
training steps, a hundred and some, and of SVMs of the whole run; kernels were compiled before.
The picture is memory over time under the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np

import slide
from bench.data.limiting import MB, Curve, run
from slide.data.folders.writing import FolderWriter
from slide.data.xmc import xmc_text

N_FEATURES, PER_ROW = 20_000, 300
N_LABELS, PROTOTYPE = 200, 60
AT_A_TIME = 4_000  # examples, which come again and again

STEPS = 120  # of a learner that takes such, and then it is stopped

COMPILING = """
import numpy as np, slide
from bench.data.above_memory import LEARNERS, made_examples
some = made_examples().take(np.arange(300))
for chosen in LEARNERS.values():
    slide.Trainer(slide.recipe(some, epochs=1, **chosen)).fit(some)
print("{}")
"""

JOB = """
import json, sys, time
from pathlib import Path
import slide.data
what, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
where, chosen, n_steps = sys.argv[4], json.loads(sys.argv[5]), int(sys.argv[6])

class Enough(Exception):
    pass

class Watch:
    times = []
    def on_step(self, step, of):
        self.times.append(time.perf_counter())
        if len(self.times) == n_steps:
            raise Enough
    def on_evaluation(self, record):
        pass

began = time.perf_counter()
if what == "convert":
    slide.data.convert_to_folder([source], target)
    speed = source.stat().st_size / 1e6 / (time.perf_counter() - began)
else:
    data = slide.read(source)
    if where == "memory":
        data = slide.Dataset(data.x.map(lambda a: a.copy()), data.y.map(lambda a: a.copy()))
    trainer = slide.Trainer(slide.recipe(data, epochs=1, **chosen), watcher=Watch())
    try:
        trainer.fit(data)
        speed = data.n_samples / (time.perf_counter() - began)
    except Enough:
        first, last = Watch.times[0], Watch.times[-1]
        speed = (n_steps - 1) * trainer.config.batch_size / (last - first)
print(json.dumps({"speed": speed, "seconds": time.perf_counter() - began}))
"""

SMALL_MODEL = {"connections_per_example": 0.0}  # it is in memory as a whole, and not in question
LEARNERS = {
    "direct connections": {"lr": 1.0, "layers": 1, **SMALL_MODEL},
    "in windows": {"lr": 1.0, "layers": 1, "shuffle_window": 16_384, **SMALL_MODEL},
    "hidden layer": {"hidden": 64, "active": 500},
    "linear SVMs": {"active": 2, "negatives_per_example": 1.0, "cost": 0.3, **SMALL_MODEL},
}


def made_examples() -> slide.Dataset:
    """Examples with a label each, of whose prototype they have half, among features of nobody."""
    rng = np.random.default_rng(0)
    prototypes = rng.integers(N_FEATURES, size=(N_LABELS, PROTOTYPE))
    labels = (N_LABELS * rng.random(AT_A_TIME) ** 2).astype(np.int32)
    own = [rng.choice(prototypes[label], PROTOTYPE // 2, replace=False) for label in labels]
    n_others = PER_ROW - PROTOTYPE // 2
    rows = [np.unique(np.r_[each, rng.integers(N_FEATURES, size=n_others)]) for each in own]
    indptr = np.cumsum([0, *map(len, rows)])
    values = rng.integers(1, 10_000, indptr[-1]).astype(np.float32) / 10_000
    x = slide.CSR(indptr, np.concatenate(rows).astype(np.int32), values, N_FEATURES)
    ones = np.ones(AT_A_TIME, np.float32)
    return slide.Dataset(x, slide.CSR(np.arange(AT_A_TIME + 1), labels, ones, N_LABELS))


def write_folder(folder: Path, megabytes: float) -> int:
    """A data folder of about this size; its bytes."""
    data = made_examples()
    folder.mkdir()
    writer = FolderWriter(folder)
    while writer.n_bytes < megabytes * MB:
        writer.append(data)
    writer.finish()
    writer.close()
    return writer.n_bytes


def write_text(path: Path, megabytes: float) -> int:
    """XMC text of about this size; its bytes."""
    text = "".join(xmc_text(made_examples())).partition("\n")[2]
    n = max(1, round(megabytes * MB / len(text)))
    with path.open("w") as file:
        file.write(f"{n * AT_A_TIME} {N_FEATURES} {N_LABELS}\n")
        for _ in range(n):
            file.write(text)
    return path.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=2000)
    parser.add_argument("--within", type=Path, help="a folder for the data")
    parser.add_argument("--learners", nargs="*", default=list(LEARNERS))
    parser.add_argument("--picture", type=Path, default=Path("out/above-memory.png"))
    asked = parser.parse_args()
    curves: dict[str, tuple[int, Curve]] = {}
    run(COMPILING, None)
    with tempfile.TemporaryDirectory(dir=asked.within) as name:
        text, folder = Path(name) / "made.txt", Path(name) / "made"
        size = write_text(text, asked.megabytes / 2)
        print(f"{size / MB:.0f} MB of text, limit {size / 4 / MB:.0f} MB", flush=True)
        converted = Path(name) / "converted"
        curve = told("convert", "convert", text, converted, "", {}, size // 4)
        curves["convert"] = size // 4, curve
        size = write_folder(folder, asked.megabytes)
        limit = size // 4
        print(f"{size / MB:.0f} MB of data, limit {limit / MB:.0f} MB", flush=True)
        for where, held in (("folder", limit), ("folder", None), ("memory", None)):
            for learner in asked.learners:
                evict(folder)
                label = f"{learner}, {where}{', limited' if held else ''}"
                curve = told(label, "train", folder, folder, where, LEARNERS[learner], held)
                if held:
                    curves[learner] = held, curve
            draw(curves, asked.picture)


def evict(folder: Path) -> None:
    """Have the files of a folder out of the file cache, so that whoever reads them pays for it."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def told(
    label: str, what: str, source: Path, target: Path, where: str, chosen: dict, limit: int | None
) -> Curve:
    """Run a job, print its figures, and give its memory over time."""
    job = what, str(source), str(target), where, json.dumps(chosen), str(STEPS)
    figures, curve, held_by = run(JOB, limit, *job)
    peaks = [max(column) for column in list(zip(*curve, strict=True))[1:]]
    print(f"{label:36} {held_by:12} {figures['speed']:9.1f}/s {figures['seconds']:7.1f} s, peak "
          f"{peaks[0]:6.0f} MB resident, {peaks[1]:6.0f} MB anonymous", flush=True)  # fmt: skip
    return curve


def draw(curves: dict[str, tuple[int, Curve]], path: Path) -> None:
    """Resident and anonymous memory of each job over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(curves), 3.5), layout="constrained")
    places = np.atleast_1d(figure.subplots(1, len(curves)))
    for axes, (label, (limit, curve)) in zip(places, curves.items(), strict=True):
        seconds, resident, anonymous = zip(*curve, strict=True)
        axes.fill_between(seconds, resident, alpha=0.3, label="resident, mapped files among it")
        axes.plot(seconds, anonymous, label="anonymous")
        axes.axhline(limit / MB, color="black", linestyle=":", label="limit, a quarter of the data")
        axes.set(title=label, xlabel="seconds", ylabel="MB")
        axes.set_ylim(0, 1.6 * limit / MB)
    figure.axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f"picture in {path}")


if __name__ == "__main__":
    main()
