"""What training on several nodes would take: predicted by arithmetic, from what one machine measured.

`counts` is what there is to train on, `rates` and `measuring` what a step computes, `traffic` what
crosses the network, `stored` what a node holds; `timing` adds them up to a line of the plan, `advice`
compares lines, `faults` says what stragglers and failures make of one, `files` what a cluster is
asked with. May import the engine, and imports no Ray.
"""
