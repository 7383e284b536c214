"""Two comparisons whose outcome depends on the machine: integers against floats, and grouped against full convolution.

Each is the median of the ratios of neighbouring turns. The row of this machine is added to machines.json, or replaces
the one of a machine of the same name.
"""

import json
import statistics
import time

import study

import tinynet
from tinynet import models
from tinynet.nn.blocks import ConvBlock, GroupedConv

TURNS = 15


@tinynet.no_grad()
def ratio(one, other, x):
    """How long `one` takes, divided by the time of `other`."""
    found = []
    for _ in range(TURNS):
        taken = []
        for model in one, other:
            model(x)
            start = time.perf_counter()
            model(x)
            taken.append(time.perf_counter() - start)
        found.append(taken[0] / taken[1])
    return round(statistics.median(found), 2)


def channels_last(n, c, h, w):
    return tinynet.randn(n, h, w, c).permute(0, 3, 1, 2)


def main():
    tinynet.manual_seed(0)
    images, large = channels_last(128, 3, 32, 32), channels_last(8, 3, 224, 224)
    row = {}
    for name, model, x in ("resnet20", models.resnet20().eval(), images), ("resnet18", models.resnet18().eval(), large):
        row[f"int8 {name}"] = ratio(tinynet.quantize(model, [x]), model, x)
    maps = channels_last(32, 64, 28, 28)
    row["grouped"] = ratio(GroupedConv(64, 64, groups=8).eval(), ConvBlock(64, 64).eval(), maps)
    path = study.RESULTS / "machines.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": []}
    row = study.tell(machine=study.machine(), **row)
    known["rows"] = [r for r in known["rows"] if r["machine"]["processor"] != row["machine"]["processor"]] + [row]
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
