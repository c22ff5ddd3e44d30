"""Trained models that only answer: stored with all that they look into, mapped, and shared.

`predictor` is what people hold, `freezing` makes one of a model, `folder` is the folder of one and
`mapped` its arrays. `kinds` is the table of what can be frozen: `direct` sparse weights with their
inverted index, `layers` hidden layers with their hash tables. Answers are computed by the threads
of `slide.backends`, whatever the backend that trained. May import everything but the command line.
"""
