"""The vectorised judge: right results pass, also those at their bounds, and no wrong one does."""

import ast
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from slide.core.contract.arrays import CSR
from slide.core.contract.backend import KERNELS
from slide.reference import vectorised
from slide.reference.bounds import bound_of, named_arrays
from slide.reference.bounds.comparing import TINY
from slide.reference.cases import draw_case, sizes
from slide.reference.cases.choices import ANY_SIZE, SeededChoices
from slide.reference.cases.drawing import Rough, Seeded
from slide.reference.cases.scale import Scaled, draw_at_scale
from slide.reference.kernels import ReferenceBackend
from slide.reference.running import expected_result, map_arrays, run_case
from slide.reference.vectorised import verdict

BACKEND = ReferenceBackend()
INEXACT = "loss", "update_rows", "update_entries", "solve_rows"  # whatever their arguments are
BOUNDED = "sddmm", "spmm", "spmm_t", "masked_spgemm", *INEXACT[:3]  # by number alone
FAR = 3000  # what no check at small sizes reaches


def is_exact(kernel, draw):
    return kernel not in INEXACT and not draw.rough


def small_cases(kernel, n=40, numbers=Seeded, of_sizes=sizes.small, seed=1):
    for i in range(n):
        draw = numbers(SeededChoices(seed, i, ANY_SIZE))
        yield draw_case(kernel, of_sizes, draw), is_exact(kernel, draw)


def large_cases(kernel, n, seed=1):
    for i in range(n):
        draw = Scaled(SeededChoices(seed, i, 10 * FAR))
        case = draw_at_scale(kernel, draw)
        yield case, is_exact(kernel, draw)


def narrowed(array):
    return array.astype(np.float32) if array.dtype == np.float64 else array


def said(case, got, exact):
    return verdict(case.kernel, case.arguments, got, exact).sentence


def with_part(thing, path, array):
    """A result of which the part at a path, as `named_arrays` names it, is another array."""
    if not path:
        return array
    key, rest = path[0], path[1:]
    if isinstance(thing, tuple):
        i = int(key)
        return (*thing[:i], with_part(thing[i], rest, array), *thing[i + 1 :])
    return replace(thing, **{key: with_part(getattr(thing, key), rest, array)})


def steps_of(name):
    return name.replace("]", "").replace("[", ".").split(".")[1:]


def arrays_of(got):
    return {name: array for name, array in named_arrays(got, "result").items() if array.ndim}


def changed(array, place):
    """One number is another one, further away than any bound."""
    array = array.copy()
    number = array.reshape(-1)[place]
    if array.dtype.kind == "f":
        other = number + abs(number) + 1 if np.isfinite(number) else 7
    else:
        other = number ^ array.dtype.type(1)
    array.reshape(-1)[place] = other
    return array


def with_nan(array, place):
    array = array.copy()
    array.reshape(-1)[place] = np.nan
    return array


def faults(got, place=0):
    """Wrong results, each by what is wrong with it."""
    for name, array in arrays_of(got).items():
        wider = np.int64 if array.dtype != np.int64 else np.int32
        wrongs = {"dtype": array.astype(np.float64 if array.dtype.kind == "f" else wider)}
        wrongs["list"] = array.tolist()
        if array.size:
            at = min(place, array.size - 1)
            wrongs["shorter"] = array[:-1]
            wrongs["number"] = changed(array, at)
            wrongs["last number"] = changed(array, array.size - 1)
        if array.size and array.dtype.kind == "f":
            wrongs["nan"] = with_nan(array, at)
        for what, wrong in wrongs.items():
            yield f"{name}: {what}", with_part(got, steps_of(name), wrong)
    yield "nothing", None


def structural_faults(got):
    if isinstance(got, tuple):
        yield "a part too many", (*got, got[0])
    if is_dataclass(got):
        for field in fields(got):
            if isinstance(getattr(got, field.name), int):
                yield field.name, replace(got, **{field.name: getattr(got, field.name) + 1})
    if isinstance(got, CSR) and got.nnz:
        yield "entry dropped", without_entry(got, 0)
        yield "last entry dropped", without_entry(got, got.nnz - 1)


