"""What is demanded of a kernel, property by property, and which kernel each of them applies to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from slide.reference import calling, judging, training
from slide.reference.cases import Case, draw_case, sizes
from slide.reference.cases.choices import Choices
from slide.reference.cases.drawing import ChoicePerEntry, Draw, Rough, Seeded
from slide.reference.cases.scale import Scaled, draw_at_scale
from slide.reference.cases.sizes import Sizes
from slide.reference.vectorised import Verdict

Judge = Callable[[Any, Case, Draw], Verdict]
"""Backend, case, and where the judge may draw from in its turn."""


@dataclass(frozen=True, slots=True)
class Property:
    """How to draw arguments, and how to judge what becomes of them.

    Args:
        draw_case: draws the arguments of a kernel, or of training.
        numbers: draws the numbers for it.
        judge: says what is wrong, or nothing; it may draw, too.
        draws: whether it does, so that the arguments alone do not show a failure again.
        in_turn: whether examples are numbered, so that each size has its turn to be large.
        times: so many examples for one that is asked for.
    """

    draw_case: Callable[[str, Draw], Case]
    numbers: Callable[[Choices], Draw]
    judge: Judge
    draws: bool = False
    in_turn: bool = False
    times: int = 1


def drawing(drawn: Callable[[Draw], Sizes]) -> Callable[[str, Draw], Case]:
    """Draws arguments of such sizes."""
    return lambda kernel, draw: draw_case(kernel, drawn, draw)


def unmeasured(judge: judging.Judge) -> Judge:
    """A judge that measures nothing."""
    return lambda backend, case, draw: Verdict(judge(backend, case, draw), 0.0)


PROPERTIES = {
    "exact": Property(drawing(sizes.small), ChoicePerEntry, unmeasured(judging.is_equal)),
    "bound": Property(drawing(sizes.medium), Rough, judging.is_within_bound),
    "wide": Property(drawing(sizes.wide), Seeded, judging.is_within_bound),
    "scale": Property(draw_at_scale, Scaled, judging.is_right_at_scale, in_turn=True, times=3),
    "empty": Property(drawing(sizes.partly_empty), ChoicePerEntry, judging.is_within_bound),
    "dtype": Property(drawing(sizes.small), ChoicePerEntry, unmeasured(judging.has_form)),
    "pure": Property(drawing(sizes.small), ChoicePerEntry, unmeasured(judging.is_pure)),
    "repeatable": Property(drawing(sizes.parallel), Rough, unmeasured(judging.is_repeatable)),
    "sequence": Property(
        calling.first_of_sequence,
        Scaled,
        unmeasured(calling.is_right_in_sequence),
        draws=True,
        in_turn=True,
    ),
    "callers": Property(
        calling.first_caller,
        Scaled,
        unmeasured(calling.is_right_for_callers),
        draws=True,
        in_turn=True,
    ),
    "metamorphic": Property(
        drawing(sizes.large), Seeded, unmeasured(judging.keeps_relation), draws=True
    ),
    "step": Property(drawing(sizes.network), Seeded, unmeasured(training.follows_for_a_step)),
    "forced": Property(drawing(sizes.network), Seeded, unmeasured(training.follows_definition)),
    "free": Property(drawing(sizes.network), Seeded, unmeasured(training.ends_near_definition)),
}

ALWAYS = ("scale", "empty", "dtype", "pure", "repeatable", "sequence", "callers")
GRID: dict[str, Sequence[str]] = {
    "put": ("exact", *ALWAYS),
    "get": ("exact", *ALWAYS),
    "hash": ("exact", "bound", *ALWAYS, "metamorphic"),
    "build": ("exact", *ALWAYS, "metamorphic"),
    "reinsert": ("exact", *ALWAYS, "metamorphic"),
    "query": ("exact", "wide", *ALWAYS, "metamorphic"),
    "sddmm": ("exact", "bound", "wide", *ALWAYS, "metamorphic"),
    "spmm": ("exact", "bound", "wide", *ALWAYS, "metamorphic"),
    "spmm_t": ("exact", "bound", "wide", *ALWAYS, "metamorphic"),
    "loss": ("bound", "wide", *ALWAYS, "metamorphic"),
    "update_rows": ("bound", *ALWAYS, "metamorphic"),
    "top_k": ("exact", "bound", "wide", *ALWAYS, "metamorphic"),
    "spgemm_t": ("exact", "bound", *ALWAYS, "metamorphic"),
    "invert": ("exact", "bound", *ALWAYS, "metamorphic"),
    "search": ("exact", "bound", *ALWAYS, "metamorphic"),
    "masked_spgemm": ("exact", "bound", *ALWAYS, "metamorphic"),
    "update_entries": ("bound", *ALWAYS, "metamorphic"),
    "solve_rows": ("bound", *ALWAYS, "metamorphic"),
    "train_step": ("repeatable", "step"),
    "train 20 steps": ("forced", "free"),
    "train_step direct": ("repeatable", "step"),
    "train 20 steps direct": ("forced", "free"),
}
"""The properties that apply to each kernel, and to training with all of them.

Left out: `exact` where a result is irrational, `bound` where nothing is rounded, `wide` where
there is no matrix whose cells could be numbered, `metamorphic` where nothing is computed.
"""
