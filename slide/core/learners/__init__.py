"""The learners that there are, and which of them settings ask for.

`kinds` lists them, a line each; `config` takes settings as people say them, by name, and finds the
learner that has them all; `recipe` chooses those that nobody said.
May import the learners and what is below them.
"""
