"""What a step of the recipe cifar10-94 takes beside PyTorch, and a run beside the machine's own matrix products.

The step (forward, backward, SGD with momentum) is measured in turns with PyTorch at its best, as `tinynet bench --rows
airbench` does. From it follow the minutes that all steps of a run take; the run's operations, divided by what the
machine's sgemm does in a second, are the minutes to compare with. Then the operators of one step. Writes airbench.json.

    python docs/studies/airbench_step.py                        on all cores, batches of 512 and 1024
    python docs/studies/airbench_step.py --threads 1 --batch 512 --rounds 3
    python docs/studies/airbench_step.py --quick                one short round of a small batch; writes nothing
"""

import argparse
import dataclasses
import os

import study

import tinynet
from tinynet import models
from tinynet.bench import children, rows, session
from tinynet.bench.networks import count_flops
from tinynet.train import Settings
from tinynet.train.descent import total_steps
from tinynet.train.settings import read_recipe

TRAINING, TEST, VIEWS = 50_000, 10_000, 6          # images of CIFAR-10, and views of each test image
BATCH = 1024                                       # of the recipe


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=tinynet.get_num_threads())
    parser.add_argument("--batch", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="one short round of a small batch; writes nothing")
    return parser.parse_args()


def run_of_recipe():
    """(images in all steps, operations of training, operations of the test) of one run of the recipe."""
    settings, steps_per_epoch = Settings(**read_recipe("cifar10-94")), TRAINING // BATCH
    model = models.airbench94().eval()
    with tinynet.no_grad():
        forward = count_flops(model, tinynet.zeros(1, 3, 32, 32))
        fixed = count_flops(model.whitening, tinynet.zeros(1, 3, 32, 32))
        second = count_flops(model.blocks[0].conv1, tinynet.zeros(1, 24, 31, 31))
    images = total_steps(settings, steps_per_epoch) * BATCH
    late = images - settings.stem_epochs * steps_per_epoch * BATCH         # these need no gradient of the first layer
    return images, images * (3 * forward - 2 * fixed) - late * second, TEST * VIEWS * forward


def measure(args):
    """The rows of the bench, in turns, and the rate of sgemm in operations a second."""
    layouts = ("nchw", "channels_last") if children.torch_installed() else ()
    found = session.Session(session.Settings(args.threads, layouts, args.rounds, args.quick))
    chosen = [dataclasses.replace(rows.AIRBENCH[0], name=f"batch {batch}",
                                  options={"net": "airbench94", "batch": batch}) for batch in args.batch]
    results = [result for result in found.run(chosen) if result["group"] == "airbench"]
    return results, 1e9 * found.limits["GFLOP/s"]


def operators(batch):
    """[operator, calls, milliseconds forward, milliseconds backward] of one step, the slowest first."""
    tinynet.manual_seed(0)
    x = tinynet.randn(batch, 32, 32, 3).permute(0, 3, 1, 2)                # channels-last in memory
    found = tinynet.profile(models.airbench94(), x).operators
    return [[share.name, share.calls, round(share.forward, 1), round(share.backward, 1)] for share in found]


def main():
    args = arguments()
    if args.quick:
        args.batch, args.rounds = [16], 1
    tinynet.set_num_threads(args.threads)
    load = round(os.getloadavg()[0], 1)
    images, training, test = run_of_recipe()
    results, sgemm = measure(args)
    found = []
    for batch, result in zip(args.batch, results, strict=True):
        seconds = {column: values["median"] for column, values in result["columns"].items()}
        found.append(study.tell(
            batch=batch, threads=args.threads, ms={column: round(1000 * s, 1) for column, s in seconds.items()},
            ratio=result["ratio"] and {key: result["ratio"][key] for key in ("median", "low", "high", "against")},
            steps_minutes=round(seconds["tinynet"] / batch * images / 60, 1),
            sgemm_minutes=round((training + test) / sgemm / 60, 1), operators=operators(batch)))
    if not args.quick:
        study.write("airbench", {"flop_training": training, "flop_test": test, "images": images,
                                 "sgemm": round(sgemm / 1e9, 1), "rounds": args.rounds, "load": load}, found)


if __name__ == "__main__":
    main()
