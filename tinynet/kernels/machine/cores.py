"""How many cores this process may use."""

import math
import os
import pathlib


def count():
    """The cores that the process may run on, at most the processor time that its container grants it; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, quota())))


def quota(root="/"):
    """Cores' worth of processor time that Linux control groups (version 1 or 2) grant this process; inf: no limit.

    A limit of a group is a limit of all groups inside it.
    """
    limits = [math.inf]
    for line in _read(root, "proc/self/cgroup").splitlines():
        _, controllers, group = (line + "::").split(":")[:3]
        for folder in (pathlib.PurePosixPath(group), *pathlib.PurePosixPath(group).parents):
            here = f"sys/fs/cgroup/{controllers}/{folder}"
            if not controllers:                                                      # version 2
                limits.append(_ratio(_read(root, f"{here}/cpu.max")))
            elif "cpu" in controllers.split(","):
                limits.append(_ratio(_read(root, f"{here}/cpu.cfs_quota_us", f"{here}/cpu.cfs_period_us")))
    return min(limits)


def _ratio(text):
    """The quotient of the two numbers in a text; inf for "max", for -1 and for anything but two numbers."""
    try:
        time, period = map(float, text.split())
        return time / period if time > 0 else math.inf
    except (ValueError, ZeroDivisionError):
        return math.inf


def _read(root, *paths):
    """The texts of the files, one after the other; nothing for a file that cannot be read."""
    try:
        return " ".join(pathlib.Path(f"{root}/{path}").read_text(encoding="utf-8", errors="replace") for path in paths)
    except OSError:
        return ""
