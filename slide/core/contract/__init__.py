"""What a backend author may know: the kernels, and the data types that they take and give.

`backend` and `sparse_kernels` say what each kernel computes, `arrays`, `sparse`, `tables` and
`families` of what; `lists` and `invariants` are beneath them, `handed` takes what callers give;
`losses` and `optim` have the names and formulas; `timed` counts seconds, and `workers` is what a
pool of processes offers. May import what is below all rooms: `core.errors`, `core.extending`,
`core.interrupts`, `core.machine`.
"""
