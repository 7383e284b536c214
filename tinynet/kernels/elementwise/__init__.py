"""Kernels that see each element once."""

from tinynet.kernels.elementwise.spec import (
    add, add_relu, channel_sum, in_planes, plus, relu, relu_backward, sgd_update)

__all__ = ["add", "add_relu", "channel_sum", "in_planes", "plus", "relu", "relu_backward", "sgd_update"]
