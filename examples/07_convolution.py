"""Convolution as im2col: one small template, applied at every place of the image.

A convolution takes a window of the image, multiplies it by the kernel, adds up, and moves on by a
pixel. (np.convolve turns the kernel round first; here it is not turned.) A convolution is a linear layer that sees only
a window, with the same weights everywhere. It can also be computed as one matrix product: copy every window into a
column (im2col), and multiply the kernel, as a row, with all columns at once.
"""

import common
import numpy as np

import tinynet
from tinynet import data, plots
from tinynet.nn import functional as F

args = common.arguments(__doc__)
image = data.shapes(count=1).images[0].mean(-1) / 255                  # (32, 32), in gray
image = image.reshape(16, 2, 16, 2).mean((1, 3))                       # (16, 16), so that pixels can be seen
kernel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float)         # light on the left, dark on the right


def by_definition(x, w):
    """Seven nested loops in general; four, with one image, one channel and one kernel."""
    y = np.zeros((14, 14))
    for p in range(14):
        for q in range(14):
            for r in range(3):
                for s in range(3):
                    y[p, q] += x[p + r, q + s] * w[r, s]
    return y


def im2col(x):
    """Column p·14 + q is the 3x3 window that output (p, q) sees."""
    return np.stack([x[p:p + 3, q:q + 3].ravel() for p in range(14) for q in range(14)], 1)    # (9, 196)


columns = im2col(image)
product = (kernel.reshape(1, 9) @ columns).reshape(14, 14)
as_tensors = (tinynet.tensor(a[None, None]) for a in (image, kernel))  # (N, C, H, W) and (K, C, R, S)
library = F.conv2d(*as_tensors).numpy()[0, 0]
unfolded = F.unfold(tinynet.tensor(image[None, None]), 3).numpy()[0]
print(f"im2col {columns.shape}, the same as F.unfold: {np.array_equal(columns, unfolded)}")

# The picture: a window of the image, its column, and the output pixel that they make.
p, q = 4, 1
shown = {"the picture (16, 16) and one window": (image, (q, p), 3, 3),
         "the output (14, 14): vertical edges": (product, (q, p), 1, 1),
         "the first 70 of its 196 columns; the red one is the window":
             (columns[:, :70], (p * 14 + q, 0), 1, 9)}
fig = plots.figure(10, 5.4)
grid = fig.add_gridspec(2, 2, height_ratios=[2.4, 1])
for place, title in zip((grid[0, 0], grid[0, 1], grid[1, :]), shown):
    array, (left, top), width, height = shown[title]
    axes = fig.add_subplot(place, title=title, xticks=[], yticks=[])
    axes.imshow(array, cmap="gray")
    frame = np.array([[0, 1, 1, 0, 0], [0, 0, 1, 1, 0]])
    axes.plot(left - 0.5 + width * frame[0], top - 0.5 + height * frame[1], color="red", linewidth=2)
plots.write(fig, args.picture)
error = max(np.abs(product - by_definition(image, kernel)).max(), np.abs(product - library).max())
print(f"loops, matrix product and F.conv2d differ by at most {error:.0e}; picture: {args.picture}")
