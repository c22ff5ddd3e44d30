"""What the other rooms share: options, problems, tables, the machine, and fresh processes.

No file here answers a question of its own. What `slide bench` needs as well is in `slide.bench`.
"""
