"""Which norm for small batches? ResNet-8 with each norm, on batches of 2 and of 16, of CIFAR-10.

Groups of a fixed number of channels (8, 16) stand beside a fixed number of groups (32, as in the defaults of
Wu & He 2018, "Group Normalization"), one group of all channels ("layer"), and BatchNorm. Writes norms.json.
"""

import study

import tinynet
from tinynet import models, nn

NORMS = {
    "batch": nn.BatchNorm2d,
    "32 groups": lambda channels: nn.GroupNorm(min(32, channels), channels),
    "groups of 8": lambda channels: nn.GroupNorm(channels // 8, channels),
    "groups of 16": lambda channels: nn.GroupNorm(channels // 16, channels),
    "layer": lambda channels: nn.GroupNorm(1, channels),
}
RUNS = [                               # data, batch size, steps, peak learning rate, seeds
    ("cifar10", 2, 1600, 0.01, 4),
    ("cifar10", 16, 200, 0.05, 2),
]


def main():
    args, rows = study.arguments(__doc__), []
    for name, batch, steps, rate, seeds in RUNS:
        train, test = study.sets(name, args)
        for norm, make in NORMS.items():
            if args.only not in (None, norm):
                continue
            found = []
            for seed in range(1 if args.quick else seeds):
                tinynet.manual_seed(seed)
                model = models.resnet8(norm=make)
                study.fit(model, train, batch, 2 if args.quick else steps, rate, seed)
                found.append(study.accuracy(model, test))
            rows.append(study.tell(data=name, batch=batch, steps=steps, rate=rate, norm=norm,
                                   accuracy=study.spread(found)))
    if not (args.quick or args.only):
        study.write("norms", {"network": "resnet8", "test images": 2000}, rows)


if __name__ == "__main__":
    main()
