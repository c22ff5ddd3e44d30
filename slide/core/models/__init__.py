"""Trained networks in use and on disk; nothing here trains.

`model` predicts, evaluates, saves and loads; `folder` makes model folders appear whole or not at
all, `tensors` reads the weights in one, `named` the names and `texts` what makes features of texts.
May import the learners and what is below them.
"""
