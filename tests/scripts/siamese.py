"""A siamese network: weights shared by calling a branch twice, contrastive and triplet loss."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from common import noise, start, train


class SiameseNetwork(nn.Module):
    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.cnn1 = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(1, 4, kernel_size=3), nn.ReLU(inplace=True), nn.BatchNorm2d(4),
            nn.ReflectionPad2d(1), nn.Conv2d(4, 4, kernel_size=3), nn.PReLU(), nn.InstanceNorm2d(4))
        self.fc1 = nn.Sequential(nn.Linear(4 * 10 * 10, 16), nn.ELU(inplace=True), nn.Linear(16, 5))

    def forward_once(self, x):
        output = self.cnn1(x)
        output = output.view(output.size()[0], -1)
        return self.fc1(output)

    def forward(self, input1, input2):
        return self.forward_once(input1), self.forward_once(input2)


class ContrastiveLoss(torch.nn.Module):
    def __init__(self, margin=2.0):
        super(ContrastiveLoss, self).__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        distance = F.pairwise_distance(output1, output2, keepdim=True)
        return torch.mean((1 - label) * torch.pow(distance, 2)
                          + label * torch.pow(torch.clamp(self.margin - distance, min=0.0), 2))


net = start(SiameseNetwork())
criterion, triplet = ContrastiveLoss(), nn.TripletMarginLoss(margin=1.0, p=2)
optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.7)


def step(i):
    first, second = net(noise(6, 1, 10, 10, seed=i), noise(6, 1, 10, 10, seed=100 + i))
    third = F.normalize(net.forward_once(noise(6, 1, 10, 10, seed=200 + i)), p=2, dim=1)
    label = (torch.arange(6) % 2).float().unsqueeze(1)
    loss = criterion(first, second, label) + triplet(F.normalize(first, dim=1), F.normalize(second, dim=1), third)
    loss = loss + F.cosine_embedding_loss(first, second, label.squeeze() * 2 - 1, margin=0.1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.item()


train(step)
