"""No mutant: a backend that rounds as badly as it may, and must pass."""

import numpy as np

from slide.core.contract.arrays import RowGrad
from slide.reference import plain
from slide.reference.bounds import bound_of
from slide.reference.bounds.comparing import TINY
from slide.reference.kernels import ReferenceBackend
from slide.reference.running import as_float64, map_arrays


class HalfItsBounds(ReferenceBackend):
    """Every number of every kernel is off by half of what it may be, to either side."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def off(self, exact, allowed):
        sides = self.rng.choice([-0.5, 0.5], exact.shape)
        return (exact + sides * np.where(allowed > 2 * TINY, allowed, 0)).astype(np.float32)

    def sddmm(self, *arguments):
        exact, bound = self.exact_and_bound("sddmm", *arguments)
        return exact.with_values(self.off(exact.values, bound.values))

    def spmm(self, *arguments):
        return self.off(*self.exact_and_bound("spmm", *arguments))

    def spmm_t(self, *arguments):
        grad, bound = self.exact_and_bound("spmm_t", *arguments)
        return RowGrad(grad.rows, self.off(grad.values, bound.values))

    def loss(self, *arguments):
        (losses, dz), (of_losses, of_dz) = self.exact_and_bound("loss", *arguments)
        return self.off(losses, of_losses), dz.with_values(self.off(dz.values, of_dz.values))

    def update_rows(self, param, grad, *constants):
        bound = bound_of("update_rows", (param, grad, *constants))
        exact = map_arrays(param, as_float64)
        plain.update_rows(exact, map_arrays(grad, as_float64), *constants)
        for name in ("weight", "mean", "square"):
            moved = self.off(getattr(exact, name), getattr(bound, name))
            moved = np.maximum(moved, 0) if name == "square" else moved
            getattr(param, name)[grad.rows] = moved[grad.rows]

    def masked_spgemm(self, *arguments):
        exact, bound = self.exact_and_bound("masked_spgemm", *arguments)
        return exact.with_values(self.off(exact.values, bound.values))

    def update_entries(self, param, dz, x, lr):
        bound = bound_of("update_entries", (param, dz, x, lr))
        exact = map_arrays(param, as_float64)
        plain.update_entries(exact, *map_arrays((dz, x), as_float64), lr)
        met = exact.square != param.square
        weight = self.off(exact.weight.values, bound.weight.values)
        square = np.maximum(self.off(exact.square, bound.square), TINY)
        param.weight.values[met], param.square[met] = weight[met], square[met]

    def exact_and_bound(self, kernel, *arguments):
        return getattr(plain, kernel)(*map_arrays(arguments, as_float64)), bound_of(
            kernel, arguments
        )
