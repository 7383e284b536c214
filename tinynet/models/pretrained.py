"""Weights that come with the package. They were trained by tinynet itself; see docs/results.md."""

import pathlib

WEIGHTS = pathlib.Path(__file__).parent / "weights"


def names():
    """The names of all weights: MODEL-DATA, as in "resnet20-cifar10"."""
    return sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))


def file(name):
    """The file of the weights `name`."""
    path = WEIGHTS / f"{name}.safetensors"
    if not path.is_file():
        raise ValueError(f"no weights {name!r} in the package; there are: {', '.join(names()) or 'none'}")
    return path


def load_weights(model, name):
    """Fill `model` with the weights `name`; returns the model."""
    from tinynet.weights import load
    model.load_state_dict(load(file(name)))
    return model
