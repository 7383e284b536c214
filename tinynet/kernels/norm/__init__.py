"""Batch, group and layer normalisation."""

from tinynet.kernels.norm.spec import (batch_moments, batch_norm_backward, batch_norm_eval, batch_norm_train,
                                       group_norm, group_norm_backward, layer_norm, layer_norm_backward)

__all__ = ["batch_moments", "batch_norm_backward", "batch_norm_eval", "batch_norm_train", "group_norm",
           "group_norm_backward", "layer_norm", "layer_norm_backward"]
