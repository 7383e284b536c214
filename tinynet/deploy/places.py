"""Finds the weights that a user names: a file, the folder of a run, or weights that come with tinynet."""

import pathlib

from tinynet.models import pretrained
from tinynet.train import checkpoint
from tinynet.train.best import BEST, MODEL


def weight_file(name):
    """The path of the weights that `name` means.

    In the folder of a run these are model.safetensors; of a run that has not ended, the best epoch's, else those of
    its latest checkpoint. FileNotFoundError, with what was looked for, where there are none.
    """
    path = pathlib.Path(name).expanduser()
    if path.is_dir():
        found = [path / file for file in (MODEL, BEST) if (path / file).is_file()] or checkpoint.newest_first(path)
        if not found:
            raise FileNotFoundError(f"{path}: expected the folder of a run, but there are no weights in it")
        return found[0]
    if path.exists():                                # a pipe or a device too: whoever opens it refuses it in words
        return path
    if str(name) in pretrained.names():
        return pretrained.file(str(name))
    raise FileNotFoundError(f"{name}: there is no such file or folder; weights that come with tinynet: "
                            f"{', '.join(pretrained.names())}")
