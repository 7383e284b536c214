"""tinynet: a deep-learning engine to read, in NumPy and Numba."""
