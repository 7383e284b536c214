"""Folders of image files to test with: three kinds of images, in mixed sizes and formats, drawn here."""

import numpy as np
from PIL import Image

KINDS = ("disc", "stripes", "cross")
FORMATS = ("png", "jpg", "bmp", "gif", "tiff", "webp")


def draw(kind, rng, height, width):
    """A grey figure on a grey ground, with noise: pixels (height, width, 3)."""
    y, x = np.mgrid[:height, :width] / min(height, width)
    x, y = x - x.mean() + rng.uniform(-0.08, 0.08), y - y.mean() + rng.uniform(-0.08, 0.08)
    inside = {"disc": np.hypot(x, y) < rng.uniform(0.25, 0.4),
              "stripes": np.sin(x * rng.uniform(24, 30)) > 0,
              "cross": np.minimum(abs(x), abs(y)) < rng.uniform(0.06, 0.12)}[kind]
    dark, light = rng.uniform(0, 100, 3), rng.uniform(150, 255, 3)
    pixels = np.where(inside[..., None], light, dark) + rng.normal(0, 8, (height, width, 3))
    return pixels.clip(0, 255).astype(np.uint8)


def write_folder(root, count=8, kinds=KINDS, seed=0, formats=FORMATS):
    """Write root/KIND/NUMBER.FORMAT, `count` images of each kind, from 20 to 70 pixels high and wide."""
    rng = np.random.default_rng(seed)
    for kind in kinds:
        (root / kind).mkdir(parents=True)
        for i in range(count):
            height, width = rng.integers(20, 70, 2)
            Image.fromarray(draw(kind if kind in KINDS else "disc", rng, height, width)).save(
                root / kind / f"{i:03}.{formats[i % len(formats)]}")
    return root
