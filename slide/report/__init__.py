"""Reports for people: what was found, in words and as pages that need nothing else.

`verification` is the page of `slide verify --html`, put together by `html`, and `runs` that of
`slide report`; `words` are sentences that the terminal shares with them; `settings` prints
docs/settings.md from the fields of settings, `doctor` examines this machine, and `tensorboard`
writes event files of a training run. On top of the reference and the backends; only `slide.cli`
imports it, and `slide.TensorBoard` is from here.
"""
