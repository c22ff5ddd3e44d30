"""What training on several nodes would take, by arithmetic, from what one machine has measured.

`counts` is what there is to train on, `rates` and `measuring` what a step computes, `traffic` what
crosses the network, `stored` what a node holds; `timing` adds them up to a line, `advice` compares
lines, `assumed` says what they rest on, `faults` what stragglers and failures make of one, `files`
is what a cluster is asked with. May import the engine, and imports no Ray.
"""
