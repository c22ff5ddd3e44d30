"""Examples with labels, and how good a ranking of labels is.

`dataset` is features and labels side by side, and what can be done with both at once; `metrics`
has precision, nDCG, propensity-scored precision and recall at k; `names` tells what ids are called,
`texts` how texts become features; `scratch` keeps on disk what is made of examples on disk.
May import the contract.
"""
