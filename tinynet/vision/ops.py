"""The layers of `torchvision.ops` that torchvision's own networks use."""

from tinynet import nn
from tinynet.creation import ones, zeros
from tinynet.sampling import rand


def stochastic_depth(input, p, mode, training=True):
    """Zero the input (N, ...) with probability p: all of it ("batch"), or row by row ("row"); the rest is / (1 - p).

    ValueError for p outside of 0 to 1, or another mode. Huang et al. 2016, "Deep Networks with Stochastic Depth".
    """
    if not 0 <= p <= 1:
        raise ValueError(f"stochastic_depth: expected p from 0 to 1, got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f'stochastic_depth: expected a mode of "batch" or "row", got {mode!r}')
    if not training or p == 0:
        return input
    shape = [input.shape[0] if mode == "row" else 1] + [1] * (input.ndim - 1)
    kept = (rand(*shape) >= p).to(input.dtype)
    return input * (kept / (1 - p) if p < 1 else kept)


class StochasticDepth(nn.Module):
    """`stochastic_depth` as a layer, for inputs (N, ...). `torchvision.ops.StochasticDepth`; Huang et al. 2016."""

    def __init__(self, p, mode):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, input):
        return stochastic_depth(input, self.p, self.mode, self.training)


class Conv2dNormActivation(nn.Sequential):
    """A convolution (N, C, H, W) -> (N, K, P, Q), a norm and an activation; None leaves one of the two out.

    `padding` keeps the size at stride 1 by default. `torchvision.ops.Conv2dNormActivation`.
    """

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=None, groups=1,
                 norm_layer=nn.BatchNorm2d, activation_layer=nn.ReLU, dilation=1, inplace=True, bias=None):
        if padding is None:
            pairs = zip(*(x if isinstance(x, (tuple, list)) else (x, x) for x in (kernel_size, dilation)))
            padding = tuple((size - 1) // 2 * step for size, step in pairs)
        bias = norm_layer is None if bias is None else bias
        layers = [nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**({} if inplace is None else {"inplace": inplace})))
        super().__init__(*layers)
        self.out_channels = out_channels


ConvNormActivation = Conv2dNormActivation


class FrozenBatchNorm2d(nn.Module):
    """Batch normalization of (N, C, H, W) by fixed statistics, and with a fixed scale and shift: all four are buffers.

    `torchvision.ops.FrozenBatchNorm2d`.
    """

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        for name, values in (("weight", ones), ("bias", zeros), ("running_mean", zeros), ("running_var", ones)):
            self.register_buffer(name, values(num_features))

    def forward(self, x):
        return nn.functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class SqueezeExcitation(nn.Module):
    """y = x · σ(W₂ a(W₁ mean(x))), for inputs (N, C, H, W). `torchvision.ops.SqueezeExcitation`; Hu et al. 2017."""

    def __init__(self, input_channels, squeeze_channels, activation=nn.ReLU, scale_activation=nn.Sigmoid):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation, self.scale_activation = activation(), scale_activation()

    def forward(self, input):
        scale = self.activation(self.fc1(self.avgpool(input)))
        return self.scale_activation(self.fc2(scale)) * input


class MLP(nn.Sequential):
    """Linear layers (..., in_channels) -> (..., hidden_channels[-1]), norm, activation and dropout between them.

    `dropout` is its probability. `torchvision.ops.MLP`.
    """

    def __init__(self, in_channels, hidden_channels, norm_layer=None, activation_layer=nn.ReLU, inplace=None, bias=True,
                 dropout=0.0):
        options = {} if inplace is None else {"inplace": inplace}
        layers = []
        for width in hidden_channels[:-1]:
            layers.append(nn.Linear(in_channels, width, bias))
            layers += [norm_layer(width)] if norm_layer is not None else []
            layers += [activation_layer(**options), nn.Dropout(dropout, **options)]
            in_channels = width
        layers += [nn.Linear(in_channels, hidden_channels[-1], bias), nn.Dropout(dropout, **options)]
        super().__init__(*layers)


class Permute(nn.Module):
    """The axes in the order `dims`, for inputs of any shape. `torchvision.ops.Permute`."""

    def __init__(self, dims):
        super().__init__()
        self.dims = dims

    def forward(self, x):
        return x.permute(*self.dims)
