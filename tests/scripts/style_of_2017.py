"""The style of 2017: `Variable`, `.data[0]`, old constructors, `size_average`, `.cuda` guarded."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.init as init
import torch.optim as optim
from common import start, train
from torch.autograd import Variable

use_cuda = torch.cuda.is_available()
FloatTensor = torch.cuda.FloatTensor if use_cuda else torch.FloatTensor
LongTensor = torch.cuda.LongTensor if use_cuda else torch.LongTensor


def conv_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        init.xavier_uniform_(m.weight.data, gain=np.sqrt(2))
        init.constant_(m.bias.data, 0)
    elif classname.find("BatchNorm") != -1:
        m.weight.data.uniform_()
        m.bias.data.zero_()


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 4, kernel_size=3, padding=1, bias=True)
        self.bn1 = nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(2, 2)
        self.lin = nn.Linear(4 * 5 * 5, 3)
        self.logsoftmax = nn.LogSoftmax(dim=1)

    def forward(self, x):
        x = self.pool(nn.functional.relu(self.bn1(self.conv1(x))))
        x = x.view(-1, self.num_flat_features(x))
        return self.logsoftmax(self.lin(x))

    def num_flat_features(self, x):
        size = x.size()[1:]
        num_features = 1
        for s in size:
            num_features *= s
        return num_features


net = Net()
net.apply(conv_init)
start(net)
if use_cuda:
    net.cuda()
criterion = nn.NLLLoss(size_average=False)
optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
first = Variable(torch.ones(1))


def step(i):
    net.train()
    rng = np.random.RandomState(i)
    inputs = Variable(FloatTensor(rng.normal(0, 1, (6, 1, 10, 10))))
    targets = Variable(LongTensor(rng.randint(0, 3, 6)), requires_grad=False)
    optimizer.zero_grad()
    outputs = net(inputs)
    loss = criterion(outputs, targets)
    loss.backward()
    optimizer.step()
    _, predicted = torch.max(outputs.data, 1)
    correct = predicted.eq(targets.data).cpu().sum()
    net.eval()
    with torch.no_grad():
        again = net(Variable(inputs.data))
    return loss.data.item() + float(correct) + again.data.pow(2).mean() + first.data[0]


train(step)
