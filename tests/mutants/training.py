"""Kernels that are right one by one: only training with them goes wrong."""

import weakref

import numpy as np

from mutants.registry import REFERENCE, mutant_class
from slide.core.contract.arrays import RowGrad
from slide.core.contract.optim import Adam
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


class ForgetsTheStep(ReferenceBackend):
    """From the fifth step on that follows the one before, the corrections of Adam stay."""

    def __init__(self):
        self.step = self.n_following = 0

    def update_rows(self, param, grad, optimizer, lr, step):
        if step != self.step:
            self.n_following = self.n_following + 1 if step == self.step + 1 else 0
            self.step = step
        late = max(self.n_following - 4, 0) if isinstance(optimizer, Adam) else 0
        super().update_rows(param, grad, optimizer, lr, step - late)


for killer in ("forced", "free"):
    mutant_class("train 20 steps", killer, alone=True)(ForgetsTheStep)
