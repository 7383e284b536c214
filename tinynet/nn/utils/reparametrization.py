"""Weights that are computed from other parameters before each forward pass: weight and spectral normalization."""

from tinynet.gradients.modes import no_grad
from tinynet.nn.parameter import Parameter
from tinynet.sampling import randn
from tinynet.tensor import Tensor


def weight_norm(module, name="weight", dim=0):
    """Let the module's parameter `name` be g v / ‖v‖, and learn g and v: its parameters `weight_g` and `weight_v`.

    The norm is over all axes but `dim`, or over all with None: g has the shape (K, 1, ...). Returns the module.
    `torch.nn.utils.weight_norm`; Salimans and Kingma 2016, "Weight Normalization".
    """
    v = taken(module, name)
    setattr(module, f"{name}_g", Parameter(norm_but(v, dim).array.copy()))
    setattr(module, f"{name}_v", v)

    def compute(module, args):
        v = getattr(module, f"{name}_v")
        setattr(module, name, v * (getattr(module, f"{name}_g") / norm_but(v, dim)))

    return begin(module, name, compute)


def norm_but(v, dim):
    """The norm of v over all axes but one, which keep a length of 1."""
    axes = tuple(axis for axis in range(v.ndim) if dim is None or axis != dim % v.ndim)
    return (v * v).sum(axes, keepdim=True).sqrt()


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Let the module's parameter `name` be W / σ(W), and learn W, its parameter `weight_orig`.

    σ, the largest singular value of W as a matrix (K, ...) whose first axis is `dim` (by default that of the output
    channels), is estimated by `n_power_iterations` steps of the power
    method in each forward pass in training. The vector u (K,) is its buffer `weight_u`. Returns the module.
    `torch.nn.utils.spectral_norm`; Miyato et al. 2018, "Spectral Normalization for GANs".
    """
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    original = taken(module, name)
    setattr(module, f"{name}_orig", original)
    rows = matrix(original.detach(), dim)
    for suffix, length in (("u", rows.shape[0]), ("v", rows.shape[1])):
        module.register_buffer(f"{name}_{suffix}", unit(randn(length, dtype=rows.dtype), eps))

    def compute(module, args):
        original, u, v = (getattr(module, f"{name}_{suffix}") for suffix in ("orig", "u", "v"))
        rows = matrix(original, dim)
        if module.training:
            with no_grad():
                for _ in range(n_power_iterations if args is not None else 15):       # a good estimate to begin with
                    v.copy_(unit(rows.detach().t() @ u, eps))
                    u.copy_(unit(rows.detach() @ v, eps))
        sigma = (u.clone() * (rows @ v.clone())).sum()
        setattr(module, name, original / sigma)

    return begin(module, name, compute)


def matrix(weight, dim):
    """The weight as a matrix, its axis `dim` first: (K, ...)."""
    return (weight if dim == 0 else weight.transpose(0, dim)).reshape(weight.shape[dim], -1)


def unit(vector, eps):
    """vector / max(‖vector‖, eps)"""
    return Tensor(vector.array / max(float((vector.array ** 2).sum()) ** 0.5, eps))


def taken(module, name):
    """The parameter `name`, which is no longer one of the module's; ValueError if there is none."""
    parameter = module._parameters.get(name)
    if parameter is None:
        raise ValueError(f"{type(module).__name__} has no parameter {name!r}")
    delattr(module, name)
    return parameter


def begin(module, name, compute):
    """Compute the weight now, and before each forward pass."""
    module._reparametrized = {**module.__dict__.get("_reparametrized", {}),
                              name: module.register_forward_pre_hook(compute)}
    compute(module, None)
    setattr(module, name, getattr(module, name).detach())      # outside the graph, so that the module can be copied
    return module


def remove_weight_norm(module, name="weight"):
    """Let `name` be a parameter of its own again, of the value that it has now and any shape.

    Returns the module; ValueError if it has no such weight. `torch.nn.utils.remove_weight_norm`.
    """
    return remove(module, name, ("g", "v"))


def remove_spectral_norm(module, name="weight"):
    """Let `name` be a parameter of its own again, of the value that it has now and any shape.

    Returns the module; ValueError if it has no such weight. `torch.nn.utils.remove_spectral_norm`.
    """
    return remove(module, name, ("orig", "u", "v"))


def remove(module, name, suffixes):
    handle = module.__dict__.get("_reparametrized", {}).pop(name, None)
    if handle is None or not hasattr(module, f"{name}_{suffixes[0]}"):
        raise ValueError(f"{type(module).__name__}: the weight {name!r} is not normalized so")
    handle.remove()
    value = getattr(module, name).detach().array.copy()
    for part in (name, *(f"{name}_{suffix}" for suffix in suffixes)):
        delattr(module, part)
    setattr(module, name, Parameter(value))
    return module
