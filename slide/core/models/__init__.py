"""Trained networks in use and on disk; nothing here trains.

`model` predicts, saves and loads, `evaluating`, `probabilities` and `explaining` are what else it
does; `folder` makes model folders appear whole or not at all, `tensors` reads the weights in one,
`named` the names and `texts` what makes features of texts.
May import the learners and what is below them.
"""
