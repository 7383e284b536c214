"""A small vision transformer: an image is a sentence of patches."""

from tinynet.nn import Conv2d, Dropout, LayerNorm, Linear, Module
from tinynet.nn.blocks.transformer import LearnedPositions, TransformerEncoder, TransformerEncoderLayer
from tinynet.models.text import initialise


MOST_PATCHES = 256                     # attention compares every patch with every other


class VisionTransformer(Module):
    """Patches through one linear map (a convolution), + positions, pre-norm layers, the mean over patches, a
    head.

    (N, in_channels, H, W) -> logits (N, num_classes), with H and W from `image_size`: a number of pixels, or the
    pair (H, W). Dosovitskiy et al. 2021, "An Image Is Worth 16x16 Words"; the mean in place of a class token: Beyer
    et al. 2022, "Better plain ViT baselines for ImageNet-1k". ValueError unless patches of `patch_size` pixels
    tile the image.
    """

    def __init__(self, image_size=32, patch_size=4, width=128, layers=6, heads=4, mlp=256, dropout=0.0,
                 num_classes=10, in_channels=3):
        super().__init__()
        height, wide = image_size if isinstance(image_size, (tuple, list)) else (image_size, image_size)
        if height % patch_size or wide % patch_size:
            raise ValueError("VisionTransformer: expected an image_size divisible by patch_size, "
                             f"got {image_size} and {patch_size}")
        self.image_size, self.takes = image_size, (in_channels, height, wide)
        self.patches = Conv2d(in_channels, width, patch_size, stride=patch_size)
        self.positions = LearnedPositions(width, (height // patch_size) * (wide // patch_size))
        self.dropout = Dropout(dropout)
        layer = TransformerEncoderLayer(width, heads, mlp, dropout, "gelu", batch_first=True, norm_first=True)
        self.encoder = TransformerEncoder(layer, layers, LayerNorm(width))
        self.head = Linear(width, num_classes)
        self.apply(initialise)

    def forward(self, x):
        if x.shape[1:] != self.takes:
            raise ValueError(f"{self.title()}: expected input (N, {', '.join(map(str, self.takes))}), got {x.shape}")
        x = self.patches(x).flatten(2).transpose(1, 2)                 # (N, L, width)
        x = self.encoder(self.dropout(self.positions(x)))
        return self.head(x.mean(1))

    def title(self):
        return "VisionTransformer"


def vit_small32(num_classes=10, dropout=0.0, in_channels=3, image_size=32):
    """A vision transformer for 32x32 images: 64 patches of 4x4, 6 layers of width 128, 810,890 parameters.

    `image_size` in pixels, a number or the pair (H, W), makes it one for other images; where these would have more
    than 256 patches of 4x4, its patches are 8x8, 16x16 and so on. Dosovitskiy et al. 2021.
    """
    height, width = image_size if isinstance(image_size, (tuple, list)) else (image_size, image_size)
    patch = 4
    while height * width > MOST_PATCHES * patch**2:
        patch *= 2
    return VisionTransformer(image_size, patch, num_classes=num_classes, dropout=dropout, in_channels=in_channels)
