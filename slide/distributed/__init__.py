"""Training on several machines, whose processes Ray starts, places, connects and starts again.

Examples are dealt to workers (`parts`). They go on from the mean of their weights every so many
steps (`averaging`), or train a model each and vote (`ensemble`).
May import all rooms of the engine; nothing but the command line imports it.
"""
