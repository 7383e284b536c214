"""The modules of `torch.nn.modules` under their names, `modules.batchnorm._BatchNorm`: each of them is `tinynet.nn`."""

import sys

ROOMS = ("activation", "batchnorm", "container", "conv", "distance", "dropout", "flatten", "fold", "instancenorm",
         "linear", "loss", "module", "normalization", "padding", "pixelshuffle", "pooling", "rnn", "sparse",
         "transformer", "upsampling", "utils")


def __getattr__(name):
    if name not in ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return sys.modules["tinynet.nn"]
