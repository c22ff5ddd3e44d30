"""Examples until one fails, then ever smaller ones that fail as well.

Small ones are drawn by Hypothesis. Of large ones every size has its turn to be large, so they are
numbered and drawn from a seed; what makes those smaller is a bound on all sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, Verbosity, configuration, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from slide.reference.cases import Case
from slide.reference.cases.choices import ANY_SIZE, Choices, HypothesisChoices, SeededChoices

AT_A_TIME = 10  # examples, for of more Hypothesis makes most by varying the first ones
MOST_SHRINKS = 300  # examples run to make a failing one smaller
TURNS = 24  # numbered examples run below a bound: every size has been the largest then
SIZES_FIRST = (1, 2, 4, 8)  # in which a failure is looked for that is small from the start
LARGEST = 1 << 20  # of all sizes


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed, and how: the case is None where not even that could be drawn."""

    case: Case | None
    sentence: str
    choices: Choices | None = None


Example = Callable[[Choices], Failure | None]
"""Draws and judges a case."""


@dataclass(slots=True)
class Trial:
    """What has been tried: examples up to the first failure, and the smallest failure."""

    n_examples: int = 0
    failure: Failure | None = None


class FoundError(Exception):
    """All failures are one to Hypothesis, which would sort them by where they were raised."""


class SearchEnded(BaseException):
    """Ends a search that Hypothesis would go on with after any Exception."""


def run_examples(
    example: Example, n_examples: int, seed: int, shrink: bool, largest: int = ANY_SIZE
) -> Trial:
    """Run examples that are drawn from `seed` alone; what failed before is not remembered.

    Args:
        example: draws and judges one.
        n_examples: at most; fewer where there are no more that differ.
        seed: of all that is drawn.
        shrink: whether to look for a smaller failing example, which takes longer.
        largest: no size that is drawn is above it.
    """
    trial = Trial()
    for start in range(0, n_examples, AT_A_TIME):
        count = min(AT_A_TIME, n_examples - start)
        found = search_with_hypothesis(example, count, seed + start, largest, shrink=False)
        trial.n_examples += found.n_examples
        if found.failure:
            trial.failure = found.failure
            if shrink:
                trial.failure = smallest_failure(example, count, seed + start) or found.failure
            break
    return trial


def smallest_failure(example: Example, count: int, seed: int) -> Failure | None:
    """A failure in the smallest size that shows one, made smaller still; None if it is gone."""
    for largest in SIZES_FIRST:
        if failure := search_with_hypothesis(
            example, AT_A_TIME, seed, largest, shrink=True
        ).failure:
            return failure
    return search_with_hypothesis(example, count, seed, ANY_SIZE, shrink=True).failure


def search_with_hypothesis(
    example: Example, count: int, seed: int, largest: int, shrink: bool
) -> Trial:
    """Let Hypothesis run a few examples, and if one fails smaller ones."""
    trial = Trial()
    n_shrinks = 0

    def run(data: st.DataObject) -> None:
        nonlocal n_shrinks
        failure = example(HypothesisChoices(data, largest))
        if trial.failure is None:
            trial.n_examples += 1
        else:
            n_shrinks += 1
        trial.failure = failure or trial.failure  # Hypothesis only tries smaller ones
        if n_shrinks > MOST_SHRINKS:
            raise SearchEnded
        if failure:
            raise FoundError

    chosen = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    try:
        with leaving_no_folder():
            seeded(seed)(chosen(given(st.data())(run)))()
    except SearchEnded:
        pass
    except Exception as error:  # FoundError, or what Hypothesis says of a result that changes
        trial.failure = trial.failure or Failure(None, f"raised {type(error).__name__}: {error}")
    return trial


def run_numbered_examples(
    example: Example, n_examples: int, seed: int, shrink: bool, largest: int = ANY_SIZE
) -> Trial:
    """As `run_examples`, for examples that are numbered."""
    for number in range(n_examples):
        if failure := example(SeededChoices(seed, number, largest)):
            if shrink:
                failure = failure_of_least_bound(example, seed, min(largest, LARGEST)) or failure
            return Trial(number + 1, failure)
    return Trial(n_examples)


def failure_of_least_bound(example: Example, seed: int, high: int) -> Failure | None:
    """A failure with all sizes below a bound that is as small as can be; None if it is gone."""
    low, found = 0, None  # nothing fails at low that was tried
    while high - low > 1:
        middle = (low + high) // 2
        numbers = (example(SeededChoices(seed, number, middle)) for number in range(TURNS))
        if failure := next(filter(None, numbers), None):
            found, high = failure, middle
        else:
            low = middle
    return found


@contextmanager
def leaving_no_folder() -> Iterator[None]:
    """Give Hypothesis a folder that is gone afterwards, not `.hypothesis` in the present one."""
    with TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(None)
