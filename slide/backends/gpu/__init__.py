"""The kernels of the `cupy` backend, one file for each idea.

What sorts, counts and gathers is array code over `device.xp`, which is CuPy. What sums floats, or
picks the largest of a long row, is a CUDA kernel of the folder `cuda`: CuPy's own sums over groups
add atomically, so that their last bits change from run to run.

Everything here runs without a GPU as well, with NumPy in the place of CuPy and the CUDA kernels
compiled for the CPU: see `slide.backends.gpu.stand_in`.
"""
