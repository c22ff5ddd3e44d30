"""What runs in the environment of a peer, where slide is not installed: nothing here imports it.

`slide_model` is the exception: its environment is ours.
"""
