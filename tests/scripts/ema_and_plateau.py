"""Averaged weights, written by hand and as `AveragedModel`, with a schedule that waits for a plateau."""

import copy

import torch
import torch.nn as nn
from common import labels, noise, start, train
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel


class EMA:
    def __init__(self, model, decay):
        self.decay, self.shadow = decay, {}
        for name, param in model.named_parameters():
            if param.requires_grad:
                self.shadow[name] = param.data.clone()

    def update(self, model):
        for name, param in model.named_parameters():
            if param.requires_grad:
                new_average = (1.0 - self.decay) * param.data + self.decay * self.shadow[name]
                self.shadow[name] = new_average.clone()


def update_average(target, model, decay=0.9):
    with torch.no_grad():
        for ours, theirs in zip(target.parameters(), model.parameters()):
            ours.mul_(decay).add_(theirs.detach(), alpha=1 - decay)
        msd = model.state_dict()
        for k, v in target.state_dict().items():
            if v.dtype.is_floating_point if hasattr(v.dtype, "is_floating_point") else "float" in str(v.dtype):
                v.copy_(v * decay + (1.0 - decay) * msd[k].detach())


model = start(nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)))
ema, teacher = EMA(model, 0.8), copy.deepcopy(model)
for p in teacher.parameters():
    p.requires_grad = False
averaged = AveragedModel(model)
optimizer = torch.optim.NAdam(model.parameters(), lr=0.02)
scheduler = ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=1)


def step(i):
    x, y = noise(12, 6, seed=i % 3), labels(12, 3, seed=i % 3)
    loss = nn.CrossEntropyLoss()(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    ema.update(model)
    update_average(teacher, model)
    averaged.update_parameters(model)
    scheduler.step(loss)
    teacher.eval(), averaged.eval()
    with torch.no_grad():
        distance = sum((ema.shadow[n] - p).abs().sum() for n, p in model.named_parameters())
        return loss.item() + distance.item() + teacher(x).sum().item() + averaged(x).sum().item() + \
            optimizer.param_groups[0]["lr"]


train(step)
