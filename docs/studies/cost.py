"""What it saves in memory to run parts of a network again in the backward pass; what integers and batches cost in time.

Writes cost.json.

"Arrays" is the most that NumPy's arrays take at a time, "process" the largest resident size; the times are medians of
neighbouring turns. The memory is that of ResNet-110 at batch 128, forward and backward.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
import tracemalloc

import study

import tinynet
from tinynet import models, nn
from tinynet.utils import checkpoint

TURNS = 15
EVERY = {"none": 0, "every block (54)": 1, "every third block (18)": 3, "every sixth block (9)": 6}
CONVOLUTIONS = [(16, 32, 128), (32, 16, 128), (64, 8, 128), (64, 56, 8), (512, 7, 8)]     # channels, size, batch
BATCHES = 1, 8, 32, 128


def training_step(model, x, every):
    """Forward and backward, with a checkpoint for so many blocks; 0 for none."""
    blocks = [block for stage in model.stages for block in getattr(model, stage)]
    y = model.stem(x)
    for start in range(0, len(blocks), every or len(blocks)):
        part = nn.Sequential(*blocks[start:start + (every or len(blocks))])
        y = checkpoint(part, y) if every else part(y)
    model.head(y).sum().backward()


def one_memory(every, batch):
    """Runs in a process of its own: prints MB of arrays, MB of the process, seconds of a step."""
    tinynet.manual_seed(0)
    model, x = models.resnet110(), tinynet.randn(batch, 3, 32, 32)
    training_step(model, x, every)
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        training_step(model, x, every)
        seconds.append(time.perf_counter() - start)
    tracemalloc.start()
    training_step(model, x, every)
    print(json.dumps([tracemalloc.get_traced_memory()[1] / 1e6, process, statistics.median(seconds)]))


def memory(batch):
    rows, first = [], None
    for name, every in EVERY.items():
        done = subprocess.run([sys.executable, __file__, "--memory", str(every), str(batch)], capture_output=True,
                              text=True, check=True, encoding="utf-8")
        arrays, process, seconds = json.loads(done.stdout)
        first = first or seconds
        rows.append([name, f"{arrays:,.0f} MB", f"{process:,.0f} MB", f"{seconds / first:.2f}"])
    return {"head": ["parts that run again", "arrays", "process", "time of a step"], "rows": rows}


@tinynet.no_grad()
def in_turns(turns, x, *functions):
    """The median time of each function, in milliseconds."""
    taken = [[] for _ in functions]
    for _ in range(turns):
        for function, seconds in zip(functions, taken):
            function(x)
            start = time.perf_counter()
            function(x)
            seconds.append(time.perf_counter() - start)
    return [1000 * statistics.median(seconds) for seconds in taken]


def channels_last(n, c, h, w):
    return tinynet.randn(n, h, w, c).permute(0, 3, 1, 2)


def integers(turns):
    """One 3x3 layer, in floats and in integers, with the rounding of its input and its output."""
    rows = []
    for channels, size, batch in CONVOLUTIONS:
        x = channels_last(batch, channels, size, size)
        layer = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)).eval()
        times = in_turns(turns, x, layer, tinynet.quantize(layer, [x]))
        rows.append([f"{channels}, {size}x{size}, {batch}", *(f"{ms:.2f}" for ms in times)])
    return {"head": ["channels, size, batch", "float32", "int8"], "rows": rows}


def batches(turns):
    model, rows = models.resnet20().eval(), []
    folded = tinynet.fold_batchnorm(model)
    small = tinynet.quantize(model, [tinynet.randn(8, 3, 32, 32)])
    for batch in BATCHES:
        times = in_turns(turns, channels_last(batch, 3, 32, 32), model, folded, small)
        rows.append([batch, *(f"{ms / batch:.2f}" for ms in times)])
    return {"head": ["batch", "as trained", "folded", "int8"], "rows": rows}


def main():
    args = study.arguments(__doc__)
    turns = 1 if args.quick else TURNS
    tinynet.manual_seed(0)
    tables = {"memory": memory(2 if args.quick else 128), "integers": integers(turns), "batches": batches(turns)}
    study.tell(**tables)
    if not args.quick:
        path = study.RESULTS / "cost.json"
        path.write_text(json.dumps({"machine": study.machine(), "tables": tables}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        one_memory(*map(int, sys.argv[2:]))
    else:
        main()
