"""The small network of Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (airbench94), from that paper.

Its first convolution does not learn: its filters make neighbouring pixels of the training images uncorrelated
(after Page 2019). The other convolutions begin as the identity, and the norms have a bias, but no scale.
Where this network departs from the paper: it is float32 throughout (the paper's is half precision), and its last
pooling takes the maximum of the whole map, which for images of 32x32 pixels is the paper's window of 3x3.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinynet.kernels.matmul import matmul
from tinynet.nn import BatchNorm2d, Conv2d, Linear, Module, ModuleList, init
from tinynet.nn import functional as F

PATCH = 2                              # side of the patches that are whitened, in pixels
CHUNK = 250                            # images whose patches are in memory at the same time


def whitening_filters(images, size=PATCH, eps=5e-4):
    """Filters (2·D, C, size, size), D = C·size², which whiten the patches of `images` (N, C, H, W).

    Let M = Σ p pᵀ / count be the second moments of all patches p (size x size pixels), with eigenvectors v and
    eigenvalues λ. Then the responses v·p / √(λ + eps) are uncorrelated, and each has a mean square of λ / (λ + eps),
    nearly 1. `eps` keeps those directions quiet in which images hardly vary. Each filter is followed, D filters
    later, by its negative, so that an activation loses nothing. Jordan 2024, section 3, after Page 2019.
    ValueError without images or for a `size`, in pixels, that is larger than they are.
    """
    if images.ndim != 4 or not len(images) or size > min(images.shape[2:]):
        raise ValueError(f"whitening_filters: expected images (N, C, H, W) of at least {size}x{size} pixels, "
                         f"got {images.shape}")
    parts = [second_moments(images[start:start + CHUNK], size) for start in range(0, len(images), CHUNK)]
    values, vectors = np.linalg.eigh(sum(parts) / len(images))            # ascending; the vectors are columns
    filters = (vectors / np.sqrt(values + eps)).T[::-1]                    # (D, D), the strongest direction first
    largest = np.abs(filters).argmax(1)
    filters = filters * np.sign(filters[np.arange(len(filters)), largest])[:, None]     # LAPACK's sign is arbitrary
    return np.concatenate([filters, -filters]).reshape(-1, images.shape[1], size, size)


def second_moments(images, size):
    """Σ p pᵀ over all patches p of the images, divided by the patches of an image, (D, D) in float64."""
    windows = sliding_window_view(images, (size, size), axis=(2, 3))       # (N, C, P, Q, size, size)
    depth = images.shape[1] * size * size
    rows = windows.transpose(0, 2, 3, 1, 4, 5).astype(np.float64).reshape(-1, depth)    # (N·P·Q, D)
    return matmul(rows.T, rows) * (len(images) / len(rows))


class AirbenchBlock(Module):
    """Two 3x3 convolutions, each with BatchNorm and GELU; a max-pool after the first convolution halves the size.

    (N, in_channels, H, W) -> (N, out_channels, H // 2, W // 2). Jordan 2024, section 3.
    """

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv1, self.norm1 = identity_convolution(in_channels, out_channels), bias_norm(out_channels)
        self.conv2, self.norm2 = identity_convolution(out_channels, out_channels), bias_norm(out_channels)

    def forward(self, x):
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))             # (N, K, H/2, W/2)
        return F.gelu(self.norm2(self.conv2(x)))


def identity_convolution(in_channels, out_channels):
    """A 3x3 convolution whose first filters hand on its input; the others have PyTorch's random weights."""
    layer = Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    init.dirac_(layer.weight.data[:in_channels])
    return layer


def bias_norm(channels):
    """BatchNorm whose scale stays 1. Its running statistics follow fast, since the run has few steps."""
    norm = BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    norm.weight.requires_grad = False
    return norm


class Airbench(Module):
    """Whitening and GELU, blocks of the given `widths`, the maximum over the map, a linear layer times 1/9.

    (N, in_channels, H, W) -> scores (N, num_classes). `whiten` sets the first layer, whose weights never learn; its
    bias does. ValueError for images too small for its poolings: below 2^blocks + 1 pixels.
    Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.
    """

    scale = 1 / 9                      # keeps the first scores small

    def __init__(self, num_classes=10, in_channels=3, widths=(64, 256, 256)):
        super().__init__()
        channels = 2 * in_channels * PATCH**2
        self.whitening = Conv2d(in_channels, channels, PATCH)
        self.whitening.weight.requires_grad = False
        init.zeros_(self.whitening.bias)
        self.blocks = ModuleList(AirbenchBlock(*pair) for pair in zip((channels, *widths), widths))
        self.fc = Linear(widths[-1], num_classes, bias=False)

    def whiten(self, images):
        """Set the first layer to whiten such images as these (N, in_channels, H, W), an array; see `whitening_filters`.

        Jordan 2024, section 3.
        """
        self.whitening.weight.array[...] = whitening_filters(images)
        self.whitening.weight.bump()

    def forward(self, x):
        least = PATCH - 1 + 2**len(self.blocks)
        if x.ndim != 4 or min(x.shape[2:]) < least:
            raise ValueError(f"Airbench: expected input (N, {self.whitening.in_channels}, H, W) of at least "
                             f"{least}x{least} pixels, got {x.shape}")
        x = F.gelu(self.whitening(x))                                      # (N, 24, H - 1, W - 1)
        for block in self.blocks:
            x = block(x)
        x = F.adaptive_max_pool2d(x, 1).flatten(1)                         # (N, 256)
        return self.fc(x) * self.scale


def airbench94(num_classes=10, in_channels=3):
    """The network of airbench94 for images of 32x32: 1,972,792 numbers, 1,971,352 of which learn for 10 classes.

    (N, in_channels, H, W) -> scores (N, num_classes). Jordan 2024, section 3.
    """
    return Airbench(num_classes, in_channels)
