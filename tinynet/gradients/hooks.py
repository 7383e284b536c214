"""Hooks on tensors: functions that see a gradient when it is complete, and may replace it; what waits for the end."""

import contextlib
import itertools
import threading
import weakref

from tinynet.tensor import Tensor, attach


class RemovableHandle:
    """What registering a hook returns; `remove()` takes the hook away."""

    _ids = itertools.count()

    def __init__(self, hooks, hook):
        self.hooks, self.id = hooks, next(self._ids)
        hooks[self.id] = hook

    def remove(self):
        """Take the hook away; nothing happens if that was done before."""
        self.hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.remove()


@contextlib.contextmanager
def removing(handles):
    """Remove the hooks of these handles at the end of a `with` block, also after an error."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@attach("register_hook")
def register_hook(self, hook):
    """Call `hook(gradient)` when this tensor's gradient is known; a tensor it returns replaces the gradient.

    The replacement must have the shape and type of the gradient. RuntimeError if there will be no gradient.
    """
    if not self.requires_grad:
        raise RuntimeError("register_hook: this tensor does not require a gradient")
    if self.grad_fn is not None:
        return RemovableHandle(self.grad_fn.hooks.setdefault(self.output_index, {}), hook)
    if self._leaf_hooks is None:
        self._leaf_hooks = {}
    return RemovableHandle(self._leaf_hooks, hook)


@attach("register_post_accumulate_grad_hook")
def register_post_accumulate_grad_hook(self, hook):
    """Call `hook(tensor)` each time that a backward pass has added to this leaf's `.grad`, of the tensor's shape.

    RuntimeError for a tensor that is not a leaf, or that does not require a gradient.
    """
    if not self.is_leaf or not self.requires_grad:
        raise RuntimeError("register_post_accumulate_grad_hook: expected a leaf that requires a gradient")
    if self._added_hooks is None:
        self._added_hooks = {}
    return RemovableHandle(self._added_hooks, hook)


@attach("retain_grad")
def retain_grad(self):
    """Keep the gradient of this intermediate result in its `.grad` (leaves always do), in the same shape."""
    if not self.requires_grad:
        raise RuntimeError("retain_grad: this tensor does not require a gradient")
    if self.is_leaf or self._retains:
        return
    self._retains, this = True, weakref.ref(self)

    def keep(gradient):
        tensor = this()
        if tensor is not None:
            total = gradient.array.copy() if tensor.grad is None else tensor.grad.array + gradient.array
            tensor.grad = Tensor(total)

    register_hook(self, keep)


def run_hooks(node, arrived):
    """Show the gradients that have arrived at a node to the hooks of its outputs, in the order of registration."""
    for index, hooks in node.hooks.items():
        for hook in tuple(hooks.values()):
            if arrived.gradients[index] is not None:
                seen = arrived.gradients[index]
                changed = hook(Tensor(seen))
                arrived.replace(index, seen if changed is None else _checked(node, seen, changed))


def _checked(node, gradient, changed):
    """The array that a hook returned, if it can stand for `gradient`."""
    if not isinstance(changed, Tensor):
        raise TypeError(f"hook of {node.name}: expected a tensor or None, got {type(changed).__name__}")
    if (changed.shape, changed.dtype) != (gradient.shape, gradient.dtype):
        raise ValueError(f"hook of {node.name}: expected a gradient of shape {gradient.shape} and {gradient.dtype}, "
                         f"got {changed.shape} and {changed.dtype}")
    return changed.array


# The end of a backward pass -------------------------------------------------------------------------------------


class _Waiting(threading.local):
    functions = None                   # what the running backward pass calls at its end; None while there is none


_waiting = _Waiting()


def after_backward(function):
    """Call `function()` once, at the end of the backward pass that is running. RuntimeError if none is."""
    if _waiting.functions is None:
        raise RuntimeError("after_backward: expected a hook as the caller; no backward pass is running")
    _waiting.functions.append(function)


@contextlib.contextmanager
def backward_pass():
    """The block is a backward pass. One that runs inside another has an end of its own."""
    outer, _waiting.functions = _waiting.functions, []
    try:
        yield
        for function in _waiting.functions:
            function()
    finally:
        _waiting.functions = outer
