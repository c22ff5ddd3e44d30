"""What data larger than memory costs: converting it, and training from where it is."""
