"""Normalisation layers."""

import math

import numpy as np

from tinynet import dtypes
from tinynet.gradients.modes import is_running_again
from tinynet.nn import functional as F
from tinynet.nn import init
from tinynet.nn.functional.norm import normalise_batch
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter, parameter_dtype
from tinynet.nn.stateless import Stateless
from tinynet.tensor import Tensor


class _NormBase(Module):
    """Weight, bias and running statistics for each channel: what batch and instance normalisation share."""

    shapes = {}                        # number of axes -> the shape in errors

    def __init__(self, num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=True):
        super().__init__()
        dtype = parameter_dtype(device, dtype)
        if eps <= 0:
            raise ValueError(f"{type(self).__name__}: expected eps above 0, got {eps}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine and bias else None
        track = track_running_stats
        self.register_buffer("running_mean", Tensor(np.zeros(num_features, dtype)) if track else None)
        self.register_buffer("running_var", Tensor(np.ones(num_features, dtype)) if track else None)
        self.register_buffer("num_batches_tracked", Tensor(np.zeros((), dtypes.int64)) if track else None)

    def reset_running_stats(self):
        """Forget the batches seen: mean 0, variance 1."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)


    def reset_parameters(self):
        """Reset the running statistics and the parameters: weight 1, bias 0."""
        self.reset_running_stats()
        for parameter, fill in (self.weight, init.ones_), (self.bias, init.zeros_):
            if parameter is not None:
                fill(parameter)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *collected):
        """States that were saved before PyTorch counted batches load as well."""
        if self.track_running_stats and local_metadata.get("version") in (None, 1):
            state_dict.setdefault(f"{prefix}num_batches_tracked", self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *collected)

    def _check_input_dim(self, input):
        if input.ndim not in self.shapes or self.shapes[input.ndim].startswith("N") and (
                input.shape[1] != self.num_features):
            wanted = " or ".join(f"({s.format(self.num_features)})" for s in self.shapes.values())
            raise ValueError(f"{self.title()}: expected input {wanted}, got {input.shape}")

    def title(self):
        return f"{type(self).__name__}({self.num_features})"

    def extra_repr(self):
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class _BatchNorm(_NormBase):
    """Each channel is normalised over the batch; running statistics are kept for evaluation.

    `momentum` is the weight of the newest statistics, or None for the plain average over all batches.
    Called with `relu=True` (and `residual=...`), the layer is one pass over memory: relu(bn(x) + residual). What is
    added is called residual here; in a residual block it is the shortcut, as the residual of He et al. 2015 is F(x).
    Called with `conv=(kernel, geometry)`, in training, it is the convolution of relu(bn(x)): `F.batch_norm_conv2d`.
    ValueError in training for a single value of a channel.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True,
                 device=None, dtype=None, *, bias=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input, residual=None, relu=False, conv=None):
        self._check_input_dim(input)
        momentum = self.momentum
        tracked = self.running_mean is not None and self.running_var is not None
        if self.training and self.track_running_stats and not is_running_again():
            self.num_batches_tracked.array += 1
            self.num_batches_tracked.bump()
            if momentum is None:
                momentum = 1 / self.num_batches_tracked.item()
        moving = self.track_running_stats or not self.training
        mean, var = (self.running_mean, self.running_var) if moving else (None, None)
        training = self.training or not tracked
        if conv is not None:
            return normalise_batch(input, mean, var, self.weight, self.bias, training, momentum, self.eps, conv=conv)
        return self.normalise(input, mean, var, training, momentum, residual, relu)

    def normalise(self, input, mean, var, training, momentum, residual, relu):
        """By the statistics of the batch, in training, or by the running ones; see `F.batch_norm`."""
        return normalise_batch(input, mean, var, self.weight, self.bias, training, momentum, self.eps, residual, relu)


class BatchNorm1d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__ + "\n    (N, C) or (N, C, L) -> the same shape. Ioffe & Szegedy 2015.\n    "
    shapes = {2: "N, {}", 3: "N, {}, L"}


class BatchNorm2d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__ + "\n    (N, C, H, W) -> the same shape. Ioffe & Szegedy 2015.\n    "
    shapes = {4: "N, {}, H, W"}


class BatchNorm3d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__ + "\n    (N, C, D, H, W) -> the same shape. Ioffe & Szegedy 2015.\n    "
    shapes = {5: "N, {}, D, H, W"}


