"""`slide.SlideClassifier`: the engine by the conventions of scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import ConfigError, InputError
from slide.core.examples.dataset import Dataset
from slide.core.examples.targets import Targets
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.keeping import LAST, Keeping
from slide.core.settings.demands import demand_depth, demand_float, depth
from slide.estimator import length
from slide.estimator.answers import Answers, bounds
from slide.estimator.joining import first_targets, joined, pair, wanted_of
from slide.estimator.reading import (
    as_engine_has,
    feature_names,
    labels_of,
    rows_of,
    weights_of,
    widen,
)
from slide.estimator.training import Wanted, chosen_in

Hidden = int | tuple[int, ...] | None
SETTINGS = ("hidden", "epochs", "lr", "batch_size", "cost", "active")
GROWN = 2  # times as many examples, on which settings are tried anew
HIGHEST_SEED = 2**31 - 1


class SlideClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier for very many labels, of which an example has one or several.

    What is None is chosen for the training set: up to 1,000 labels are solved as linear SVMs,
    more as `slide.recipe` has it.

    Args:
        hidden, epochs, lr, batch_size, cost, active: settings by these names (docs/settings.md).
        settings: any others by name, a dict.
        k: labels that `predict` gives each example; None for as many as are likely. Not read where
            examples have one class.
        threshold: probability from which `predict` gives a label; None for 0.5, or, with k, none.
        early_stopping: whether to keep the epoch that is best on examples that are held out, or on
            those of `fit(validation=)`, and to stop when there is no better one.
        validation_fraction: share of the examples that is held out for that.
        patience: epochs without a better one after which it stops.
        metric: by which one is better: precision_at_1, ndcg_at_5 and the like.
        warm_start: whether `fit` begins with what it has learned before (see `partial_fit`).
        time_budget: seconds of training; None for no limit.
        backend: name of the backend, or one; None for the default.
        n_jobs: threads; None or -1 for all cores that the process may use.
        random_state: seed, or a RandomState that draws one; None for seed 0: the same examples
            give the same model.

    Attributes:
        classes_: names of labels, (n_labels,): those that are given with lists of names or classes,
            sorted where they can be and otherwise as they are met first, or columns of y. Labels
            that `partial_fit` meets later come after them.
        model_: the `slide.Model`. That of dense features has a constant column before theirs.
        n_features_in_, feature_names_in_: as scikit-learn has them.
        history_: evaluations of the last run, a dict for each epoch.
    """

    model_: Model
    history_: list[dict[str, Any]]
    _targets: Targets | None
    _constant: float | None
    _seen: Dataset | None  # all examples, of labels that are solved
    _chosen: dict[str, float]  # by a run, of settings that are tried
    _chosen_on: int  # examples

    def __init__(
        self,
        *,
        hidden: Hidden = None,
        epochs: int | None = None,
        lr: float | None = None,
        batch_size: int | None = None,
        cost: float | None = None,
        active: int | None = None,
        settings: dict[str, Any] | None = None,
        k: int | None = None,
        threshold: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 3,
        metric: str = "precision_at_1",
        warm_start: bool = False,
        time_budget: float | None = None,
        backend: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.cost = cost
        self.active = active
        self.settings = settings
        self.k = k
        self.threshold = threshold
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.metric = metric
        self.warm_start = warm_start
        self.time_budget = time_budget
        self.backend = backend
        self.n_jobs = n_jobs
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_label = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    @property
    def classes_(self) -> Array:
        """Names of labels (n_labels,)."""
        return self._known.classes

    @property
    def _known(self) -> Targets:
        """The labels that there are."""
        targets: Targets | None = getattr(self, "_targets", None)
        if targets is None:
            raise AttributeError("classes_ is not there before fit")
        return targets

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation: Any = None) -> Self:
        """Train on examples.

        Args:
            X: (n_samples, n_features), a sparse matrix or array of SciPy in any format, an array,
                a list of rows, or a frame.
            y: labels: a sparse matrix or an array of 0 and 1, (n_samples, n_labels); a list of the
                names of each example's labels, which are anything hashable; or a class for each
                example. It is never made dense.
            sample_weight: (n_samples,), how often each example counts; an example of weight 0 is
                left out, and several that are equal are one of their weights' sum.
            validation: (X, y) to evaluate each epoch on, see `history_`.

        Raises:
            ValueError: X or y is none of these, or they do not fit together.
            slide.ConfigError: a parameter is out of its range, or does not go with another.
        """
        goes_on = self.warm_start and hasattr(self, "model_")
        if not goes_on:
            self._forget()
        return self._trained(self._read(X, y, sample_weight, goes_on), validation, goes_on)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, validation: Any = None
    ) -> Self:
        """Go on with more examples, which may have new labels, and new features after the others.

        Labels that are solved need all of their examples: those seen so far are kept, and solved
        again; the cost that was chosen stays until there are twice as many. Learners that take
        steps go on from their weights, for as many epochs over the new examples alone.

        Args:
            X: (n_samples, at least n_features_in_), as `fit` takes it.
            y, sample_weight, validation: see `fit`.
            classes: names of labels that are to have the first ids.
        """
        goes_on = hasattr(self, "model_")
        if not goes_on:
            self._forget()
            self._targets = first_targets(classes)
        else:
            widen(self, X)
        return self._trained(self._read(X, y, sample_weight, goes_on), validation, goes_on)

    def _forget(self) -> None:
        """Begin anew."""
        self._targets, self._seen = None, None
        self._chosen, self._chosen_on = {}, 0
        if hasattr(self, "model_"):
            del self.model_

    def _read(self, X: Any, y: Any, sample_weight: Any, goes_on: bool) -> Dataset:
        """Examples in the engine's types; from now on their labels are known."""
        rows = rows_of(self, X, reset=not goes_on)
        weights = weights_of(sample_weight, rows)
        self._targets, labels = labels_of(y, len(weights), self._targets)
        if not goes_on:
            self._constant = None
            if not isinstance(rows, CSR):
                self._constant = length.typical_length(rows, weights)
        names = feature_names(self, self._constant), self._known.as_names()
        x = as_engine_has(rows, self._constant)
        return Dataset(x, labels, None, *names, weights=weights)

    def _solves(self, data: Dataset) -> bool:
        """Whether labels are solved on these examples, rather than trained by steps."""
        model = getattr(self, "model_", None)
        return not kind_of(model.config if model else self._wanted().config(data)).takes_steps

    def _trained(self, data: Dataset, validation: Any, goes_on: bool) -> Self:
        """With a model of these examples, which begins with the one that there is."""
        bounds(self.k, self.threshold)  # which only predict reads, and would refuse too late
        solves = self._solves(data)
        seen = data = joined(self._seen, data) if solves else data
        if data.n_samples >= GROWN * self._chosen_on:
            self._chosen = {}
        wanted = self._wanted()
        data, valid = self._held_out(data, validation)
        begin_with = self.model_ if goes_on and not solves else None
        self.model_, self.history_ = wanted.train(data, valid, begin_with)
        self._seen = seen if solves else None  # what was refused is not there twice when mended
        if solves and not self._chosen:
            self._chosen, self._chosen_on = chosen_in(self.history_), data.n_samples
        return self

    def _wanted(self) -> Wanted:
        """How to train, as the parameters say it."""
        said = {name: getattr(self, name) for name in SETTINGS} | (self.settings or {})
        said = {name: value for name, value in said.items() if value is not None}
        keeping = Keeping("best", self.metric, self.patience) if self.early_stopping else LAST
        said |= self._chosen | {"seed": self._seed()}
        return Wanted(said, self.backend, self.n_jobs, self.time_budget, keeping)

    def _seed(self) -> int:
        """The seed, of a generator a fresh one."""
        if self.random_state is None or isinstance(self.random_state, int | np.integer):
            return int(self.random_state or 0)
        return int(check_random_state(self.random_state).randint(HIGHEST_SEED))

    def _held_out(self, data: Dataset, validation: Any) -> tuple[Dataset, Dataset | None]:
        """Examples to train on, and those to evaluate on, if any."""
        if validation is not None:
            return data, self._validation(*pair(validation))
        if not self.early_stopping:
            return data, None
        demand_float("validation_fraction", self.validation_fraction, 1e-6, 1 - 1e-6)
        order = np.random.default_rng(self._seed()).permutation(data.n_samples)
        n = int(np.ceil(self.validation_fraction * data.n_samples))
        if n >= data.n_samples:
            raise InputError(
                f"validation_fraction {self.validation_fraction} of {data.n_samples} examples "
                "leaves none to train on: give more, or fit(validation=)"
            )
        return data.take(np.sort(order[n:])), data.take(np.sort(order[:n]))

    def _validation(self, X: Any, y: Any) -> Dataset:
        """Other examples with the same features."""
        rows = rows_of(self, X, reset=False)
        _, labels = labels_of(y, rows.shape[0], self._targets)
        return Dataset(as_engine_has(rows, self._constant), labels)

    def _answers(self, X: Any) -> Answers:
        """What the model says of examples."""
        check_is_fitted(self)
        x = as_engine_has(rows_of(self, X, reset=False), self._constant)
        return Answers(self.model_, x, self._known.n, self._known.form == "classes")

    def predict(self, X: Any, k: int | None = None, threshold: float | None = None) -> Any:
        """The labels of examples.

        Args:
            X: (n_samples, n_features_in_), as `fit` takes it.
            k: that many labels of each example, those that score highest.
            threshold: labels that are at least so probable; with k, those of the k.

        Returns:
            The class of each example where they have one, (n_samples,). Otherwise 1 where an
            example has a label: an array if labels were given as one, else csr_array, both
            (n_samples, n_labels).
        """
        answers = self._answers(X)
        if answers.excludes:
            return self.classes_[answers.top(1)[0][:, 0]]
        found = answers.chosen(*self._bounds(k, threshold))
        if self._known.form != "marks":
            return csr_array(
                (np.ones(found.nnz, np.int8), found.indices, found.indptr), found.shape
            )
        marks = np.zeros(found.shape, self._known.dtype)
        marks[found.nonzero()] = 1
        return marks

    def _bounds(self, k: int | None, threshold: float | None) -> tuple[int | None, float | None]:
        """How many labels, and how probable ones, if not those of the parameters."""
        if k is None and threshold is None:
            k, threshold = self.k, self.threshold
        return bounds(k, threshold)

    def predict_top_k(self, X: Any, k: int = 5, candidates: Any = None) -> tuple[Array, Array]:
        """The labels that score highest, best first.

        Args:
            X: (n_samples, n_features_in_).
            k: how many; or all, if there are fewer.
            candidates: labels to choose from: names for all examples, or a list of names for each.

        Returns:
            Names of labels, or their ids where these are their names, (n_samples, k), and scores
            f64 (n_samples, k); None, or -1, and -inf where there are fewer candidates than k.
        """
        answers = self._answers(X)
        demand_depth(k)
        if candidates is None:
            ids, scores = answers.top(k)
        else:
            wanted = self._candidates(candidates, answers.x.n_rows)
            ids, scores = answers.best_of(wanted, depth(k, answers.n))
        return self._known.named(ids), scores

    def _candidates(self, candidates: Any, n: int) -> CSR:
        """Those of each of n examples, as CSR (n, n_labels)."""
        each = list(candidates)
        if not (each and all(isinstance(one, list | set | frozenset | np.ndarray) for one in each)):
            ids = np.unique(self._known.ids(each))
            return wanted_of([ids] * n, self._known.n)
        if len(each) != n:
            raise InputError(f"candidates has {len(each)} lists: expected {n}, one an example")
        return wanted_of([np.unique(self._known.ids(one)) for one in each], self._known.n)

    def decision_function(self, X: Any, labels: Any = None, k: int | None = None) -> Any:
        """Scores of labels: logits, or where examples have one of two classes, its log odds.

        Args:
            X: (n_samples, n_features_in_).
            labels: names of those that are wanted; all of them if None.
            k: those that score highest instead.

        Returns:
            f64 (n_samples, number of labels), of two classes (n_samples,); with k, csr_array
            (n_samples, n_labels) of the scores of k labels.

        Raises:
            ValueError: these would be more than 50 million numbers.
        """
        answers, ids = self._answers(X), self._asked(labels, k)
        if k is not None:
            return answers.best_scores(k)
        if not (answers.excludes and answers.n == 2 and ids is None):
            return answers.scores(ids)
        return answers.log_odds()

    def predict_proba(self, X: Any, labels: Any = None, k: int | None = None) -> Any:
        """Probabilities of labels, as the model was calibrated, or else by the sigmoid of scores.

        Where examples have one class, those of all classes are divided by their sum.

        Args:
            X: (n_samples, n_features_in_).
            labels, k: see `decision_function`.

        Returns:
            f64 (n_samples, number of labels); with k, csr_array (n_samples, n_labels).

        Raises:
            ValueError: these would be more than 50 million numbers.
        """
        answers, ids = self._answers(X), self._asked(labels, k)
        return answers.probabilities(ids) if k is None else answers.chosen(k, None)

    def _asked(self, labels: Any, k: int | None) -> Array | None:
        """The ids of labels that somebody asks for."""
        if k is not None:
            demand_depth(k)
            if labels is not None:
                raise ConfigError("got labels and k: expected one of them")
        return None if labels is None else self._known.ids(labels)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of examples whose best label is theirs: accuracy of classes, otherwise P@1.

        Args:
            X, y: see `fit`; labels that training never met are never theirs.
            sample_weight: (n_samples,), how often each example counts.
        """
        answers = self._answers(X)
        targets, labels = labels_of(y, answers.x.n_rows, self._targets)
        cells = np.arange(labels.n_rows) * targets.n + answers.top(1)[0][:, 0]
        return float(np.average(np.isin(cells, labels.positive().cells()), weights=sample_weight))
