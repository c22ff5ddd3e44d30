"""Linear one-versus-rest SVMs from sparse features to labels, solved without a learning rate.

`shortlists` keeps the examples that each label is solved on, `solving` solves all labels on them,
`choosing` tries what is chosen on held-out examples, `run` takes the rounds of a training run;
`kind` is what the engine is told. `on_disk`, `cells` and `near` keep what may be larger than
memory. The network is that of `core.direct`, whose inputs, index and searcher it shares.
May import the learner's protocol, `core.direct` and what is below them.
"""
