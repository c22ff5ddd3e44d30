"""Networks with hidden layers whose neurons are sampled: the SLIDE algorithm.

`step` is one training step in a page; `sampling` chooses active neurons, `layer_tables` keeps their
hash tables, `mips` hashes for inner products, `updating` and `catchup` move weights; `run` is the
state of training, `retrieval` inference, `kind` what the engine is told of it all.
May import the learner's protocol and what is below it, and nothing of `core.direct`.
"""
