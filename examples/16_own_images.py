"""Your own images: a folder of digits in many fonts, and a network that learns to read them.

The digits stand for your own images: a folder for each class, with image files of any size. The files are drawn
here with the fonts that come with matplotlib, so nothing is downloaded. The steps are the same for photographs:
train, look at the mistakes, classify a file, share the network.
"""

import pathlib
import tempfile

import common
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

import tinynet
from tinynet import data, plots
from tinynet.cli import main

args = common.arguments(__doc__)
per_digit = 20 if args.quick else 120
rng = np.random.default_rng(0)


def fonts():
    """The fonts of matplotlib that have digits: DejaVu and Computer Modern, upright, slanted and bold."""
    folder = pathlib.Path(font_manager.findfont("DejaVu Sans")).parent
    names = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "cmr10", "cmb10", "cmss10", "cmtt10", "STIXGeneral")
    return [path for path in sorted(folder.glob("*.ttf"))
            if path.stem.startswith(names) and "Display" not in path.stem and "NonUni" not in path.stem]


def draw(digit, font):
    """A digit on paper: turned, moved, in ink of any colour, on a scan of any size."""
    width, height = (int(n) for n in rng.integers(40, 90, 2))
    paper, ink = (tuple(int(c) for c in rng.integers(*range_of, 3)) for range_of in ((170, 256), (0, 110)))
    layer = Image.new("L", (width, height))
    size = min(width, height) * rng.uniform(0.6, 0.9)
    place = width / 2 + rng.normal(0, 2), height / 2 + rng.normal(0, 2)
    ImageDraw.Draw(layer).text(place, digit, 255, ImageFont.truetype(str(font), size), anchor="mm")
    image = Image.new("RGB", layer.size, paper)
    image.paste(ink, mask=layer.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR))
    pixels = np.asarray(image) + rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


with tempfile.TemporaryDirectory() as place:
    # The folder, as you would have it: digits/0/*.png, digits/1/*.jpg, ...
    digits, run = pathlib.Path(place) / "digits", pathlib.Path(place) / "run"
    for digit in "0123456789":
        (digits / digit).mkdir(parents=True)
        for i in range(per_digit):
            draw(digit, rng.choice(fonts())).save(digits / digit / f"{i:03}.{('png', 'jpg', 'webp')[i % 3]}")
    parts = data.load_parts(digits)
    print(f"{len(parts.train)} digits to learn from, {len(parts.test)} to test with, drawn in {len(fonts())} fonts")

    # A mirrored 3 is no 3: that is why --no-flip. The rest is as for any folder.
    epochs = "1" if args.quick else "10"
    main(["train", "--data", str(digits), "--no-flip", "--epochs", epochs, "--out", str(run)])
    (args.out / "16_report.html").write_bytes((run / "report.html").read_bytes())

    # What the network says of digits that it has never seen: green where right, red where wrong.
    reader = tinynet.load_run(run)
    probabilities = reader.probabilities(parts.test.images)
    unsure = probabilities.max(1).argsort()[:32]
    plots.image_sheet(parts.test.images[unsure], args.picture, parts.test.labels[unsure],
                      probabilities[unsure].argmax(1), parts.test.classes)
    print(f"of one file: {reader.predict(digits / '7' / '000.png')}")

right = (probabilities.argmax(1) == parts.test.labels).mean()
print(f"test digits read right: {100 * right:.1f} %; the least sure ones: {args.picture}")
