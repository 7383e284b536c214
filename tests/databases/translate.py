"""The same value in tinynet, and the comparison of two results."""

import functools

import numpy as np
import torch

import tinynet
from tinynet.tensor import Tensor

# Relative to the largest value of a result. Sums of many float32 numbers may be added up in another order.
TOLERANCES = {"float64": 1e-9, "float32": 1e-4}


class Outside(Exception):
    """A sample that uses what tinynet does not have at all: complex or half numbers, sparse tensors."""


def found(name, root=tinynet):
    """What tinynet has under a name such as `nn.functional.pad`, or None."""
    try:
        return functools.reduce(getattr, name.split("."), root)
    except (AttributeError, ImportError):
        return None


def translate(value, seen=None):
    """`value`, an argument of PyTorch's, as an argument of tinynet's: nested, with new memory, `seen` {id: tensor}."""
    seen = {} if seen is None else seen
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            seen[id(value)] = tensor(value)
        return seen[id(value)]
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(translate(item, seen) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(translate(item, seen) for item in value)
    if isinstance(value, dict):
        return {key: translate(item, seen) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(translate(value.start), translate(value.stop), translate(value.step))
    if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
        return named(value)
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        return encoder_layer(value)
    if callable(value) and getattr(torch.nn.functional, getattr(value, "__name__", ""), None) is value:
        return found(f"nn.functional.{value.__name__}")
    if isinstance(value, (complex, torch.Generator, torch.nn.Module)):
        raise Outside(type(value).__name__)
    return value


def named(value):
    """A type or a memory format, by its name."""
    name = str(value).removeprefix("torch.")
    ours = found(name)
    if ours is None:
        raise Outside(name)
    return ours


def encoder_layer(theirs):
    """A layer made with the arguments that PyTorch's was made with."""
    attention = theirs.self_attn
    return found("nn.TransformerEncoderLayer")(
        attention.embed_dim, attention.num_heads, theirs.linear1.out_features, theirs.dropout.p,
        translate(theirs.activation), batch_first=attention.batch_first, norm_first=theirs.norm_first,
        bias=theirs.linear1.bias is not None)


def tensor(theirs):
    """A leaf with the values, the strides and the wish for a gradient of PyTorch's tensor, in memory of its own."""
    if theirs.layout != torch.strided or theirs.is_complex() or theirs.is_neg() or theirs.ndim > 64:
        raise Outside(f"a tensor of {theirs.dtype}, {theirs.layout}")
    if found(str(theirs.dtype).removeprefix("torch.")) is None:
        raise Outside(str(theirs.dtype))
    memory = theirs.detach().untyped_storage().clone()
    copy = torch.empty(0, dtype=theirs.dtype).set_(memory, theirs.storage_offset(), theirs.shape, theirs.stride())
    return Tensor(copy.numpy(), requires_grad=theirs.requires_grad)


def shown(value):
    """Arguments in a line: `float64(2, 3)` for a tensor of more than four elements."""
    if isinstance(value, torch.Tensor):
        name, shape = str(value.dtype).removeprefix("torch."), tuple(value.shape)
        return f"{name}{shape}" if value.numel() > 4 else f"{name}{shape} {value.tolist()}"
    if isinstance(value, (tuple, list)):
        inside = ", ".join(map(shown, value))
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, dict):
        return ", ".join(f"{key}={shown(item)}" for key, item in value.items())
    return type(value).__name__ if isinstance(value, torch.nn.Module) else repr(value)


def leaves(result):
    """All values in nested tuples and lists, in order."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        return [leaf for item in result for leaf in leaves(item)]
    return [result]


def tensors(*values):
    """All tensors, of either library, in nested arguments; each once."""
    several = [leaf for value in values for leaf in leaves(value)]
    return list({id(t): t for t in several if isinstance(t, (Tensor, torch.Tensor))}.values())


def difference(ours, theirs, loose=1.0, scale=0.0):
    """How two results differ, in words, or "": in number, type, shape or value."""
    ours, theirs = leaves(ours), leaves(theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} results, not {len(theirs)}"
    return next(filter(None, (difference_of_two(a, b, loose, scale) for a, b in zip(ours, theirs))), "")


def difference_of_two(ours, theirs, loose, scale):
    if not isinstance(theirs, torch.Tensor):
        equal = ours == translate(theirs) or (ours != ours and theirs != theirs)
        return "" if not isinstance(ours, Tensor) and equal else f"{ours!r}, not {theirs!r}"
    if not isinstance(ours, Tensor):
        return f"a {type(ours).__name__}, not a tensor"
    if theirs.is_complex():
        raise Outside("a complex result")
    if ours.shape != tuple(theirs.shape):
        return f"shape {ours.shape}, not {tuple(theirs.shape)}"
    if str(ours.dtype) != str(theirs.dtype).removeprefix("torch."):
        return f"{ours.dtype}, not {theirs.dtype}"
    return different_values(ours.array, theirs.detach().numpy(force=True), loose, scale)


def different_values(ours, theirs, loose=1.0, scale=0.0):
    """How far two arrays of one type and shape differ, or ""; relative to the largest value, or to `scale`."""
    if ours.dtype.kind != "f":
        wrong = int((ours != theirs).sum())
        return f"{wrong} of {ours.size} values differ" if wrong else ""
    finite = np.isfinite(theirs)
    if not np.array_equal(np.where(finite, 0, ours), np.where(finite, 0, theirs), equal_nan=True):
        return "NaN or infinity in other places"
    scale = np.abs(theirs[finite]).max(initial=scale)
    with np.errstate(all="ignore"):
        worst = np.abs(ours[finite] - theirs[finite]).max(initial=0) / (scale or 1)
    return "" if worst <= loose * TOLERANCES[str(ours.dtype)] else f"values differ by {worst:.1e} of the largest"
