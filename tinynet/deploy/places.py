"""Finding the weights that a user names: a file, the folder of a run, or weights that come with tinynet."""

import pathlib

from tinynet.models import pretrained
from tinynet.train import checkpoint
from tinynet.train.best import BEST, MODEL


def weight_file(name):
    """The path of the weights that `name` means.

    For the folder of a run this is model.safetensors; for a run that has not ended, the weights of the best epoch, else
    the latest checkpoint. FileNotFoundError, which says what was expected, where there are none.
    """
    path = pathlib.Path(name).expanduser()
    if path.is_dir():
        found = [path / file for file in (MODEL, BEST) if (path / file).is_file()] or checkpoint.newest_first(path)
        if not found:
            raise FileNotFoundError(f"{path}: expected the folder of a run, but there are no weights in it")
        return found[0]
    if path.exists():                                # also a pipe or a device: opening it raises a clear error
        return path
    if str(name) in pretrained.names():
        return pretrained.file(str(name))
    raise FileNotFoundError(f"{name}: there is no such file or folder; weights that come with tinynet: "
                            f"{', '.join(pretrained.names())}")
