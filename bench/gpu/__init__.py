"""The backend `cupy`: one command for a machine with a GPU, and a count of memory without one."""
