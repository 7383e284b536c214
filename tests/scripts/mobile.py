"""A mobile network: inverted residuals, squeeze and excitation, hard activations, a copied `state_dict`."""

import copy
from functools import partial

import torch
from common import labels, noise, start, train
from torch import Tensor, nn


def _make_divisible(v: float, divisor: int, min_value=None) -> int:
    if min_value is None:
        min_value = divisor
    new_v = max(min_value, int(v + divisor / 2) // divisor * divisor)
    if new_v < 0.9 * v:
        new_v += divisor
    return new_v


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        squeeze = _make_divisible(channels // 4, 4)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeeze, 1)
        self.fc2 = nn.Conv2d(squeeze, channels, 1)
        self.activation = nn.ReLU(inplace=True)
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, input: Tensor) -> Tensor:
        scale = self.activation(self.fc1(self.avgpool(input)))
        return self.scale_activation(self.fc2(scale)) * input


class ConvBNActivation(nn.Sequential):
    def __init__(self, cin, cout, kernel=3, stride=1, groups=1, norm=None, act=None):
        super().__init__(nn.Conv2d(cin, cout, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
                         (norm or nn.BatchNorm2d)(cout), (act or nn.ReLU6)(inplace=True))


class InvertedResidual(nn.Module):
    def __init__(self, cin, cout, stride, expand_ratio, act, norm_layer):
        super().__init__()
        assert stride in [1, 2]
        self.use_res_connect = stride == 1 and cin == cout
        hidden = int(round(cin * expand_ratio))
        layers = []
        if expand_ratio != 1:
            layers.append(ConvBNActivation(cin, hidden, 1, norm=norm_layer, act=act))
        layers.extend([ConvBNActivation(hidden, hidden, stride=stride, groups=hidden, norm=norm_layer, act=act),
                       SqueezeExcitation(hidden), nn.Conv2d(hidden, cout, 1, 1, 0, bias=False), norm_layer(cout)])
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNet(nn.Module):
    def __init__(self, num_classes: int = 5):
        super().__init__()
        norm_layer = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
        features = [ConvBNActivation(3, 8, stride=2, norm=norm_layer, act=nn.Hardswish)]
        for t, c, s in [[1, 8, 1], [3, 16, 2], [3, 16, 1]]:
            features.append(InvertedResidual(features[-1].conv[-2].out_channels if len(features) > 1 else 8, c, s, t,
                                             nn.Hardswish, norm_layer))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=0.0, inplace=True), nn.Linear(16, num_classes))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.ones_(m.weight)
                nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, 0, 0.01)
                nn.init.zeros_(m.bias)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = nn.functional.adaptive_avg_pool2d(x, (1, 1))
        x = torch.flatten(x, 1)
        return self.classifier(x)

    def forward(self, x: Tensor) -> Tensor:
        return self._forward_impl(x)


model = start(MobileNet())
kept = copy.deepcopy(model.state_dict())
model.load_state_dict(kept)
optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=4e-5, nesterov=True)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)


def step(i):
    output = model(noise(4, 3, 24, 24, seed=i))
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)(output, labels(4, 5, seed=i))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    _, pred = output.topk(3, 1, True, True)
    correct = pred.t().eq(labels(4, 5, seed=i).view(1, -1).expand_as(pred.t()))
    accuracy = correct[:2].reshape(-1).float().sum(0, keepdim=True).mul_(100.0 / 4)
    return loss.item() + accuracy.item()


train(step)
