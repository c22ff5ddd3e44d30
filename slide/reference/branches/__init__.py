"""Which branches of its own source a backend does not take.

Its modules are marked when they are imported (`marking`), its kernels called (`driving`) while the
marks take notes (`recording`), and the source is read again where no note was taken (`untaken`).
`slide.backends.branches` does all of it in a process whose kernels are not compiled.
"""
