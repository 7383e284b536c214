"""The folder for files that tinynet can make or download again: compiled kernels and data sets."""

import os
import pathlib
import stat
import tempfile


def cache_folder():
    """`$TINYNET_CACHE`, else `tinynet` in `$XDG_CACHE_HOME`, else `~/.cache/tinynet`.

    A user without a home folder gets a folder inside the system's temporary folder, always the same one.
    """
    own, shared = os.environ.get("TINYNET_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        if own:
            return pathlib.Path(own).expanduser()
        return pathlib.Path(shared or "~/.cache").expanduser() / "tinynet"
    except RuntimeError:               # "~", but neither HOME nor the system's list of users knows a home
        user = os.geteuid() if hasattr(os, "geteuid") else "cache"
        return pathlib.Path(tempfile.gettempdir()) / f"tinynet-{user}"


def why_not_trusted(status, others=stat.S_IWGRP | stat.S_IWOTH):
    """Why code from a file or folder of this `os.stat` result must not run: a phrase, or None where it may.

    The file or folder has to belong to this user, and none of the permissions `others` may be set. Windows has no such
    owner and permissions.
    """
    if not hasattr(os, "geteuid"):
        return None
    if status.st_uid != os.geteuid():
        return "it belongs to another user"
    if status.st_mode & others:
        return "others may write to it"
    return None
