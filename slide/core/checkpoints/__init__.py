"""Checkpoints: all that an interrupted run needs to go on to the same bits, and where it lies.

`Every` says how often, `files` has one checkpoint as it is stored, `Shelf` those of a run, and
`Writer` writes them beside training. What is in them is the business of learners
(`Learner.state`) and of `slide.core.runs.saving`. May import errors and the contract.
"""
