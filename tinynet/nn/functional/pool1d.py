"""Pooling of sequences: images that are one pixel high."""

from tinynet.nn import check
from tinynet.nn.functional.pool import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d
from tinynet.nn.functional.whole_numbers import whole_numbers_too


def _high(name, input):
    """(N, C, L) or (C, L) as images one pixel high."""
    if input.ndim not in (2, 3):
        raise ValueError(f"{name}: expected input (N, C, L) or (C, L), got {input.shape}")
    return input.unsqueeze(-2)


def _along(name, one, **options):
    """The options of one axis as pairs, with `one` for the height."""
    return [None if value is None else (one[what], *check.sizes(name, what, value, 1))
            for what, value in options.items()]


ONE = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}


@whole_numbers_too
def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """`max_pool2d` of sequences: (N, C, L) or (C, L) -> (N, C, P). Boureau et al. 2010.

    `return_indices`: also their places.
    """
    name = "max_pool1d"
    options = _along(name, ONE, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    result = max_pool2d(_high(name, input), *options, ceil_mode, return_indices)
    return tuple(y.squeeze(-2) for y in result) if return_indices else result.squeeze(-2)


@whole_numbers_too
def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """`avg_pool2d` of sequences: (N, C, L) or (C, L) -> (N, C, P). LeCun et al. 1998."""
    options = _along("avg_pool1d", ONE, kernel_size=kernel_size, stride=stride, padding=padding)
    return avg_pool2d(_high("avg_pool1d", input), *options, ceil_mode, count_include_pad).squeeze(-2)


def adaptive_avg_pool1d(input, output_size):
    """Means of P windows that tile a sequence: (N, C, L) or (C, L) -> (N, C, P). As PyTorch's."""
    size, = check.sizes("adaptive_avg_pool1d", "output_size", output_size, 1, 1)
    return adaptive_avg_pool2d(_high("adaptive_avg_pool1d", input), (1, size)).squeeze(-2)


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """Maxima of P windows that tile a sequence: (N, C, L) or (C, L) -> (N, C, P). As PyTorch's.

    `return_indices`: also their places.
    """
    size, = check.sizes("adaptive_max_pool1d", "output_size", output_size, 1, 1)
    result = adaptive_max_pool2d(_high("adaptive_max_pool1d", input), (1, size), return_indices)
    return tuple(y.squeeze(-2) for y in result) if return_indices else result.squeeze(-2)
