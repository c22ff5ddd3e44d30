"""Kernels whose results depend on the number of threads."""

import numpy as np

from mutants.registry import REFERENCE, mutant_class
from slide.reference.kernels import ReferenceBackend


class Threaded(ReferenceBackend):
    n_threads = 1

    def set_threads(self, n):
        self.n_threads = n
        return n


@mutant_class("sddmm", "repeatable", alone=True)
class AddsUpByThread(Threaded):
    """Each thread sums its share of the columns."""

    def sddmm(self, h, w, active):
        shares = np.array_split(np.arange(h.shape[1]), self.n_threads)
        sums = [REFERENCE.sddmm(h[:, share], w[:, share], active).values for share in shares]
        return active.with_values(np.add.reduce(sums))


@mutant_class("spmm", "repeatable")
class DropsTheTailOfTheWork(Threaded):
    """Rows that are left over when each thread has as many as any other."""

    def spmm(self, z, w):
        product = REFERENCE.spmm(z, w)
        share = len(product) // self.n_threads
        if share >= 16:  # it would not start threads for fewer
            product[share * self.n_threads :] = 0
        return product


@mutant_class("update_rows", "repeatable")
class SkipsRowsOfTheThirdThread(Threaded):
    """It has threads for two."""

    def update_rows(self, param, grad, optimizer, lr, step):
        n_done = -(-len(grad.rows) * min(self.n_threads, 2) // self.n_threads)
        done = type(grad)(grad.rows[:n_done], grad.values[:n_done])
        REFERENCE.update_rows(param, done, optimizer, lr, step)
