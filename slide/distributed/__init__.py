"""Training and answering on several machines, where labels outgrow one: docs/distributed.md.

A shard owns a range of labels: their connections or rows of weights, accumulators, and what finds
them. `ranges` cuts labels into ranges, `shard` is a shard, `questions` what shards ask each other
in the middle of a kernel, `group` all shards of a run, in this process or, in `ray_group`, in
actors of Ray, whose the scheduling, placement, transport and restarts are. `run` is the learner
that drives them, `placed` brings it to `slide.core.runs`, `model` answers. `planning` predicts what
all of it would take.

In two other ways it is examples that are divided, into `parts`: workers (`asking`) take steps on
theirs and go on from the mean of their weights (`averaging`, `worker`, `means`, `starting`), or
train a model each, and these vote (`ensemble`, `voting`): docs/combining.md.

On top of the engine: everything may be imported here, and `slide.core` imports nothing of it. Ray
is imported by who starts it, so that the rest works without.
"""
