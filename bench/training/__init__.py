"""What training takes: steps, runs, memory, and how they grow with labels, threads and workers.

Figures of time alone, or with the P@1 that the time has bought; what decides about accuracy is in
`quality`.
"""
