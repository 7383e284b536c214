"""The operating system's part: files that survive a crash, folders, archives, JSON, and the console.

No module here uses tensors, so every other module may import them.
"""
