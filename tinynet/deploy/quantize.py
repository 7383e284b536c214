"""Post-training quantization: convolutions and linear layers of a trained network compute in 8-bit integers.

    small = tinynet.quantize(model.eval(), batches)        # batches: a few hundred inputs of the model
    tinynet.save(small.state_dict(), "small.safetensors")
    small = tinynet.quantize(model)                        # without batches: the same network, to load into
    small.load_state_dict(tinynet.load("small.safetensors"))

A quantized layer takes and gives floats. Inside, its input is rounded to the 256 values of a grid, products and sums
are integers (`kernels/quantized/spec.py`), and the result lies on another grid. The grids reach from the least to the
greatest value that the layer had during calibration. The weights have a grid for each output channel, because one
factor of a folded BatchNorm can be a hundred times as large as another. The operators between the layers stay as they
are.
"""

import itertools
import warnings

import numpy as np

from tinynet.deploy.fold import fold_batchnorm, replace
from tinynet.gradients.hooks import removing
from tinynet.gradients.modes import is_grad_enabled, no_grad
from tinynet.kernels import quantized as kernels
from tinynet.kernels.conv import Geometry
from tinynet.nn import Conv2d, Identity, Linear, Module, check
from tinynet.nn import functional as F
from tinynet.nn.blocks.fused import CONVOLUTIONS, OnePass, array_of, geometry_of, shape_after
from tinynet.tensor import Tensor, as_array

LEVELS = 255                           # steps of a grid
LIMIT = 2**30                          # of a bias, which is added to sums in 32 bits


def quantize(model, calibration=None):
    """A copy of `model`, in eval mode, with folded BatchNorms and int8 convolutions and linear layers.

    `calibration` is a batch (N, ...), or an iterable of batches: inputs, or pairs (inputs, labels) as a Loader gives;
    ValueError for no batch at all. Without `calibration` the grids have no meaning until `load_state_dict` fills them.
    Layers that no batch reaches stay as they are, and a warning names them. The result is for inference: RuntimeError
    where a gradient is recorded.

    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", section 2.
    """
    given = () if calibration is None else [calibration] if isinstance(calibration, Tensor) else calibration
    batches = map(inputs_of, given)
    first = next(batches, None)
    if first is None and calibration is not None:
        raise ValueError("quantize: expected at least one batch to calibrate with, got none")
    model = fold_batchnorm(model, None if first is None else Tensor(first.array[:1])).requires_grad_(False)
    layers = {module: path for path, module in model.named_modules() if type(module) in QUANTIZED}
    if calibration is None:
        ranges = dict.fromkeys(layers, ((0, 1), (0, 1)))
    else:
        ranges = observe(model, layers, itertools.chain([first], batches))
    missing = [path for layer, path in layers.items() if layer not in ranges]
    if missing:
        warnings.warn(f"quantize: no batch reached {', '.join(missing)}: left as it is", stacklevel=2)
    new = {layer: QUANTIZED[type(layer)](layer, *seen).eval() for layer, seen in ranges.items()}
    return replace(model, new)


def inputs_of(batch):
    inputs = batch[0] if isinstance(batch, (tuple, list)) else batch
    return inputs if isinstance(inputs, Tensor) else Tensor(as_array(inputs))


@no_grad()
def observe(model, layers, batches):
    """{layer: [(least, greatest) input, (least, greatest) output]} over all batches."""
    seen = {}

    def note(layer, inputs, output):
        now = [(float(x.array.min()), float(x.array.max())) for x in (inputs[0], output)]
        seen[layer] = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(now, seen.get(layer, now))]

    with removing([layer.register_forward_hook(note) for layer in layers]):
        for batch in batches:
            model(batch)
    return seen


def grid(least, greatest):
    """(scale, zero) of the 256 values from the least to the greatest, with 0 among them."""
    least, greatest = min(least, 0), max(greatest, 0)
    scale = np.float32((greatest - least) / LEVELS or 1)
    return scale, np.float32(round(-128 - least / scale))


def fraction(values):
    """Integers (multiplier, shift), (2, K): multiplier / 2**shift equals the value, to 31 bits."""
    _, power = np.frexp(values)                            # the value is from 2**(power - 1) to 2**power
    shift = np.clip(31 - power, 1, 62)
    return np.stack([np.minimum(np.rint(np.ldexp(values, shift)), 2**31 - 1), shift]).astype(np.int32)


