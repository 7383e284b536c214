"""How narrow may a bottleneck be? Three bottlenecks of 64 channels outside and 1 to 128 in the middle, on shapes.

The last row has BasicBlocks of 64 channels in their place. Writes bottleneck.json.
"""

import study

import tinynet
from tinynet import models
from tinynet.nn.blocks import BasicBlock, Bottleneck

MIDDLES = 1, 2, 4, 8, 16, 32, 64, 128
SEEDS, STEPS, BATCH, RATE = 2, 200, 32, 0.05


def network(middle):
    """Stages of one block at 8x8, 4x4 and 2x2, all with 64 channels outside."""
    if middle is None:
        return models.ResNet(BasicBlock, [1, 1, 1], [64, 64, 64], "imagenet", 10)
    return models.ResNet(Bottleneck, [1, 1, 1], [16, 16, 16], "imagenet", 10, base_width=4 * middle)


def block(middle):
    return BasicBlock(64, 64) if middle is None else Bottleneck(64, 16, base_width=4 * middle)


def main():
    args, rows = study.arguments(__doc__), []
    train, test = study.sets("shapes", args, 6000)
    for middle in (*MIDDLES, None):
        found = []
        for seed in range(1 if args.quick else SEEDS):
            tinynet.manual_seed(seed)
            model = network(middle)
            study.fit(model, train, BATCH, 2 if args.quick else STEPS, RATE, seed)
            found.append(study.accuracy(model, test))
        cost = tinynet.summary(block(middle), (64, 16, 16))
        rows.append(study.tell(middle=middle, parameters=cost.parameters, multiply_adds=cost.multiply_adds,
                               accuracy=study.spread(found)))
    if not args.quick:
        study.write("bottleneck", {"data": "shapes", "steps": STEPS, "batch": BATCH, "rate": RATE,
                                   "block": "64 channels in and out, 16x16"}, rows)


if __name__ == "__main__":
    main()
