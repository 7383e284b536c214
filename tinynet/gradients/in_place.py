"""Changes in place while operations are recorded: `x += y`, `x[index] = y`, `relu_(x)`."""

from tinynet.gradients.modes import modes


def change(name, function, target, *args, **kwargs):
    """Run the operator `function` on `target` and write the result into `target`, which then stands for it.

    A forward that needs a value of `target` after it is overwritten saves a copy.
    """
    check(name, target, *(a for a in args if hasattr(a, "requires_grad")))
    result = function.apply(target, *args, **kwargs, out=target.array)
    target.bump()
    node = result.grad_fn
    if node is not None:               # if forward saved `target.array`, it saved the new value: note its version
        now = (target.version, target.version.count)
        node.versions = [now if version is result.version else (version, count)
                         for version, count in node.versions]
        target.grad_fn, target.output_index, target.requires_grad = node, result.output_index, True
    return target


def check(name, target, *others):
    """RuntimeError for what a change in place would break: a leaf that requires a gradient, a view, or a base with
    views."""
    if not modes.grad or not any(t.requires_grad for t in (target, *others)):
        return
    if target.is_leaf and target.requires_grad:
        raise RuntimeError(f"{name}: a leaf that requires a gradient cannot be changed in place outside no_grad()")
    if target.base is not None or target.has_views():
        raise RuntimeError(f"{name}: in place on a view, or on a tensor with living views, is not supported while "
                           "recording; use the out-of-place form or clone()")
