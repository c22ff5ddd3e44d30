"""Training from data to a model folder.

`trainer` sets a run up and calibrates what comes out, `epochs` goes through its epochs and has each
evaluated, `clock` hands out batches while time lasts, `runners` and `hogwild` take the steps,
`rehearsal` compiles before, `refusals` says no in time, `to_folder` keeps the model and its
figures. May import all other rooms of the engine; no room may import it.
"""
