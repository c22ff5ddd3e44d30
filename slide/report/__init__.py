"""Reports for people: what was found, in words and as pages that need nothing else."""
