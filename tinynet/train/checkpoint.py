"""Checkpoints of a run: all that is needed to continue a run with the same result.

A checkpoint is written under a temporary name, synced and renamed; its SHA-256 is written last, into a file beside it.
A checkpoint without a matching digest was therefore not written completely, or was altered later. Then the checkpoint
before it is used, and a message names the damaged one. Two intact checkpoints are kept.
"""

import pathlib
import re
import sys

from tinynet.system import files
from tinynet.weights import WeightFileError, load, save

KEPT = 2
NAME = re.compile(r"checkpoint-(\d+)-(\d+)\.safetensors")       # epochs and steps that are finished


def write(folder, state, metadata=None):
    """Write the checkpoint of (`state["epoch"]`, `state["step"]`), then remove older ones that are not needed."""
    path = pathlib.Path(folder) / f"checkpoint-{state['epoch']:04d}-{state['step']:06d}.safetensors"
    save(state, path, metadata=metadata)
    files.write_digest(path)
    prune(folder, path)
    return path


def prune(folder, written):
    """Keep the checkpoint `written` and the newest other intact one; remove all others, damaged ones too."""
    kept = {written}
    for path in newest_first(folder):
        if path in kept or len(kept) < KEPT and is_intact(path):
            kept.add(path)
        else:
            files.digest_path(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def is_intact(path):
    try:
        files.check_digest(path)
        return True
    except (files.AlteredFileError, OSError):
        return False


def read_latest(folder):
    """The state in the newest intact checkpoint. A message on stderr names each newer, damaged one, and says why.

    FileNotFoundError if there are no checkpoints; ValueError if none is intact.
    """
    found = newest_first(folder)
    if not found:
        raise FileNotFoundError(f"{folder}: there is no checkpoint to go on from")
    for path in found:
        try:
            files.check_digest(path)
            return load(path)
        except (files.AlteredFileError, WeightFileError, FileNotFoundError) as error:
            print(f"tinynet: {error}; trying the checkpoint before it", file=sys.stderr)
    raise ValueError(f"{folder}: none of its {len(found)} checkpoints is intact")


def has_trained(folder):
    """Whether a checkpoint in the folder, intact or not, is from after the first step."""
    return any(progress(path) > (0, 0) for path in newest_first(folder))


def newest_first(folder):
    return sorted((path for path in pathlib.Path(folder).glob("checkpoint-*") if NAME.fullmatch(path.name)),
                  key=progress, reverse=True)


def progress(path):
    """(epochs, steps) that were finished when the checkpoint was written."""
    return tuple(map(int, NAME.fullmatch(path.name).groups()))
