"""`torch.nn.attention`: which of PyTorch's kernels computes the attention. tinynet has one."""

import contextlib
import enum

from tinynet.interop import left_out

SDPBackend = enum.Enum("SDPBackend", "ERROR MATH FLASH_ATTENTION EFFICIENT_ATTENTION CUDNN_ATTENTION")


def sdpa_kernel(backends, set_priority=False):
    """A context that changes nothing: all of PyTorch's kernels compute the same values."""
    return contextlib.nullcontext()


def __getattr__(name):
    return left_out.stand_in_or_error(__name__, f"torch.nn.attention.{name}")
