"""Operators of one's own: `autograd.Function` with saved tensors, a straight-through estimator, gradient reversal."""

import torch
from common import labels, noise, start, train
from torch import nn
from torch.autograd import Function


class SwishFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, i):
        result = i * torch.sigmoid(i)
        ctx.save_for_backward(i)
        return result

    @staticmethod
    def backward(ctx, grad_output):
        i, = ctx.saved_tensors
        sigmoid_i = torch.sigmoid(i)
        return grad_output * (sigmoid_i * (1 + i * (1 - sigmoid_i)))


class LinearFunction(Function):
    @staticmethod
    def forward(ctx, input, weight, bias=None):
        ctx.save_for_backward(input, weight, bias)
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class Binarize(Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.sign()

    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input.ge(1)] = 0
        grad_input[input.le(-1)] = 0
        return grad_input


class ReverseLayerF(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.alpha, None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(8, 6))
        self.bias = nn.Parameter(torch.empty(8))
        self.out, self.domain = nn.Linear(8, 3), nn.Linear(8, 2)

    def forward(self, x):
        h = SwishFunction.apply(LinearFunction.apply(x, self.weight, self.bias))
        h = h + Binarize.apply(h)
        return self.out(h), self.domain(ReverseLayerF.apply(h, 0.3))


net = start(Net())
optimizer = torch.optim.Adagrad(net.parameters(), lr=0.05)


def step(i):
    scores, domain = net(noise(9, 6, seed=i))
    loss = nn.functional.cross_entropy(scores, labels(9, 3, seed=i)) + \
        nn.functional.cross_entropy(domain, labels(9, 2, seed=i))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


train(step)
