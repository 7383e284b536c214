"""Common parts of operators: turning operands into tensors of one type, and undoing a broadcast."""

import functools

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.tensor import Tensor, attach


def tensor_of(x):
    """`x` as a Tensor without copying; plain numbers and lists get PyTorch's type for them (floats: float32)."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, (np.ndarray, np.generic)):
        return Tensor(np.asarray(x, dtypes.check(x.dtype)))
    array = np.asarray(x)
    if array.dtype == np.float64:
        array = array.astype(dtypes.float32)
    return Tensor(np.asarray(array, dtypes.check(array.dtype)))


def operand(name, x):
    """An operand of `name`, as it takes part in type promotion: a tensor (arrays become one) or a plain number."""
    if isinstance(x, (Tensor, bool, int, float)):
        return x
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return tensor_of(x)
    raise TypeError(f"{name}: expected a tensor, an array or a number, got {type(x).__name__}")


def need_tensors(name, *operands):
    """Refuse plain numbers where PyTorch wants a tensor."""
    for x in operands:
        if isinstance(x, (bool, int, float)):
            raise TypeError(f"{name}: expected a tensor, got the number {x}")


def promote(name, *operands, floating=False):
    """Operands as tensors of the one type that PyTorch would compute in; `floating` turns integers into float32."""
    operands = [operand(name, x) for x in operands]
    dtype = dtypes.result_type(*operands)
    if floating and not dtypes.is_floating(dtype):
        dtype = dtypes.float32
    return [cast(x, dtype) if isinstance(x, Tensor) else Tensor(_number(name, x, dtype)) for x in operands]


def _number(name, x, dtype):
    try:
        return np.asarray(x, dtype)
    except OverflowError:
        raise ValueError(f"{name}: {x} does not fit in {dtype}") from None


def broadcast(name, *tensors):
    """The shape that the operands broadcast to, or an error that shows all of them."""
    try:
        return np.broadcast_shapes(*(t.shape for t in tensors))
    except ValueError:
        shapes = " and ".join(str(t.shape) for t in tensors)
        raise ValueError(f"{name}: shapes {shapes} do not broadcast") from None


OPERANDS = (Tensor, np.ndarray, np.generic, bool, int, float)


def attach_sign(name, function, reflected=None):
    """Make `function` the method of a Python operator, `__add__`, and of the reflected one, `__radd__`.

    If the other operand is neither a tensor nor a number, both methods return NotImplemented: x == None is then False,
    and another class may have its own `__radd__`. Strings, lists and the like go to `function`, which raises an error
    (Python would repeat them).
    """
    known = OPERANDS if reflected is None else (*OPERANDS, str, list, tuple, dict, type(None))

    def method(self, other):
        return function(self, other) if isinstance(other, known) else NotImplemented

    def reflected_method(self, other):
        return function(other, self) if isinstance(other, known) else NotImplemented

    attach(f"__{name}__")(method)
    if reflected is not None:
        attach(f"__{reflected}__")(reflected_method)


def named(name, doc, *methods):
    """A decorator for a function that another function makes: sets its name and docstring, attaches it as `methods`."""
    def decorated(function):
        function.__name__ = function.__qualname__ = name
        function.__doc__ = doc
        return attach(*methods)(function)
    return decorated


def formula(function):
    """The formula at the start of a Function's docstring, before its gradient: z = x y."""
    return (function.__doc__ or "").partition(";")[0]          # python -OO has no docstrings


def before(x, out):
    """`x` as it is now, also after `out`, the array of an in-place call, has been written."""
    return x.copy() if x is out else x


def unbroadcast(dy, shape):
    """The adjoint of broadcasting `shape` to `dy.shape`: sum over the axes along which values were repeated."""
    if dy.shape == shape:
        return dy
    added = dy.ndim - len(shape)
    axes = tuple(range(added)) + tuple(i + added for i, n in enumerate(shape) if n == 1 and dy.shape[i + added] != 1)
    return dy.sum(axes, keepdims=True).reshape(shape) if axes else dy.reshape(shape)


class Cast(Function):
    """y = x in another type. dx = dy in the type of x. Saves nothing."""

    @staticmethod
    def forward(ctx, x, dtype):
        ctx.dtype = x.dtype
        return x.astype(dtype)

    @staticmethod
    def backward(ctx, dy):
        return dy.astype(ctx.dtype)


def cast(x, dtype):
    """`x` in the type `dtype`; `x` itself if it has it already."""
    return x if x.dtype == dtype else Cast.apply(x, dtype)


def as_type(x, dtype):
    """`x` as a tensor of the type `dtype`. A plain number gets it at once: 0.1 in float64 does not pass float32."""
    if isinstance(x, (Tensor, np.ndarray, np.generic)):
        return cast(tensor_of(x), dtype)
    array = np.asarray(x)
    return Tensor(np.asarray(array, dtypes.check(array.dtype)).astype(dtype))


def require_floating(name, x):
    if not x.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point tensor, got {x.dtype}")


def axis_too(function):
    """Lets a function also take NumPy's keywords, as PyTorch's do: `axis` for `dim`, `keepdims` for `keepdim`."""
    return also_as(dim="axis", keepdim="keepdims")(function)


def also_as(**words):
    """Lets a function take arguments by other keywords, too: also_as(other="x2")."""
    def decorated(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            for word, other in words.items() if kwargs else ():
                if other in kwargs and word not in kwargs:
                    kwargs[word] = kwargs.pop(other)
            return function(*args, **kwargs)
        return call
    return decorated


def listed_as(word):
    """Lets a function with `*numbers` also take them by keyword, as one sequence: x.permute(dims=(1, 0))."""
    def decorated(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            return function(*args, kwargs.pop(word), **kwargs) if word in kwargs else function(*args, **kwargs)
        return call
    return decorated


def axes_of(name, dim, ndim):
    """`dim` (None, an int or several) as a tuple of axes in range(ndim), as PyTorch reads it."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    given = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    bound = max(ndim, 1)
    for d in given:
        if not isinstance(d, (int, np.integer)) or isinstance(d, bool):
            raise TypeError(f"{name}: expected dim to be an int or a tuple of ints, got {dim!r}")
        if not -bound <= d < bound:
            raise IndexError(f"{name}: expected dim in [{-bound}, {bound - 1}], got {d}")
    axes = tuple(int(d) % bound for d in given)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: dim {dim} names an axis twice")
    return axes if ndim else ()
