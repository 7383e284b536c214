"""Copies and pickles of tensors, as PyTorch makes them.

A shallow copy shares the memory. A deep copy has memory of its own; views that are copied together with their base
share the memory of the new base. A pickle holds the values. All three leave the graph behind: a result that requires
a gradient becomes a leaf, but for the deep copy, which refuses it. Only the deep copy of a leaf keeps `.grad`.
"""

import copy

import numpy as np

from tinynet.tensor import Tensor, attach


@attach("__copy__")
def _copy(self):
    """A tensor of the same kind and shape on the same memory."""
    copied = rebuild(type(self), self.array, self.requires_grad, dict(self.__dict__))
    copied.version = self.version
    return copied


@attach("__deepcopy__")
def _deepcopy(self, memo):
    """A leaf of the same kind and shape with memory and a gradient of its own.

    RuntimeError for the result of a recorded operation.
    """
    if not self.is_leaf:
        raise RuntimeError(f"deepcopy: expected a leaf, got a result of {self.grad_fn.name}; detach() it before")
    memo[id(self)] = copied = rebuild(
        type(self), _deepcopied(self, memo), self.requires_grad, copy.deepcopy(self.__dict__, memo))
    if type(self) is Tensor:                                   # PyTorch does not copy the gradients of parameters
        copied.grad = copy.deepcopy(self.grad, memo)
    return copied


@attach("__reduce_ex__")
def _reduce(self, protocol):
    """What a pickle holds: the values, in their shape."""
    return rebuild, (type(self), self.array, self.requires_grad, self.__dict__)


def rebuild(kind, array, requires_grad, attributes):
    """A leaf around `array`; `attributes` are what users have set on the tensor."""
    tensor = kind.__new__(kind)
    Tensor.__init__(tensor, array, requires_grad)
    tensor.__dict__.update(attributes)
    return tensor


def _deepcopied(self, memo):
    """A copy of the array, as the same view of a copy of its base, so that views copied together stay together."""
    base, array = (self if self.base is None else self.base).array, self.array
    if not np.may_share_memory(base, array):                   # `data` was set since
        base = array
    if id(base) not in memo:
        memo[id(base)] = np.array(base, order="K", copy=True), base            # keeping `base` keeps its id
    copied, _ = memo[id(base)]
    if copied.strides != base.strides or min(array.strides, default=0) < 0:    # gaps in the memory, or reversed
        return np.array(array, order="K", copy=True)
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return np.ndarray(array.shape, array.dtype, copied.ravel("K").view(np.uint8), offset, array.strides)
