"""What SLIDE is, independent of how it is computed. Nothing here imports a backend."""
