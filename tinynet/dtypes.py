"""The element types, and PyTorch's rules for what a mixture of them becomes.

https://docs.pytorch.org/docs/stable/tensor_attributes.html (section "type promotion"). NumPy promotes int64 and
float32 to float64; PyTorch keeps the float. Within a category (bool < integer < float) the wider type wins; between
categories the higher one does, and a plain number or a 0-d tensor only counts if its category is higher.
"""

import numpy as np

bool = np.dtype("bool")
uint8 = np.dtype("uint8")
int8 = np.dtype("int8")
int16 = np.dtype("int16")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
float32 = np.dtype("float32")
float64 = np.dtype("float64")

double, long, short = float64, int64, int16            # PyTorch's other words


class LeftOut:
    """A type of PyTorch's that tinynet does not have. It can be named and compared; whatever needs it refuses it."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


float16, bfloat16, complex64, complex128 = map(LeftOut, ("float16", "bfloat16", "complex64", "complex128"))
half, cfloat, cdouble = float16, complex64, complex128

SUPPORTED = (bool, uint8, int8, int16, int32, int64, float32, float64)


def check(dtype, where="tensor"):
    """`dtype` as a NumPy dtype, if it is one of ours; a TypeError that lists them otherwise."""
    try:
        found = np.dtype({float: "float32", int: "int64"}.get(dtype, dtype))
    except TypeError:
        found = None
    if found is not None and not found.isnative:
        raise TypeError(f"{where}: expected numbers in the byte order of this machine, got {found}; "
                        "convert them with astype")
    if found is None or found not in SUPPORTED:
        names = ", ".join(map(str, SUPPORTED))
        raise TypeError(f"{where}: expected a dtype of {names}, got {dtype}")
    return found


def is_floating(dtype):
    return dtype.kind == "f"


def category(dtype):
    """0 for bool, 1 for integers, 2 for floats."""
    return {"b": 0, "i": 1, "u": 1, "f": 2}[dtype.kind]


def promote_types(a, b):
    """The type that holds both: float32 for (int64, float32), as in PyTorch."""
    if category(a) != category(b):
        return max(a, b, key=category)
    return np.promote_types(a, b)


def result_type(*operands):
    """What tensors, arrays and plain numbers become together (`torch.result_type`, for any number of operands).

    An operand is anything with `.dtype` and `.ndim`, or a Python number.
    """
    levels = [None, None, None]        # with dimensions, 0-d, plain numbers
    for x in operands:
        if hasattr(x, "dtype"):
            level, dtype = (0 if x.ndim else 1), x.dtype
        else:
            level, dtype = 2, of_number(x)
        levels[level] = dtype if levels[level] is None else promote_types(levels[level], dtype)
    result = None
    for dtype in levels:
        if dtype is not None and (result is None or category(dtype) > category(result)):
            result = dtype
    return result


def of_number(x):
    """The type that a plain Python number becomes on its own."""
    if isinstance(x, (np.bool_, type(True))):
        return bool
    if isinstance(x, int):
        return int64
    if isinstance(x, float):
        return float32
    raise TypeError(f"expected a tensor, an array or a number, got {type(x).__name__}")


class finfo:
    """The limits of a floating-point type, float32 by default: `min`, `max`, `eps`, `tiny`, `bits`, as numbers."""

    def __init__(self, dtype="float32"):
        found = np.finfo(check(dtype, "finfo"))
        self.min, self.max, self.eps, self.tiny = (x.item() for x in (found.min, found.max, found.eps, found.tiny))
        self.smallest_normal, self.resolution = self.tiny, found.resolution.item()
        self.bits, self.dtype = found.bits, str(found.dtype)


class iinfo:
    """The limits of an integer type: `min`, `max`, `bits`."""

    def __init__(self, dtype):
        found = np.iinfo(check(dtype, "iinfo"))
        self.min, self.max, self.bits, self.dtype = found.min, found.max, found.bits, str(found.dtype)
