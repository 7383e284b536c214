"""A small CIFAR ResNet: all parts together, trained for a few epochs.

A stem makes 16 channels of 3; three stages of residual blocks halve the map and double the channels; the
average over the map goes to a linear layer. `BasicBlock` is the block of example 09 with a BatchNorm after
each convolution and a shortcut that can change the shape, too.

New in the loop: images are shifted and flipped at random (augmentation), so that every epoch is different,
and the learning rate rises and falls (one cycle). The test images are used only at the end.
"""

import common

import tinynet
from tinynet import data, nn, optim, plots
from tinynet.nn import functional as F
from tinynet.nn.blocks import BasicBlock
from tinynet.train import evaluate

args = common.arguments(__doc__, data=True)
train, test = common.image_sets(args, 6000, 1000)
EPOCHS = 2 if args.quick else 4


class SmallResNet(nn.Module):
    """(N, 3, 32, 32) -> (N, classes); the same network as tinynet.models.resnet8(shortcut="B")."""

    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.stages = nn.Sequential(BasicBlock(16, 16),                # (N, 16, 32, 32)
                                    BasicBlock(16, 32, stride=2),      # (N, 32, 16, 16)
                                    BasicBlock(32, 64, stride=2))      # (N, 64, 8, 8)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))

    def forward(self, x):
        return self.head(self.stages(self.stem(x)))


tinynet.manual_seed(0)
model = SmallResNet(len(train.classes))
print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(train):,} images")
loader = data.Loader(train, 64, augment=data.Augment(crop=4, flip=True))
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
steps = EPOCHS * len(loader)
schedule = optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps, cycle_momentum=False)

for epoch in range(EPOCHS):
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")

result = evaluate(model, data.Loader(test, 100, shuffle=False))
model.eval()                                                           # BatchNorm by its running statistics
with tinynet.no_grad():
    predictions = model(common.batch(test, 32)[0]).argmax(1)

# The picture: the first test images, with the classes that the network names.
plots.image_sheet(test.images[:32], args.picture, test.labels[:32], predictions, test.classes)
print(f"test accuracy {100 * result.accuracy:.1f} %; picture: {args.picture}")
