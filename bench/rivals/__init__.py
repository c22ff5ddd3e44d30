"""slide beside others. `against_torch` races PyTorch in one process, `peers` whole runs.

`torch_networks` is the network that PyTorch trains, for all benches that compare with it.
"""
