"""The counterpart of each operator of tinynet in ONNX, operator set 17 (https://onnx.ai/onnx/operators).

A counterpart has the name of its operator, by which `to_onnx` finds it. It gets the graph `g` under construction, the
results of the call and its arguments, and returns the name of its output, or a list of names. `g(array)` gives the name
of an argument that is an array: a node's output, or a constant. A counterpart has as many parameters as its operator
has arguments, and two more: BatchNorm has eleven.
"""

import math

import numpy as np

from tinynet.deploy.onnx.tape import Batch

FAR = np.iinfo(np.int64).max           # "to the end", for Slice
SAME_NAME = """Neg Abs Sign Exp Log Sqrt Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Tanh Sigmoid Erf
    Reciprocal Floor Ceil Round Add Sub Mul Div Pow""".split()
RENAMED = {"ReLU": "Relu", "Maximum": "Max", "Minimum": "Min", "Matmul": "MatMul", "Std": "Sqrt", "Clone": "Identity"}
COUNTERPARTS = {}                      # {operator: function}


def counterpart(function):
    COUNTERPARTS[function.__name__] = function
    return function


def to_onnx(g, call, args):
    """Add the nodes of one call; returns the names of its outputs. ValueError for an operator without a counterpart."""
    if call.name in SAME_NAME or call.name in RENAMED:
        operands = [a for a in args if isinstance(a, np.ndarray)]
        names = g.node(RENAMED.get(call.name, call.name), *map(g, operands))
    elif call.name in COUNTERPARTS:
        names = COUNTERPARTS[call.name](g, call.results, *args)
    else:
        raise ValueError(f"the operator {call.name}{where(call)} has no counterpart in ONNX that tinynet knows")
    return names if isinstance(names, list) else [names]


def where(call):
    return f" (in layer {call.layer})" if call.layer else ""


# Layers -----------------------------------------------------------------------------------------------------


@counterpart
def Conv2d(g, y, x, w, b, stride, padding, dilation, groups):
    inputs = [g(v) for v in (x, w, b) if v is not None]
    return g.node("Conv", *inputs, kernel_shape=w.shape[2:], strides=stride, pads=(*padding, *padding),
                  dilations=dilation, group=groups)


@counterpart
def Linear(g, y, x, w, b):
    if x.ndim == 2:
        return g.node("Gemm", *[g(v) for v in (x, w, b) if v is not None], transB=1)
    product = g.node("MatMul", g(x), g(np.ascontiguousarray(w.T)))
    return product if b is None else g.node("Add", product, g(b))


@counterpart
def Embedding(g, y, w, indices, padding_idx):
    return g.node("Gather", g(w), g(indices), axis=0)


@counterpart
def BatchNorm(g, y, x, weight, bias, residual, running, training, momentum, eps, relu):
    if training:
        raise ValueError("a BatchNorm uses the statistics of the batch, because it has no running ones")
    mean, var = running
    ones, zeros = np.ones_like(mean), np.zeros_like(mean)
    weight, bias = ones if weight is None else weight, zeros if bias is None else bias
    y = g.node("BatchNormalization", g(x), *map(g, (weight, bias, mean, var)), epsilon=eps)
    if residual is not None:
        y = g.node("Add", y, g(residual))
    return g.node("Relu", y) if relu else y


@counterpart
def GroupNorm(g, y, x, weight, bias, groups, eps):
    size = np.array([0, groups, -1])                                      # 0: as it was
    rows = g.node("Reshape", g(x), g(size))
    ones = np.ones(groups, x.dtype)
    rows = g.node("InstanceNormalization", rows, g(ones), g(np.zeros_like(ones)), epsilon=eps)
    y = g.node("Reshape", rows, g(np.array([0, *x.shape[1:]])))
    channels = (-1,) + (1,) * (x.ndim - 2)
    y = y if weight is None else g.node("Mul", y, g(weight.reshape(channels)))
    return y if bias is None else g.node("Add", y, g(bias.reshape(channels)))


@counterpart
def LayerNorm(g, y, x, weight, bias, axes, eps):
    weight = np.ones(x.shape[-axes:], x.dtype) if weight is None else weight
    return g.node("LayerNormalization", g(x), g(weight), *([] if bias is None else [g(bias)]), axis=-axes, epsilon=eps)


@counterpart
def MaxPool2d(g, results, x, window, stride, padding, dilation, ceil_mode):
    """The padding at the end is written out, because programs understand `ceil_mode` in different ways."""
    ends = [(p - 1) * s + (w - 1) * d + 1 - n - before for p, s, w, d, n, before in
            zip(results[0].shape[2:], stride, window, dilation, x.shape[2:], padding)]
    y = g.node("MaxPool", g(x), kernel_shape=window, strides=stride, dilations=dilation,
               pads=(*padding, *(max(end, 0) for end in ends)))
    return [y, None]                                                      # positions are not exported


