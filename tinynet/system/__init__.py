"""What tinynet needs of the operating system: files that survive a crash, folders, archives, JSON, and the console.

Nothing here knows of tensors, so every other room may import it.
"""