def without_entry(matrix, place):
    indptr = matrix.indptr - (matrix.indptr > place)
    return CSR(
        indptr, np.delete(matrix.indices, place), np.delete(matrix.values, place), matrix.n_cols
    )


KINDS = {
    "small": (Seeded, sizes.small),
    "rough": (Rough, sizes.small),
    "medium": (Rough, sizes.medium),
    "partly empty": (Seeded, sizes.partly_empty),
}


@pytest.mark.parametrize("n", [10, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_what_the_reference_and_plain_give_passes(kernel, kind, n):
    for case, exact in small_cases(kernel, n, *KINDS[kind]):
        for got in run_case(BACKEND, case), map_arrays(expected_result(case), narrowed):
            found = verdict(kernel, case.arguments, got, exact)
            assert not found.sentence, str(case)
            assert 0 <= found.worst <= 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_part_of_a_result_is_looked_at(kernel):
    seen = set()
    for case, exact in small_cases(kernel, 15):
        got = run_case(BACKEND, case)
        for what, wrong in [*faults(got), *structural_faults(got)]:
            assert said(case, wrong, exact), f"{case}: {what}"
            seen.add(what)
    assert len(seen) >= 6


@pytest.mark.parametrize("kernel", BOUNDED)
def test_half_a_bound_is_allowed_and_one_and_a_half_is_not(kernel):
    worst, n_refused = 0.0, 0
    for case, _ in small_cases(kernel, 20, Rough, sizes.medium):
        for share in 0.5, 1.5:
            got, is_off = off_by(case, share)
            found = verdict(kernel, case.arguments, got)
            if share < 1:
                assert not found.sentence, str(case)
                worst = max(worst, found.worst)
            elif is_off:
                assert found.sentence, str(case)
                assert found.worst > 1
                n_refused += 1
    assert 0.45 < worst < 0.65
    assert n_refused > 5


def off_by(case, share):
    """The result of `plain`, every number off by a share of its bound, and whether any is."""
    want, bound = expected_result(case), bound_of(case.kernel, case.arguments)
    got, is_off = want, False
    before = (
        arrays_of(case.arguments[0]) if case.kernel in ("update_rows", "update_entries") else {}
    )
    for name, allowed in named_arrays(bound, "result").items():
        exact = named_arrays(want, "result")[name]
        if exact.dtype.kind != "f" or not exact.size:
            continue
        usable = (allowed > 2 * TINY) & (allowed > 1e-6 * abs(exact))  # seen in float32
        if name in before:
            usable &= exact != before[name]
        sides = np.where(exact < 0, -1, 1)  # away from 0, that squares stay above it
        is_off |= bool(usable.any())
        moved = exact + share * sides * np.where(usable, allowed, 0)
        got = with_part(got, steps_of(name), moved)
    return map_arrays(got, narrowed), is_off


@pytest.mark.parametrize("enough", [3, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kernel", KERNELS)
def test_one_wrong_number_among_thousands_is_found(kernel, enough):
    """In as many of 20 large cases as it takes to have so many wrong numbers."""
    rng, n_wrong = np.random.default_rng(0), 0
    for case, exact in large_cases(kernel, 20):
        if n_wrong >= enough:
            break
        got = run_case(BACKEND, case)
        found = verdict(kernel, case.arguments, got, exact)
        assert not found.sentence, str(case)
        if kernel not in INEXACT and not exact:
            continue  # what rounding decides may be decided otherwise
        for name, array in arrays_of(got).items():
            far = places_beyond(case, array)
            if len(far):
                wrong = changed(array, int(rng.choice(far)))
                assert said(case, with_part(got, steps_of(name), wrong), exact), f"{case} {name}"
                n_wrong += 1
    assert n_wrong > 2


def places_beyond(case, array):
    """Where no small case reaches; of several probes only nearest buckets are all looked at."""
    places = np.arange(FAR, array.size)
    if case.kernel != "hash":
        return places
    return places[places % case.arguments[3] == 0]


def test_the_judge_does_not_use_what_it_judges():
    known = {"bounds", "vectorised"}
    for path in Path(vectorised.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("slide."):
                package, *inner = node.module.split(".")[1:]
                assert package == "core" or inner[0] in known, f"{path.name}: {node.module}"