class _InstanceNorm(_NormBase):
    """Each channel of each image is normalised by itself, in evaluation too unless `track_running_stats`.

    ValueError for images of one pixel.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=False, track_running_stats=False,
                 device=None, dtype=None, *, bias=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input):
        self._check_input_dim(input)
        if not self.shapes[input.ndim].startswith("N"):
            return self.forward(input.unsqueeze(0)).squeeze(0)
        own = self.training or not self.track_running_stats
        return F.instance_norm(input, self.running_mean, self.running_var, self.weight, self.bias, own,
                               self.momentum or 0.0, self.eps)


class InstanceNorm1d(_InstanceNorm):
    __doc__ = _InstanceNorm.__doc__ + "\n    (N, C, L) or (C, L) -> the same shape. Ulyanov et al. 2016.\n    "
    shapes = {3: "N, {}, L", 2: "{}, L"}


class InstanceNorm2d(_InstanceNorm):
    __doc__ = _InstanceNorm.__doc__ + "\n    (N, C, H, W) or (C, H, W) -> the same shape. Ulyanov et al. 2016.\n    "
    shapes = {4: "N, {}, H, W", 3: "{}, H, W"}


class InstanceNorm3d(_InstanceNorm):
    __doc__ = _InstanceNorm.__doc__ + "\n    (N, C, D, H, W) -> the same shape. Ulyanov et al. 2016.\n    "
    shapes = {5: "N, {}, D, H, W", 4: "{}, D, H, W"}


class LocalResponseNorm(Stateless):
    """x / (k + alpha · mean of x² over `size` neighbouring channels)^beta. (N, C, ...) -> the same.

    `k` is the least divisor. Krizhevsky et al. 2012, section 3.3.
    """

    function, bare = staticmethod(F.local_response_norm), ("size",)


class LastAxesNorm(Module):
    """Base of the norms over the last axes, `normalized_shape`: (..., *normalized_shape) -> the same."""

    def __init__(self, normalized_shape, eps, elementwise_affine, dtype):
        super().__init__()
        number = isinstance(normalized_shape, int)
        self.normalized_shape = (normalized_shape,) if number else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def title(self):
        return f"{type(self).__name__}({', '.join(map(str, self.normalized_shape))})"

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(LastAxesNorm):
    """x / √(mean x² + eps) · weight over the last axes: (..., *normalized_shape) -> the same.

    `eps` is the type's smallest step from 1 unless given. Zhang & Sennrich 2019, "Root Mean Square Layer
    Normalization".
    """

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None):
        super().__init__(normalized_shape, eps, elementwise_affine, parameter_dtype(device, dtype))

    def forward(self, input):
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)


class LayerNorm(LastAxesNorm):
    """Each vector (the last axes, `normalized_shape`) is normalised by itself. Ba, Kiros & Hinton 2016.

    (..., *normalized_shape) -> the same.
    """

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None,
                 dtype=None):
        dtype = parameter_dtype(device, dtype)
        super().__init__(normalized_shape, eps, elementwise_affine, dtype)
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, input):
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{super().extra_repr()}, bias={self.bias is not None}"


class GroupNorm(Module):
    """Each image is normalised by itself, `num_channels / num_groups` channels at a time. Wu & He 2018.

    (N, num_channels, ...) -> the same. ValueError unless the groups divide the channels, and in training for groups
    of a single value, whose result would be `bias` for any input. (PyTorch refuses them for a batch of one image.)
    """

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None, *,
                 bias=True):
        super().__init__()
        dtype = parameter_dtype(device, dtype)
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: expected num_channels divisible by num_groups, got {num_channels} "
                             f"and {num_groups}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine and bias else None

    def forward(self, input):
        if input.ndim < 2 or input.shape[1] != self.num_channels:
            raise ValueError(f"{self.title()}: expected input (N, {self.num_channels}, ...), "
                             f"got {input.shape}")
        if self.training and self.num_groups == math.prod(input.shape[1:]):
            raise ValueError(f"{self.title()}: training needs more than one value in each group, got input "
                             f"{input.shape}; take fewer groups")
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def title(self):
        return f"GroupNorm({self.num_groups}, {self.num_channels})"

    def extra_repr(self):
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")
