"""What small models cost in P@k: `python -m bench.serving.small SET...`.

A set is a folder with X_train.npz and so on, or train.txt.gz and test.txt.gz. A model is trained on
each by the recipe, or taken from out/serving/SET if it is there, and frozen in every way.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import Any

import slide
from bench import ROOT
from bench.harness.problems import pair_in
from bench.harness.tables import Table

OUT = ROOT / "out" / "serving"
WAYS = [(dtype, keep) for keep in (1.0, 0.5, 0.25, 0.1) for dtype in ("float32", "float16", "int8")]


def model_of(folder: Path, train: slide.Dataset) -> slide.Model:
    """Trained by the recipe, once."""
    place = OUT / folder.name
    if not place.exists():
        slide.Trainer(slide.recipe(train), "numba").fit(train).save(place)
    return slide.Model.load(place, "numba")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """P@k of each way to freeze the model of a set."""
    train, test = pair_in(folder)
    model, rows = model_of(folder, train), []
    for dtype, keep in WAYS:
        with tempfile.TemporaryDirectory() as place:
            frozen = model.freeze(Path(place) / "frozen", dtype, keep)  # type: ignore[arg-type]
            scores = frozen.evaluate(test)
            of_k = {f"P@{k} %": 100 * scores[f"precision_at_{k}"] for k in (1, 3, 5)}
            rows.append({"set": folder.name, "dtype": dtype, "keep": keep} | of_k)
            rows[-1]["MB"] = frozen.nbytes / 1e6
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET")
    warnings.simplefilter("ignore", slide.UnseenWarning)
    rows = [row for folder in parser.parse_args().sets for row in rows_of(folder)]
    print(Table("Small models", rows).markdown())


if __name__ == "__main__":
    main()
