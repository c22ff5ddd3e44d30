"""The living definition: readable NumPy that every backend must match."""
