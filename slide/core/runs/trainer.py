"""Training from data to a model: what is set up before its epochs, and what comes after them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from slide.core.checkpoints.every import Checkpoints
from slide.core.checkpoints.shelf import Shelf
from slide.core.contract.arguments import demand_kind, demand_methods, path_of
from slide.core.contract.backend import Backend
from slide.core.contract.opening import opened
from slide.core.contract.state import State
from slide.core.contract.timed import TimedBackend
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.examples.scored import Scored
from slide.core.interrupts import unwrapping
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.learners.recipe import completed
from slide.core.models.calibration import AT, Calibration
from slide.core.models.judging import judgement
from slide.core.models.model import Model
from slide.core.models.origin import Origin
from slide.core.models.unseen import known
from slide.core.runs.calibrating import answers, answers_by_parts, refuse_too_few
from slide.core.runs.clock import Clock
from slide.core.runs.course import Course
from slide.core.runs.digests import arrays_of, digest_of, digests_of
from slide.core.runs.epochs import Epochs
from slide.core.runs.going_on import Before
from slide.core.runs.keeping import LAST, Keeping, Kept, folder_or_temporary
from slide.core.runs.placement import HERE, Placement
from slide.core.runs.refusals import checked_pair, demand_time_budget
from slide.core.runs.resuming import (
    config_of,
    description_of,
    keeping_of,
    refuse_other_data,
)
from slide.core.runs.runners import when_whole
from slide.core.runs.saving import Saver, Unsaved, saver_of
from slide.core.runs.watching import Watcher

NO_BEST = "best-0"  # where a model before the first epoch would be


@dataclass(slots=True)
class Trainer:
    """Trains one network.

    Args:
        config: all settings; what a `slide.Config` leaves open is chosen for each training set.
        backend: whose kernels compute; by default the one of the command line, on all cores. In
            place of a backend its name will do.
        time_budget: seconds of training (evaluations apart) after which to stop, even within an
            epoch; the learning rate then decays with the time used. None for no limit.
        watcher: is told of each step and evaluation (see `Watcher`).
        keeping: which epoch's model `fit` gives, and when it stops.
        keep_in: a folder for the best model meanwhile; a temporary one if None.
        calibrate: have calibrated probabilities even where no training example was held out and
            there is no validation set: train again, without some of the examples, and forget it.
        checkpoints: where an interrupted run is to leave what it needs to go on, or one that was
            goes on from; they stay until `remove_checkpoints`. None for none.
        placement: where the steps are taken: here, unless it says otherwise.

    Attributes:
        said: the config that it was made with; `config` is what was trained last.
        kept: the evaluation of the model that `fit` gave.
        clock: how far the run is; `seconds`, `examples` and `step` are its own.
        seconds_compile: of the rehearsal before it, in which kernels are compiled.
        seconds_calibrate: after training, of fitting probabilities.
        judged: how good its answers were to examples that it was not trained on, and which (`of`:
            valid, held_out, parts); see `slide.core.models.judging`. None where there are none.
    """

    config: Config
    backend: Backend = field(default_factory=lambda: opened(None))
    time_budget: float | None = None
    watcher: Watcher | None = None
    keeping: Keeping = LAST
    keep_in: Path | None = None
    calibrate: bool = False
    checkpoints: Checkpoints | None = None
    placement: Placement = HERE
    said: Config = field(init=False)
    kept: dict[str, Any] = field(default_factory=dict, init=False)
    clock: Clock = field(default_factory=Clock, init=False)
    seconds_compile: float = field(default=0.0, init=False)
    seconds_calibrate: float = field(default=0.0, init=False)
    judged: dict[str, Any] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.config, Config):
            raise ConfigError(f"config is {self.config!r}: expected a slide.Config")
        if not isinstance(self.keeping, Keeping):
            expected = 'a Keeping, such as Keeping("best")'
            raise ConfigError(f"keeping is {self.keeping!r}: expected {expected}")
        self.said, self.backend = self.config, opened(self.backend)
        if self.time_budget is not None:
            demand_time_budget(self.time_budget)
        if self.keep_in is not None:
            self.keep_in = path_of(self.keep_in, "keep_in")
        if self.watcher is not None:
            methods = "on_step", "on_evaluation"
            demand_methods(
                self.watcher, methods, "watcher", f"something with {' and '.join(methods)}"
            )
        if self.checkpoints is not None:
            demand_kind(
                self.checkpoints, Checkpoints, "checkpoints", "a Checkpoints(folder, every)"
            )

    def fit(
        self, train: Dataset, valid: Dataset | None = None, begin_with: Model | None = None
    ) -> Model:
        """Train on `train`, evaluating on `valid` after each epoch; the model that is to be kept.

        If training has had enough of epochs without a better one, what is due at the end is done
        and evaluated, too.

        Each evaluation is a dict of

        * step, epoch, seconds (of training), examples (so far), seconds_by_kernel and
          calls_by_kernel (of training), learning_rate (of the last step, of learners that take
          some);
        * loss (mean over the epoch, over the active sets), mean_active, from_labels, from_tables,
          from_uniform (shares of the active set), inclusion_probability (of the uniform ones),
          touched_rows (of the output layer), all means over the steps of the epoch;
        * what `Model.evaluate` returns (fractions on `valid`, if there is one);
        * full_loss (over all neurons, on the probe: 64 training examples), dead_neurons (share of
          output neurons never updated so far), and of the output layer's tables, if there are
          any: table_age (steps since the last rebuild), probe_recall_at_10 (of the exact top 10,
          on the probe, within 1 % of the neurons), bucket_mean, bucket_largest, bucket_gini,
          bucket_empty (see `slide.core.sampled.occupancy.occupancy`); of direct connections
          list_mean, list_largest, list_empty and list_gini: of the lists of the index, by input,
          or of the examples that labels are solved on, by label
          (`slide.core.contract.lists.occupancy_of_lists`); what training chose so far of settings
          that nobody said, by their names: layers, embedding_dim, cost, centroid, idf_power;
        * whatever figures the runner of the steps, or the backend, has of its own: lost_updates
          (see `slide.core.runs.hogwild`).

        What `valid` has that `train` lacks is left out, or counts as missed, with an
        `UnseenWarning`. Where few of many ids are in use, memory follows those.

        With `begin_with`, a model that takes steps, training goes on from its weights, on these
        examples alone; they may have more features and labels than it has. A run that goes on
        from a checkpoint does not need it again.

        The same seed gives the same network, whatever the order of the examples in `train`.

        Probabilities are calibrated (`Model.predict_proba`) on what the learner held out of `train`
        until its last round; if it did not, or another epoch is kept, on `valid`; else, if
        `calibrate` is true, by training again. Weights do not depend on it.

        Raises:
            InputError: the arrays of a set contradict each other, or a number is not finite.
            ConfigError: dense sets differ in features, there is nothing to learn, network and
                tables would not fit into memory, training diverges, epochs are to be compared
                without `valid`, or `calibrate` is asked for on too few examples.
        """
        if begin_with is not None:
            demand_kind(begin_with, Model, "begin_with", "a slide.Model")
        with saver_of(self.checkpoints) as saver, saver.telling(), unwrapping():
            if saver.found is not None:
                self.keeping = keeping_of(saver.found["run"], self.keeping)
            self.keeping.refuse_without(valid)
            train, valid = checked_pair(train, valid)
            names = {n: getattr(train, n) for n in ("feature_names", "label_names", "text")}
            digests = self._digests(train, valid, begin_with, saver.found)
            digest = digests.get("train") or digest_of(arrays_of(train))
            train, before = Before.found(train, begin_with, saver.found)
            features, labels = before.features, before.labels
            counts = before.label_counts(train.y.positive().column_counts())
            if valid is not None:
                valid, unseen = known(valid, features, labels, counts)
                unseen.warn()
            self._get_ready(train, saver.found)
            as_model = partial(
                self.placement.model, self.config, backend=self.backend, label_counts=counts,
                n_samples=before.n_samples + train.n_samples, feature_ids=features.ids,
                label_ids=labels.ids, **names,
            )  # fmt: skip
            run = description_of(self.config, kind_of(self.config).name, self.keeping, digests)
            run["start"] = before.start and before.start.state()
            model = self._fitted(train, valid, as_model, before, saver, run)
            model.origin = Origin.now(digest)
            return model

    def _fitted(
        self, train: Dataset, valid: Dataset | None, as_model: Callable[..., Model],
        before: Before, saver: Saver | Unsaved, run: State,
    ) -> Model:  # fmt: skip
        """See `fit`, with data by columns, and what checkpoints say of the run."""
        with folder_or_temporary(self.keep_in) as folder:
            if self.checkpoints is not None:
                folder = self.checkpoints.folder / NO_BEST
            kept = Kept(self.keeping, folder, saver.write_best)
            last, held_out = self._epochs(train, valid, kept, as_model, before, saver, run).run()
            self.kept = kept.record
            model = kept.model(last, lambda path: self.placement.load(path, self.backend))
        self._calibrate(model, train, valid, held_out if model is last else None)
        return model

    def _epochs(
        self, train: Dataset, valid: Dataset | None, kept: Kept, as_model: Callable[..., Model],
        before: Before, saver: Saver | Unsaved, run: State,
    ) -> Epochs:  # fmt: skip
        """Those of the run, from its beginning or from where a checkpoint has it."""
        runner, timed = self.placement.runner(self.backend), TimedBackend(self.backend)
        course = Course(self, train, timed, kept, before, saver.found)
        saver.begin(partial(course.state, run), when_whole(runner, self.config), course.number)
        return Epochs(self, course, runner, saver, valid, as_model)

    def _calibrate(
        self, model: Model, train: Dataset, valid: Dataset | None, held_out: Scored | None
    ) -> None:
        """Fit the model's probabilities to answers that it can be judged by, and judge it."""
        began = time.perf_counter()
        scored, of = self._answers(model, train, valid, held_out)
        if scored is None:
            return
        calibration, likely, right = Calibration.fitted_to(scored, model.label_counts)
        model.calibration = calibration
        self.seconds_calibrate = time.perf_counter() - began
        with self.clock.evaluating():
            if of == "held_out" and valid is not None and valid.n_samples:
                scored, of = answers(model, valid), "valid"
                likely, right = calibration.judged(scored.first(AT))
            self.judged = {"of": of} | judgement(model, scored, likely, right)

    def _answers(
        self, model: Model, train: Dataset, valid: Dataset | None, held_out: Scored | None
    ) -> tuple[Scored | None, str]:
        """To examples that the model was not trained on, None where there are none; which."""
        if held_out is None and valid is not None and valid.n_samples:
            return answers(model, valid), "valid"
        if held_out is None and self.calibrate:
            again = Trainer(self.config, self.backend, self.time_budget)
            return answers_by_parts(train, self.config.training.seed, again.fit), "parts"
        return held_out, "held_out"

    def remove_checkpoints(self) -> None:
        """Remove those of the run, whose model is where it belongs."""
        if self.checkpoints is not None:
            Shelf(self.checkpoints.folder).clear()

    def _digests(
        self, train: Dataset, valid: Dataset | None, begin_with: Model | None, found: State | None
    ) -> State:
        """Of the data, if checkpoints are asked for; the same as in the one that was found."""
        if self.checkpoints is None:
            return {}
        digests = digests_of(train, valid, begin_with)
        if found is not None:
            refuse_other_data(found["run"], digests)
            digests["begun_with"] = found["run"]["begun_with"]
        return digests

    def _get_ready(self, train: Dataset, found: State | None) -> None:
        """Choose what the config leaves open, refuse what does not fit, compile kernels."""
        by_steps = getattr(self.backend, "hogwild_workers", None) is not None
        by_steps = by_steps or self.placement.by_steps
        if found is None:
            whole = completed(self.said, train, by_steps, self.time_budget)
            self.config = self.placement.settled(whole)
        else:
            run = found["run"]
            self.config = config_of(run, self.said, found["place"])
            self.time_budget = self.time_budget or run["time_budget"]
            self.calibrate = self.calibrate or run["calibrate"]
        if self.calibrate:
            refuse_too_few(train.n_samples)
        self.placement.demand_room(self.config, self.backend, train)
        self.clock = Clock(self.time_budget)
        self.seconds_compile = self.placement.rehearse(self.config, self.backend, train)

    @property
    def seconds(self) -> float:
        return self.clock.seconds

    @property
    def examples(self) -> int:
        return self.clock.examples

    @property
    def step(self) -> int:
        return self.clock.step
