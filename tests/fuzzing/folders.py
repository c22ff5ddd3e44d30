"""Folders as they should be, and what reads them: frozen models, data folders and checkpoints."""

from __future__ import annotations

import json
import os
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import slide
from fuzzing.valid import APART, JSON_LINES, Files, contents, sampled_model
from slide.core.checkpoints.every import Checkpoints
from slide.core.checkpoints.files import ARRAYS, STATE
from slide.core.contract.arrays import CSR
from slide.core.examples.dataset import Dataset, checked
from slide.core.examples.scored import Scored
from slide.core.interrupts import Interrupted
from slide.core.models.calibration import Calibration
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.data import Columns, check_folder, convert_texts_to_folder, convert_to_folder
from slide.reference.kernels import ReferenceBackend

BACKEND = os.environ.get("SLIDE_BACKEND", "reference")  # fuzzing says numba, which may crash
MOST_STEPS = 2  # of a run that goes on, whatever its checkpoint says
CONFIGS = {
    "checkpoint": slide.Config(hidden=(2,), K=2, L=2, active=2, batch_size=2, epochs=3,
                               reinsert_every=1, catch_up=True),
    "ckpt-direct": slide.Config(hidden=0, pairs=True, loss="bce", active=2, batch_size=2, epochs=3),
    "ckpt-svm": slide.Config(cost=0.3, idf_power=0.0, active=2, epochs=4),
}  # fmt: skip


@cache
def calibrated_folder() -> Files:
    """A model that says how likely it is right."""
    model = sampled_model()
    answers = np.array([[0, 1], [3, 2]], np.int32), np.array([[0.5, 0], [1, -1]], np.float32)
    scored = Scored(*answers, CSR(np.array([0, 1, 2]), np.array([0, 2], np.int32),
                                  np.ones(2, np.float32), 4))  # fmt: skip
    calibrated = replace(model, calibration=Calibration.fitted(scored, model.label_counts))
    return contents("m", calibrated.save)


@cache
def frozen(model: Callable[[], Model], dtype: str) -> Callable[[], Files]:
    """The files of a frozen model."""
    return cache(lambda: contents("m", lambda folder: model().freeze(folder, dtype)))


def predicting(folder: Path) -> None:
    """Maps a frozen model, and asks it all that it knows."""
    predictor = slide.Predictor.load(folder / "m")
    n = predictor.n_features
    x = CSR(np.array([0, min(n, 2)]), np.arange(min(n, 2), dtype=np.int32),
            np.ones(min(n, 2), np.float32), n)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # weights may be anything: they are mapped
        for sampled in (False, predictor.model.retrieving is not None):
            ids, _ = predictor.predict(x, 1, sampled)
            assert ids.min() >= -1
    if predictor.label_names is not None:
        predictor.label_names.of(ids)
    if predictor.text is not None:
        predictor.predict_texts(["ab cd"], 1)
    if predictor.model.calibration is not None:
        predictor.predict_proba(x, 1)
    if (predictor.model.labels.ids_of(np.zeros(1, np.int32)) >= 0).all():
        predictor.explain(x, 0)


@cache
def data_folder() -> Files:
    """Examples with pairs that are left out."""

    def write(folder: Path) -> None:
        for name, content in APART.items():
            folder.with_name(name).write_bytes(content)
        convert_to_folder([folder.with_name(next(iter(APART)))], folder)

    return {name: content for name, content in contents("d", write).items() if name not in APART}


@cache
def text_data_folder() -> Files:
    """Texts with their words and names."""

    def write(folder: Path) -> None:
        folder.with_name("a.jsonl").write_bytes(JSON_LINES)
        path = folder.with_name("a.jsonl")
        convert_texts_to_folder([path], folder, Columns(("text",), "labels"))

    return {name: content for name, content in contents("d", write).items() if name != "a.jsonl"}


