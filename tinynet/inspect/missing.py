"""The reason why a parameter does not learn: for each parameter without a gradient, a sentence."""

from tinynet.autograd import Accumulate
from tinynet.tensor import Tensor


def explain_missing_gradients(model, loss):
    """{name: reason} for every parameter of `model` that `loss.backward()` left without a gradient.

        for name, reason in tinynet.explain_missing_gradients(model, loss).items():
            print(f"{name}: {reason}")             # layer1.0.bn1.weight: not reached from the loss: ...
    """
    if not isinstance(loss, Tensor):
        raise TypeError("explain_missing_gradients: expected the loss as a tensor, "
                        f"got {type(loss).__name__}")
    users = used_by(loss)
    walked = any(leaf.grad is not None for leaf in users)
    return {name: reason(p, loss, users.get(p), walked)
            for name, p in model.named_parameters() if p.grad is None}


def used_by(loss):
    """{leaf: names of the operators that used it} for all leaves that a gradient of `loss` can reach."""
    users, seen, waiting = {}, set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for producer, _ in filter(None, node.edges):
            if isinstance(producer, Accumulate):
                users.setdefault(producer.leaf, []).append(node.name)
            waiting.append(producer)
    return users


def reason(parameter, loss, users, walked):
    if not parameter.requires_grad:
        return "requires_grad is False"
    if loss.grad_fn is None:
        return "the loss has no graph: it was computed under no_grad(), or from detached tensors"
    if users and walked:
        return f"reached from the loss, but {' and '.join(dict.fromkeys(users))} returned no gradient for it"
    if users:
        return ("reached from the loss, but loss.backward() was not called, "
                "or the gradients were cleared since")
    if parameter._accumulator is None:
        return ("not reached from the loss: no recorded operator has used it "
                "(its module did not run, or ran under no_grad())")
    return "not reached from the loss: it was used, but its results were not used for the loss, or were detached"