@counterpart
def AvgPool2d(g, results, x, window, stride, padding, ceil_mode=False, count_include_pad=True, divisor_override=None):
    if ceil_mode or divisor_override is not None:
        raise ValueError("AvgPool2d with ceil_mode or divisor_override has no counterpart in ONNX")
    return g.node("AveragePool", g(x), kernel_shape=window, strides=stride, pads=(*padding, *padding),
                  count_include_pad=int(count_include_pad))


@counterpart
def AdaptiveAvgPool2d(g, y, x, output_size):
    if tuple(output_size) == (1, 1):
        return g.node("GlobalAveragePool", g(x))
    windows = [n // p for n, p in zip(x.shape[2:], output_size)]
    if [w * p for w, p in zip(windows, output_size)] != list(x.shape[2:]):
        raise ValueError(f"AdaptiveAvgPool2d{tuple(output_size)} of {x.shape[2:]} pixels has windows of different "
                         "sizes, which ONNX does not have")
    return g.node("AveragePool", g(x), kernel_shape=windows, strides=windows)


@counterpart
def SubsamplePad(g, results, x, stride, channels, before):
    bounds = [0, 0], [FAR, FAR], [2, 3], [stride, stride]                 # starts, ends, axes, steps
    y = g.node("Slice", g(x), *(g(np.array(numbers)) for numbers in bounds))
    after = channels - before - x.shape[1]
    return g.node("Pad", y, g(np.array([0, before, 0, 0, 0, after, 0, 0])))


@counterpart
def Attention(g, y, q, k, v, bias, scale, p):
    if p:
        raise ValueError("Attention with dropout is for training; call model.eval() first")
    order = [*range(k.ndim - 2), k.ndim - 1, k.ndim - 2]
    scores = g.node("MatMul", g.node("Mul", g(q), g(q.dtype.type(scale))), g.node("Transpose", g(k), perm=order))
    if bias is not None:
        scores = g.node("Add", scores, g(bias))
    return g.node("MatMul", g.node("Softmax", scores, axis=-1), g(v))


# Activations ------------------------------------------------------------------------------------------------


@counterpart
def AddReLU(g, z, x, y):
    return g.node("Relu", g.node("Add", g(x), g(y)))


@counterpart
def LeakyReLU(g, y, x, slope, out=None):
    return g.node("LeakyRelu", g(x), alpha=float(slope))


@counterpart
def SiLU(g, y, x, out=None):
    return g.node("Mul", g(x), g.node("Sigmoid", g(x)))


@counterpart
def GELU(g, y, x, tanh):
    """x/2 · (1 + erf(x/√2)), or with tanh(√(2/π) (x + 0.044715 x³)) in the place of erf."""
    def number(value):
        return g(x.dtype.type(value))

    if tanh:
        cube = g.node("Mul", g.node("Mul", g(x), g(x)), g.node("Mul", g(x), number(0.044715)))
        inner = g.node("Tanh", g.node("Mul", g.node("Add", g(x), cube), number(math.sqrt(2 / math.pi))))
    else:
        inner = g.node("Erf", g.node("Mul", g(x), number(math.sqrt(0.5))))
    return g.node("Mul", g.node("Mul", g(x), number(0.5)), g.node("Add", inner, number(1)))


for _name in ("Softmax", "LogSoftmax"):
    COUNTERPARTS[_name] = lambda g, y, x, axis, name=_name: g.node(name, g(x), axis=axis)


@counterpart
def Clamp(g, y, x, low, high):
    return g.node("Min", g.node("Max", g(x), g(low)), g(high))


@counterpart
def Where(g, z, condition, x, y):
    return g.node("Where", g(condition), g(x), g(y))


@counterpart
def Cast(g, y, x, dtype):
    from onnx.helper import np_dtype_to_tensor_dtype
    return g.node("Cast", g(x), to=np_dtype_to_tensor_dtype(np.dtype(dtype)))


# Sums over axes ---------------------------------------------------------------------------------------------


@counterpart
def Sum(g, y, x, axes, keepdim):
    return g.node("ReduceSum", g(x), g(np.array(axes)), keepdims=int(keepdim))


def reduction(kind):
    """The counterpart of an operator over axes whose node is called `kind`."""
    return lambda g, y, x, axes, keepdim, *options: g.node(kind, g(x), axes=axes, keepdims=int(keepdim))


COUNTERPARTS |= {"Mean": reduction("ReduceMean"), "Amax": reduction("ReduceMax"), "Amin": reduction("ReduceMin"),
                 "LogSumExp": reduction("ReduceLogSumExp")}


@counterpart
def Var(g, y, x, axes, correction, keepdim):
    count = math.prod(x.shape[axis] for axis in axes)
    apart = g.node("Sub", g(x), g.node("ReduceMean", g(x), axes=axes, keepdims=1))
    mean = g.node("ReduceMean", g.node("Mul", apart, apart), axes=axes, keepdims=int(keepdim))
    return g.node("Mul", mean, g(x.dtype.type(count / max(count - correction, 0))))


# Shapes -----------------------------------------------------------------------------------------------------


@counterpart
def Reshape(g, y, x, shape):
    return g.node("Reshape", g(x), g.shape(shape, open=True))


@counterpart
def Expand(g, y, x, shape):
    return g.node("Expand", g(x), g.shape(shape, open=False))


@counterpart
def Permute(g, y, x, order):
    return g.node("Transpose", g(x), perm=[int(axis) for axis in order])


@counterpart
def Cat(g, y, axis, *xs):
    return g.node("Concat", *map(g, xs), axis=axis)


@counterpart
def Stack(g, y, axis, *xs):
    return g.node("Concat", *(g.node("Unsqueeze", g(x), g(np.array([axis]))) for x in xs), axis=axis)


@counterpart
def Split(g, results, x, sizes, axis):
    return g.node("Split", g(x), g(np.array(sizes)), outputs=len(results), axis=axis)


@counterpart
def Unbind(g, results, x, axis):
    pieces = g.node("Split", g(x), g(np.ones(len(results), np.int64)), outputs=len(results), axis=axis)
    return [g.node("Squeeze", piece, g(np.array([axis]))) for piece in pieces]


@counterpart
def Index(g, y, x, basic, advanced):
    if advanced is not None:
        raise ValueError("indexing with arrays or masks has no counterpart in ONNX that tinynet knows")
    keys, gone, new = written_out(basic, x.ndim)
    sliced = [(axis, key) for axis, key in enumerate(keys) if key != slice(None)]
    name = g(x)
    if sliced:
        bounds = [key.indices(x.shape[axis]) for axis, key in sliced]
        if any(step < 1 for _, _, step in bounds):
            raise ValueError("indexing backwards has no counterpart in ONNX that tinynet knows")
        ends = [FAR if key.stop is None else end for (_, key), (_, end, _) in zip(sliced, bounds)]
        columns = [start for start, _, _ in bounds], ends, [axis for axis, _ in sliced], [step for *_, step in bounds]
        name = g.node("Slice", name, *(g(np.array(column)) for column in columns))
    name = g.node("Squeeze", name, g(np.array(gone))) if gone else name
    return g.node("Unsqueeze", name, g(np.array(new))) if new else name


def written_out(basic, ndim):
    """(a slice for each axis of x, the axes that go away, the axes of the result that are new) of an index."""
    basic = basic if isinstance(basic, tuple) else (basic,)
    used = sum(key is not None and key is not Ellipsis for key in basic)
    keys, gone, new, place = [], [], [], 0
    for key in (*basic, *([] if Ellipsis in basic else [Ellipsis])):
        if key is Ellipsis:
            keys += [slice(None)] * (ndim - used)
            place += ndim - used
        elif key is None:
            new.append(place)
            place += 1
        elif isinstance(key, slice):
            keys.append(key)
            place += 1
        else:
            gone.append(len(keys))
            keys.append(slice(int(key), int(key) + 1 or None))
    return keys, gone, new


@counterpart
def PadConstant(g, y, x, widths, value):
    if any(width < 0 for pair in widths for width in pair):
        raise ValueError("padding with negative widths has no counterpart in ONNX that tinynet knows")
    befores, afters = zip(*widths)
    return g.node("Pad", g(x), g(np.array([*befores, *afters])), g(x.dtype.type(value)))


@counterpart
def PadIndex(g, y, x, sources):
    name = g(x)
    for axis, source in sources.items():
        name = g.node("Gather", name, g(np.asarray(source, np.int64)), axis=axis)
    return name


def shape_values(shape):
    """(the numbers of a shape, with 0 for each that depends on the batch, and {axis: factor} of these)"""
    follow = {i: n.factor for i, n in enumerate(shape) if isinstance(n, Batch)}
    return [0 if i in follow else int(n) for i, n in enumerate(shape)], follow
