"""Folding and quantizing: a trained network made smaller.

In evaluation a BatchNorm multiplies and adds the same numbers every time. The convolution before it can do
both: scale its weights, shift its bias, and remove the BatchNorm (folding). The result is the same.

A weight takes 4 bytes, but the network does not need that precision. Divide the range of each
channel's weights into 255 levels and store the number of the level, in one byte (quantizing). Some images are used
to measure the range of the activations (calibration). The network then computes with integers, and the result is
nearly the same.
"""

import time

import common
import numpy as np

import tinynet
from tinynet import data, plots
from tinynet.train import evaluate

args = common.arguments(__doc__, data=True)
train, test = common.image_sets(args, 4000, 1000)
tinynet.manual_seed(0)
model = tinynet.models.resnet8()
common.fit(model, train, epochs=2 if args.quick else 4)
model.eval()

folded = tinynet.fold_batchnorm(model)
quantized = tinynet.quantize(model, common.batch(train, 200)[0])
models = {"as trained": model, "folded": folded, "quantized": quantized}


def kilobytes(model):
    return sum(tensor.array.nbytes for tensor in model.state_dict().values()) / 1000


@tinynet.no_grad()
def run(model, images, repeats=5):
    """(the scores, milliseconds of the fastest run)"""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        scores = model(images)
        times.append(1000 * (time.perf_counter() - start))
    return scores.numpy(), min(times)


images, _ = common.batch(test, 100)
results = {}
for name, each in models.items():
    scores, milliseconds = run(each, images)
    results[name] = scores, evaluate(each, data.Loader(test, 100, shuffle=False)).accuracy
    print(f"{name:10}  {kilobytes(each):5.0f} kB, {milliseconds:4.0f} ms for 100 images, "
          f"{100 * results[name][1]:.1f} % right")

# The picture: every score of the trained network against the same score of the other two. A score far beyond
# those of the calibration is clipped by quantizing.
fig = plots.figure(8, 4)
exact = results["as trained"][0]
for axes, name in zip(fig.subplots(1, 2), ("folded", "quantized")):
    axes.axline((0, 0), slope=1, color="lightgray")
    axes.plot(exact.ravel(), results[name][0].ravel(), ".", markersize=3)
    axes.set(xlabel="score as trained", ylabel=f"score, {name}", aspect="equal")
plots.write(fig, args.picture)
changes = [np.abs(results[name][0] - exact).mean() / np.abs(exact).mean() for name in ("folded", "quantized")]
print(f"mean change of a score: {changes[0]:.0e} by folding, {changes[1]:.0e} by quantizing; "
      f"picture: {args.picture}")
