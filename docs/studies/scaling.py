"""What several processes cost on one machine, and the terms that docs/scaling.md needs for many machines.

Writes scaling.json. Needs the extra "mpi".

- "turns": images per second of ResNet-20's training, two processes of one thread divided by one process of two threads,
  measured in neighbouring turns, each in processes of its own;
- "all_reduce": how long MPI takes to add up arrays of two processes on this machine;
- "hidden": how much of the all-reduce of ResNet-20's gradients the backward pass hides;
- "networks": forward and backward passes of one process, in seconds, and the bytes of the gradients.

The first is a median of ratios. The times of the others are the fastest of many, which other work on the machine
disturbs least.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import numpy as np
import study

import tinynet
from tinynet import distributed as dist, models, optim
from tinynet.distributed.collectives import sum_array
from tinynet.nn import functional as F
from tinynet.nn.parallel import DistributedDataParallel

BATCH, STEPS, TURNS = 128, 25, 7
SIZES = [4, 1 << 12, 1 << 16, 1_078_888, 1 << 23, 102_228_128]       # bytes; ResNet-20's and ResNet-50's gradients
NETWORKS = {"resnet20": (128, 32), "resnet50": (16, 224)}            # batch, side of the images


def steps_of(network, model, batch, count, side=32):
    """Seconds of each of `count` training steps, after three to warm up; and the seconds that backward takes of it."""
    images = tinynet.randn(batch, side, side, 3).permute(0, 3, 1, 2)
    labels = tinynet.arange(batch) % 10
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    taken = []
    for _ in range(count + 3):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        middle = time.perf_counter()
        loss.backward()
        end = time.perf_counter()
        optimizer.step()
        taken.append((time.perf_counter() - start, end - middle))
    return taken[3:]


# What the processes of a run do: `scaling.py --worker PART`, its result on stdout --------------------------------


def train(steps):
    """Images per second of all processes; the seconds of the all-reduce alone, of what is waited, and of backward."""
    tinynet.manual_seed(0)
    model, size = models.resnet20(), dist.get_world_size()
    network = DistributedDataParallel(model)
    waits = []
    backward = network.reducer.finish

    def finish():
        backward()
        waits.append(network.reducer.waited)
    network.reducer.finish = finish
    taken = steps_of(network, model, BATCH // size, steps)
    dist.barrier()
    return {"rate": BATCH / statistics.median(step for step, _ in taken),
            "waited": min(waits[3:]), "alone": min(alone(network.reducer, 4 * steps)),
            "backward": min(back for _, back in taken)}


def alone(reducer, count):
    """Seconds of the all-reduces of all buckets, one after the other, with nothing beside them."""
    taken = []
    for _ in range(count):
        dist.barrier()
        start = time.perf_counter()
        for bucket in reducer.buckets:
            sum_array(bucket.flat)
        taken.append(time.perf_counter() - start)
    return taken


def all_reduce(count):
    """[bytes, seconds] for each size."""
    rows = []
    for size in SIZES:
        array, taken = np.ones(size // 4, np.float32), []
        for _ in range(max(3, count if size < 1 << 20 else count // 4)):
            dist.barrier()
            start = time.perf_counter()
            sum_array(array)
            taken.append(time.perf_counter() - start)
        rows.append([size, min(taken)])
    return rows


def worker(part, count):
    dist.init_process_group()
    found = {"train": train, "all_reduce": all_reduce}[part](int(count))
    if dist.get_rank() == 0:
        print(json.dumps(found))
    dist.destroy_process_group()


def started(processes, threads, part, count):
    """The result of process 0 of a run."""
    here = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    words = [shutil.which("mpiexec", path=here), "-n", processes, sys.executable, __file__, "--worker", part, count]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, encoding="utf-8", timeout=600,
                          env={**os.environ, "TINYNET_NUM_THREADS": str(threads)})
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


# The parts of the study ------------------------------------------------------------------------------------------


def turns(quick):
    """The ratio of neighbouring turns, and what hides the all-reduce."""
    ratios, found = [], []
    for _ in range(2 if quick else TURNS):
        one, two = (started(n, 2 // n, "train", 3 if quick else STEPS) for n in (1, 2))
        ratios.append(two["rate"] / one["rate"])
        found.append((one, two))
    low, middle, high = np.percentile(ratios, [25, 50, 75]).round(3).tolist()
    rates = {f"{n} process{'es' * (n > 1)}": round(statistics.median(turn[n - 1]["rate"] for turn in found), 1)
             for n in (1, 2)}
    study.tell(**rates, ratio=middle)
    pairs = [two for _, two in found]
    hidden = {name: statistics.median(pair[name] for pair in pairs) for name in ("alone", "waited", "backward")}
    hidden["share"] = round(max(0, 1 - hidden["waited"] / hidden["alone"]), 3)
    study.tell(**hidden)
    return {"ratio": middle, "low": low, "high": high, "rates": rates}, hidden


def networks(quick):
    rows = []
    for name, (batch, side) in NETWORKS.items():
        tinynet.manual_seed(0)
        model = getattr(models, name)()
        batch = 2 if quick else batch
        taken = steps_of(model, model, batch, 1 if quick else 4 if side > 32 else STEPS, side)
        rows.append(study.tell(name=name, batch=batch, bytes=4 * sum(p.numel() for p in model.parameters()),
                               step=min(step for step, _ in taken),
                               backward=min(back for _, back in taken)))
    return rows


def main():
    if "--worker" in sys.argv:
        return worker(*sys.argv[sys.argv.index("--worker") + 1:])
    args, load = study.arguments(__doc__), round(os.getloadavg()[0], 1)
    ratio, hidden = turns(args.quick)
    rows = {"turns": ratio, "hidden": hidden, "networks": networks(args.quick),
            "all_reduce": started(2, 1, "all_reduce", 5 if args.quick else 200)}
    if not args.quick:
        study.write("scaling", {"batch": BATCH, "steps": STEPS, "turns": TURNS, "load": load}, rows)


if __name__ == "__main__":
    main()
