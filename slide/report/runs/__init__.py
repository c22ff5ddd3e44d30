"""The page of `slide report`: how runs went, beside each other.

`reading` gives the runs of model folders, and `evaluating` judges them on other data. `curves`,
`inside`, `seconds`, `answers` and `facts` make panels of them (`panel`): figures that `drawing`
draws of `charts`, with the same numbers in tables (`tables`). `page` puts them together, and
`writing` writes page and pictures, whole or not at all. May import all but `slide.cli`.
"""
