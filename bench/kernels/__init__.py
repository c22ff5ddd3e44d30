"""Kernels one by one, and how far they are from what the machine allows.

`bench_kernels` times each, `bench_pools` shows what a second pool of threads does to them, and
`roofline` holds a step's kernels against the limits of the machine.
"""
