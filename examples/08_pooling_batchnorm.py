"""Pooling and BatchNorm, and why a network has two modes: train and eval.

Pooling makes a map smaller: each window becomes its maximum or its mean. BatchNorm gives every channel
mean 0 and variance 1, over the current batch: (x - mean) / √(variance + ε). So in training the result for
an image depends on the other images of its batch. A prediction should not depend on them. So BatchNorm also keeps
running averages of its means and variances, and after `model.eval()` it uses those.
"""

import common
import numpy as np

import tinynet
from tinynet import data, nn, plots
from tinynet.nn import functional as F

args = common.arguments(__doc__)
dataset = data.shapes(count=400 if args.quick else 2000)
images = common.batch(dataset, len(dataset))[0] * 2.0 + 3.0            # far from mean 0 and variance 1
one = images[:1]                                                       # the image that is watched
batches = [tinynet.cat([one, images[i:i + 15]]) for i in range(1, 300, 15)]      # ... in different company

norm = nn.BatchNorm2d(3)
norm.train()                                                           # how every module starts
in_training, running_means = [], []
for batch in batches * 2:
    y = norm(batch)
    in_training.append(y[0, 0].mean().item())                          # its first channel
    running_means.append(norm.running_mean[0].item())
print(f"a batch after BatchNorm: mean {abs(y.mean().item()):.2f}, variance {y.var().item():.2f}")

norm.eval()
in_evaluation = [norm(batch)[0, 0].mean().item() for batch in batches * 2]
print(f"one image in {len(batches)} batches, each passed twice: "
      f"spread {np.std(in_training):.3f} in training, {np.std(in_evaluation):.3f} in evaluation")

# The picture. Above: a shape and its poolings; below: what BatchNorm does, batch after batch.
shown = (one - one.min()) / (one.max() - one.min())                    # from 0 to 1, as it is drawn
fig = plots.figure(9, 5.4)
top, bottom = fig.subfigures(2, 1)
poolings = {"picture, 32x32": shown, "max_pool2d(4), 8x8": F.max_pool2d(shown, 4),
            "avg_pool2d(4), 8x8": F.avg_pool2d(shown, 4)}
for axes, (name, small) in zip(top.subplots(1, 3), poolings.items()):
    axes.imshow(small.numpy()[0].transpose(1, 2, 0))
    axes.set(title=name, xticks=[], yticks=[])
left, right = bottom.subplots(1, 2)
left.plot(running_means, label="running mean")
left.axhline(images[:, 0].mean().item(), color="gray", linestyle=":", label="mean of all pictures")
right.plot(in_training, ".-", label="train()")
right.plot(in_evaluation, label="eval()")
left.set(xlabel="batch", title="learned from the batches")
right.set(xlabel="batch", title="the same picture, after BatchNorm")
for axes in (left, right):
    axes.legend(fontsize="small")
plots.write(fig, args.picture)
print(f"running mean {running_means[-1]:.2f}, true mean {images[:, 0].mean().item():.2f}; "
      f"picture: {args.picture}")
