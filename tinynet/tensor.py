"""Tensor: an array, and its place in the graph of gradients.

This file has only the data structure. `autograd` records the operators that use tensors; `ops` defines these operators
and attaches them to the class as methods (`attach`). So this file imports neither of them.
"""

import math
import weakref

import numpy as np

from tinynet import dtypes
from tinynet.devices import CPU


class Size(tuple):
    """A shape: the tuple of the sizes in `iterable`, (), (3,) or (2, 3). It has `numel()`. `torch.Size`."""

    __slots__ = ()

    def numel(self):
        """The number of elements a tensor of this shape has: the product of the sizes."""
        return math.prod(self)

    def __getitem__(self, index):
        part = tuple.__getitem__(self, index)
        return Size(part) if isinstance(index, slice) else part


class Version:
    """Counts the in-place changes of one piece of memory; shared by a tensor, its views and its `detach()`."""

    __slots__ = ("count",)

    def __init__(self):
        self.count = 0


class Tensor:
    """An array of any shape that can take part in differentiation.

    `Tensor(array)` wraps an ndarray without copying; users write `tinynet.tensor(...)`, which copies.
    `array` is the ndarray, `grad` a Tensor or None, `grad_fn` the graph node that made it (None for a leaf).
    """

    __array_ufunc__ = None             # array + tensor asks the tensor, and gives a tensor
    __slots__ = ("array", "grad", "requires_grad", "grad_fn", "output_index", "version", "base", "_views",
                 "_accumulator", "_leaf_hooks", "_added_hooks", "_retains", "__weakref__", "__dict__")

    def __init__(self, array, requires_grad=False):
        if not isinstance(array, np.ndarray):
            array = np.asarray(array)  # NumPy's reductions give scalars
        self.array = array
        self.grad = None
        self.requires_grad = requires_grad
        self.grad_fn = None            # the node that computed this tensor
        self.output_index = 0          # the tensor's index among the outputs of that node
        self.version = Version()
        self.base = None               # the tensor whose memory this one is a view of
        self._views = None             # the tensors that are views of this one's memory, held weakly
        self._accumulator = None       # of a leaf: the node that adds to `.grad`, held weakly
        self._leaf_hooks = None        # of a leaf: the hooks on its gradient
        self._added_hooks = None       # of a leaf: the hooks that come after the sum in `.grad`
        self._retains = False          # whether `retain_grad` was asked for

    # What it is -------------------------------------------------------------------------------------------------

    @property
    def shape(self):
        """The sizes of the axes, a tuple."""
        return Size(self.array.shape)

    @property
    def ndim(self):
        """How many axes there are."""
        return self.array.ndim

    @property
    def dtype(self):
        """The type of the elements, a NumPy dtype."""
        return self.array.dtype

    @property
    def device(self):
        """Always the CPU."""
        return CPU

    @property
    def is_leaf(self):
        """True for tensors that no recorded operation made: data, parameters, detached results."""
        return self.grad_fn is None

    def size(self, dim=None):
        """The shape, or the size of one axis."""
        return Size(self.array.shape) if dim is None else self.array.shape[dim]

    def dim(self):
        """How many axes there are, as `ndim`."""
        return self.array.ndim

    def numel(self):
        """The number of elements there are."""
        return self.array.size

    def element_size(self):
        """How many bytes an element takes."""
        return self.array.itemsize

    def is_floating_point(self):
        """Whether the elements are float32 or float64."""
        return dtypes.is_floating(self.array.dtype)

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    # What it holds ----------------------------------------------------------------------------------------------

    def numpy(self):
        """The ndarray itself: same memory, also while a gradient is required. Writes to it are not tracked."""
        return self.array

    def __array__(self, dtype=None, copy=None):
        if dtype is None or np.dtype(dtype) == self.array.dtype:
            return self.array.copy() if copy else self.array
        return self.array.astype(dtype)

    def item(self):
        """The single element as a Python number; RuntimeError for more of them."""
        if self.array.size != 1:
            raise RuntimeError(f"item: expected a tensor of one element, got shape {self.shape}")
        return self.array.item()

    def tolist(self):
        """The elements as nested lists of Python numbers."""
        return self.array.tolist()

    def __bool__(self):
        if self.array.size != 1:
            raise RuntimeError(f"the truth of a tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(self.array.item())

    def __format__(self, spec):
        return self.item().__format__(spec) if self.ndim == 0 else object.__format__(self, spec)

    def __contains__(self, element):
        return bool((self.array == as_array(element)).any())

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        if self.dtype.kind not in "iub":
            raise TypeError(f"only integer tensors can be an index, got {self.dtype}")
        return int(self.item())

    __hash__ = object.__hash__         # by identity, although == compares elements

    def __repr__(self):
        values = np.array2string(self.array, separator=", ", prefix="tensor(", **PRINTED)
        notes = [values]
        if self.array.dtype not in (dtypes.float32, dtypes.int64, dtypes.bool):
            notes.append(f"dtype={self.array.dtype}")
        if self.grad_fn is not None:
            notes.append(f"grad_fn=<{self.grad_fn.name}>")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"{self.kind()}({', '.join(notes)})"

    @staticmethod
    def kind():
        """The word with which the repr begins; `Parameter` has another."""
        return "tensor"

    # Gradients --------------------------------------------------------------------------------------------------

    def requires_grad_(self, requires_grad=True):
        """Ask for (or stop) gradients of this leaf, in place; RuntimeError for stopping elsewhere."""
        if not self.is_leaf and not requires_grad:
            raise RuntimeError("requires_grad_: only leaf tensors can stop requiring a gradient; use detach()")
        if requires_grad and not self.is_floating_point():
            raise TypeError(f"requires_grad_: only floating-point tensors have gradients, got {self.dtype}")
        self.requires_grad = requires_grad
        return self

    def detach(self):
        """The same memory outside the graph. It shares the version counter: changing it is noticed."""
        result = Tensor(self.array)
        result.version = self.version
        return result

    @property
    def data(self):
        """A tensor on the same memory outside the graph. Unlike `detach()`, its changes are not tracked."""
        return Tensor(self.array)

    @data.setter
    def data(self, other):
        """Let this tensor hold the memory of `other`, a tensor, from now on; its place in the graph stays."""
        if not isinstance(other, Tensor):
            raise TypeError(f"data: expected a tensor, got {type(other).__name__}")
        if self.requires_grad and not other.is_floating_point():
            raise TypeError(f"data: a tensor that requires a gradient needs floating-point values, got {other.dtype}")
        self.array, self._accumulator = other.array, None

    def bump(self):
        """Note that the memory was changed in place, so that a backward that saved it refuses to use it."""
        self.version.count += 1
        return self

    def view_of(self, base):
        """Mark this tensor as sharing `base`'s memory."""
        self.version = base.version
        self.base = base if base.base is None else base.base
        if self.base._views is None:
            self.base._views = weakref.WeakSet()
        self.base._views.add(self)
        return self


def attach(*names):
    """A decorator that makes a function a method of Tensor: `@attach("add", "__add__")`.

    The operators use it. Their files import this one, which therefore cannot import them.
    """
    def attached(function):
        for name in names:
            setattr(Tensor, name, function)
        return function
    return attached


def as_array(x):
    """The ndarray of a tensor; anything else as NumPy converts it."""
    return x.array if isinstance(x, Tensor) else np.asarray(x)


def tensors_in(values):
    """All tensors in (nested) tuples, lists and dicts."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (tuple, list)):
        return []
    return [t for value in values for t in tensors_in(value)]


PRINTED = {"precision": 4}             # how elements are printed; see `set_printoptions`


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None):
    """How tensors of any shape are printed, in NumPy's terms.

    `precision` is in digits after the point, `linewidth` in characters. A tensor of more than `threshold` elements is
    shortened to `edgeitems` elements at both ends of each axis. `sci_mode=False`
    prints no exponents; ValueError for a `profile` other than "default". `torch.set_printoptions`.
    """
    if profile not in (None, "default"):
        raise ValueError(f'set_printoptions: expected profile "default", got {profile!r}')
    given = dict(precision=precision, threshold=threshold, edgeitems=edgeitems, max_line_width=linewidth)
    PRINTED.update({"precision": 4} if profile else {}, **{name: n for name, n in given.items() if n is not None})
    if sci_mode is not None:
        PRINTED["suppress_small"] = not sci_mode
