"""The parameter-free shortcut of a residual block."""

from tinynet.kernels.shortcut.spec import subsample_pad, subsample_pad_backward

__all__ = ["subsample_pad", "subsample_pad_backward"]
