"""What the network sees: its filters, and its feature maps of an image.

The filters of the first layer can be shown, because they are small colour images: a filter gives a large value
where the image looks like it. For deeper layers only the results can be shown, the feature maps. The first ones show
edges with the form of the image, the last ones a few spots. These filters were not designed: gradient descent found
them.
"""

import common
import numpy as np

import tinynet
from tinynet import plots
from tinynet.models import FeatureExtractor

args = common.arguments(__doc__, data=True)
_, test = common.image_sets(args, 10, 1000)
model = tinynet.models.resnet20(weights="cifar10")
model.eval()
images, labels = common.batch(test, len(test))

# The filters: (16, 3, 3, 3), 16 of them for three colours.
plots.filters(model.conv1.weight, args.out / "15_filters.png")

# The maps of one image after each of the three stages.
extractor = FeatureExtractor.from_model(model, ["layer1", "layer2", "layer3"])
with tinynet.no_grad():
    maps = [stage.numpy()[0] for stage in extractor(images[:1])]
for number, stage in enumerate(maps, 1):
    print(f"stage {number}: maps {stage.shape}, {100 * (stage == 0).mean():.0f} % of their values are zero")

# Sixteen of each stage, drawn in one size: 0-15 from the first, 16-31 from the second, 32-47 from the third.
enlarged = [np.kron(stage[:16], np.ones((1, 32 // stage.shape[1], 32 // stage.shape[2]))) for stage in maps]
plots.feature_maps(np.concatenate(enlarged), args.picture)

# What do the channels of the last stage stand for? Ask which class makes each answer most.
with tinynet.no_grad():
    parts = [extractor(part)[2].mean((2, 3)).numpy() for part in images.split(100)]
answers = np.concatenate(parts)                                                            # (N, 64)
by_class = np.stack([answers[labels.numpy() == i].mean(0) for i in range(10)])             # (classes, 64)
selectivity = by_class.max(0) / by_class.mean(0).clip(1e-6)
for channel in np.argsort(-selectivity)[:3]:
    print(f"channel {channel} of stage 3 answers to {test.classes[by_class[:, channel].argmax()]} "
          f"{selectivity[channel]:.1f} times as much as on average")
print(f"most selective channel: {selectivity.max():.1f} times the average; "
      f"pictures: {args.out / '15_filters.png'}, {args.picture}")
