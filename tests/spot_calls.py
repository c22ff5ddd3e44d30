"""What spot checks are tried on: calls at sizes of use, samples, results with one wrong number."""

from dataclasses import fields, is_dataclass, replace

import numpy as np

from slide.reference.cases.choices import SeededChoices
from slide.reference.cases.scale import Scaled, draw_at_scale
from slide.reference.kernels import ReferenceBackend
from slide.reference.running import WRITERS, map_arrays
from slide.reference.spot_checks.checking import SAMPLES
from slide.reference.spot_checks.picks import Picks

REFERENCE = ReferenceBackend()


LARGEST = 120  # of all sizes: more than a sample takes


N_CASES = 6


def cases_of(kernel, n=N_CASES, largest=LARGEST):
    """Arguments at sizes of use, with numbers of all magnitudes."""
    for number in range(n):
        draw = Scaled(SeededChoices(3, number, largest))
        draw.kind, draw.rough = "rough", True
        yield draw_at_scale(kernel, draw)


def sampled(kernel, arguments, seed, backend=REFERENCE):
    """A sample of a call, and the whole result."""
    placed = map_arrays(arguments, lambda array: backend.put(array.copy()))
    sample = SAMPLES[kernel](Picks(backend, np.random.default_rng(seed)), *placed)
    result = getattr(backend, kernel)(*placed)
    return sample, placed[0] if kernel in WRITERS else result


def leaves(thing, path=()):
    """The arrays of a result that hold something, by their places in it."""
    if isinstance(thing, np.ndarray):
        if thing.size:
            yield path
    elif isinstance(thing, tuple):
        for i, part in enumerate(thing):
            yield from leaves(part, (*path, i))
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from leaves(getattr(thing, field.name), (*path, field.name))


def at(thing, path):
    for step in path:
        thing = thing[step] if isinstance(step, int) else getattr(thing, step)
    return thing


def changed(array, place):
    """The array with another number somewhere."""
    copy = array.copy()
    old = copy.flat[place]
    copy.flat[place] = (
        old + 1 if array.dtype.kind in "iu" else 1 + 99 * np.nan_to_num(old, neginf=0)
    )
    return copy


def with_leaf(thing, path, array):
    if not path:
        return array
    step, *rest = path
    if isinstance(step, int):
        parts = list(thing)
        parts[step] = with_leaf(parts[step], rest, array)
        return tuple(parts)
    return replace(thing, **{step: with_leaf(getattr(thing, step), rest, array)})


def bits(thing):
    return [at(thing, path).tobytes() for path in leaves(thing)]
