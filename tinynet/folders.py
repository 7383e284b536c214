"""Where tinynet keeps what it can make again: compiled kernels and downloaded data."""

import os
import pathlib


def cache_folder():
    """`$TINYNET_CACHE`, else `tinynet` in `$XDG_CACHE_HOME`, else `~/.cache/tinynet`."""
    own = os.environ.get("TINYNET_CACHE")
    if own:
        return pathlib.Path(own)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tinynet"
