"""Data larger than memory, and what it costs to convert it and train on it; dense inputs."""
