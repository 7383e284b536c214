"""Cases for layers: the gradients of their inputs and of all their parameters, in training."""

from tinynet.inspect.gradcheck.cases.case import layer

layer("Linear", lambda nn, **o: nn.Linear(4, 3, **o), (2, 4), bias=[False])
layer("Conv2d", lambda nn, **o: nn.Conv2d(2, 4, 3, 2, 1, **o), (2, 2, 5, 5), bias=[False])
layer("BatchNorm1d", lambda nn, **o: nn.BatchNorm1d(3, **o), (5, 3), affine=[False])
layer("BatchNorm2d", lambda nn, **o: nn.BatchNorm2d(3, **o), (3, 3, 2, 3), affine=[False])
layer("LayerNorm", lambda nn: nn.LayerNorm(4), (2, 3, 4))
layer("GroupNorm", lambda nn: nn.GroupNorm(2, 4), (2, 4, 3))
layer("MaxPool2d", lambda nn: nn.MaxPool2d(2), (1, 2, 4, 4))
layer("AvgPool2d", lambda nn: nn.AvgPool2d(2), (1, 2, 4, 4))
layer("AdaptiveAvgPool2d", lambda nn: nn.AdaptiveAvgPool2d(2), (1, 2, 5, 4))
layer("ReLU", lambda nn: nn.ReLU(), (3, 4))
layer("LeakyReLU", lambda nn: nn.LeakyReLU(), (3, 4))
layer("GELU", lambda nn: nn.GELU(), (3, 4))
layer("SiLU", lambda nn: nn.SiLU(), (3, 4))
layer("Sigmoid", lambda nn: nn.Sigmoid(), (3, 4))
layer("Tanh", lambda nn: nn.Tanh(), (3, 4))
layer("Softmax", lambda nn: nn.Softmax(1), (3, 4))
layer("LogSoftmax", lambda nn: nn.LogSoftmax(1), (3, 4))
layer("Unfold", lambda nn: nn.Unfold(2), (1, 2, 3, 3))
layer("Flatten", lambda nn: nn.Flatten(), (2, 3, 2))
layer("BatchNorm3d", lambda nn: nn.BatchNorm3d(2), (2, 2, 2, 2, 2))
layer("InstanceNorm2d", lambda nn: nn.InstanceNorm2d(2, affine=True), (2, 2, 3, 3))
layer("Conv1d", lambda nn: nn.Conv1d(2, 3, 3, padding=1, padding_mode="circular"), (2, 2, 5))
layer("Conv2d reflect", lambda nn: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (1, 2, 4, 4))
layer("ConvTranspose2d", lambda nn: nn.ConvTranspose2d(2, 3, 4, 2, 1), (1, 2, 3, 3))
layer("PReLU", lambda nn: nn.PReLU(3), (2, 3, 2))
layer("RMSNorm", lambda nn: nn.RMSNorm(4), (2, 3, 4))


def hooked(nn):
    linear = nn.Linear(4, 3)
    linear.register_full_backward_hook(lambda module, dx, dy: (dx[0] * 2,))
    return linear


layer("Linear with a hook", hooked, (2, 4), convention=True)
layer("Sequential", lambda nn: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), (2, 3))
