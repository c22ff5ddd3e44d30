"""Who chooses: the same seed makes the same choices, whatever else is loaded."""

import importlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slide.reference.cases.choices import ANY_SIZE, HypothesisChoices, ReplayedChoices
from slide.reference.falsifying import search_with_hypothesis

RANGES = [(0, 1), (0, 99), (1, 100), (1, 101), (0, 1000), (-700, 4000), (5, 1 << 40)]
LENGTHS = (0, 1, 3, 50, 51)


def choices_made(seed):
    """What a search chooses: a number from each range, and some bytes."""
    made = []

    def example(choices):
        for bounds in RANGES:
            choices.whole(*bounds)
        for n in LENGTHS:
            choices.some_bytes(n)
        made.append(choices.made)

    search_with_hypothesis(example, 100, seed, ANY_SIZE, shrink=False)
    return made


def test_choices_do_not_depend_on_what_is_loaded(tmp_path, monkeypatch):
    before = choices_made(1)
    assert before != choices_made(2)
    numbers = ", ".join(map(str, range(100, 900)))
    texts = ", ".join(repr(bytes(range(1, 1 + n))) for n in range(1, 50))
    (tmp_path / "of_constants.py").write_text(f"NUMBERS = {numbers}\nTEXTS = {texts}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("of_constants")
    assert choices_made(1) == before
    monkeypatch.delitem(sys.modules, "of_constants")


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_every_number_of_a_range_can_be_drawn_and_no_other(low, high):
    seen = set()

    @given(st.data())
    def draw(data):
        seen.add(HypothesisChoices(data, ANY_SIZE).whole(low, high))

    draw()
    assert min(seen) >= low
    assert max(seen) <= high
    assert low in seen
    if high - low < 2:
        assert seen == {low, high}


def test_choices_are_made_once_more():
    for made in choices_made(3):
        again = ReplayedChoices(made, ANY_SIZE)
        for bounds in RANGES:
            again.whole(*bounds)
        for n in LENGTHS:
            again.some_bytes(n)
        assert again.made == made
