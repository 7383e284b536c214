"""Adding up the gradients that meet at a node, in place where no other object uses the memory.

A gradient is *owned* if no other object uses its array: neither the node that made it, nor another
gradient, nor a hook. An owned array may be added to in place, which saves a pass over the memory.
"""

import numpy as np

from tinynet.kernels.elementwise import plus


class Arrived:
    """The gradients that have arrived at a node, one for each of its outputs; None where none has arrived."""

    __slots__ = ("gradients", "owned")

    def __init__(self, node):
        self.gradients = [None] * len(node.output_likes)
        self.owned = [False] * len(node.output_likes)

    def add(self, index, gradient, owned=False):
        """Add `gradient` to what has arrived for output `index`."""
        held = self.gradients[index]
        if held is None:
            self.gradients[index], self.owned[index] = gradient, owned
        else:
            out = held if self.owned[index] else None
            self.gradients[index], self.owned[index] = np.asarray(plus(held, gradient, out)), True

    def replace(self, index, gradient):
        """Replace what has arrived by the array of a hook, which may have kept it: it is not owned."""
        self.gradients[index], self.owned[index] = gradient, False


def accumulator(node, pending):
    """The array in which a gradient that `node` is about to send is being summed, or None.

    An operator whose `accumulates_into` names an input can add to it in place. The array must be owned.
    """
    wanted = node.function.accumulates_into
    edge = None if wanted is None else node.edges[wanted]
    if edge is None or edge[0] not in pending:
        return None
    arrived, index = pending[edge[0]], edge[1]
    return arrived.gradients[index] if arrived.owned[index] else None


def are_owned(gradients, arrived, saved):
    """For each gradient that a node sends, whether it shares no memory with what the node received or saved."""
    taken = {_memory(a) for a in (*arrived, *saved) if isinstance(a, np.ndarray)}
    owned = []
    for dx in gradients:
        owned.append(isinstance(dx, np.ndarray) and dx.flags.writeable and _memory(dx) not in taken)
        if dx is not None:
            taken.add(_memory(dx))
    return owned


def _memory(array):
    return id(array if array.base is None else array.base)
