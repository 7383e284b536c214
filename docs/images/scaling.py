"""How a step grows cheaper or dearer with the number of machines: the model of docs/scaling.md, and its picture.

Times in seconds, sizes in bytes, bandwidths in bytes per second. The measured terms are in docs/results/scaling.json.
"""

import dataclasses
import json
import math
import pathlib

from charts import BLUE, ORANGE, RED, canvas
from diagram import QUIET

from tinynet import plots

MEASURED = json.loads((pathlib.Path(__file__).parents[1] / "results" / "scaling.json").read_text(encoding="utf-8"))
LATENCY = 50e-6                        # of a message in an Ethernet, through TCP
BANDWIDTHS = {"1 Gbit/s": 0.125e9, "10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}
MACHINES = range(1, 65)
BUCKETS = 8                            # into which DistributedDataParallel cuts the gradients
TITLES = {"resnet20": "ResNet-20", "resnet50": "ResNet-50"}
SHARED = {"resnet20": 128, "resnet50": 256}      # a batch that all machines share, as the papers trained with


def ring(n, size, bandwidth, latency=LATENCY):
    """Seconds of an all-reduce along a ring: 2(n-1) messages, one after the other, of the n-th part each."""
    return 2 * (n - 1) * (latency + size / n / bandwidth)


def tree(n, size, bandwidth, latency=LATENCY):
    """Seconds of an all-reduce up a binary tree and down again: 2·log2(n) messages of the whole."""
    return 2 * math.ceil(math.log2(n)) * (latency + size / bandwidth)


def fastest(n, size, bandwidth):
    """Seconds of the better of the two, which an MPI library chooses by the size."""
    return min(ring(n, size, bandwidth), tree(n, size, bandwidth))


@dataclasses.dataclass
class Network:
    """What one machine takes for a `step` of `batch` images, and for its `backward`; the `size` of its gradients."""

    shared_batch: int
    batch: int
    step: float
    backward: float
    size: int

    def on(self, n, bandwidth, batch):
        """Seconds of a step of `n` machines, of `batch` images each; what is computed is proportional to them."""
        part = batch / self.batch
        return part * self.step + self.exposed(n, bandwidth, part * self.backward)

    def exposed(self, n, bandwidth, backward):
        """Seconds of communication that the backward pass does not hide.

        All but the last bucket can go beside it, as soon as the first one is full.
        """
        if n == 1:
            return 0.0
        bucket = fastest(n, self.size / BUCKETS, bandwidth)
        return max(bucket, BUCKETS * bucket - (1 - 1 / BUCKETS) * backward)

    def growing(self, n, bandwidth):
        """How many times the images per second of one machine, if each of `n` keeps its batch."""
        return n * self.step / self.on(n, bandwidth, self.batch)

    def shared(self, n, bandwidth):
        """How many times as fast a step is as on one machine, if `n` share one batch."""
        return self.on(1, bandwidth, self.shared_batch) / self.on(n, bandwidth, self.shared_batch / n)


def networks():
    return {row["name"]: Network(SHARED[row["name"]], row["batch"], row["step"], row["backward"], row["bytes"])
            for row in MEASURED["rows"]["networks"]}


def last_at_half(gain):
    """The largest number of machines, up to 64, with a gain of at least half of it: the other half waits."""
    return max(n for n in MACHINES if gain(n) >= n / 2)


def best(gain):
    """The number of machines with the largest gain; with more of them a step takes longer."""
    return max(MACHINES, key=gain)


def picture(path):
    """For 1 to 64 machines, each with a batch of its own, the share that is used; below, with one batch, the gain."""
    fig = canvas(9.0, 7.0)
    axes = fig.subplots(2, 2, sharex=True)
    for (above, below), (name, network) in zip(axes.T, networks().items(), strict=True):
        for (label, bandwidth), color in zip(BANDWIDTHS.items(), (RED, ORANGE, BLUE)):
            used = [100 * network.growing(n, bandwidth) / n for n in MACHINES]
            above.plot(MACHINES, used, color=color, label=label)
            below.plot(MACHINES, [network.shared(n, bandwidth) for n in MACHINES], color=color, label=label)
        below.plot(MACHINES, MACHINES, color=QUIET, linestyle="--", linewidth=1, label="nothing lost")
        above.set_title(f"{TITLES[name]}, {network.batch} images on each machine", fontsize=10)
        below.set_title(f"{TITLES[name]}, {network.shared_batch} images on all together", fontsize=10)
        above.set_ylim(0, 105)
        below.set_xscale("log", base=2)
        below.set_yscale("log", base=2)
        below.set_xticks([1, 2, 4, 8, 16, 32, 64], ["1", "2", "4", "8", "16", "32", "64"])
        below.set_yticks([1, 2, 4, 8, 16, 32, 64], ["1", "2", "4", "8", "16", "32", "64"])
        below.set_xlabel("machines")
        for panel in (above, below):
            panel.grid(alpha=0.3)
    axes[0, 0].set_ylabel("used, %")
    axes[1, 0].set_ylabel("times as fast as one machine")
    axes[1, 0].legend(fontsize=8)
    plots.write(fig, path)
