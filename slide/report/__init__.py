"""Reports for people: what was found, in words and as pages that need nothing else.

`verification` is the page of `slide verify --html`, put together by `html`; `words` are sentences
that the terminal shares with it; `settings` prints docs/settings.md from the fields of settings;
`tensorboard` writes event files of a training run. On top of the reference and the backends; only
`slide.cli` imports it, and `slide.TensorBoard` is from here.
"""
