"""Training on several machines: what it would take, and how it is done.

`planning` predicts time and memory, and writes the files that a cluster is asked with. On top of the engine:
may import all of it but the command line, and Ray only where something runs on it.
"""
