"""Checkpoints of a run: all that is needed to go on as if nothing had happened.

Each is written under a temporary name, synced and renamed, and gets its SHA-256 beside it, last. So a checkpoint
without a matching digest is one whose writing was cut short, or that was altered later; it is passed over, by name,
for the one before it. Two are kept.
"""

import pathlib
import sys

from tinynet import files
from tinynet.weights import WeightFileError, load, save

KEPT = 2


def write(folder, state):
    """Write the checkpoint of (`state["epoch"]`, `state["step"]`) and remove all but the newest two."""
    path = pathlib.Path(folder) / f"checkpoint-{state['epoch']:04d}-{state['step']:06d}.safetensors"
    save(state, path)
    files.write_digest(path)
    for old in _newest_first(folder)[KEPT:]:
        files.digest_path(old).unlink(missing_ok=True)
        old.unlink(missing_ok=True)
    return path


def read_latest(folder):
    """The newest intact checkpoint's state. Says on stderr which ones had to be passed over, and why."""
    found = _newest_first(folder)
    if not found:
        raise FileNotFoundError(f"{folder}: there is no checkpoint to go on from")
    for path in found:
        try:
            files.check_digest(path)
            return load(path)
        except (files.AlteredFileError, WeightFileError, FileNotFoundError) as error:
            print(f"tinynet: {error}; trying the checkpoint before it", file=sys.stderr)
    raise ValueError(f"{folder}: none of its {len(found)} checkpoints is intact")


def _newest_first(folder):
    return sorted(pathlib.Path(folder).glob("checkpoint-*.safetensors"), reverse=True)
