"""Whether probabilities mean what they say.

`error` compares them with how often labels are right on a test set, before and after calibration.
"""
