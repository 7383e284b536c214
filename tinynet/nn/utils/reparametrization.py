"""Weights that are computed from other parameters before every call: weight and spectral normalisation.

The layer's own parameter `weight` is taken away, those that it is computed from are registered, and a hook before
`forward` sets the attribute `weight` to the result, a tensor in the graph.
"""

import numpy as np

from tinynet import random
from tinynet.gradients.modes import no_grad
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor


class _Reparametrization:
    """The hook: `compute(module)` gives the weight. Subclasses register what it is computed from."""

    def __init__(self, module, name):
        weight = module._parameters.get(name)
        if weight is None:
            raise ValueError(f"{type(self).__name__}: expected {type(module).__name__} to have a parameter {name!r}")
        if any(hook.name == name for hook in _hooks(module)):
            raise ValueError(f"{type(self).__name__}: the parameter {name!r} is normalised already")
        self.name = name
        del module._parameters[name]
        self.begin(module, weight)
        object.__setattr__(module, name, self.compute(module).detach())
        self.handle = module.register_forward_pre_hook(self)

    def __call__(self, module, args):
        object.__setattr__(module, self.name, self.compute(module))

    def remove(self, module):
        """Make the present weight an ordinary parameter again."""
        weight = self.compute(module).detach()
        self.handle.remove()
        for table in module._parameters, module._buffers:
            for ending in self.endings:
                table.pop(self.name + ending, None)
        delattr(module, self.name)
        module.register_parameter(self.name, Parameter(weight))


def _hooks(module):
    return [hook for hook, _ in module._forward_pre_hooks.values() if isinstance(hook, _Reparametrization)]


def _remove(kind, module, name):
    for hook in _hooks(module):
        if isinstance(hook, kind) and hook.name == name:
            hook.remove(module)
            return module
    raise ValueError(f"expected {type(module).__name__} to have a normalised parameter {name!r}")


class _WeightNorm(_Reparametrization):
    """w = g v / ‖v‖, a length and a direction for each index of the axis `dim`."""

    endings = ("_g", "_v")

    def __init__(self, module, name, dim):
        self.dim = dim
        super().__init__(module, name)

    def begin(self, module, weight):
        module.register_parameter(self.name + "_g", Parameter(self._length(weight).detach()))
        module.register_parameter(self.name + "_v", Parameter(weight.detach()))

    def _length(self, v):
        axes = tuple(axis for axis in range(v.ndim) if self.dim is None or axis != self.dim % v.ndim)
        return (v * v).sum(axes, keepdim=self.dim is not None).sqrt()

    def compute(self, module):
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / self._length(v))


class _SpectralNorm(_Reparametrization):
    """w = w_orig / σ, σ its largest singular value, which power iteration finds: one step in each training call."""

    endings = ("_orig", "_u", "_v")

    def __init__(self, module, name, n_power_iterations, eps, dim):
        self.steps, self.eps = n_power_iterations, eps
        transposed = type(module).__name__.startswith("ConvTranspose")
        self.dim = (1 if transposed else 0) if dim is None else dim
        super().__init__(module, name)

    def begin(self, module, weight):
        module.register_parameter(self.name + "_orig", weight)
        for ending, size in zip(("_u", "_v"), self._matrix(weight).shape):
            drawn = random.stream("init").normal(size=size)
            module.register_buffer(self.name + ending, Tensor(self._unit(drawn).astype(weight.dtype)))
        self._iterate(module, 15)

    def _matrix(self, weight):
        order = (self.dim, *(axis for axis in range(weight.ndim) if axis != self.dim))
        return weight.permute(order).flatten(1) if self.dim else weight.flatten(1)

    def _unit(self, x):
        return x / max(np.linalg.norm(x), self.eps)

    def _iterate(self, module, steps):
        w = self._matrix(getattr(module, self.name + "_orig")).array
        u, v = (getattr(module, self.name + ending) for ending in ("_u", "_v"))
        for _ in range(steps):
            v.array = self._unit(w.T @ u.array)
            u.array = self._unit(w @ v.array)

    @no_grad()
    def _vectors(self, module):
        if module.training:
            self._iterate(module, self.steps)
        return [getattr(module, self.name + ending).clone() for ending in ("_u", "_v")]

    def compute(self, module):
        u, v = self._vectors(module)
        weight = getattr(module, self.name + "_orig")
        return weight / (u * (self._matrix(weight) * v).sum(1)).sum()


def weight_norm(module, name="weight", dim=0):
    """The module, its parameter as length times direction: w = g v / ‖v‖, for each index of the axis `dim`.

    For a weight (K, C, ...) the parameters are `weight_g` (K, 1, ...) and `weight_v`; None for `dim` takes one length
    for all. Salimans & Kingma 2016. ValueError for a name that is no parameter.
    """
    _WeightNorm(module, name, dim)
    return module


def remove_weight_norm(module, name="weight"):
    """Undo `weight_norm`: the present weight, of the same shape, becomes a parameter. Salimans & Kingma 2016."""
    return _remove(_WeightNorm, module, name)


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """The module, its parameter divided by its largest singular value: w = w_orig / σ. Miyato et al. 2018.

    A weight (K, C, ...) counts as the matrix (K, C ...), `dim` says which axis stands first (0; 1 for transposed
    convolutions). `n_power_iterations` improve the estimate of σ at each call in training. The parameter is
    `weight_orig`, the buffers are `weight_u` and `weight_v`. ValueError for a name that is no parameter.
    """
    _SpectralNorm(module, name, n_power_iterations, eps, dim)
    return module


def remove_spectral_norm(module, name="weight"):
    """Undo `spectral_norm`: the present weight, of the same shape, becomes a parameter. Miyato et al. 2018."""
    return _remove(_SpectralNorm, module, name)