class QuantizedLayer(Module):
    """A layer in integers: y = dequantize(kernel(quantize(x))).

    Buffers: `weight` int8, in the shape of the layer's weight; `bias` int32 (K,); `multiplier` int32 (2, K); `grids`
    (2, 2), scale and zero of input and output.
    """

    def __init__(self, layer, inputs, outputs):
        super().__init__()
        self.layer = layer.extra_repr()
        w = layer.weight.array.astype(np.float64)
        bias = np.zeros(len(w)) if layer.bias is None else layer.bias.array.astype(np.float64)
        (scale_x, zero_x), (scale_y, _) = grids = np.array([grid(*inputs), grid(*outputs)], np.float32)
        scale = np.abs(w.reshape(len(w), -1)).max(1) / 127                                 # (K,)
        scale = np.maximum(scale, np.abs(bias) / (float(scale_x) * LIMIT))     # for channels of tiny w and large b
        scale[scale == 0] = 1
        w = np.rint(w / scale.reshape(-1, *[1] * (w.ndim - 1))).astype(np.int8)
        b = np.rint(bias / (scale_x * scale)) - zero_x * w.reshape(len(w), -1).sum(1)
        self.register_buffer("weight", Tensor(np.ascontiguousarray(w)))
        self.register_buffer("bias", Tensor(b.astype(np.int32)))
        self.register_buffer("multiplier", Tensor(fraction(scale_x * scale / scale_y)))
        self.register_buffer("grids", Tensor(grids))

    def forward(self, x):
        check.floats(self.title(), x)
        if is_grad_enabled() and x.requires_grad:
            raise RuntimeError(f"{self.title()}: no gradient flows through integers; call it in no_grad()")
        return Tensor(self.compute(x.array))

    def state(self):
        """What the kernels take after x: ((scale, zero) of x, of y), weight, bias, multiplier."""
        grids = tuple((scale, int(zero)) for scale, zero in self.grids.array.tolist())
        return grids, self.weight.array, self.bias.array, self.multiplier.array

    def extra_repr(self):
        return self.layer


class QuantizedConv2d(QuantizedLayer):
    __doc__ = QuantizedLayer.__doc__ + "\n    (N, C, H, W) -> (N, K, P, Q).\n    "

    def __init__(self, layer, inputs, outputs):
        super().__init__(layer, inputs, outputs)
        self.stride, self.padding, self.dilation, self.groups = geometry_of(layer)
        self.border = None             # its widths and kind, where it is not of zeros
        if layer.padding_mode != "zeros":
            self.border, self.padding = (layer.border(), layer.padding_mode), "valid"

    def forward(self, x):
        if x.ndim == 3:
            return self(x.unsqueeze(0)).squeeze(0)
        if self.border:
            x = F.pad(x, *self.border)
        *_, extra = check.conv("conv2d", x.shape, self.weight.shape, *geometry_of(self))
        return super().forward(F.pad(x, (0, extra[1], 0, extra[0])) if any(extra) else x)

    def compute(self, x, **ending):
        stride, padding, dilation, _ = check.conv("conv2d", x.shape, self.weight.shape, *geometry_of(self))
        return kernels.conv2d(x, *self.state(), Geometry(stride, padding, dilation, self.groups), **ending)

    def title(self):
        return f"QuantizedConv2d({self.weight.shape[1] * self.groups} -> {len(self.weight)})"


class QuantizedLinear(QuantizedLayer):
    __doc__ = QuantizedLayer.__doc__ + "\n    (..., C) -> (..., K).\n    "

    def compute(self, x):
        k, c = self.weight.shape
        if x.shape[-1] != c:
            raise ValueError(f"{self.title()}: expected input (..., {c}), got {x.shape}")
        return kernels.linear(x.reshape(-1, c), *self.state()).reshape(*x.shape[:-1], k)

    def title(self):
        return f"QuantizedLinear({self.weight.shape[1]} -> {len(self.weight)})"


def of_quantized(conv, norm, x):
    """The layer takes an addition and a ReLU into its pass: see `blocks/fused.py`."""
    shape = shape_after(x.array.shape, conv.weight.array.shape, *geometry_of(conv))
    if shape is None or type(norm) is not Identity or not x.is_floating_point():
        return None
    return OnePass(shape, lambda relu, shortcut=None: Tensor(
        conv.compute(x.array, relu=relu, residual=array_of(shortcut))))


CONVOLUTIONS[QuantizedConv2d] = of_quantized
QUANTIZED = {Conv2d: QuantizedConv2d, Linear: QuantizedLinear}
