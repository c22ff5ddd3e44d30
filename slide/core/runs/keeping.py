"""Which epoch's model a run leaves, and when it has had enough of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

from slide.core.contract.state import State
from slide.core.errors import ConfigError, said, worded
from slide.core.examples.dataset import Dataset
from slide.core.examples.metrics import RANKS
from slide.core.models.model import Model
from slide.core.settings.demands import close_to, demand_int, demand_one_of, did_you_mean

Keep = Literal["last", "best"]
MEASURES = (
    "precision", "ndcg", "psp", "label_recall", "hit_rate", "mrr", "r_precision", "map", "coverage",
)  # fmt: skip
METRICS = tuple(f"{name}_at_{k}" for name in MEASURES for k in RANKS)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is asked for.

    Args:
        keep: the model of the last epoch, or of the first one that none was better than.
        metric: by which one is better, measured on the validation set; of METRICS.
        patience: epochs without a better one after which training stops; None for no end.

    Raises:
        ConfigError: there is no such choice.
    """

    keep: Keep = "last"
    metric: str = "precision_at_1"
    patience: int | None = None

    def __post_init__(self) -> None:
        demand_one_of(said("keep"), self.keep, get_args(Keep))
        demand_metric(self.metric)
        if self.patience is not None:
            demand_int(said("patience"), self.patience, 1, 1 << 30)

    @property
    def compares(self) -> bool:
        """Whether epochs are compared at all."""
        return self.keep == "best" or self.patience is not None

    def refuse_without(self, valid: Dataset | Path | None) -> None:
        """Raise ConfigError if epochs are to be compared on a set that is not there."""
        if self.compares and valid is None:
            what = said("patience", self.patience)
            if self.keep == "best":
                what = said("keep", "best")
            given = worded("give a validation set", "give a validation set by --valid")
            raise ConfigError(
                f"{what} needs examples to measure {self.metric} on: {given}, or leave it out"
            )


def demand_metric(name: Any) -> None:
    """Raise ConfigError unless it is one of METRICS, of which a sentence cannot name all."""
    if name in METRICS:
        return
    meant = f"; {did_you_mean(name, METRICS)}" if close_to(name, METRICS) else ""
    depths = f"{', '.join(map(str, RANKS[:-1]))} or {RANKS[-1]}"
    raise ConfigError(
        f"{said('metric')} is {name!r}: expected one of {', '.join(MEASURES)} at {depths}, such as "
        f"{METRICS[0]}{meant}"
    )


LAST = Keeping()


class Kept:
    """The best epoch of a run so far; its model lies on disk, so that no two are in memory.

    Args:
        asked: for what.
        folder: for the model.
        write: writes a model somewhere else, and says where, so that one before it stays.

    Attributes:
        record: the evaluation of the best epoch, or of the last one if that is to be kept.
        n_worse: epochs since the best one.
    """

    def __init__(
        self,
        asked: Keeping,
        folder: Path,
        write: Callable[[Model, dict[str, Any]], Path] | None = None,
    ) -> None:
        self.asked, self.folder, self.write = asked, folder, write
        self.best = -1.0
        self.record: dict[str, Any] = {}
        self.n_worse = 0

    def see(self, model: Model, record: dict[str, Any]) -> None:
        """Take note of an evaluation, and keep the model if none was better."""
        is_best = False
        if self.asked.compares:
            is_best = record[self.asked.metric] > self.best
            self.best = max(self.best, record[self.asked.metric])
            self.n_worse = 0 if is_best else self.n_worse + 1
        if self.asked.keep == "last" or is_best:
            self.record = record
        if self.asked.keep == "best" and is_best:
            if self.write is None:
                model.write_into(self.folder)
            else:
                self.folder = self.write(model, record)

    def state(self) -> State:
        """What was seen; the model by the name of its folder."""
        has_model = self.asked.keep == "best" and bool(self.record)
        return {
            "best": self.best,
            "record": self.record,
            "n_worse": self.n_worse,
            "folder": self.folder.name if has_model else None,
        }

    def restore(self, state: State) -> None:
        """Go on from such a state; models lie beside each other."""
        self.best, self.record, self.n_worse = state["best"], state["record"], state["n_worse"]
        if state["folder"] is not None:
            self.folder = self.folder.with_name(state["folder"])

    @property
    def is_stale(self) -> bool:
        """Whether there was no better epoch for as long as one was waited for."""
        return self.asked.patience is not None and self.n_worse >= self.asked.patience

    def model(self, last: Model, load: Callable[[Path], Model]) -> Model:
        """The one that is kept: the last, or what is loaded from the folder of the best."""
        is_last = self.asked.keep == "last" or not self.n_worse
        return last if is_last else load(self.folder)


@contextmanager
def folder_or_temporary(folder: Path | None) -> Iterator[Path]:
    """The folder, or one that is gone afterwards."""
    if folder is not None:
        yield folder
        return
    with TemporaryDirectory(prefix="slide-") as temporary:
        yield Path(temporary)
