"""Hooks of modules: functions that are called before and after `forward`, and when gradients have been computed.

Gradients of a module's inputs and outputs belong to tensors, not to the module. So a module with backward
hooks puts a gate around itself: an identity that its inputs pass on the way in and its outputs on the way out.
"""

from tinynet.autograd import Function
from tinynet.gradients.modes import is_grad_enabled
from tinynet.tensor import Tensor


class Gate(Function):
    """ys = xs, the same memory; dxs = changed(dys), which may look at the gradients or replace them."""

    @staticmethod
    def forward(ctx, changed, *xs):
        ctx.changed = changed
        return xs

    @staticmethod
    def backward(ctx, *dys):
        return tuple(y.array for y in ctx.changed([Tensor(dy) for dy in dys]))


def has_hooks(module):
    """Whether any hook is registered on the module."""
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
                or module._backward_pre_hooks)


def call_with_hooks(module, args, kwargs):
    """`module.forward` between the hooks that are registered on it."""
    args, kwargs = _before(module, args, kwargs)
    if module._backward_hooks or module._backward_pre_hooks:
        result = _between_gates(module, args, kwargs)
    else:
        result = module.forward(*args, **kwargs)
    for hook, with_kwargs in tuple(module._forward_hooks.values()):
        changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
        result = result if changed is None else changed
    return result


def _before(module, args, kwargs):
    for hook, with_kwargs in tuple(module._forward_pre_hooks.values()):
        changed = hook(module, args, kwargs) if with_kwargs else hook(module, args)
        if changed is not None and with_kwargs:
            args, kwargs = changed
        elif changed is not None:
            args = changed if isinstance(changed, tuple) else (changed,)
    return args, kwargs


def _between_gates(module, args, kwargs):
    """`forward` with a gate before and one after it. The gate after it is the first that a gradient reaches."""
    inputs = [i for i, a in enumerate(args) if _is_recorded(a)]
    arrived = []

    def at_outputs(gradients):
        for hook in tuple(module._backward_pre_hooks.values()):
            gradients = _replaced(gradients, hook(module, tuple(gradients)))
        arrived[:] = gradients
        if not inputs:                 # no gradient will leave the module
            at_inputs([])
        return gradients

    def at_inputs(gradients):
        grad_input = [None] * len(args)
        for i, gradient in zip(inputs, gradients):
            grad_input[i] = gradient
        for hook in tuple(module._backward_hooks.values()):
            grad_input = _replaced(grad_input, hook(module, tuple(grad_input), tuple(arrived)))
        return [grad_input[i] for i in inputs]

    result = module.forward(*_through(at_inputs, args), **kwargs)
    if isinstance(result, (tuple, list)):
        return type(result)(_through(at_outputs, result))
    return _through(at_outputs, [result])[0]


def _is_recorded(x):
    return isinstance(x, Tensor) and x.requires_grad and is_grad_enabled()


def _through(changed, values):
    """`values`, those that require a gradient replaced by what comes out of a gate."""
    values = list(values)
    places = [i for i, x in enumerate(values) if _is_recorded(x)]
    passed = Gate.apply(changed, *(values[i] for i in places)) if places else ()
    for i, y in zip(places, passed):
        y.version = values[i].version  # the memory is the same: a change in place has to be noticed
        values[i] = y
    return values


def _replaced(gradients, changed):
    if changed is None:
        return gradients
    changed = [changed] if isinstance(changed, Tensor) else list(changed)
    if len(changed) != len(gradients):
        raise ValueError(f"backward hook: expected {len(gradients)} gradients, got {len(changed)}")
    return [old if new is None else new for old, new in zip(gradients, changed)]
