"""The living definition: readable NumPy that every backend must match, and whoever judges that.

`kernels` is the reference backend. `plain` and `vectorised` are the second and third formula of
each kernel; `cases` draws arguments, `bounds` says how far off a result may be, `checks` holds a
backend against every property of the contract, `training` its steps, `spot_checks` a run that runs.
May import `slide.core`; training and serving need none of it.
"""
