"""Studies of accuracy: what a setting, a hash family or a way to choose negatives is worth.

Each has a page in docs that holds its figures and what follows from them.
"""
