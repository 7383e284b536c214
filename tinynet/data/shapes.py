"""The built-in data set: ten kinds of shapes, drawn by formula from a seed.

Each shape is a signed distance: negative inside, zero on the edge, positive outside. A distance in pixels gives a soft
edge: the share of a pixel that is covered is about 1/2 - distance. The colour does not depend on the class, and a
single pixel says little about it. A linear classifier therefore gets only a third of the images right, while a small
convolutional network, which sees edges and corners, soon gets nearly all of them right.
"""

import numpy as np

from tinynet.data.dataset import DataError, ImageDataset

SIZE = 32
CHUNK = 200     # images drawn at a time: arrays that stay in the processor's cache
CLUTTER = 3     # strokes in the background


# The shapes: distances at points (x, y), in units of the shape's radius.

def circle(x, y):
    return np.hypot(x, y) - 0.85


def ring(x, y):
    return np.abs(np.hypot(x, y) - 0.7) - 0.22


def crescent(x, y):
    return np.maximum(np.hypot(x, y) - 0.95, 0.75 - np.hypot(x - 0.5, y))


def heart(x, y):
    """A square on its corner, with discs on its two upper sides."""
    x = np.abs(x)
    corner = (x + np.abs(y + 0.2) - 0.8) * 0.707
    lobe = np.hypot(x - 0.4, y - 0.2) - 0.566
    return np.minimum(corner, lobe)


def square(x, y):
    return np.maximum(np.abs(x), np.abs(y)) - 0.75


def cross(x, y):
    x, y = np.abs(x), np.abs(y)
    return np.maximum(np.maximum(x, y) - 0.95, np.minimum(x, y) - 0.28)


def triangle(x, y):
    return star(x, y, points=3, inner=0.5)


def star(x, y, points=5, inner=0.42):
    """Fold the plane onto half of one point of the star: a single straight edge is left."""
    sector = 2 * np.pi / points
    radius, angle = np.hypot(x, y), np.arctan2(x, y)     # from the upright
    angle = np.abs(angle - sector * np.round(angle / sector))
    valley_x, valley_y = inner * np.cos(sector / 2), inner * np.sin(sector / 2)
    length = np.hypot(1 - valley_x, valley_y)
    along, across = radius * np.cos(angle) - 1, radius * np.sin(angle)
    return (along * valley_y + across * (1 - valley_x)) / length


def stripes(x, y):
    x = np.abs(x)
    return np.maximum(np.minimum(x, np.abs(x - 0.65)) - 0.19, np.abs(y) - 0.8)


def hourglass(x, y):
    x, y = np.abs(x), np.abs(y)
    return np.maximum(y - 0.8, (x - y) * 0.707 - 0.06)


SHAPES = [circle, ring, crescent, heart, square, cross, triangle, star, stripes, hourglass]


def shapes(train=True, count=None, seed=0):
    """Ten classes of images (N, 32, 32, 3): 10,000 to train with, another 2,000 to test, or `count`.

    The same seed draws the same images; a smaller count draws the first of them. DataError for a count below 1.
    """
    count = (10_000 if train else 2_000) if count is None else count
    if count < 1:
        raise DataError(f"shapes: expected a count of at least 1, got {count}")
    chunks = [draw_chunk(np.random.default_rng((seed, train, start))) for start in range(0, count, CHUNK)]
    images, labels = (np.concatenate(parts)[:count] for parts in zip(*chunks))
    return ImageDataset(images, labels, [shape.__name__ for shape in SHAPES], [0.4] * 3, [0.25] * 3, "shapes")


def draw_chunk(rng):
    """Draw CHUNK images: a background, strokes that clutter it, the shape, and noise over everything."""
    labels = rng.permutation(np.arange(CHUNK) % len(SHAPES))
    # In each channel the shape is lighter than its background, or darker where lighter would be above 1.
    ground = uniform(rng, 0, 0.7, (CHUNK, 3, 1, 1))
    figure = (ground + uniform(rng, 0.3, 0.6, ground.shape)) % 1

    picture = paint(rng, ground)
    for _ in range(CLUTTER):
        blend(picture, strokes(rng), rng.random(ground.shape, np.float32))
    blend(picture, place(rng, labels), paint(rng, figure))
    noise = rng.standard_normal(picture.shape, np.float32)
    picture += noise * uniform(rng, 0.01, 0.07, (CHUNK, 1, 1, 1))
    pixels = (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels.transpose(0, 2, 3, 1), labels       # channels last


def uniform(rng, low, high, shape=(CHUNK, 1, 1)):
    return rng.uniform(low, high, shape).astype(np.float32)


def from_random_center(rng, spread, turn):
    """Coordinates of all pixels, from a point up to `spread` off the middle, turned by up to `turn`."""
    axis = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
    x, y = axis - uniform(rng, -spread, spread), -axis[:, None] - uniform(rng, -spread, spread)  # y goes up
    angle = uniform(rng, -turn, turn)
    cos, sin = np.cos(angle), np.sin(angle)
    return x * cos + y * sin, y * cos - x * sin


def paint(rng, color):
    """A texture: waves between `color` and a similar colour; long waves are gradients, short ones are stripes."""
    x, _ = from_random_center(rng, SIZE, np.pi)
    wave = np.sin(x * 2.0 ** uniform(rng, -5, 0.5))
    return color + wave[:, None] * rng.normal(0, 0.12, color.shape).astype(np.float32)


def strokes(rng):
    """Distances from a dot or a line, one for each image."""
    x, y = from_random_center(rng, SIZE / 2, np.pi)
    beyond = np.maximum(np.abs(x) - uniform(rng, 0, 8), 0)
    return np.hypot(beyond, y) - uniform(rng, 0.4, 1.8)


def place(rng, labels):
    """Distances from each image's shape, which is moved, turned, scaled and stretched."""
    x, y = from_random_center(rng, 4, np.pi / 6)
    size, stretch = uniform(rng, 8, 13), uniform(rng, 0.87, 1.15)
    x, y = x / (size * stretch), y / (size / stretch)
    distance = np.empty_like(x)
    for label, shape in enumerate(SHAPES):
        chosen = labels == label
        distance[chosen] = shape(x[chosen], y[chosen])
    return distance * size


def blend(picture, distance, color):
    """Paint `color` over the picture, inside the shape and half way on its edge."""
    cover = (0.5 - distance).clip(0, 1)[:, None]
    picture += cover * (color - picture)
