"""A small vision transformer: an image is a sentence of patches."""

from tinynet.nn import Conv2d, Dropout, LayerNorm, Linear, Module
from tinynet.nn.blocks.transformer import LearnedPositions, TransformerEncoder, TransformerEncoderLayer
from tinynet.models.text import initialise


class VisionTransformer(Module):
    """Patches through one linear map (a convolution), + positions, pre-norm layers, the mean over patches, a
    head.

    (N, 3, image_size, image_size) -> logits (N, num_classes). Dosovitskiy et al. 2021, "An Image Is Worth
    16x16 Words"; the mean in place of a class token: Beyer et al. 2022, "Better plain ViT baselines for
    ImageNet-1k". ValueError unless patches of `patch_size` pixels tile the image.
    """

    def __init__(self, image_size=32, patch_size=4, width=128, layers=6, heads=4, mlp=256, dropout=0.0,
                 num_classes=10):
        super().__init__()
        if image_size % patch_size:
            raise ValueError("VisionTransformer: expected an image_size divisible by patch_size, "
                             f"got {image_size} and {patch_size}")
        self.image_size = image_size
        self.patches = Conv2d(3, width, patch_size, stride=patch_size)
        self.positions = LearnedPositions(width, (image_size // patch_size) ** 2)
        self.dropout = Dropout(dropout)
        layer = TransformerEncoderLayer(width, heads, mlp, dropout, "gelu", batch_first=True, norm_first=True)
        self.encoder = TransformerEncoder(layer, layers, LayerNorm(width))
        self.head = Linear(width, num_classes)
        self.apply(initialise)

    def forward(self, x):
        if x.shape[1:] != (3, self.image_size, self.image_size):
            raise ValueError(f"{self.title()}: expected input (N, 3, {self.image_size}, {self.image_size}), "
                             f"got {x.shape}")
        x = self.patches(x).flatten(2).transpose(1, 2)                 # (N, L, width)
        x = self.encoder(self.dropout(self.positions(x)))
        return self.head(x.mean(1))

    def title(self):
        return "VisionTransformer"


def vit_small32(num_classes=10, dropout=0.0):
    """A vision transformer for 32x32 images: 64 patches of 4x4, 6 layers of width 128, 810,890 parameters.

    Dosovitskiy et al. 2021.
    """
    return VisionTransformer(num_classes=num_classes, dropout=dropout)
