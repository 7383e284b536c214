"""`torch.autograd.Function` as PyTorch's users write it: its methods get tensors, not arrays."""

from tinynet import autograd
from tinynet.gradients.modes import no_grad
from tinynet.tensor import Tensor, as_array


class Function:
    """A differentiable operator of the user's own: subclass it with static methods `forward` and `backward`.

    `forward(ctx, *args)`, or `forward(*args)` with `setup_context(ctx, inputs, output)`, gets the arguments of `apply`,
    tensors of any shape and others, and returns a tensor or a tuple. `backward(ctx, *gradients)` gets the gradient of
    each output, and returns a gradient for each argument of `forward`, None for an argument without one. ValueError for
    gradients of another number or shape. https://docs.pytorch.org/docs/stable/notes/extending.html
    """

    setup_context = None

    @classmethod
    def apply(cls, *args):
        """Run `forward`, and record it if an argument requires a gradient."""
        call = Call(cls, args)
        result = Custom.apply(*(a for a in args if isinstance(a, Tensor)), call=call)
        return call.outputs(result)


class Call:
    """One call of a user's Function, and the `ctx` that its `forward` and `backward` receive."""

    def __init__(self, function, args):
        self.function, self.args = function, args
        self.shapes = [a.shape if isinstance(a, Tensor) else None for a in args]
        self.to_save, self.without_gradient = (), ()

    def save_for_backward(self, *tensors):
        """Keep tensors (or None) for `backward`, which finds them in `saved_tensors`."""
        self.to_save = tensors

    @property
    def saved_tensors(self):
        return tuple(None if array is None else Tensor(array) for array in self.node.saved)

    @property
    def needs_input_grad(self):
        """For each argument of `forward`, whether its gradient is wanted."""
        needed = iter(self.node.needs)
        return tuple(shape is not None and next(needed) for shape in self.shapes)

    def mark_non_differentiable(self, *tensors):
        """Say which outputs have no gradient."""
        self.without_gradient = tensors

    def mark_dirty(self, *tensors):
        raise NotImplementedError(f"{self.function.__name__}: mark_dirty is not supported; return a new tensor")

    def set_materialize_grads(self, value):
        if not value:
            raise NotImplementedError(f"{self.function.__name__}: set_materialize_grads(False) is not supported; "
                                      "a gradient that did not arrive is zeros")

    def run(self, node):
        """Call the user's `forward`; returns the arrays of the tensors among its results."""
        self.node = node
        with no_grad():
            if self.function.setup_context is None:
                self.result = self.function.forward(self, *self.args)
            else:
                self.result = self.function.forward(*self.args)
                self.function.setup_context(self, self.args, self.result)
        node.save(*(None if t is None else as_array(t) for t in self.to_save))
        results = self.result if isinstance(self.result, tuple) else (self.result,)
        return tuple(t.array for t in results if isinstance(t, Tensor))

    def outputs(self, made):
        """The user's results, with the recorded tensors `made` in place of the tensors that `forward` returned."""
        made, plain = iter(made), {id(t) for t in self.without_gradient}
        results = self.result if isinstance(self.result, tuple) else (self.result,)
        recorded = []
        for value in results:
            if isinstance(value, Tensor):
                tensor = next(made)
                value = tensor.detach() if id(value) in plain else tensor
            recorded.append(value)
        outputs = tuple(recorded) if isinstance(self.result, tuple) else recorded[0]
        self.args = self.result = self.to_save = self.without_gradient = ()    # else they would live as long as ctx
        return outputs

    def gradients(self, dy):
        """Call the user's `backward`; returns an array or None for each tensor that came in."""
        result = self.function.backward(self, *map(Tensor, dy))
        result = result if isinstance(result, tuple) else (result,)
        name = self.function.__name__
        if len(result) != len(self.shapes):
            raise ValueError(f"{name}.backward: expected {len(self.shapes)} gradients, one for each argument of "
                             f"forward, got {len(result)}")
        return tuple(checked(name, dx, shape) for dx, shape in zip(result, self.shapes) if shape is not None)


def checked(name, dx, shape):
    """The array of a gradient that has the shape of its argument."""
    if dx is None:
        return None
    if dx.shape != shape:
        raise ValueError(f"{name}.backward: expected a gradient of shape {tuple(shape)}, got {tuple(dx.shape)}")
    return dx.array


class Custom(autograd.Function):
    """y = the user's forward, dx = the user's backward; both get tensors. Saved: what `save_for_backward` names."""

    @staticmethod
    def forward(ctx, *arrays, call):
        ctx.call = call
        return call.run(ctx)

    @staticmethod
    def backward(ctx, *dy):
        return ctx.call.gradients(dy)