def as_told(files: Files) -> Files:
    """The same with lengths and checksums of names that fit, as who means harm would write them."""
    try:
        manifest = json.loads(files["d/manifest.json"])
        for name in manifest["beside"]:
            content = files[f"d/{name}"]
            manifest["beside"][name] = {"length": len(content), "crc32": zlib.crc32(content)}
    except (ValueError, TypeError, KeyError, RecursionError):
        return files
    return files | {"d/manifest.json": json.dumps(manifest).encode()}


def reading_texts_of_data(folder: Path) -> None:
    """The same, and all that is known of words and names."""
    reading_data(folder)
    data = slide.read(folder / "d")
    for names in (data.feature_names, data.label_names):
        if names is not None:
            names.of(np.arange(len(names)))
    if data.text is not None:
        assert data.text.features(["ab cd"]).n_cols == data.n_features


def reading_data(folder: Path) -> None:
    """Maps examples, checks them as whoever trains on them does, and then every byte."""
    data = slide.read(folder / "d")
    found = checked(data, "the data")
    found.check()
    found.take(np.arange(found.n_samples)).check()
    check_folder(folder / "d")


def examples() -> Dataset:
    """Six examples that a tiny run is on."""
    rng = np.random.default_rng(0)
    return Dataset(rng.random((6, 5), np.float32) * (rng.random((6, 5)) < 0.7),
                   CSR(np.arange(7), np.array([0, 1, 2, 3, 0, 1], np.int32),
                       np.ones(6, np.float32), 4))  # fmt: skip


class StopsAt:
    """Interrupts a run after so many steps, by whatever is raised."""

    def __init__(self, n_steps: int, error: type[BaseException]) -> None:
        self.left, self.error = n_steps, error

    def on_step(self, step: int, n_steps: int) -> None:
        self.left -= 1
        if self.left <= 0:
            raise self.error

    def on_evaluation(self, record: dict[str, Any]) -> None:
        pass


class HasEnoughError(Exception):
    """A run that goes on has shown that it does."""


def run(folder: Path, name: str, backend: Any, watcher: StopsAt, **asked: Any) -> None:
    """Begin, or go on, a run of one of CONFIGS."""
    checkpoints = Checkpoints(folder, **asked)
    data = examples()
    data = Dataset(data.features, data.y)
    Trainer(CONFIGS[name], backend, watcher=watcher, checkpoints=checkpoints).fit(data)


@cache
def checkpoint_of(name: str) -> Callable[[], Files]:
    """The last checkpoint of a run that was interrupted."""

    @cache
    def files() -> Files:
        def write(folder: Path) -> None:
            watcher = StopsAt(2, KeyboardInterrupt)
            with suppress(Interrupted):
                run(folder, name, ReferenceBackend(), watcher, every="1")

        found = contents("c", write)
        last = max(path for path in found if path.endswith(STATE))
        return {path: found[path] for path in (last, last.replace(STATE, ARRAYS))}

    return files


def as_checkpoint(files: Files) -> Files:
    """The same with checksums that fit, as whoever means harm would write them."""
    by_name = {Path(path).name: path for path in files}
    if STATE not in by_name:
        return files
    first, _, body = files[by_name[STATE]].partition(b"\n")
    try:
        heading = json.loads(first)
        heading["state"] = zlib.crc32(body.removesuffix(b"\n"))
        heading["arrays"] = zlib.crc32(files[by_name[ARRAYS]])
    except (ValueError, TypeError, KeyError, RecursionError):
        return files
    return files | {by_name[STATE]: json.dumps(heading).encode() + b"\n" + body}


def going_on(name: str) -> Callable[[Path], None]:
    """Goes on from a checkpoint for some steps."""

    def use(folder: Path) -> None:
        watcher = StopsAt(MOST_STEPS, HasEnoughError)
        with suppress(HasEnoughError):
            run(folder / "c", name, BACKEND, watcher, resume=True)

    return use
