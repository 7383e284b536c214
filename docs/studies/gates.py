"""Squeeze-and-excitation and small batches: is it the gates that are unstable, or the norm around them?

SE-ResNet-8 on CIFAR-10, with BatchNorm and with groups of 8 channels, trained on batches of 2 and of 16. Then the gates
are watched: 64 test images pass in training mode, dealt at random into batches of the same size, eight times; how much
do the gates of one image change from one deal to the next? Writes gates.json.
"""

import numpy as np
import study

import tinynet
from tinynet import models, nn
from tinynet.nn.blocks import SEBlock
from tinynet.nn.blocks.attention import watch_gates

NORMS = {"batch": nn.BatchNorm2d, "group": lambda channels: nn.GroupNorm(channels // 8, channels)}
RUNS = [(2, 600, 0.01), (16, 200, 0.05)]
SEEDS, DEALS, IMAGES = 2, 8, 64


def se(channels):
    return SEBlock(channels, channels // 8)


@tinynet.no_grad()
def gates_of(model, images, batch, rng):
    """{path: gates (image, channel)} of images that pass in batches, in a random order, in training mode."""
    order = rng.permutation(len(images))
    with watch_gates(model) as seen:
        for start in range(0, len(order), batch):
            model(images[order[start:start + batch]])
    return {path: np.concatenate(parts)[np.argsort(order)] for path, parts in seen.items()}


def change(model, images, batch):
    """The root mean square change of a gate between deals of the same images, and the gates' mean."""
    rng = np.random.default_rng(0)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    deals = [np.concatenate(list(gates_of(model, images, batch, rng).values()), 1) for _ in range(DEALS)]
    model.load_state_dict(state)                             # running statistics moved
    return float(np.sqrt(np.var(deals, 0).mean())), float(np.mean(deals))


def main():
    args, rows = study.arguments(__doc__), []
    train, test = study.sets("cifar10", args)
    images, _ = next(iter(study.Loader(test, IMAGES, shuffle=False, prefetch=0)))
    for batch, steps, rate in RUNS:
        for norm, make in NORMS.items():
            for attention in None, se:
                found, changes = [], []
                for seed in range(1 if args.quick else SEEDS):
                    tinynet.manual_seed(seed)
                    model = models.resnet8(norm=make, attention=attention)
                    study.fit(model, train, batch, 2 if args.quick else steps, rate, seed)
                    found.append(study.accuracy(model, test))
                    if attention:
                        changes.append(change(model, images, batch))
                more = {"change": study.spread([c for c, _ in changes]),
                        "gate": study.spread([g for _, g in changes])} if attention else {}
                rows.append(study.tell(batch=batch, norm=norm, attention="se" if attention else "none",
                                       accuracy=study.spread(found), **more))
    if not args.quick:
        study.write("gates", {"network": "resnet8", "data": "cifar10", "runs": RUNS, "seeds": SEEDS,
                              "images watched": IMAGES, "deals": DEALS, "test images": 2000}, rows)


if __name__ == "__main__":
    main()
