"""A network as an ONNX file: its operators are recorded, translated one by one, and the file's results are checked."""

import numpy as np

from tinynet.deploy.onnx.nodes import shape_values, to_onnx
from tinynet.deploy.onnx.tape import Tape, merged
from tinynet.deploy.quantize import QuantizedLayer
from tinynet.inspect.watch import undisturbed
from tinynet.system.files import atomic_write
from tinynet.tensor import Tensor, as_array
from tinynet.version import __version__

OPSET, IR = 17, 8                      # the versions of 2022: new and older programs read them
TOLERANCE = 1e-3                       # times the largest output; rounding stays far below


def export_onnx(model, example, path=None, names=("input", "output"), metadata=None):
    """The network as ONNX, in eval mode: the bytes of the file, which is written to `path` if that is given.

        tinynet.export_onnx(model, tinynet.randn(1, 3, 32, 32), "model.onnx")

    `example` is an input (N, ...), or a tuple of inputs. The operators that the network runs on it are recorded and
    translated; therefore all sizes but that of the batch are fixed. The file is checked by ONNX's checker, and must
    give the network's own results, also for another size of batch: ValueError if it does not, or for an operator that
    ONNX does not have. `names` are those of inputs and outputs, numbered if there are several; `metadata` is
    {string: string}. Needs the extra `onnx`. The format: https://onnx.ai.
    """
    onnx = import_onnx()
    layers = [path for path, module in model.named_modules() if isinstance(module, QuantizedLayer)]
    if layers:
        raise ValueError(f"export_onnx: the layers {', '.join(layers[:3])}... compute in 8-bit integers in a way that "
                         "ONNX does not have; export the network before quantizing, folded or not")
    inputs = [as_array(x) for x in (example if isinstance(example, (tuple, list)) else (example,))]
    if not inputs or any(x.ndim == 0 or len(x) != len(inputs[0]) or len(x) == 0 for x in inputs):
        raise ValueError("export_onnx: expected an example (N, ...), or a tuple of them with the same N")
    larger = [np.flip(np.concatenate([x, x[:1]]), -1).copy() for x in inputs]       # one more, and other values
    with undisturbed(model, training=False):
        first, second = (Tape(model, [Tensor(x.copy()) for x in batch]) for batch in (inputs, larger))
    try:
        file = build(onnx, first, second, names, metadata or {})
        onnx.checker.check_model(file, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"export_onnx: ONNX's checker refuses the result: {error}") from error
    except ValueError as error:
        raise ValueError(f"export_onnx: {error}") from None
    content = file.SerializeToString()
    for batch, tape in ((inputs, first), (larger, second)):
        compare(content, file, batch, tape.outputs)
    if path is not None:
        with atomic_write(path) as out:
            out.write(content)
    return content


def import_onnx():
    try:
        import onnx
        import onnx.checker
        import onnx.helper
    except ImportError:
        raise ValueError("export_onnx: the package onnx is missing; pip install onnx onnxruntime") from None
    return onnx


def build(onnx, first, second, names, metadata):
    """The ONNX model of two records of the same network, which differ in the size of the batch."""
    g = Graph(onnx, first, len(first.inputs[0]))
    if len(first.calls) != len(second.calls):
        raise ValueError("the network runs other operators on a larger batch")
    for name, array in zip(numbered(names[0], first.inputs), first.inputs):
        g.names[id(array)] = name
        g.depends.add(name)
    for call, other in zip(first.calls, second.calls):
        made_of_constants = not any(g.names.get(id(a)) in g.depends for a in arrays_in(call.args))
        if made_of_constants and [y.shape for y in call.results] == [y.shape for y in other.results]:
            continue                                       # its result is a constant, too
        args = merged(call, other, len(first.inputs[0]), len(second.inputs[0]))
        for array, name in zip(call.results, to_onnx(g, call, args), strict=True):
            g.names[id(array)] = name
            g.depends.add(name)
    outputs = [g.names.get(id(array)) for array in first.outputs]
    if None in outputs or not set(outputs) <= g.depends:
        raise ValueError("an output of the network does not come from its input by operators of tinynet; NumPy's "
                         "functions and changes of .array cannot be recorded")
    return g.model(outputs, names, second, metadata)


def arrays_in(args):
    for a in args:
        if isinstance(a, np.ndarray):
            yield a
        elif isinstance(a, (tuple, list)):
            yield from arrays_in(a)


