"""Less memory for more time: `checkpoint` keeps the input of a part of the network, and forgets its inner results.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost": n equal parts keep n inputs for the whole
backward pass, and the inside of one part at a time.
"""

import functools

from tinynet import kernels, random
from tinynet.gradients.modes import enable_grad, is_grad_enabled, watch_nodes
from tinynet.tensor import Tensor

__all__ = ["checkpoint"]


def checkpoint(fn, *inputs, use_reentrant=None, **options):
    """fn(*inputs, **options), whose operators keep nothing. The backward pass runs fn again to get their saved arrays.

    Inputs and results have any shape. Values and gradients are those without `checkpoint`: the second run
    draws the same random numbers, and BatchNorm's running statistics change only in the first run. What fn has
    used (inputs, parameters, other tensors) must not be changed in place before the second run: RuntimeError.
    Hooks inside fn run twice. Calls of `checkpoint` may be nested.

    As `torch.utils.checkpoint.checkpoint` with use_reentrant=False; the argument `use_reentrant` changes nothing.
    Chen et al. 2016, section 3.
    """
    if not is_grad_enabled():
        return fn(*inputs, **options)
    part = Part(functools.partial(fn, *inputs, **options), [x for x in inputs if isinstance(x, Tensor)])
    with watch_nodes(part.forget):
        return part.fn()


class Part:
    """A part of the graph that backward runs again, and what is needed for that."""

    def __init__(self, fn, inputs):
        self.fn, self.random, self.backend = fn, random.get_state(), kernels.backend()
        self.versions = [(x.version, x.version.count) for x in inputs]
        self.operators = []            # of the nodes in the first run
        self.kept = None               # what the nodes of the second run saved: {number: (arrays, recall)}

    def forget(self, node):
        """Called for each node of the first run: drop what the node saved, and give it a function that gets it back."""
        if node.saved_arrays or node.recall:
            node.saved_arrays, node.recall = (), functools.partial(self.recall, len(self.operators))
        self.operators.append(node.function)

    def recall(self, number):
        """What node `number` saved in the second run: (arrays, None or the `recall` of a nested part)."""
        if self.kept is None:
            self.run_again()
        return self.kept.pop(number)

    def run_again(self):
        if any(version.count != count for version, count in self.versions):
            raise RuntimeError("checkpoint: an input was changed in place before backward ran the function "
                               "again; clone() it before the change")
        operators, kept, now = [], {}, random.get_state()

        def keep(node):
            kept[len(operators)] = node.saved_arrays, node.recall
            operators.append(node.function)

        random.set_state(self.random)
        try:
            with enable_grad(), kernels.use(self.backend), watch_nodes(keep, again=True):
                self.fn()
        finally:
            random.set_state(now)
        if operators != self.operators:
            raise RuntimeError("checkpoint: the function did not record the same operators when it ran again")
        self.fn, self.kept = None, kept
