"""Small backends that processes of their own can import: what the tests of `slide verify` run."""

import os
import signal
import sys

import numpy as np

from slide.backends.verifying import Branches, BranchJob
from slide.reference.kernels import ReferenceBackend

REFERENCE = ReferenceBackend()


class NoBranches(BranchJob):
    """Looks for none."""

    def run(self, backend):
        return Branches()


class Stub:
    """Has few kernels, of every outcome: `sddmm` is wrong, `loss` is the reference's."""

    name = "a <stub> & co"
    loss = ReferenceBackend.loss
    has_spoken = False

    def __init__(self):
        self.taken = {"numba": ("hash",)}
        self.hash = lambda *arguments: REFERENCE.hash(*arguments)

    def set_threads(self, n):
        return 1

    def put(self, array):
        if not self.has_spoken:
            print("kernels may print what they like")
        self.has_spoken = True
        return array.copy()

    def get(self, array):
        return array.copy()

    def sddmm(self, h, w, active):
        z = REFERENCE.sddmm(h, w, active)
        return z.with_values(np.nextafter(z.values, np.float32(9)))


class Kills(Stub):
    """Takes its process with it in two kernels; the third asks to end it."""

    def spmm(self, z, w):
        os._exit(3)

    def spmm_t(self, z, h):
        os.kill(os.getpid(), signal.SIGSEGV)

    def top_k(self, h, w, candidates, k):
        raise SystemExit(4)


class Unmakeable:
    """Takes the process with it before it is there."""

    def __init__(self):
        os._exit(5)


class Drifts(ReferenceBackend):
    """Right in every kernel by itself, wrong where a training step calls it."""

    def update_rows(self, param, grad, optimizer, lr, step):
        super().update_rows(param, grad, optimizer, 2 * lr if is_training() else lr, step)


def is_training():
    frame = sys._getframe()
    while frame and not frame.f_globals["__name__"].startswith("slide.core."):
        frame = frame.f_back
    return frame is not None
