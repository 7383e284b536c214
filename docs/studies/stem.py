"""Why a BatchNorm follows the projection and the stem: ResNet-8 with option B, without one norm at a time, on CIFAR-10.

Before training, the standard deviations of what the first projection gives and of the branch that it is added to
are measured, too, for images as they are and for images ten times as bright. Writes stem.json.
"""

import study

import tinynet
from tinynet import models, nn

SEEDS, STEPS, BATCH = 2, 150, 32
RATES = (0.1,)
STAGES = "layer2", "layer3"            # whose first blocks have a projection


def whole(model):
    pass


def no_norm_after_the_projections(model):
    for stage in STAGES:
        model.get_submodule(stage)[0].downsample[1] = nn.Identity()


def no_norm_after_the_stem(model):
    model.bn1 = nn.Identity()


def neither(model):
    no_norm_after_the_projections(model)
    no_norm_after_the_stem(model)


def no_norm_at_all(model):
    for path, module in list(model.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, nn.Identity())


CASES = {"all norms": whole, "none after the projections": no_norm_after_the_projections,
         "none after the stem": no_norm_after_the_stem, "none after both": neither, "none at all": no_norm_at_all}


@tinynet.no_grad()
def sizes(model, images):
    """Standard deviations of the first projection's output and of the branch beside it."""
    block, seen = model.layer2[0], {}
    handles = [block.downsample.register_forward_hook(lambda m, x, y: seen.update(shortcut=y)),
               block.conv2.register_forward_hook(lambda m, x, y: seen.update(branch=block.bn2(y)))]
    model(images)
    for handle in handles:
        handle.remove()
    return {name: float(f"{y.std().item():.3g}") for name, y in seen.items()}


def main():
    args, rows = study.arguments(__doc__), []
    train, test = study.sets("cifar10", args)
    images, _ = next(iter(study.Loader(train, BATCH, prefetch=0)))
    for rate in RATES:
        for case, change in CASES.items():
            losses, found = [], []
            for seed in range(1 if args.quick else SEEDS):
                tinynet.manual_seed(seed)
                model = models.resnet8(shortcut="B")
                change(model)
                before = {name: sizes(model, factor * images) for name, factor in (("as it is", 1), ("times 10", 10))}
                ends = study.fit(model, train, BATCH, 2 if args.quick else STEPS, rate, seed)[-30:]
                losses.append(sum(ends) / len(ends))
                found.append(study.accuracy(model, test))
            rows.append(study.tell(case=case, rate=rate, loss=study.spread(losses), accuracy=study.spread(found),
                                   before=before))
    if not args.quick:
        study.write("stem", {"network": "resnet8", "data": "cifar10", "steps": STEPS, "batch": BATCH}, rows)


if __name__ == "__main__":
    main()
