"""Kernels that are right one by one: only training with them goes wrong."""

import weakref

import numpy as np

from mutants.registry import REFERENCE, mutant, mutant_class
from slide.core.arrays import RowGrad
from slide.core.optim import Adam
from slide.reference.kernels import ReferenceBackend


@mutant_class("train_step", "step", alone=True)
class WritesAllGradientsIntoOneBuffer(ReferenceBackend):
    """The gradient of the output layer is gone when that of a hidden layer is there."""

    buffer = np.empty(0, np.float32)

    def spmm_t(self, z, h):
        grad = REFERENCE.spmm_t(z, h)
        if grad.values.size > self.buffer.size:
            self.buffer = np.empty(1 << 20, np.float32)
        values = self.buffer[: grad.values.size].reshape(grad.values.shape)
        values[:] = grad.values
        return RowGrad(grad.rows, values)


@mutant_class("train 20 steps", "free", alone=True)
class KeepsTheFirstWeights(ReferenceBackend):
    """A copy of the weights on the device, where `update_rows` does not write."""

    def __init__(self):
        self.copies = {}

    def sddmm(self, h, w, active):
        kept, copy = self.copies.get(id(w), (None, None))
        if kept is None or kept() is not w:
            copy = w.copy()
            self.copies[id(w)] = weakref.ref(w), copy
        return REFERENCE.sddmm(h, copy, active)


def forgets_the_step(self, param, grad, optimizer, lr, step):
    """A table of the corrections of four steps; beyond a thousand there are none."""
    if isinstance(optimizer, Adam) and step < 1000:
        step = min(step, 4)
    REFERENCE.update_rows(param, grad, optimizer, lr, step)


for killer in ("forced", "free"):
    mutant("update_rows", killer, row="train 20 steps", alone=True)(forgets_the_step)
