"""One run of slide train, once its options are understood: it is read, trained, left and told."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slide.cli.distributed import Wanted
from slide.cli.logs import Logs
from slide.cli.options import computing_threads, model_in, print_json, tally_of
from slide.cli.resuming import settings_from
from slide.cli.screen import Screen
from slide.cli.texts import Texts
from slide.cli.tracking import watching
from slide.cli.training_files import sets_of, tell_sets, tell_unused
from slide.cli.unseen import telling_unseen
from slide.core.examples.counting import OneBased

if TYPE_CHECKING:
    from slide.core.checkpoints.every import Checkpoints
    from slide.core.contract.backend import Backend
    from slide.core.contract.state import State
    from slide.core.examples.dataset import Dataset
    from slide.core.learners.config import Config
    from slide.core.runs.keeping import Keeping
    from slide.report.tensorboard import TensorBoard


@dataclass(frozen=True, slots=True)
class Training:
    """What is asked for; nothing that is known before files are read speaks against it.

    Args:
        train, valid: the files; None for no validation set.
        judged: the file that epochs are evaluated on, if they are.
        texts: how they are read if they are texts or logs; None for numbers.
        one_based: what they count from 1; None for nothing.
        model: the folder to write, in which `overwrite` replaces a model.
        chosen: settings that were given.
        computer: whose kernels compute.
        wanted: where.
        keeping: which epoch's model is left.
        checkpoints: that are written; None for none.
        found: the one that the run goes on from; None to begin.
        board: writes event files, if anybody does.
        time_budget, calibrate, overwrite, strict, explain_recipe, quiet, as_json: the options.
    """

    train: Path
    valid: Path | None
    judged: Path | None
    texts: Texts | Logs | None
    one_based: OneBased | None
    model: Path
    chosen: dict[str, Any]
    computer: Backend
    wanted: Wanted
    keeping: Keeping
    checkpoints: Checkpoints | None
    found: State | None
    board: TensorBoard | None
    time_budget: float | None
    calibrate: bool
    overwrite: bool
    strict: bool
    explain_recipe: bool
    quiet: bool
    as_json: bool

    def run(self) -> None:
        """Read the files, train, leave the model, and print what came out."""
        began = time.perf_counter()
        train, valid = sets_of(self.train, self.valid, self.one_based, self.texts)
        if not self.quiet:
            tell_sets(train, valid)
        seconds_load = time.perf_counter() - began
        config, recipe = self.config_for(train), self.recipe_for(train)
        self.wanted.refuse_unfit(train.n_labels, config)
        figures = self.trained(train, valid, config, seconds_load)
        figures["unused_labels"] = tell_unused(train, self.quiet)
        self.tell(figures | recipe | checks_of(self.computer))

    def config_for(self, train: Dataset) -> Config:
        """All settings: of the run that goes on, or as they are chosen for these examples."""
        from slide.core.learners.recipe import recipe

        if self.found is not None:
            return settings_from(self.found, self.chosen, self.quiet)
        return recipe(train, self.by_steps, self.time_budget, **self.chosen)

    def recipe_for(self, train: Dataset) -> dict[str, Any]:
        """Print what the recipe chooses, and why, or give it for the one object that is printed.

        Nothing where nobody asks, or a run goes on.
        """
        if not self.explain_recipe or self.found is not None:
            return {}
        from rich.console import Console

        from slide.cli.counts import show_recipe
        from slide.core.learners.reasons import explained

        told = explained(train, self.by_steps, self.time_budget, **self.chosen)
        if not self.as_json:
            show_recipe(told, Console(highlight=False))
        return {"recipe": told.to_dict()}

    @property
    def by_steps(self) -> bool:
        """Whether only learners will do that take steps."""
        return self.wanted.by_steps or takes_steps(self.computer)

    def trained(
        self, train: Dataset, valid: Dataset | None, config: Config, seconds_load: float
    ) -> dict[str, Any]:
        """Train, and leave the model in its folder; the figures of the run."""
        from slide.core.runs.to_folder import train_to_folder

        show_epochs = not (self.quiet or self.as_json)
        screen = Screen(config.training.epochs, not self.quiet, show_epochs)
        threads = 1 if self.wanted.distributed else self.wanted.threads
        trained_on, one_based = str(self.train), self.one_based or OneBased.NONE
        with (
            telling_unseen(self.judged, self.strict, self.quiet),
            computing_threads(self.computer, threads) as n_threads,
            self.wanted.placement(self.computer, self.checkpoints) as placement,
            watching(screen, self.board) as watcher,
        ):
            circumstances = {"seconds_load": seconds_load, "threads": n_threads}
            if self.wanted.votes:
                figures = self.wanted.vote(
                    self.computer, self.chosen, train, valid, self.model, self.overwrite,
                    trained_on, one_based, time_budget=self.time_budget, calibrate=self.calibrate,
                )  # fmt: skip
            else:
                _, figures = train_to_folder(
                    train, valid, self.model, config, self.computer, self.overwrite,
                    self.time_budget, watcher, trained_on, one_based, self.keeping, self.calibrate,
                    self.checkpoints, placement, circumstances,
                )  # fmt: skip
        return figures | circumstances

    def tell(self, figures: dict[str, Any]) -> None:
        """Print figures as one object, or where the model is."""
        if self.as_json:
            print_json(figures)
            return
        if self.quiet:
            return
        if self.keeping.keep == "best":
            print(f"Kept epoch {figures['kept_epoch']}, {figures[self.keeping.metric]:.4f}")
        logs = None if isinstance(self.texts, Texts) else self.texts
        print(model_in(self.model, *([logs.option] if logs else [])))


def takes_steps(computer: Backend) -> bool:
    """Whether a backend is one whose workers take steps at once."""
    return getattr(computer, "hogwild_workers", None) is not None


def checks_of(computer: Backend) -> dict[str, Any]:
    """Figures of what was checked of a backend, if it was."""
    tally = tally_of(computer)
    return {"checked_calls": tally.checked, "checked_worst": tally.worst} if tally else {}
