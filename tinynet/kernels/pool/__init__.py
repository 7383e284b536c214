"""Pooling: the maximum or the mean of each window."""

from tinynet.kernels.pool.spec import (
    Geometry, adaptive_avg_pool2d, adaptive_avg_pool2d_backward, avg_pool2d, avg_pool2d_backward, max_pool2d,
    max_pool2d_backward, max_pool_size, mean_pool2d, mean_pool2d_backward, pool_output_size)

__all__ = [
    "Geometry", "adaptive_avg_pool2d", "adaptive_avg_pool2d_backward", "avg_pool2d", "avg_pool2d_backward",
    "max_pool2d", "max_pool2d_backward", "max_pool_size", "mean_pool2d", "mean_pool2d_backward", "pool_output_size"]
