"""Parameter: a tensor that is learned."""

from tinynet import dtypes
from tinynet.tensor import Tensor, as_array


class Parameter(Tensor):
    """A tensor that is learned: it requires a gradient, and the module it is set on lists it.

    It shares the memory and the shape of `data`, an array or a tensor of floats.
    """

    __slots__ = ()

    def __init__(self, data, requires_grad=True):
        super().__init__(as_array(data))
        if isinstance(data, Tensor):
            self.version = data.version
        self.requires_grad_(requires_grad)

    @staticmethod
    def kind():
        return "Parameter"


def parameter_dtype(device, dtype):
    """The dtype that a layer's constructor asks for, float32 by default; there is no device but "cpu"."""
    check_device("layer", device)
    return dtypes.float32 if dtype is None else dtypes.check(dtype, "layer")


def check_device(where, device):
    """Refuse every device but "cpu"."""
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise ValueError(f"{where}: expected the device 'cpu', there is no other, got {str(device)!r}")
