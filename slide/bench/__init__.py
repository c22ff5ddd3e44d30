"""How fast kernels are: a call of each at sizes of use, timed beside numba and the reference.

`slide bench` and `slide.testing.benchmarks` time the same calls; so do the scripts of the
repository's folder `bench`. Imports the backends, and neither `slide.testing` nor `slide.cli`.
"""
