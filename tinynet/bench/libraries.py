"""The differences between the libraries, as classes with the same methods; all other measured code is the same.

A library has `lib`, its module (`lib.nn`, `lib.optim`, ...), a method that makes a tensor from an array, a method that
puts a network into its order of memory, and a context for inference.
"""

import functools


class Tinynet:
    """tinynet, which keeps activations channels-last in memory."""

    def __init__(self, threads, layout=None):
        import tinynet
        tinynet.set_num_threads(threads)
        self.lib, self.inference, self.threads = tinynet, tinynet.no_grad, tinynet.get_num_threads

    def fused_network(self, name):
        from tinynet import models
        from tinynet.bench.networks import NETWORKS
        kind, options = NETWORKS[name].model
        if kind == "resnet":           # a ResNet that `models` has no name for
            return models.ResNet(self.lib.nn.blocks.BasicBlock, **options, stem="cifar", num_classes=10, shortcut="A")
        return models.create(kind)

    def use_conv_method(self, method):
        from tinynet.kernels import conv
        conv.use_method(method)

    def tensor(self, array, requires_grad=False, images=True):
        if array.ndim == 4 and images:
            array = array.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)       # same shape, C innermost
        return self.lib.Tensor(array, requires_grad)

    def network(self, model):
        return model

    def fold(self, model, x):
        return self.lib.fold_batchnorm(model, x)

    def quantize(self, model, x):
        return self.lib.quantize(model, x)


class Torch:
    """PyTorch on the CPU in the layout "nchw", "channels_last" or "compile": torch.compile of the latter."""

    def __init__(self, threads, layout):
        import torch
        torch.set_num_threads(threads)
        self.lib, self.inference, self.threads = torch, torch.inference_mode, torch.get_num_threads
        self.compiled = layout == "compile"
        self.format = torch.contiguous_format if layout == "nchw" else torch.channels_last

    def tensor(self, array, requires_grad=False, images=True):
        tensor = self.lib.from_numpy(array)
        if array.ndim == 4 and images:
            tensor = tensor.contiguous(memory_format=self.format)
        return tensor.requires_grad_(requires_grad)

    def network(self, model):
        model = model.to(memory_format=self.format)
        return self.lib.compile(model) if self.compiled else model

    def fold(self, model, x):
        """Every convolution with the norm that follows it directly, as `bench.networks` has them."""
        from torch.nn.utils.fusion import fuse_conv_bn_eval
        nn = self.lib.nn
        for module in list(model.modules()):
            children = list(module.named_children())
            for (name, conv), (name_after, norm) in zip(children, children[1:]):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    setattr(module, name, fuse_conv_bn_eval(conv, norm))
                    setattr(module, name_after, nn.Identity())
        return model


class Numpy:
    """No library: the machine's own limits. Threads come from the environment (OMP_NUM_THREADS)."""

    def __init__(self, threads, layout=None):
        self.threads = functools.partial(int, threads)


LIBRARIES = {"tinynet": Tinynet, "torch": Torch, "numpy": Numpy}