def numbered(name, items):
    return [name] if len(items) == 1 else [f"{name}_{i}" for i in range(len(items))]


class Graph:
    """An ONNX graph under construction. `names` maps the id of an array to its name; `depends` has the names of arrays
    that depend on the input."""

    def __init__(self, onnx, tape, images):
        self.onnx, self.tape, self.images = onnx, tape, images
        self.nodes, self.constants, self.names, self.depends = [], {}, {}, set()
        self.kept = []                                     # keeps the constants alive, so that no id is used twice

    def __call__(self, array):
        """The name of an array: a node's output, or a constant."""
        name = self.names.get(id(array))
        if name is not None:
            return name
        value = np.asarray(array)
        name = self.names[id(array)] = f"constant_{len(self.constants)}"
        self.kept.append(array)
        value = value.astype(np.int64) if value.dtype == np.int_ else value
        self.constants[name] = self.onnx.numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)
        return name

    def node(self, kind, *inputs, outputs=1, **attributes):
        """Add a node; returns the name of its output, or a list of names."""
        names = [f"{kind.lower()}_{len(self.nodes)}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        attributes = {key: list(map(int, value)) if isinstance(value, (tuple, list)) else value
                      for key, value in attributes.items()}
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, names, name=names[0], **attributes))
        return names if outputs > 1 else names[0]

    def shape(self, shape, open):
        """The name of a shape. If one number depends on the batch, it may be left `open` (-1); else it is computed."""
        values, follow = shape_values(shape)
        if len(follow) == 1 and open:
            values[next(iter(follow))] = -1
        if not follow or len(follow) == 1 and open:
            return self(np.array(values))
        images = self.node("Gather", self.node("Shape", self(self.tape.inputs[0])), self(np.array([0])), axis=0)
        parts = [self.node("Mul", images, self(np.array([follow[i]]))) if i in follow else self(np.array([value]))
                 for i, value in enumerate(values)]
        return self.node("Concat", *parts, axis=0)

    def model(self, outputs, names, second, metadata):
        helper = self.onnx.helper
        heads = [self.node("Identity", name) for name in outputs]
        finals = numbered(names[1], heads)
        for node, final in zip(self.nodes[-len(heads):], finals):
            node.output[0] = final
        graph = helper.make_graph(
            self.nodes, "tinynet", self.infos(numbered(names[0], self.tape.inputs), self.tape.inputs, second.inputs),
            self.infos(finals, self.tape.outputs, second.outputs), list(self.constants.values()))
        model = helper.make_model(graph, producer_name="tinynet", producer_version=__version__, ir_version=IR,
                                  opset_imports=[helper.make_opsetid("", OPSET)])
        helper.set_model_props(model, metadata)
        return model

    def infos(self, names, arrays, others):
        """Name, type and shape of inputs or outputs; an axis that depends on the batch is called N."""
        helper = self.onnx.helper
        return [helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(a.dtype),
            [n if n == m else "N" if n == self.images else None for n, m in zip(a.shape, b.shape)])
            for name, a, b in zip(names, arrays, others)]


def compare(content, file, inputs, expected):
    """ValueError unless the ONNX model gives the same results as the network."""
    try:
        found = run(content, dict(zip([info.name for info in file.graph.input], inputs)))
    except Exception as error:         # onnxruntime raises several kinds: RuntimeError, Fail, InvalidArgument
        raise ValueError(f"export_onnx: the file does not run with a batch of {len(inputs[0])}; does the network make "
                         f"tensors of its own for each batch? ({error!s:.200})") from error
    for y, wanted in zip(found, expected, strict=True):
        scale = np.abs(wanted).max(initial=0) or 1
        apart = np.abs(y.astype(np.float64) - wanted).max(initial=0) / scale if y.shape == wanted.shape else np.inf
        if not apart <= TOLERANCE:
            raise ValueError(f"export_onnx: the file gives other results than the network (by {apart:.2g} of their "
                             "scale); does the network compute with NumPy, or with the values of its input?")


def run(content, inputs):
    """The outputs of an ONNX model, by onnxruntime where it is installed, else by ONNX's own evaluator."""
    try:
        import onnxruntime
    except ImportError:
        from onnx.reference import ReferenceEvaluator
        return ReferenceEvaluator(content).run(None, inputs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, inputs)
